//! Drives one execution as long as there is something to do; then it leaves memory.
//!
//! The durability rule is here: everything decided is committed before an external step runs,
//! before the runner waits for anything, and before a final event is shown. A chain of pure
//! steps therefore costs one commit.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use stepwell_core::execution::{
    Command, Decision, Execution, RecordedEvent, Status, StepRunId, TransitionError,
    TransitionInput, without_file_results,
};
use stepwell_core::expr::EvalBudget;
use stepwell_core::faults;
use stepwell_core::ids::ExecutionId;
use stepwell_store::StoreError;
use stepwell_store::audit::AuditRecord;
use stepwell_store::commit::{Commit, RelatedExecutions};
use stepwell_store::objects::ObjectBatch;
use stepwell_store::record::{ExecutionRecord, IdempotencyRecord};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::deliveries::Outbox;
use super::engine::Engine;
use super::feed::{Feed, Outcome};
use super::panic_message::panic_message;
use super::registry::{ControlEffect, Message, RunnerSlot, WakeReason};
use super::secrets::Secrets;
use crate::AppError;
use crate::memory::{Reservation, SMALL};
use stepwell_core::memory::json_size;

mod approvals;
mod children;
mod evaluate;
mod idle;
mod load;
mod messages;
mod panics;
pub(crate) mod persist;
mod retained;
mod run_commands;
mod run_items;
mod signal_waits;
mod step_places;

pub(crate) use approvals::StoredApprovals;
pub(crate) use retained::Retained;
use signal_waits::SignalWaits;
use step_places::AttemptPlaces;

/// The pause before an execution is loaded again whose stored journal differs from memory.
const LOST_PAUSE: Duration = Duration::from_secs(1);

/// A request that is confirmed when the events are durable.
enum PendingReply {
    /// The acceptance of the execution.
    Acceptance(oneshot::Sender<Result<(), AppError>>),
    /// A control request, with its effect.
    Control(oneshot::Sender<Result<ControlEffect, AppError>>, ControlEffect),
}

impl PendingReply {
    /// Sends the result. The caller may have gone.
    fn send(self, result: Result<(), AppError>) {
        match self {
            Self::Acceptance(reply) => drop(reply.send(result)),
            Self::Control(reply, effect) => drop(reply.send(result.map(|()| effect))),
        }
    }
}

/// One driven execution.
pub(crate) struct Runner {
    engine: Arc<Engine>,
    feed: Arc<Feed>,
    mailbox: mpsc::Receiver<Message>,
    sender: mpsc::Sender<Message>,
    execution: Execution,
    /// The projection as of the last commit.
    record: ExecutionRecord,
    /// Written with the first commit.
    idempotency: Option<IdempotencyRecord>,
    /// Written with the next commit.
    objects: Option<Box<ObjectBatch>>,
    /// The approvals that are stored and pending.
    approvals: StoredApprovals,
    /// The keyed waits for signals that are stored.
    signal_waits: SignalWaits,
    secrets: Secrets,
    /// The deliveries of its events.
    outbox: Outbox,
    /// Events that are not durable yet.
    uncommitted: Vec<RecordedEvent>,
    /// The audit entries of these events.
    audit: Vec<AuditRecord>,
    /// The commit in progress.
    committing: Option<Arc<Commit>>,
    /// Commands to carry out.
    commands: VecDeque<Command>,
    /// Running attempts, by step run.
    under_way: HashMap<StepRunId, AbortHandle>,
    /// The places of attempts under the concurrency limits of steps.
    places: AttemptPlaces,
    /// Requests that are confirmed when the events are durable.
    replies: Vec<PendingReply>,
    /// What its events that are not durable yet change for other executions.
    related: RelatedExecutions,
    /// Whether there may be stored messages to it.
    has_messages: bool,
    /// Until when it stays in memory to wait for messages, by the monotonic clock.
    stays_until: Duration,
    /// Messages that came while the store was unavailable.
    deferred: VecDeque<Message>,
    /// Roughly how many bytes the values in the journal have as text.
    bytes: usize,
    /// Their memory.
    retained: Retained,
    /// Whether it only finishes its running steps, because the server stops.
    draining: bool,
    /// The step run whose command is being carried out.
    current: Option<StepRunId>,
    /// The number of commands that were carried out.
    carried_out: u32,
    /// The number of items of the next chunk of a `Map`.
    chunk_length: u32,
}

/// Deregisters the runner, however it ends.
struct DeregisterOnDrop(Arc<Engine>, ExecutionId);

impl Drop for DeregisterOnDrop {
    fn drop(&mut self) {
        self.0.deregister(self.1);
    }
}

/// Why a runner stops.
enum StopReason {
    /// It waits for a distant time or for a message.
    Asleep,
    /// The execution has ended, and that is durable.
    Ended,
    /// The store rejected its acceptance.
    NotAccepted(StoreError),
    /// The stored journal differs from the one in memory.
    Lost,
    /// Another node has taken over.
    Fenced,
    /// The server stops.
    Stopped,
}

