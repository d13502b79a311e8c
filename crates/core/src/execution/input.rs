//! What an execution can be told, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::event::{Recorded, Rerun};
use super::failure::Failure;
use super::state::Status;
use super::step_run_id::{AttemptId, StepRunId};
use crate::ids::ExecutionId;
use crate::{Map, Timestamp};

/// When an input arrives, by both clocks, and the randomness it may use.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Now, by the wall clock.
    pub now: Timestamp,
    /// The reading of the monotonic clock of this process, which measures lengths of time.
    pub elapsed: Duration,
    /// Random bits, for the jitter of retries.
    pub entropy: u64,
}

/// What an execution is accepted with.
#[derive(Debug, Clone, Default)]
pub struct Acceptance {
    /// Its input, defaults filled in.
    pub input: Arc<Value>,
    /// State values that it begins with, over the definition's own.
    pub state: Option<Map>,
    /// The execution whose state that was.
    pub previous: Option<ExecutionId>,
    /// The release tag by which its release was chosen, where one was named.
    pub tag: Option<String>,
    /// How long it may take from now on, beside the definition's own time-out.
    pub timeout: Option<Duration>,
    /// What it takes over from an earlier execution.
    pub rerun: Option<Box<Rerun>>,
}

/// What an execution can be told.
#[derive(Debug, Clone)]
pub enum Input {
    /// It is accepted.
    Accept(Acceptance),
    /// It may leave the queue.
    Start,
    /// An attempt of a step ended.
    StepEnded {
        /// The attempt that ended; another one's result is refused.
        attempt: AttemptId,
        /// How.
        result: Result<Done, Fault>,
    },
    /// A step under way wrote a log line.
    StepLogged {
        /// The step run.
        step: StepRunId,
        /// `info`, `warn` or `error`.
        level: String,
        /// The text.
        message: String,
    },
    /// Time has gone on: whatever is due at the moment's `now` happens.
    Timer,
    /// The node that ran it is gone: what was under way is run again.
    Recover,
    /// Start nothing further.
    Pause,
    /// Go on.
    Resume,
    /// Evaluate what a [`Command::Evaluate`] named, with the whole budget.
    Evaluate {
        /// The step run; `None`: the outputs.
        step: Option<StepRunId>,
    },
    /// The evaluation that a [`Command::Evaluate`] named was given up.
    EvaluationFailed {
        /// The step run; `None`: the outputs.
        step: Option<StepRunId>,
        /// Why.
        failure: Failure,
    },
    /// The runtime cannot go on with it: it fails.
    Abort {
        /// Why.
        error: Failure,
    },
    /// Stop for good.
    Cancel {
        /// Why, in somebody's words.
        reason: Option<String>,
    },
}

/// What a step made.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// Its output.
    pub output: Arc<Value>,
    /// The port it leaves by; `None`: the usual way.
    pub port: Option<String>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Code, message, details.
    pub failure: Failure,
    /// Whether another attempt may help.
    pub retryable: bool,
    /// The shortest pause before another attempt.
    pub retry_after: Option<Duration>,
}

/// What the runtime has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run an attempt of a step, with the input and configuration of its step run. Its
    /// idempotency key is made of execution and step run, the same for each attempt.
    Run(AttemptId),
    /// Evaluate expressions that may take long, by [`Input::Evaluate`].
    Evaluate {
        /// The step run to start; `None`: the outputs.
        step: Option<StepRunId>,
    },
    /// Stop the attempt of a step that is under way; its result is not wanted any more.
    Stop {
        /// The step run.
        step: StepRunId,
    },
}

/// What follows from an input.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// To be journaled, in order.
    pub events: Vec<Recorded>,
    /// To be done; those of a crashed node come again by `Recover`.
    pub commands: Vec<Command>,
}

/// The input does not fit where the execution stands; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has ended.
    #[error("the execution has ended")]
    Ended(Status),
    /// It was accepted or started before.
    #[error("the execution was started before")]
    AlreadyStarted,
    /// It was not accepted or started yet.
    #[error("the execution was not started yet")]
    NotStarted,
    /// It is paused already.
    #[error("the execution is paused already")]
    AlreadyPaused,
    /// It is not paused.
    #[error("the execution is not paused")]
    NotPaused,
    /// A result of an attempt that is not under way (any more).
    #[error("no such attempt is under way")]
    Stale,
    /// The evaluation was interrupted.
    #[error("the evaluation was interrupted")]
    Interrupted,
}
