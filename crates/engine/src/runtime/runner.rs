//! Drives one execution for as long as there is something to do, then leaves it to its rows.
//!
//! The durability rule is here: everything decided is committed before an external step runs,
//! before the runner waits for anything, and before a final event is shown. A chain of pure
//! steps therefore costs one commit.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use stepwell_core::catalog::Effect;
use stepwell_core::execution::{
    AttemptId, Command, Decision, Execution, Failure, Input, Recorded, Refused, Status, StepRunId,
    codes,
};
use stepwell_core::expr::Budget;
use stepwell_core::faults;
use stepwell_core::ids::ExecutionId;
use stepwell_store::StoreError;
use stepwell_store::audit::AuditRecord;
use stepwell_store::commit::Commit;
use stepwell_store::record::{ExecutionRecord, IdempotencyRecord};
use stepwell_store::schedules::UpdateSchedule;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::commands::{Attempt, permanent};
use super::deliveries::Outbox;
use super::engine::Engine;
use super::feed::{Feed, Outcome};
use super::registry::{Message, Seat};
use super::secrets::Secrets;
use crate::AppError;
use crate::memory::{Reservation, SMALL};
use stepwell_core::memory::json_size;

mod evaluate;
mod hear;
mod load;
mod panics;
pub(crate) mod persist;
mod rest;
mod retained;

pub(crate) use panics::panic_message;
pub(crate) use retained::Retained;

/// How long an execution is left alone whose journal was not where it was thought to be.
const LOST_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// After so many commands of one chain the runner looks at its messages and at the time.
const COMMANDS_BETWEEN_LOOKS: u32 = 16;

/// An execution that is still at its first chain of pure steps after so long is made durable.
const DURABLE_WITHIN: std::time::Duration = std::time::Duration::from_millis(200);

/// One execution at work.
pub(crate) struct Runner {
    engine: Arc<Engine>,
    feed: Arc<Feed>,
    mailbox: mpsc::Receiver<Message>,
    sender: mpsc::Sender<Message>,
    execution: Execution,
    /// The projection as last committed, with what never changes.
    record: ExecutionRecord,
    /// Taken with the first commit.
    idempotency: Option<IdempotencyRecord>,
    /// Written with the first commit.
    schedule: Option<Box<UpdateSchedule>>,
    secrets: Secrets,
    /// Who is told of what happens, if anybody.
    outbox: Outbox,
    /// Decided, not yet durable.
    uncommitted: Vec<Recorded>,
    /// What users did by that.
    notes: Vec<AuditRecord>,
    /// The commit in progress.
    committing: Option<Arc<Commit>>,
    /// To be run.
    commands: VecDeque<Command>,
    /// Attempts under way, by step run.
    under_way: HashMap<StepRunId, AbortHandle>,
    /// To be answered once what they asked for is durable.
    replies: Vec<oneshot::Sender<Result<(), AppError>>>,
    /// Messages that came while the store was unavailable.
    deferred: VecDeque<Message>,
    /// About how many bytes the values in the journal take as text.
    bytes: usize,
    /// What they take in memory.
    retained: Retained,
    /// Told to finish what is under way and go.
    draining: bool,
    /// The step run whose command is being carried out.
    current: Option<StepRunId>,
    /// Commands carried out since the runner began.
    carried_out: u32,
}

/// Why an execution is set aside.
fn poisoned() -> Failure {
    let text = "the server stopped or hung when it last went on with this execution, twice in a \
                row; it is not tried again by itself, but can be rerun";
    Failure::new(codes::POISONED, text)
}

/// Frees the runner's place, however the runner ends.
struct Departure(Arc<Engine>, ExecutionId);

impl Drop for Departure {
    fn drop(&mut self) {
        self.0.depart(self.1);
    }
}

/// Why a runner stops driving.
enum Gone {
    /// Nothing to do before a moment that is far, or before somebody says something.
    Asleep,
    /// It ended, and that is durable.
    Ended,
    /// Its acceptance was refused by the store: it never was.
    NotAccepted(StoreError),
    /// The journal is not where we thought.
    Lost,
    /// Another node has taken over.
    Fenced,
    /// The server stops.
    Stopped,
}

