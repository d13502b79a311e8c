//! What is known of an execution at one moment: its journal folded up.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::redaction::Redaction;
use super::waits::Waits;
use crate::definition::SharedPlan;
use crate::expr::SecretInsertion;
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

/// Where a step of an execution stands. The data of a state lives in its variant only.
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// Not reached yet.
    Pending,
    /// An attempt is under way. Begun by `StepStarted`.
    Running {
        /// From 1.
        attempt: u32,
    },
    /// It waits by itself. Begun by `StepWaiting`, ended by `StepCompleted`.
    Waiting {
        /// Since when.
        since: Timestamp,
        /// When it goes on.
        until: Timestamp,
    },
    /// An attempt failed, the next one waits. Begun by `StepRetrying`, ended by `StepStarted`.
    Backoff {
        /// The attempt that failed.
        attempt: u32,
        /// When it failed.
        since: Timestamp,
        /// When the next one begins.
        until: Timestamp,
        /// Why it failed.
        error: Failure,
    },
    /// Final. By `StepCompleted`.
    Completed {
        /// What it made.
        output: Arc<Value>,
        /// The port it left by.
        port: Option<String>,
    },
    /// Final. By `StepFailed`.
    Failed {
        /// Why.
        error: Failure,
        /// Whether the execution goes on.
        handled: bool,
    },
    /// Final. By `StepSkipped`.
    Skipped,
    /// Final. By `StepCancelled`.
    Cancelled,
}

impl StepState {
    /// Whether nothing can follow.
    pub const fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Completed { .. } | Self::Failed { .. } | Self::Skipped | Self::Cancelled
        )
    }

    /// The word that expressions see.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running { .. } | Self::Backoff { .. } => "running",
            Self::Waiting { .. } => "waiting",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What is known of one step run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRun {
    /// Where it stands.
    pub state: StepState,
    /// How many attempts have begun.
    pub attempts: u32,
    /// What the last attempt was given.
    pub input: Option<Arc<Value>>,
    /// The configuration of the last attempt, where it was made by expressions.
    pub config: Option<Arc<Value>>,
    /// The secrets that are inserted into both before the step runs, by pointers from
    /// `{"input", "config"}`; `None`: it uses none, or began under a version that did not say.
    pub secrets: Option<Vec<SecretInsertion>>,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it settled; `None` for a step that never began.
    pub ended_at: Option<Timestamp>,
    /// Whether it was taken over from an earlier execution and is not run here.
    pub reused: bool,
}

impl StepRun {
    pub(super) const PENDING: Self = Self {
        state: StepState::Pending,
        attempts: 0,
        input: None,
        config: None,
        secrets: None,
        started_at: None,
        ended_at: None,
        reused: false,
    };
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
    /// In the order of the plan.
    pub steps: Vec<StepRun>,
    /// The state.
    pub state: Map,
    /// The execution whose last state it began with.
    pub previous: Option<ExecutionId>,
    /// The release tag by which its release was chosen.
    pub tag: Option<String>,
    /// How long it may take from its acceptance on, beside the definition's own time-out.
    pub timeout: Option<Duration>,
    /// The execution that it is run again from.
    pub rerun_of: Option<ExecutionId>,
    /// A step's input instead of the one that its binding would make.
    pub(super) given: Option<(usize, Arc<Value>)>,
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
    /// How many steps are not settled.
    pub(super) open: usize,
    /// Keeps secrets out of its events; `None`: it has none.
    pub(super) redaction: Option<Box<Redaction>>,
    /// What is left of its waits, by the monotonic clock.
    pub(super) waits: Waits,
}

impl Execution {
    /// An execution of which nothing is known yet.
    pub fn new(origin: Origin) -> Self {
        let steps = vec![StepRun::PENDING; origin.plan.steps.len()];
        Self {
            phase: Status::Queued,
            seq: 0,
            input: Arc::new(Value::Null),
            state: origin.plan.state.clone(),
            previous: None,
            tag: None,
            timeout: None,
            rerun_of: None,
            given: None,
            created_at: Timestamp::default(),
            started_at: None,
            ended_at: None,
            output: None,
            error: None,
            open: steps.len(),
            waits: Waits::default(),
            steps,
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
                .iter()
                .any(|s| matches!(s.state, StepState::Waiting { .. } | StepState::Backoff { .. }))
            && !self.is_busy();
        if waits { Status::Waiting } else { self.phase }
    }

    /// Whether an attempt of a step is under way.
    pub fn is_busy(&self) -> bool {
        self.steps.iter().any(|s| matches!(s.state, StepState::Running { .. }))
    }

    /// When it must be looked at next, if nothing else happens: the earliest of its time-out, its
    /// waits and its retries, as the wall clock was when they began. See
    /// [`Execution::wakes_in`] for what is left of it.
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.phase.is_final() || self.phase == Status::Queued {
            return None;
        }
        let steps = self.steps.iter().filter_map(|s| match s.state {
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
