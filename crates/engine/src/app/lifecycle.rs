//! Starting and stopping the application.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::cache::ByteCache;
use stepwell_core::ids::NodeId;
use stepwell_store::Store;
use stepwell_store::traits::{Heartbeat, HeartbeatKind};
use tokio::sync::{Notify, Semaphore};

use super::clock_watch::watch_clock;
use super::keys::{KeyCache, store_key_use};
use super::operations::run_operations;
use super::schedules::fire_schedules;
use super::{App, workspaces};
use crate::clock::{Clock, SteadyClock, offset};
use crate::egress::{EgressClient, EgressRules};
use crate::limits::Meters;
use crate::memory::MemoryBudget;
use crate::runtime::background::{Background, Stop};
use crate::runtime::deliveries::send_deliveries;
use crate::runtime::engine::{Engine, new_uuid};
use crate::runtime::journals::Journals;
use crate::runtime::live_config::LiveConfig;
use crate::runtime::loops::heartbeat::{DEAD_AFTER, send_heartbeats};
use crate::runtime::loops::messages::deliver_messages;
use crate::runtime::loops::queue::claim_queued;
use crate::runtime::loops::recovery::resume_unfinished;
use crate::runtime::loops::retention::purge_old;
use crate::runtime::loops::signals::deliver_signals;
use crate::runtime::loops::timers::wake_sleepers;
use crate::runtime::plans::Plans;
use crate::runtime::registry::{Message, Registry};
use crate::runtime::schedules::Schedules;
use crate::runtime::secrets::Vault;
use crate::runtime::subscriptions::{Subscriptions, watch_webhooks};
use crate::runtime::suspects::Suspects;
use crate::telemetry::{EngineMetrics, MemoryPools};
use crate::{AppError, EngineConfig, KeyedMutex, PayloadRenderer};

/// The most memory for the signing secrets of workspaces, in bytes.
const SECRET_BYTES: u64 = 1 << 20;
/// The most memory for recent refusals, in bytes.
const REFUSAL_BYTES: u64 = 1 << 20;
/// How often runners get the message to drain: a runner may have missed one.
const DRAIN_EVERY: Duration = Duration::from_millis(100);

impl App {
    /// Starts the engine on a store: registers the node, takes over the executions of dead nodes,
    /// and resumes them. `payloads` renders the bodies of deliveries.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub async fn start(
        store: Arc<dyn Store>,
        config: EngineConfig,
        clock: Arc<dyn Clock>,
        payloads: Arc<dyn PayloadRenderer>,
    ) -> Result<Self, AppError> {
        let last_seen = store.last_seen(clock.boot()).await?;
        let engine = Arc::new(new_engine(store, config, clock, payloads)?);
        join_store(&engine).await?;
        engine.subscriptions.read(&*engine.store).await?;
        let app = Self {
            engine,
            keys: Arc::new(KeyCache::new()),
            probe: Arc::default(),
            gauges_read_at: Arc::default(),
        };
        app.register_memory_pools();
        app.correct_clock_at_start(last_seen).await?;
        app.start_loops();
        Ok(app)
    }

    fn register_memory_pools(&self) {
        let (engine, keys) = (Arc::downgrade(&self.engine), self.keys.clone());
        self.add_memory_pools(move || {
            let engine = engine.upgrade().map(|engine| engine.memory_pools());
            engine.into_iter().flatten().chain(keys.usage()).collect()
        });
    }

    /// Starts all background loops.
    fn start_loops(&self) {
        let (engine, background) = (&self.engine, &self.engine.background);
        background.start(|stop| resume_unfinished(engine.clone(), stop));
        supervise_loop(background, engine, "claim_queued", claim_queued);
        supervise_loop(background, engine, "wake_sleepers", wake_sleepers);
        supervise_loop(background, engine, "deliver_messages", deliver_messages);
        supervise_loop(background, engine, "send_deliveries", send_deliveries);
        supervise_loop(background, engine, "watch_webhooks", watch_webhooks);
        supervise_loop(background, engine, "send_heartbeats", send_heartbeats);
        supervise_loop(background, engine, "purge_old", purge_old);
        supervise_loop(background, engine, "deliver_signals", deliver_signals);
        supervise_loop(background, self, "store_key_use", store_key_use);
        supervise_loop(background, self, "watch_clock", watch_clock);
        supervise_loop(background, self, "run_operations", run_operations);
        if engine.config().fire_schedules {
            supervise_loop(background, self, "fire_schedules", fire_schedules);
        }
    }

    /// Replaces the settings that can change while the engine runs
    /// ([`EngineConfig::RELOADABLE`], and those of secrets); the others are unchanged.
    pub fn reload_config(&self, new: &EngineConfig) {
        self.engine.config.reload(new);
        // There may be room for queued executions now.
        self.engine.queue_changed.notify_one();
    }

    /// Stops accepting work, lets steps finish for the grace period, and leaves the rest to the
    /// next node.
    pub async fn shutdown(&self) {
        let grace = Duration::from_secs(self.engine.config().shutdown_grace_seconds);
        // The loops stop first, so that nothing new starts while the runners drain.
        let in_order = async { tokio::join!(self.engine.background.stop(), self.drain_runners()) };
        if tokio::time::timeout(grace, in_order).await.is_err() {
            let left = self.engine.registry.active();
            tracing::warn!(
                left,
                "steps were still under way after the grace period; the next start runs them again"
            );
        }
        // Callers that still wait for an execution stop waiting: it continues on another node or
        // later.
        self.engine.background.end();
        let (node, now) = (self.engine.node, self.engine.now());
        let heartbeat = Heartbeat { node, now, kind: HeartbeatKind::Leave };
        if let Err(error) = self.engine.store.heartbeat(heartbeat).await {
            tracing::warn!(%error, "this node could not be removed from the store");
        }
    }

    /// Makes all runners finish their running steps, and waits until no runner is left.
    async fn drain_runners(&self) {
        self.engine.registry.release_followers();
        loop {
            let gone = self.engine.runner_gone.notified();
            if self.engine.registry.active() == 0 {
                return;
            }
            for mailbox in self.engine.registry.mailboxes() {
                // A runner whose mailbox is full, or that has just started, gets it the next time.
                let _ = mailbox.try_send(Message::Drain);
            }
            let _ = tokio::time::timeout(DRAIN_EVERY, gone).await;
        }
    }
}

