//! What all parts of the runtime share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use rand::RngExt;
use stepwell_core::Timestamp;
use stepwell_core::cache::{ByteCache, PoolUsage};
use stepwell_core::execution::TransitionContext;
use stepwell_core::expr;
use stepwell_core::ids::{ExecutionId, KeyId, NodeId, SubjectId, WorkspaceId};
use stepwell_core::redact::Redact;
use stepwell_store::Store;
use stepwell_store::audit::AuditRecord;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::background::Background;
use super::deliveries::{new_secret, setting_name};
use super::hooks::Hooks;
use super::journals::Journals;
use super::plans::Plans;
use super::recoveries::Suspects;
use super::registry::{Control, Message, Registry};
use super::runner::{Because, Runner};
use super::schedules::Schedules;
use super::secrets::Vault;
use crate::clock::{Clock, SteadyClock};
use crate::egress::EgressClient;
use crate::limits::Meters;
use crate::memory::MemoryBudget;
use crate::telemetry::{EngineMetrics, MemoryPools};
use crate::{AppError, EngineConfig, Tell, setting};

/// How long a runner takes at most that is about to go.
const GOING: Duration = Duration::from_millis(20);

/// How long a request to control an execution waits for it.
const CONTROLLED_WITHIN: Duration = Duration::from_secs(10);

/// How far the wall clock may be from the monotonic one without having been set.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_millis(100);

/// How far the wall clock may be set back without a moment of creation repeating, in microseconds.
const CREATION_TOLERANCE: i64 = 60_000_000;

/// What all parts of the runtime share.
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: EngineConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) steady: SteadyClock,
    /// How far the wall clock was ahead of the monotonic one when stored moments were last
    /// corrected, in microseconds.
    pub(crate) clock_offset: AtomicI64,
    /// When the last execution was created, in microseconds.
    pub(crate) last_created: AtomicI64,
    pub(crate) node: NodeId,
    pub(crate) plans: Plans,
    /// Which webhooks want to be told of what.
    pub(crate) hooks: Hooks,
    /// Words what they are told.
    pub(crate) tell: Arc<dyn Tell>,
    /// The signing secrets of workspaces.
    pub(crate) secrets: ByteCache<WorkspaceId, String>,
    /// The secrets of executions that are not driven at the moment.
    pub(crate) vault: Vault,
    pub(crate) registry: Registry,
    pub(crate) egress: EgressClient,
    /// What request bodies, values and responses may take of the memory.
    pub(crate) memory: MemoryBudget,
    /// Journals that are being shown.
    pub(crate) journals: Journals,
    /// How much of their limits keys and workspaces have used.
    pub(crate) meters: Meters,
    /// What `/metrics` shows of it.
    pub(crate) metrics: EngineMetrics,
    /// The pools of memory, for `/metrics`.
    pub(crate) pools: MemoryPools,
    pub(crate) background: Background,
    /// Executions that are to be recovered alone.
    pub(crate) suspects: Suspects,
    /// Places for evaluations that may take long.
    pub(crate) evaluations: Arc<Semaphore>,
    /// Places for checks of inputs that may take long.
    pub(crate) input_checks: Arc<Semaphore>,
    /// Places for pure steps that run on threads.
    pub(crate) step_places: Arc<Semaphore>,
    /// How many accepted executions this node knows to be waiting in the queue.
    pub(crate) queued: AtomicUsize,
    /// A place became free, or something was queued.
    pub(crate) queue_changed: Notify,
    /// An execution went to sleep until a moment that may be earlier than all others.
    pub(crate) timers_changed: Notify,
    /// A delivery was put in the outbox.
    pub(crate) outbox_changed: Notify,
    /// A runner went away.
    pub(crate) runner_gone: Notify,
    /// When refusals were last written down, by key and reason.
    pub(crate) refusals: ByteCache<(Option<KeyId>, String), Timestamp>,
    /// What waits for schedules.
    pub(crate) schedules: Schedules,
}

/// The one place where ids are made: version 7, so they sort by creation.
pub(crate) fn new_uuid() -> Uuid {
    Uuid::now_v7()
}

impl Engine {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Now, with randomness, for the state machine.
    pub(crate) fn moment(&self) -> TransitionContext {
        let (now, elapsed) = self.clocks();
        TransitionContext { now, elapsed, entropy: rand::rng().random() }
    }

    /// Both clocks: the wall clock and the monotonic one.
    pub(crate) fn clocks(&self) -> (Timestamp, Duration) {
        (self.clock.now(), self.clock.elapsed())
    }

    /// Now, by a clock that never jumps: for what is counted within this process.
    pub(crate) fn steady_now(&self) -> Timestamp {
        self.steady.now(&*self.clock)
    }

    /// The wall clock's moment for one of [`Engine::steady_now`].
    pub(crate) fn to_wall_clock(&self, steady: Timestamp) -> Timestamp {
        let (now, then) = (self.now(), self.steady_now());
        let (ahead, behind) = (now.since(then), then.since(now));
        if ahead.max(behind) < CLOCK_TOLERANCE {
            return steady;
        }
        steady.after(ahead).before(behind)
    }