/// The initial state of a runner.
pub(crate) struct RunnerInit {
    pub(crate) execution: Execution,
    pub(crate) record: ExecutionRecord,
    /// Events that are not durable yet.
    pub(crate) uncommitted: Vec<RecordedEvent>,
    /// The audit entries of these events.
    pub(crate) audit: Vec<AuditRecord>,
    pub(crate) idempotency: Option<IdempotencyRecord>,
    /// The objects that change with it: the schedule that starts it, with its progress.
    pub(crate) objects: Option<Box<ObjectBatch>>,
    /// The approvals that are stored and pending.
    pub(crate) approvals: StoredApprovals,
    pub(crate) secrets: Secrets,
    /// Gets the result of the acceptance's commit; `None`: no caller waits for it.
    pub(crate) accepted: Option<oneshot::Sender<Result<(), AppError>>>,
    /// The memory reserved for its values.
    pub(crate) memory: Option<Reservation>,
    /// The memory of the values of its durable events.
    pub(crate) retained: Retained,
}

impl Runner {
    /// Drives an execution that was just accepted.
    pub(crate) async fn begin(engine: Arc<Engine>, slot: RunnerSlot, init: Box<RunnerInit>) {
        let _deregister = DeregisterOnDrop(engine.clone(), init.record.id);
        let runner = Self::new(engine, slot, *init);
        runner.drive(Some(TransitionInput::Start)).await;
    }

    /// Loads a stored execution and drives it.
    pub(crate) async fn resume(
        engine: Arc<Engine>,
        id: ExecutionId,
        slot: RunnerSlot,
        reason: WakeReason,
    ) {
        let deregister = DeregisterOnDrop(engine.clone(), id);
        let loaded =
            AssertUnwindSafe(Box::pin(load::load_execution(&engine, id))).catch_unwind().await;
        let cause = match loaded {
            Ok(Ok(Some(init))) => {
                slot.feed.fill(&init.record, &[]);
                let runner = Self::new(engine, slot, init);
                let first = match runner.execution.status() {
                    _ if reason == WakeReason::Poisoned => {
                        Some(TransitionInput::Abort { error: panics::poisoned_failure() })
                    }
                    // The queue starts it, not a message.
                    Status::Queued if reason == WakeReason::Message => None,
                    // It was woken for a message that is read first.
                    Status::Queued if runner.record.waits_for_place() => {
                        Some(TransitionInput::Timer)
                    }
                    Status::Queued => Some(TransitionInput::Start),
                    _ => Some(TransitionInput::Recover),
                };
                return runner.drive(first).await;
            }
            Ok(Ok(None)) => {
                return slot.reject(|| AppError::not_found("execution", id.dataflow()));
            }
            Ok(Err(error)) => {
                tracing::error!(%id, %error, "an execution could not be loaded");
                format!(": {error}")
            }
            Err(panic) => {
                let message = panic_message(&*panic);
                tracing::error!(%id, message, "a panic while an execution was loaded");
                "; see the server's log".to_owned()
            }
        };
        slot.reject(|| AppError::Unavailable {
            reason: format!("the execution could not be loaded{cause}"),
            retry_after: LOST_PAUSE,
        });
        // Otherwise a due execution would be loaded again at once.
        tokio::time::sleep(LOST_PAUSE).await;
        drop(deregister);
        // Nothing else loads one that was claimed from the queue or interrupted.
        if reason != WakeReason::Message && !engine.background.is_stopping() {
            engine.wake(id, reason);
        }
    }

    /// Boxed, so that the task that drives it is small.
    fn new(engine: Arc<Engine>, slot: RunnerSlot, init: RunnerInit) -> Box<Self> {
        let RunnerInit {
            execution,
            record,
            uncommitted,
            audit,
            idempotency,
            objects,
            approvals,
            secrets,
            accepted,
            memory,
            mut retained,
        } = init;
        let plan = execution.origin.plan.clone();
        let shown = without_file_results(&plan, &uncommitted);
        retained.count(&*shown);
        if let Some(memory) = memory {
            slot.feed.memory().absorb(memory);
        }
        slot.feed.memory().resize(&engine.memory, retained.bytes());
        slot.feed.set_redact(secrets.redact().as_ref());
        slot.feed.fill(&record, &shown);
        drop(shown);
        if !execution.status().is_final() {
            engine.meters.entered(&record);
        }
        let has_messages = record.seq > 0 && execution.exchanges_messages();
        let signal_waits = SignalWaits::of(&execution, &uncommitted);
        Box::new(Self {
            engine,
            feed: slot.feed,
            mailbox: slot.mailbox,
            sender: slot.sender,
            bytes: json_size(&execution.input, usize::MAX),
            retained,
            execution,
            record,
            idempotency,
            objects,
            approvals,
            signal_waits,
            secrets,
            outbox: Outbox::default(),
            uncommitted,
            audit,
            committing: None,
            commands: VecDeque::new(),
            under_way: HashMap::new(),
            places: AttemptPlaces::new(),
            replies: accepted.into_iter().map(PendingReply::Acceptance).collect(),
            has_messages,
            related: RelatedExecutions::default(),
            stays_until: Duration::ZERO,
            deferred: VecDeque::new(),
            draining: false,
            current: None,
            carried_out: 0,
            chunk_length: run_items::FIRST_CHUNK,
        })
    }