/// What a new execution begins with.
pub(crate) struct Beginning {
    pub(crate) execution: Execution,
    pub(crate) record: ExecutionRecord,
    /// Events that are not durable yet.
    pub(crate) uncommitted: Vec<Recorded>,
    /// What users did by that.
    pub(crate) notes: Vec<AuditRecord>,
    pub(crate) idempotency: Option<IdempotencyRecord>,
    /// The schedule that starts it, as it stands then.
    pub(crate) schedule: Option<Box<UpdateSchedule>>,
    pub(crate) secrets: Secrets,
    /// Told as soon as the acceptance is durable; `None`: nobody waits for that.
    pub(crate) accepted: Option<oneshot::Sender<Result<(), AppError>>>,
    /// What is reserved for its values.
    pub(crate) memory: Option<Reservation>,
    /// What the values of its durable events take of the memory.
    pub(crate) retained: Retained,
}

/// Why a stored execution is brought into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// It can go on.
    ItIsTime,
    /// Somebody is about to tell it something.
    OfMessage,
    /// It got nowhere at its last recoveries: it fails.
    SetAside,
}

impl Runner {
    /// Drives an execution that was just accepted.
    pub(crate) async fn begin(engine: Arc<Engine>, seat: Seat, beginning: Box<Beginning>) {
        let _departure = Departure(engine.clone(), beginning.record.id);
        let runner = Self::new(engine, seat, *beginning);
        runner.drive(Some(Input::Start)).await;
    }

    /// Loads a stored execution and drives it.
    pub(crate) async fn resume(engine: Arc<Engine>, id: ExecutionId, seat: Seat, because: Because) {
        let _departure = Departure(engine.clone(), id);
        let loaded = AssertUnwindSafe(Box::pin(load::load(&engine, id))).catch_unwind().await;
        match loaded {
            Ok(Ok(Some(beginning))) => {
                seat.feed.fill(&beginning.record, &[]);
                let runner = Self::new(engine, seat, beginning);
                let first = match runner.execution.status() {
                    _ if because == Because::SetAside => Some(Input::Abort { error: poisoned() }),
                    // The queue decides when it starts, not whoever wants to tell it something.
                    Status::Queued if because == Because::OfMessage => None,
                    Status::Queued => Some(Input::Start),
                    _ => Some(Input::Recover),
                };
                runner.drive(first).await;
            }
            Ok(Ok(None)) => seat.refuse(|| AppError::not_found("execution", id.dataflow())),
            Ok(Err(error)) => {
                tracing::error!(%id, %error, "an execution could not be loaded");
                seat.refuse(|| AppError::Unavailable {
                    reason: format!("the execution could not be loaded: {error}"),
                    retry_after: LOST_PAUSE,
                });
                // An execution that is due would be loaded again at once.
                tokio::time::sleep(LOST_PAUSE).await;
            }
            Err(panic) => {
                let message = panics::panic_message(&*panic);
                tracing::error!(%id, message, "a panic while an execution was loaded");
                seat.refuse(|| AppError::Unavailable {
                    reason: "the execution could not be loaded; see the server's log".to_owned(),
                    retry_after: LOST_PAUSE,
                });
                tokio::time::sleep(LOST_PAUSE).await;
            }
        }
    }

    /// Boxed, so that the task that drives it is small.
    fn new(engine: Arc<Engine>, seat: Seat, beginning: Beginning) -> Box<Self> {
        let Beginning {
            execution,
            record,
            uncommitted,
            notes,
            idempotency,
            schedule,
            secrets,
            accepted,
            memory,
            mut retained,
        } = beginning;
        retained.count(&uncommitted);
        if let Some(memory) = memory {
            seat.feed.memory().absorb(memory);
        }
        seat.feed.memory().resize(&engine.memory, retained.bytes());
        seat.feed.lend_redact(secrets.redact().as_ref());
        seat.feed.fill(&record, &uncommitted);
        if !execution.status().is_final() {
            engine.meters.entered(&record);
        }
        Box::new(Self {
            engine,
            feed: seat.feed,
            mailbox: seat.mailbox,
            sender: seat.sender,
            bytes: json_size(&execution.input, usize::MAX),
            retained,
            execution,
            record,
            idempotency,
            schedule,
            secrets,
            outbox: Outbox::default(),
            uncommitted,
            notes,
            committing: None,
            commands: VecDeque::new(),
            under_way: HashMap::new(),
            replies: accepted.into_iter().collect(),
            deferred: VecDeque::new(),
            draining: false,
            current: None,
            carried_out: 0,
        })
    }