    /// The moment of a creation, and both clocks. Lists are in the order of creation, so a clock
    /// that is set back a little does not repeat moments; one that was wrong by more is corrected.
    pub(crate) fn creation(&self) -> TransitionContext {
        let moment = self.moment();
        let now = moment.now.as_micros();
        let last = self.last_created.load(Ordering::Relaxed);
        let repeats = last >= now && last - now < CREATION_TOLERANCE;
        let created = if repeats { last + 1 } else { now };
        self.last_created.store(created, Ordering::Relaxed);
        TransitionContext { now: Timestamp::from_micros(created), ..moment }
    }

    /// The pools of memory of the engine, the step types and the store.
    pub(crate) fn memory_pools(&self) -> Vec<PoolUsage> {
        let of_engine = [
            expr::code_usage(),
            self.hooks.usage(),
            self.secrets.pool_usage(),
            self.vault.usage(),
            self.registry.pieces.usage(),
            self.meters.usage(),
            self.refusals.pool_usage(),
            self.memory.usage(),
        ];
        let plans = self.plans.usage();
        let steps = stepwell_steps::memory_pools();
        plans.into_iter().chain(of_engine).chain(steps).collect()
    }

    /// Whether another execution may be taken into memory.
    pub(crate) fn has_room(&self) -> bool {
        self.registry.active() < self.config.max_active && !self.background.is_stopping()
    }

    /// Sees to it that a stored execution is driven, and answers the way to tell its runner
    /// something.
    pub(crate) fn wake(
        self: &Arc<Self>,
        id: ExecutionId,
        because: Because,
    ) -> mpsc::Sender<Message> {
        match self.registry.sit(id) {
            Err(at_work) => at_work,
            Ok(seat) => {
                let sender = seat.sender.clone();
                tokio::spawn(Runner::resume(self.clone(), id, seat, because));
                sender
            }
        }
    }

    /// Tells an execution something and waits until it is durable, together with the note of it.
    /// The caller has checked that the execution is there.
    ///
    /// # Errors
    /// What the execution refuses; `Unavailable` where that cannot be stored now.
    pub(crate) async fn control(
        self: &Arc<Self>,
        id: ExecutionId,
        what: Control,
        note: Option<AuditRecord>,
    ) -> Result<(), AppError> {
        let controlled = self.send_control(id, what, note);
        tokio::time::timeout(CONTROLLED_WITHIN, controlled).await.unwrap_or_else(|_| {
            Err(AppError::Unavailable {
                reason: "the execution did not respond in time; the request may take effect later"
                    .into(),
                retry_after: Duration::from_secs(1),
            })
        })
    }

    async fn send_control(
        self: &Arc<Self>,
        id: ExecutionId,
        what: Control,
        note: Option<AuditRecord>,
    ) -> Result<(), AppError> {
        // A runner may go to sleep between finding it and telling it; then another one is found.
        for _ in 0..100 {
            if self.background.is_stopping() {
                break;
            }
            let gone = self.runner_gone.notified();
            let mailbox = self.wake(id, Because::OfMessage);
            let (reply, answer) = oneshot::channel();
            let (what, note) = (what.clone(), note.clone().map(Box::new));
            let message = Message::Control { what, note, reply };
            let sent = mailbox.send(message).await;
            // A message that comes while the mailbox is being closed is dropped, and the answer
            // with it, only when nobody could send there any more.
            drop(mailbox);
            if sent.is_ok()
                && let Ok(answer) = answer.await
            {
                return answer;
            }
            // It has its seat until it is gone; the time is for one that went in between.
            let _ = tokio::time::timeout(GOING, gone).await;
        }
        if self.background.is_stopping() {
            return Err(AppError::stopping());
        }
        Err(AppError::Unavailable {
            reason: "the execution cannot be loaded now".into(),
            retry_after: Duration::from_secs(1),
        })
    }

    /// What recognises the secrets of an execution, at work or at rest; `None`: it has none, or
    /// they are not known any more.
    pub(crate) fn find_redact(&self, id: ExecutionId) -> Option<Arc<dyn Redact>> {
        let driven = || self.registry.active_feed(id).and_then(|feed| feed.redact());
        // It may be taken out of the vault between the first two looks.
        driven().or_else(|| self.vault.look_up(id).redact()).or_else(driven)
    }

    /// The secret with which a workspace's deliveries are signed; made when first asked for.
    pub(crate) async fn signing_secret(&self, workspace: WorkspaceId) -> Result<String, AppError> {
        if let Some(known) = self.secrets.get(&workspace) {
            return Ok(known);
        }
        let name = setting_name(workspace);
        let (store, id) = (&*self.store, SubjectId::from_uuid(new_uuid()));
        let secret = setting::find_or_insert(store, id, &name, new_secret(), self.now()).await?;
        let bytes = size_of::<String>() + secret.len();
        self.secrets.insert(workspace, secret.clone(), bytes as u64);
        Ok(secret)
    }

    /// A runner went away: its place is free.
    pub(crate) fn depart(&self, id: ExecutionId) {
        self.registry.stand(id);
        self.runner_gone.notify_waiters();
        if self.queued.load(Ordering::Relaxed) > 0 {
            self.queue_changed.notify_one();
        }
    }

    /// One more execution waits in the queue.
    pub(crate) fn count_queued(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.queue_changed.notify_one();
    }

    /// So many executions left the queue.
    pub(crate) fn count_claimed(&self, claimed: usize) {
        let _ = self.queued.try_update(Ordering::Relaxed, Ordering::Relaxed, |queued| {
            Some(queued.saturating_sub(claimed))
        });
    }
}
