//! The state of an execution: the fold of its journal.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::compensation::CompensationLog;
use super::end_outcome::EndOutcome;
use super::failure::Failure;
use super::handled_failures::HandledFailures;
use super::message::ParentLink;
use super::redaction::EventRedaction;
use super::rerun_source::GivenInput;
use super::signal_wait::ReceivedSignals;
use super::step_run::StepState;
use super::step_runs::StepRuns;
use super::wait_timers::WaitTimers;
use crate::definition::SharedPlan;
use crate::definition::concurrency::ConcurrencyPlace;
use crate::ids::{ExecutionId, WorkflowId};
use crate::redact::Redact;
use crate::{Map, Timestamp};

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Accepted, not started. Ended by `Started` or `Cancelled`.
    Queued,
    /// A step is running or can start. Begun by `Started`, `Resumed`, or a timer.
    Running,
    /// Nothing to do before a timer (a delay, a retry) or a signal. A projection of `Running`.
    Waiting,
    /// Begun by `Paused`, ended by `Resumed`, `Cancelled` or `TimedOut`.
    Paused,
    /// Final: all steps settled.
    Completed,
    /// Final: a step failed and nothing handled it.
    Failed,
    /// Final: it exceeded its timeout.
    TimedOut,
    /// Final: a caller cancelled it.
    Cancelled,
}

impl Status {
    /// All statuses, in order.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
    ];

    /// Whether the execution has ended.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::TimedOut | Self::Cancelled)
    }

    /// The glossary's term, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The immutable facts of an execution.
#[derive(Debug, Clone)]
pub struct ExecutionOrigin {
    /// Its id.
    pub id: ExecutionId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The number of its release.
    pub release: u32,
    /// The plan of the release.
    pub plan: SharedPlan,
}

/// The state of an execution. Created by [`Execution::new`] and changed only by applied events.
#[derive(Debug, Clone)]
pub struct Execution {
    /// The immutable facts.
    pub origin: ExecutionOrigin,
    /// `Waiting` is never stored here: see [`Execution::status`].
    pub(super) phase: Status,
    /// The sequence number of the last applied event; 0: none yet.
    pub seq: u64,
    /// Its input.
    pub input: Arc<Value>,
    /// Its step runs.
    pub steps: StepRuns,
    /// The state.
    pub state: Map,
    /// The execution whose final state was its initial one.
    pub previous: Option<ExecutionId>,
    /// The release tag by which its release was chosen.
    pub tag: Option<String>,
    /// Whether its request had secrets; they are only in memory and may be lost.
    pub has_secrets: bool,
    /// Timeout from acceptance; the definition's own applies as well.
    pub timeout: Option<Duration>,
    /// The variables of the workspace that its plan names, as they were when it was accepted;
    /// `None`: it names none.
    pub variables: Option<Arc<Value>>,
    /// The execution of which it is a rerun.
    pub rerun_of: Option<ExecutionId>,
    /// The step run that started it, if it is a sub-workflow.
    pub parent: Option<Box<ParentLink>>,
    /// The place that it needs before it starts.
    pub concurrency: Option<Box<ConcurrencyPlace>>,
    /// The signals that it received.
    pub(super) signals: ReceivedSignals,
    /// An input that replaces the one of a step's binding.
    pub(super) given: Option<GivenInput>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it left the queue.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its outputs, once completed.
    pub output: Option<Arc<Value>>,
    /// Why it failed or timed out.
    pub error: Option<Failure>,
    /// The failures over which it continued.
    pub handled_failures: HandledFailures,
    /// How it ends, once that is certain: compensations and `on_failure` run before.
    pub ending: Option<EndOutcome>,
    /// What has to be compensated.
    pub(super) compensations: CompensationLog,
    /// Keeps secrets out of its events; `None`: it has none.
    pub(super) redaction: Option<Box<EventRedaction>>,
    /// Whether the items of every `Map` run with a record of their steps.
    pub(super) records_all_items: bool,
    /// Its pending waits, by the monotonic clock.
    pub(super) waits: WaitTimers,
}

impl Execution {
    /// An execution without events.
    pub fn new(origin: ExecutionOrigin) -> Self {
        Self {
            phase: Status::Queued,
            seq: 0,
            input: Arc::new(Value::Null),
            state: origin.plan.state.clone(),
            previous: None,
            tag: None,
            has_secrets: false,
            timeout: None,
            variables: None,
            rerun_of: None,
            parent: None,
            concurrency: None,
            signals: ReceivedSignals::default(),
            given: None,
            created_at: Timestamp::default(),
            started_at: None,
            ended_at: None,
            output: None,
            error: None,
            records_all_items: false,
            handled_failures: HandledFailures::default(),
            ending: None,
            compensations: CompensationLog::default(),
            waits: WaitTimers::default(),
            steps: StepRuns::all_pending(&origin.plan),
            origin,
            redaction: None,
        }
    }

    /// Runs the items of every `Map` with a record of their steps, also where the plan runs them in
    /// chunks. For runs without a journal: replay would not know it.
    pub fn record_all_items(&mut self) {
        self.records_all_items = true;
    }

    /// Redacts secrets in all later events; `None`: there are none.
    pub fn set_redact(&mut self, redact: Option<Arc<dyn Redact>>) {
        self.redaction = redact.map(|redact| Box::new(EventRedaction::new(redact)));
    }

    /// The status, with `Waiting` distinguished from `Running`.
    pub fn status(&self) -> Status {
        let waits = self.phase == Status::Running
            && self.steps.current_states().any(StepState::is_waiting)
            && !self.is_busy();
        if waits { Status::Waiting } else { self.phase }
    }

    /// Whether an attempt of a step, or items of a block, are running.
    pub fn is_busy(&self) -> bool {
        let is_running = |state: &StepState| match state {
            StepState::Running { .. } => true,
            StepState::Block(run) => run.is_chunked,
            _ => false,
        };
        self.phase != Status::Queued && self.steps.current_states().any(is_running)
    }

    /// When the next timer fires: the earliest of timeouts, waits and retries, by the wall clock as
    /// it was when they began. [`Execution::wakes_in`] is the time until then.
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.phase.is_final() || self.phase == Status::Queued {
            return None;
        }
        // A paused execution starts nothing, so only its timeout can wake it.
        let is_paused = self.phase == Status::Paused;
        let steps = self.steps.iter_current().filter(|(id, _)| !is_paused && self.has_turn(id));
        let steps = steps.flat_map(|(id, run)| {
            let wait = run.state.wait_bounds().map(|(_, until)| until);
            let timeout = self.timed_block(&id).map(|(since, timeout)| since.after(timeout));
            [wait, timeout].into_iter().flatten()
        });
        steps.chain(self.deadline()).min()
    }

    /// When the earlier timeout ends: the definition's, from the start, or its own, from acceptance.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.active_timeouts().map(|(since, timeout)| since.after(timeout)).min()
    }

    /// The timeouts, each with the time from which it counts. There are none for what runs before
    /// the end of an execution that has failed.
    pub(super) fn active_timeouts(&self) -> impl Iterator<Item = (Timestamp, Duration)> {
        let planned = self.started_at.zip(self.origin.plan.timeout);
        let all = planned.into_iter().chain(self.timeout.map(|timeout| (self.created_at, timeout)));
        all.filter(|_| self.ending.is_none())
    }
}