    async fn drive(mut self: Box<Self>, first: Option<TransitionInput>) {
        let reason = match AssertUnwindSafe(self.work(first)).catch_unwind().await {
            Ok(reason) => reason,
            Err(panic) => Box::pin(self.after_panic(panic)).await,
        };
        for (_, attempt) in self.under_way.drain() {
            attempt.abort();
        }
        self.places.clear();
        if matches!(reason, StopReason::Asleep | StopReason::Lost) {
            self.engine.vault.keep(self.record.id, &self.secrets);
        }
        self.execution.set_redact(None);
        match reason {
            StopReason::Ended => {
                self.feed.finish(Outcome::Ended(Arc::new(self.execution)));
                if self.engine.config().fire_schedules {
                    self.engine.schedules.ended(&self.record.metadata);
                }
                // Again, for counting that began after the last commit.
                self.engine.meters.left(&self.record);
            }
            StopReason::NotAccepted(error) => {
                self.engine.meters.left(&self.record);
                self.feed.finish(Outcome::NotAccepted(Arc::new(error)));
                self.engine.meters.left(&self.record);
            }
            StopReason::Asleep => {
                if self.execution.awaits_child() {
                    // A message may have come while it left.
                    self.engine.messages_changed.notify_one();
                }
                if self.record.wake_at.is_some() {
                    self.engine.timers_changed.notify_one();
                }
            }
            StopReason::Stopped => self.feed.finish(Outcome::Stopped),
            // The store is right: it is loaded again and continues from there.
            StopReason::Lost => {
                let (engine, id) = (self.engine, self.record.id);
                tokio::spawn(async move {
                    tokio::time::sleep(LOST_PAUSE).await;
                    engine.wake(id, WakeReason::Due);
                });
            }
            StopReason::Fenced => {}
        }
    }

    async fn work(&mut self, first: Option<TransitionInput>) -> StopReason {
        if self.execution.status().is_final() {
            return self.reject_all();
        }
        if self.has_messages {
            self.read_messages().await;
        }
        if let Err(reason) = self.apply_first(first).await {
            return reason;
        }
        loop {
            if let Err(reason) = self.run_commands().await {
                return reason;
            }
            if self.execution.status().is_final() {
                return match self.commit().await {
                    Ok(()) => StopReason::Ended,
                    Err(reason) => reason,
                };
            }
            if let Some(idle) = self.idle_until() {
                if let Err(reason) = self.commit_asleep(idle).await {
                    return reason;
                }
                let is_left = self.mailbox.is_empty() && self.deferred.is_empty();
                if is_left && !self.has_messages && self.stays_for().is_none() {
                    return if self.draining { StopReason::Stopped } else { StopReason::Asleep };
                }
            } else if let Err(reason) = self.commit().await {
                return reason;
            }
            if let Err(reason) = self.handle_next_message().await {
                return reason;
            }
        }
    }

    async fn apply_first(&mut self, first: Option<TransitionInput>) -> Result<(), StopReason> {
        if !self.replies.is_empty() {
            self.commit().await?;
        }
        match first {
            None => return self.handle_next_message().await,
            // A recovery that changes nothing is not journaled.
            Some(TransitionInput::Recover) if !self.needs_recovery() => {
                self.apply_input(TransitionInput::Timer)
            }
            Some(first) => self.apply_input(first),
        };
        Ok(())
    }

    /// Applies an input to the execution; the resulting events are shown and will be committed.
    fn apply_input(&mut self, input: TransitionInput) -> Option<TransitionError> {
        let moment = self.engine.moment();
        faults::hit("advance");
        match self.execution.advance_within(input, moment, EvalBudget::inline()) {
            Ok(decision) => {
                self.accept_decision(decision);
                None
            }
            Err(refused) => Some(refused),
        }
    }

    /// Shows the events of a decision and adds them to the next commit.
    fn accept_decision(&mut self, decision: Decision) {
        let shown = decision.events.iter().filter(|e| !e.event.is_final()).count();
        let plan = self.execution.origin.plan.clone();
        // Results that are in files stay in memory only until they are stored.
        let kept = without_file_results(&plan, &decision.events);
        self.feed.show(&kept[..shown]);
        self.engine.metrics.steps_changed(&self.execution, &decision.events);
        self.release_places(&decision.events);
        let before = self.retained.bytes();
        self.retained.count(&*kept);
        drop(kept);
        if self.retained.bytes() >= SMALL && self.retained.bytes() > before {
            self.resize_memory();
        }
        self.uncommitted.extend(decision.events);
        self.commands.extend(decision.commands);
        self.related.sent.extend(decision.messages);
    }

    /// Counts the memory of the values. They exist already, so this does not wait; what creates
    /// further ones waits until there is room.
    fn resize_memory(&self) {
        self.feed.memory().resize(&self.engine.memory, self.retained.bytes());
    }
}