    async fn drive(mut self: Box<Self>, first: Option<Input>) {
        let gone = match AssertUnwindSafe(self.work(first)).catch_unwind().await {
            Ok(gone) => gone,
            Err(panic) => Box::pin(self.after_panic(panic)).await,
        };
        for (_, attempt) in self.under_way.drain() {
            attempt.abort();
        }
        if matches!(gone, Gone::Asleep | Gone::Lost) {
            self.engine.vault.keep(self.record.id, &self.secrets);
        }
        self.execution.set_redact(None);
        match gone {
            Gone::Ended => {
                self.feed.finish(Outcome::Ended(Arc::new(self.execution)));
                if self.engine.config.fire_schedules {
                    self.engine.schedules.ended(&self.record.metadata);
                }
                // Whoever began to count between the last commit and this has still seen it.
                self.engine.meters.left(&self.record);
            }
            Gone::NotAccepted(error) => {
                self.engine.meters.left(&self.record);
                self.feed.finish(Outcome::NotAccepted(Arc::new(error)));
                self.engine.meters.left(&self.record);
            }
            Gone::Asleep => {
                if self.record.wake_at.is_some() {
                    self.engine.timers_changed.notify_one();
                }
            }
            Gone::Stopped => self.feed.finish(Outcome::Stopped),
            // What is stored is right: it is loaded again and goes on from there.
            Gone::Lost => {
                let (engine, id) = (self.engine, self.record.id);
                tokio::spawn(async move {
                    tokio::time::sleep(LOST_PAUSE).await;
                    engine.wake(id, Because::ItIsTime);
                });
            }
            Gone::Fenced => {}
        }
    }

    async fn work(&mut self, first: Option<Input>) -> Gone {
        if self.execution.status().is_final() {
            return self.refuse_all();
        }
        if let Err(gone) = self.first(first).await {
            return gone;
        }
        loop {
            if let Err(gone) = self.run_commands().await {
                return gone;
            }
            if self.execution.status().is_final() {
                return match self.commit().await {
                    Ok(()) => Gone::Ended,
                    Err(gone) => gone,
                };
            }
            if let Some(rest) = self.rest() {
                if let Err(gone) = self.commit_asleep(rest).await {
                    return gone;
                }
                if self.mailbox.is_empty() && self.deferred.is_empty() {
                    return if self.draining { Gone::Stopped } else { Gone::Asleep };
                }
            } else if let Err(gone) = self.commit().await {
                return gone;
            }
            if let Err(gone) = self.hear().await {
                return gone;
            }
        }
    }

    async fn first(&mut self, first: Option<Input>) -> Result<(), Gone> {
        if !self.replies.is_empty() {
            self.commit().await?;
        }
        match first {
            None => return self.hear().await,
            // A recovery that changes nothing need not be written down.
            Some(Input::Recover) if !self.needs_recovery() => self.tell(Input::Timer),
            Some(first) => self.tell(first),
        };
        Ok(())
    }

    /// Tells the execution something; what follows is shown and noted for the next commit.
    fn tell(&mut self, input: Input) -> Option<Refused> {
        let moment = self.engine.moment();
        faults::hit("advance");
        match self.execution.advance_within(input, moment, Budget::inline()) {
            Ok(decision) => {
                self.accept(decision);
                None
            }
            Err(refused) => Some(refused),
        }
    }

    /// Shows what was decided and notes it for the next commit.
    fn accept(&mut self, decision: Decision) {
        let shown = decision.events.iter().filter(|e| !e.event.is_final()).count();
        self.feed.show(&decision.events[..shown]);
        self.engine.metrics.steps_changed(&self.execution, &decision.events);
        let before = self.retained.bytes();
        self.retained.count(&decision.events);
        if self.retained.bytes() >= SMALL && self.retained.bytes() > before {
            self.resize_memory();
        }
        self.uncommitted.extend(decision.events);
        self.commands.extend(decision.commands);
    }

    /// Counts what the values take of the memory. They exist already, so this waits for nothing;
    /// what makes further ones waits until there is room.
    fn resize_memory(&self) {
        self.feed.memory().resize(&self.engine.memory, self.retained.bytes());
    }

