//! What is known of an execution at one moment: its journal folded up.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::event::GivenInput;
use super::failure::Failure;
use super::redaction::Redaction;
use super::step_runs::{StepRuns, StepState};
use super::waits::Waits;
use crate::definition::SharedPlan;
use crate::ids::{ExecutionId, WorkflowId};
use crate::redact::Redact;
use crate::{Map, Timestamp};

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Accepted, not begun. Ended by `Started` or `Cancelled`.
    Queued,
    /// A step is under way or can be. Begun by `Started`, `Resumed`, or a timer.
    Running,
    /// Nothing to do before a moment comes (a delay, a retry). A projection of `Running`.
    Waiting,
    /// Begun by `Paused`, ended by `Resumed`, `Cancelled` or `TimedOut`.
    Paused,
    /// Final: all steps settled.
    Completed,
    /// Final: a step failed and nothing handled it.
    Failed,
    /// Final: it took longer than its time-out.
    TimedOut,
    /// Final: somebody cancelled it.
    Cancelled,
}

impl Status {
    /// All of them, in order.
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

    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::TimedOut | Self::Cancelled)
    }

    /// The glossary's word, lower case.
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

/// What does not change during an execution.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Its id.
    pub id: ExecutionId,
    /// The workflow it is an execution of.
    pub workflow: WorkflowId,
    /// The number of the release that it runs.
    pub release: u32,
    /// That release's plan.
    pub plan: SharedPlan,
}

/// An execution at one moment. Made by [`Execution::new`] and changed by `apply` only.
#[derive(Debug, Clone)]
pub struct Execution {
    /// What does not change.
    pub origin: Origin,
    /// `Waiting` is never stored here: see [`Execution::status`].
    pub(super) phase: Status,
    /// The seq of the last event applied; 0: none yet.
    pub seq: u64,
    /// Its input.
    pub input: Arc<Value>,
    /// Its step runs.
    pub steps: StepRuns,
    /// The state.
    pub state: Map,
    /// The execution whose last state it began with.
    pub previous: Option<ExecutionId>,
    /// The release tag by which its release was chosen.
    pub tag: Option<String>,
    /// Whether it came with secrets, which may be forgotten by now.
    pub has_secrets: bool,
    /// How long it may take from its acceptance on, beside the definition's own time-out.
    pub timeout: Option<Duration>,
    /// The execution that it is run again from.
    pub rerun_of: Option<ExecutionId>,
    /// A step's input instead of the one that its binding would make.
    pub(super) given: Option<GivenInput>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it left the queue.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it made, once completed.
    pub output: Option<Arc<Value>>,
    /// Why it failed or timed out.
    pub error: Option<Failure>,
    /// Keeps secrets out of its events; `None`: it has none.
    pub(super) redaction: Option<Box<Redaction>>,
    /// What is left of its waits, by the monotonic clock.
    pub(super) waits: Waits,
}

impl Execution {
    /// An execution of which nothing is known yet.
    pub fn new(origin: Origin) -> Self {
        Self {
            phase: Status::Queued,
            seq: 0,
            input: Arc::new(Value::Null),
            state: origin.plan.state.clone(),
            previous: None,
            tag: None,
            has_secrets: false,
            timeout: None,
            rerun_of: None,
            given: None,
            created_at: Timestamp::default(),
            started_at: None,
            ended_at: None,
            output: None,
            error: None,
            waits: Waits::default(),
            steps: StepRuns::pending(origin.plan.steps.len()),
            origin,
            redaction: None,
        }
    }

    /// Keeps secrets out of all events from now on; `None`: there are no secrets to keep out.
    pub fn set_redact(&mut self, redact: Option<Arc<dyn Redact>>) {
        self.redaction = redact.map(|redact| Box::new(Redaction::new(redact)));
    }

    /// Where it stands, `Waiting` told from `Running`.
    pub fn status(&self) -> Status {
        let waits = self.phase == Status::Running
            && self
                .steps
                .any(|s| matches!(s, StepState::Waiting { .. } | StepState::Backoff { .. }))
            && !self.is_busy();
        if waits { Status::Waiting } else { self.phase }
    }

    /// Whether an attempt of a step is under way.
    pub fn is_busy(&self) -> bool {
        self.steps.any(|s| matches!(s, StepState::Running { .. }))
    }

    /// When it must be looked at next, if nothing else happens: the earliest of its time-out, its
    /// waits and its retries, as the wall clock was when they began. See
    /// [`Execution::wakes_in`] for what is left of it.
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.phase.is_final() || self.phase == Status::Queued {
            return None;
        }
        let steps = self.steps.iter().filter_map(|(_, run)| match run.state {
            // A paused execution starts nothing, so only its time-out can wake it.
            _ if self.phase == Status::Paused => None,
            StepState::Waiting { until, .. } | StepState::Backoff { until, .. } => Some(until),
            _ => None,
        });
        steps.chain(self.deadline()).min()
    }

    /// When the earlier of its time-outs is over: the definition's, from its start, and its own,
    /// from its acceptance.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.timeouts().map(|(since, timeout)| since.after(timeout)).min()
    }

    /// Its time-outs, each with the moment from which it counts.
    pub(super) fn timeouts(&self) -> impl Iterator<Item = (Timestamp, Duration)> {
        let planned = self.started_at.zip(self.origin.plan.timeout);
        planned.into_iter().chain(self.timeout.map(|timeout| (self.created_at, timeout)))
    }
}
