//! The application services: what every dialect, the CLI and the tests call.
//!
//! Rules that belong to all dialects (permissions, validation, limits, idempotency) are here,
//! once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::cache::ByteCache;
use stepwell_core::ids::NodeId;
use stepwell_store::Store;
use tokio::sync::{Notify, Semaphore};

use crate::clock::{Clock, SteadyClock, offset};
use crate::egress::{EgressClient, EgressRules};
use crate::limits::Meters;
use crate::memory::MemoryBudget;
use crate::runtime::background::{Background, Stop};
use crate::runtime::deliveries::send_deliveries;
use crate::runtime::engine::{Engine, new_uuid};
use crate::runtime::hooks::{Hooks, watch_webhooks};
use crate::runtime::journals::Journals;
use crate::runtime::nodes::{DEAD_AFTER, prove_alive};
use crate::runtime::plans::Plans;
use crate::runtime::queue::{claim_queued, resume_unfinished};
use crate::runtime::recoveries::Suspects;
use crate::runtime::registry::{Message, Registry};
use crate::runtime::retention::purge_old;
use crate::runtime::schedules::Schedules;
use crate::runtime::secrets::Vault;
use crate::runtime::timers::wake_sleepers;
use crate::telemetry::{EngineMetrics, MemoryPools};
use crate::{AppError, Caller, EngineConfig, Tell};

mod actuals;
mod audit;
mod begun;
mod caused;
mod clock_watch;
mod cursor;
mod detail;
mod executions;
#[cfg(test)]
mod future_sizes;
mod idempotency;
mod integrations;
mod key_admin;
mod keys;
mod kinds;
mod manage;
mod metrics;
mod objects;
mod readiness;
mod releases;
mod requests;
mod rerun;
mod schedules;
mod start;
mod step_types;
mod targets;
mod templates;
mod webhooks;
mod workflows;
mod workspaces;

pub use actuals::NewActual;
pub use audit::{AuditQuery, Refusal};
pub use detail::ExecutionDetail;
pub use idempotency::{Ticket, Turn};
pub use integrations::Connection;
pub use key_admin::{ChangeKey, KeySecret};
pub use keys::Myself;
pub use objects::{Noun, ObjectsQuery};
pub use readiness::Readiness;
pub use requests::{
    ChangeWorkflow, CreateKey, CreateWorkflow, Deletion, ExecutionsQuery, Expected, Idempotency,
    NewKey, NewWorkflow, Page, PageAt, Start, WorkflowView, WorkflowsQuery,
};
pub use rerun::Again;
pub use schedules::{
    ScheduleChange, ScheduleSelection, ScheduleView, SchedulesQuery, SelectionChanged, Triggered,
};
pub use targets::{Choose, LATEST, Target, WorkflowRef};
pub use templates::Template;
pub use webhooks::{
    ChangeWebhook, DeliveriesQuery, DeliveryView, NewWebhook, RotateSecret, ShownWebhook,
    WantedStatus,
};
pub use workspaces::{ChangeWorkspace, CreateWorkspace};

/// The most memory for the signing secrets of workspaces, in bytes.
const SECRET_BYTES: u64 = 1 << 20;
/// The most memory for refusals that were written down a moment ago, in bytes.
const REFUSAL_BYTES: u64 = 1 << 20;

/// Starts a loop of the engine.
fn supervise<F: Future<Output = ()> + Send + 'static>(
    engine: &Arc<Engine>,
    name: &'static str,
    work: fn(Arc<Engine>, Stop) -> F,
) {
    let of = engine.clone();
    engine.background.supervise(name, move |stop| work(of.clone(), stop));
}

/// How many long evaluations, and how many pure steps on threads, run at once: as many as can make
/// progress.
fn places() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App {
    engine: Arc<Engine>,
    keys: Arc<keys::KnownKeys>,
    probe: Arc<readiness::StoreProbe>,
    refreshed: metrics::LastRefresh,
}