/// Starts a loop that is restarted after a panic.
fn supervise_loop<T, F>(
    background: &Background,
    owner: &T,
    name: &'static str,
    run: fn(T, Stop) -> F,
) where
    T: Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let owner = owner.clone();
    background.supervise(name, move |stop| run(owner.clone(), stop));
}

/// Registers the node and takes over the executions of dead nodes.
async fn join_store(engine: &Engine) -> Result<(), AppError> {
    let (store, now) = (&*engine.store, engine.now());
    store.heartbeat(Heartbeat { node: engine.node, now, kind: HeartbeatKind::Join }).await?;
    workspaces::create_default(store, now).await?;
    // Without other nodes, none can be alive.
    let dead_since = match engine.config().sole_node {
        true => Timestamp::from_micros(i64::MAX),
        false => now.before(DEAD_AFTER),
    };
    let taken = store.take_over(engine.node, dead_since).await?;
    if taken > 0 {
        tracing::info!(executions = taken, "resuming unfinished executions of earlier runs");
    }
    Ok(())
}

fn new_engine(
    store: Arc<dyn Store>,
    config: EngineConfig,
    clock: Arc<dyn Clock>,
    payloads: Arc<dyn PayloadRenderer>,
) -> Result<Engine, AppError> {
    let egress = EgressClient::new(EgressRules {
        allow_private: config.allow_private_egress.unwrap_or(false),
        ..EgressRules::default()
    })
    .map_err(|error| AppError::Internal(error.to_string()))?;
    Ok(Engine {
        plans: Plans::new(store.clone()),
        subscriptions: Subscriptions::default(),
        payloads,
        secrets: ByteCache::new("signing_secrets", SECRET_BYTES, 128),
        vault: Vault::default(),
        store,
        memory: MemoryBudget::new(config.memory_budget_bytes.bytes()),
        journals: Journals::default(),
        schedules: Schedules::new(clock.now(), config.sole_node),
        config: LiveConfig::new(config),
        steady: SteadyClock::start(&*clock),
        clock_offset: AtomicI64::new(offset(&*clock)),
        last_created: AtomicI64::new(0),
        clock,
        node: NodeId::from_uuid(new_uuid()),
        registry: Registry::default(),
        egress,
        meters: Meters::new(),
        metrics: EngineMetrics::register(),
        pools: MemoryPools::register(),
        background: Background::new(),
        suspects: Suspects::default(),
        evaluations: evaluation_permits(),
        input_checks: evaluation_permits(),
        step_places: evaluation_permits(),
        step_concurrency: Arc::default(),
        dry_runs: evaluation_permits(),
        queued: AtomicUsize::new(0),
        queue_changed: Notify::new(),
        timers_changed: Notify::new(),
        outbox_changed: Notify::new(),
        messages_changed: Notify::new(),
        runner_gone: Notify::new(),
        signal_locks: KeyedMutex::new(),
        signal_id_locks: KeyedMutex::new(),
        operations_changed: Notify::new(),
        operations_advanced: Notify::new(),
        refusals: ByteCache::new("refusals", REFUSAL_BYTES, 256),
    })
}

/// As many permits as blocking work can run in parallel.
fn evaluation_permits() -> Arc<Semaphore> {
    let parallel = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    Arc::new(Semaphore::new(parallel))
}