    /// Whether a step may run at once: where the memory is used up, one of an execution with large
    /// values waits for room like any other.
    fn may_run_inline(&self) -> bool {
        self.retained.bytes() < SMALL || !self.engine.memory.is_exhausted()
    }

    /// Whether there is something to go on with that is not waited for.
    fn needs_recovery(&self) -> bool {
        self.execution.is_busy() || self.execution.has_evaluation_pending()
    }

    /// Runs what is to be run: pure steps at once, others beside.
    async fn run_commands(&mut self) -> Result<(), Gone> {
        while let Some(command) = self.commands.pop_front() {
            match command {
                Command::Stop { step } => {
                    if let Some(attempt) = self.under_way.remove(&step) {
                        attempt.abort();
                    }
                }
                Command::Run(_) | Command::Evaluate { .. } if self.draining => {}
                Command::Run(attempt) => {
                    self.current = Some(attempt.step_run.clone());
                    self.run(attempt).await?;
                }
                Command::Evaluate { step } => {
                    self.current.clone_from(&step);
                    Box::pin(self.evaluate(step)).await?;
                }
            }
            self.current = None;
            self.carried_out = self.carried_out.wrapping_add(1);
            if self.carried_out.is_multiple_of(COMMANDS_BETWEEN_LOOKS) {
                self.look_up().await?;
            }
            // A long chain of pure steps gives others their turn.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// In a long chain of pure steps: what users want and what is due takes hold, and what was
    /// accepted becomes durable.
    async fn look_up(&mut self) -> Result<(), Gone> {
        self.take_deferred();
        while let Ok(message) = self.mailbox.try_recv() {
            self.take(message);
        }
        let now = self.engine.now();
        if self.execution.deadline().is_some_and(|deadline| deadline <= now) {
            self.tell(Input::Timer);
        }
        if self.record.seq == 0 && now.since(self.record.created_at) > DURABLE_WITHIN {
            Box::pin(self.commit()).await?;
        }
        Ok(())
    }

    async fn run(&mut self, attempt: AttemptId) -> Result<(), Gone> {
        let ready = Attempt::prepare(
            &self.engine,
            &self.execution,
            &self.secrets,
            &attempt,
            self.retained.bytes(),
        );
        let may_run_inline = self.may_run_inline();
        let run = |ready: Attempt| if may_run_inline { ready.run_inline() } else { Err(ready) };
        match ready.map(run) {
            Err(fault) => {
                self.tell(Input::StepEnded { attempt, result: Err(fault) });
                Ok(())
            }
            Ok(Ok(result)) => {
                self.step_ended(attempt, result);
                Ok(())
            }
            // Boxed, so that the future of the usual case stays small.
            Ok(Err(ready)) => Box::pin(self.run_in_task(attempt, ready)).await,
        }
    }

    /// Runs an attempt in a task of its own, once everything that must be durable before it is.
    async fn run_in_task(&mut self, attempt: AttemptId, ready: Attempt) -> Result<(), Gone> {
        if self.under_way.len() >= self.engine.config.max_parallel_steps {
            // Wait for one of them to end before starting another one.
            self.commands.push_back(Command::Run(attempt));
            self.commit().await?;
            return self.hear().await;
        }
        let AttemptId { step_run, .. } = attempt;
        let effect = self.execution.origin.plan[step_run.step].effect;
        if effect == Effect::External || self.record.seq == 0 {
            self.commit().await?;
        }
        let task = tokio::spawn(ready.run(
            self.engine.clone(),
            Arc::downgrade(&self.feed),
            self.sender.clone(),
        ));
        self.under_way.insert(step_run, task.abort_handle());
        Ok(())
    }

    fn step_ended(
        &mut self,
        attempt: AttemptId,
        result: Result<stepwell_core::execution::Done, stepwell_core::execution::Fault>,
    ) {
        let result = result.and_then(|done| {
            self.bytes += json_size(&done.output, usize::MAX);
            let limit = self.engine.config.max_execution_bytes;
            if self.bytes > limit {
                let message = format!(
                    "the execution's values are larger than the limit of {limit} bytes together"
                );
                return Err(permanent(stepwell_core::execution::codes::VALUE_TOO_LARGE, message));
            }
            Ok(done)
        });
        self.tell(Input::StepEnded { attempt, result });
    }
}