impl App {
    /// Starts the engine over a store: joins as a node, takes over what a dead node left, and
    /// resumes it. `tell` words what deliveries say.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub async fn start(
        store: Arc<dyn Store>,
        config: EngineConfig,
        clock: Arc<dyn Clock>,
        tell: Arc<dyn Tell>,
    ) -> Result<Self, AppError> {
        let node = NodeId::from_uuid(new_uuid());
        let now = clock.now();
        let last_seen = store.last_heartbeat().await?;
        store.join_node(node, now).await?;
        workspaces::make_default(&*store, now).await?;
        // Where no other node can be alive, none needs to be waited for.
        let dead_since = if config.sole_node {
            Timestamp::from_micros(i64::MAX)
        } else {
            now.before(DEAD_AFTER)
        };
        let taken = store.take_over(node, dead_since).await?;
        if taken > 0 {
            tracing::info!(executions = taken, "resuming what the last run left unfinished");
        }
        let egress = EgressClient::new(EgressRules {
            allow_private: config.allow_private_egress.unwrap_or(false),
            ..EgressRules::default()
        })
        .map_err(|error| AppError::Internal(error.to_string()))?;
        let hooks = Hooks::default();
        hooks.read(&*store).await?;
        let schedules = Schedules::new(now, config.sole_node);
        let engine = Arc::new(Engine {
            plans: Plans::new(store.clone()),
            hooks,
            tell,
            secrets: ByteCache::new("signing_secrets", SECRET_BYTES, 128),
            vault: Vault::default(),
            store,
            memory: MemoryBudget::new(config.memory_budget_bytes.bytes()),
            journals: Journals::default(),
            config,
            steady: SteadyClock::start(&*clock),
            clock_offset: AtomicI64::new(offset(&*clock)),
            last_created: AtomicI64::new(0),
            clock,
            node,
            registry: Registry::default(),
            egress,
            meters: Meters::new(),
            metrics: EngineMetrics::register(),
            pools: MemoryPools::register(),
            background: Background::new(),
            suspects: Suspects::default(),
            evaluations: Arc::new(Semaphore::new(places())),
            input_checks: Arc::new(Semaphore::new(places())),
            step_places: Arc::new(Semaphore::new(places())),
            queued: AtomicUsize::new(0),
            queue_changed: Notify::new(),
            timers_changed: Notify::new(),
            outbox_changed: Notify::new(),
            runner_gone: Notify::new(),
            refusals: ByteCache::new("refusals", REFUSAL_BYTES, 256),
            schedules,
        });
        let keys = Arc::new(keys::KnownKeys::new());
        let (of_engine, of_keys) = (Arc::downgrade(&engine), keys.clone());
        engine.pools.add(move || {
            let engine = of_engine.upgrade().map(|engine| engine.memory_pools());
            engine.into_iter().flatten().chain(of_keys.usage()).collect()
        });
        engine.pools.publish();
        let app = Self {
            engine: engine.clone(),
            keys: keys.clone(),
            probe: Arc::default(),
            refreshed: Arc::default(),
        };
        app.correct_clock_at_start(last_seen).await?;
        let background = &engine.background;
        background.start(|stop| resume_unfinished(engine.clone(), stop));
        supervise(&engine, "claim_queued", claim_queued);
        supervise(&engine, "wake_sleepers", wake_sleepers);
        supervise(&engine, "send_deliveries", send_deliveries);
        supervise(&engine, "watch_webhooks", watch_webhooks);
        supervise(&engine, "prove_alive", prove_alive);
        supervise(&engine, "purge_old", purge_old);
        let noting = engine.clone();
        background
            .supervise("note_use", move |stop| keys::note_use(noting.clone(), keys.clone(), stop));
        let watching = app.clone();
        background
            .supervise("watch_clock", move |stop| clock_watch::watch_clock(watching.clone(), stop));
        if app.engine.config.fire_schedules {
            let firing = app.clone();
            app.engine.background.supervise("fire_schedules", move |stop| {
                schedules::fire_schedules(firing.clone(), stop)
            });
        }
        Ok(app)
    }

    /// Stops taking work, lets steps finish for the grace period, hands the rest over.
    pub async fn shutdown(&self) {
        let grace = Duration::from_secs(self.engine.config.shutdown_grace_seconds);
        // The loops stop first: nothing new is taken while the runners drain.
        let in_order = async { tokio::join!(self.engine.background.stop(), self.drained()) };
        if tokio::time::timeout(grace, in_order).await.is_err() {
            let left = self.engine.registry.active();
            tracing::warn!(
                left,
                "steps were still under way after the grace period; the next start runs them again"
            );
        }
        // Whoever still waits for an execution is told that it goes on elsewhere or later.
        self.engine.background.end();
        if let Err(error) = self.engine.store.leave(self.engine.node).await {
            tracing::warn!(%error, "this node could not leave in order");
        }
    }

    /// Asks all runners to finish what is under way, and waits until they are gone.
    async fn drained(&self) {
        self.engine.registry.release_followers();
        loop {
            let gone = self.engine.runner_gone.notified();
            if self.engine.registry.active() == 0 {
                return;
            }
            for mailbox in self.engine.registry.mailboxes() {
                // One that is far behind, or was just started, gets it the next time.
                let _ = mailbox.try_send(Message::Drain);
            }
            // The pause covers a runner that went between the two.
            let _ = tokio::time::timeout(Duration::from_millis(100), gone).await;
        }
    }

    /// The budget of working memory: what a request needs is reserved there.
    pub fn memory(&self) -> &MemoryBudget {
        &self.engine.memory
    }

    /// How many executions are in memory, and how many this node knows to wait in the queue.
    pub fn load(&self) -> (usize, usize) {
        let queued = self.engine.queued.load(std::sync::atomic::Ordering::Relaxed);
        (self.engine.registry.active(), queued)
    }

    /// Makes a consistent copy of the store while serving. Scope `admin`.
    ///
    /// # Errors
    /// `InvalidRequest` where the target exists.
    pub async fn backup(&self, caller: &Caller, target: PathBuf) -> Result<(), AppError> {
        caller.require_admin()?;
        if target.exists() {
            return Err(AppError::invalid(
                "target",
                format!("`{}` exists already", target.display()),
            ));
        }
        Ok(self.engine.store.backup(target).await?)
    }
}
