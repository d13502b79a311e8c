//! The inputs of the state machine and the decisions that it returns.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::approval_wait::Verdict;
use super::blocks::BlockProgress;
use super::blocks::block_run::BodyResult;
use super::event::RecordedEvent;
use super::failure::Failure;
use super::message::{ChildLink, ChildResult, OutgoingMessage, ParentLink};
use super::rerun_source::RerunSource;
use super::state::Status;
use super::step_run_id::{AttemptId, StepRunId};
use crate::definition::concurrency::ConcurrencyPlace;
use crate::ids::ExecutionId;
use crate::{Map, Timestamp};

/// The time of an input, by both clocks, and random bits for its transition.
#[derive(Debug, Clone, Copy)]
pub struct TransitionContext {
    /// The wall clock.
    pub now: Timestamp,
    /// The monotonic clock of this process, which measures durations.
    pub elapsed: Duration,
    /// Random bits, for the jitter of retries.
    pub entropy: u64,
}

/// The input and options with which an execution is accepted.
#[derive(Debug, Clone, Default)]
pub struct AcceptanceInput {
    /// Its input, defaults filled in.
    pub input: Arc<Value>,
    /// Initial state values, which override the definition's.
    pub state: Option<Map>,
    /// The execution that had this state at its end.
    pub previous: Option<ExecutionId>,
    /// The release tag by which its release was chosen, where one was named.
    pub tag: Option<String>,
    /// Timeout from now; the definition's own applies as well.
    pub timeout: Option<Duration>,
    /// The steps that it takes over from an earlier execution.
    pub rerun: Option<Box<RerunSource>>,
    /// The step run that starts it, if it is a sub-workflow.
    pub parent: Option<Box<ParentLink>>,
    /// The variables of the workspace that its plan names, by name; `None`: it names none.
    pub variables: Option<Arc<Value>>,
    /// The place that it needs before it starts; `None`: none.
    pub concurrency: Option<Box<ConcurrencyPlace>>,
}

/// An input of the state machine.
#[derive(Debug, Clone)]
pub enum TransitionInput {
    /// Accepts the execution.
    Accept(AcceptanceInput),
    /// Takes the execution from the queue.
    Start,
    /// An attempt of a step ended.
    StepEnded {
        /// The attempt that ended; the result of another one is rejected.
        attempt: AttemptId,
        /// Its result.
        result: Result<StepResult, AttemptError>,
    },
    /// The runtime has the place that a [`Command::TakePlace`] demanded.
    PlaceTaken(AttemptId),
    /// A running attempt stored its progress.
    StepCheckpoint {
        /// The attempt; the progress of another one is rejected.
        attempt: AttemptId,
        /// What the next attempt gets.
        value: Arc<Value>,
    },
    /// Items that a [`Command::RunItems`] named have ended.
    ItemsEnded {
        /// The run of the block.
        step: StepRunId,
        /// The first item.
        first: u32,
        /// The results, in the order of the items; not necessarily of all that are left.
        results: Vec<BodyResult>,
    },
    /// The runtime has started the execution that a [`Command::StartChild`] demanded.
    ChildStarted {
        /// The attempt that demanded it.
        attempt: AttemptId,
        /// The execution.
        child: ChildLink,
        /// Whether the step waits for its end.
        waits: bool,
    },
    /// The sub-workflow of a step has ended.
    ChildEnded {
        /// The step run.
        step: StepRunId,
        /// The sub-workflow; the end of another one is rejected.
        child: ExecutionId,
        /// How it ended.
        result: ChildResult,
    },
    /// A running step wrote a log line.
    StepLogged {
        /// The step run.
        step: StepRunId,
        /// `info`, `warn` or `error`.
        level: String,
        /// The text.
        message: String,
    },
    /// A timer fired: everything that is due at `now` happens.
    Timer,
    /// The node that ran the execution stopped: running attempts are repeated.
    Recover,
    /// A signal arrived.
    Signal(SignalInput),
    /// An approver decided about an approval.
    Decide(DecisionInput),
    /// Start no further steps.
    Pause,
    /// Continue.
    Resume,
    /// Evaluate what a [`Command::Evaluate`] named, with the full budget.
    Evaluate {
        /// The step run, also of a block that continues; `None`: the outputs.
        step: Option<StepRunId>,
    },
    /// The evaluation that a [`Command::Evaluate`] named failed.
    EvaluationFailed {
        /// The step run; `None`: the outputs.
        step: Option<StepRunId>,
        /// Of a block that had started, how far it was when the evaluation began
        /// ([`Execution::block_progress`]): if it has continued since, the failure is not about it.
        ///
        /// [`Execution::block_progress`]: super::Execution::block_progress
        progress: Option<BlockProgress>,
        /// Why.
        failure: Failure,
    },
    /// Continue what a [`Command::Continue`] named.
    Continue {
        /// The run of a block.
        step: StepRunId,
    },
    /// Fails the execution because the runtime cannot continue it.
    Abort {
        /// Why.
        error: Failure,
    },
    /// Ends the execution.
    Cancel {
        /// The reason stated by the caller.
        reason: Option<String>,
    },
}

/// A decision about an approval.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionInput {
    /// The attempt that waits for the approval.
    pub approval: AttemptId,
    /// Who decides.
    pub approver: String,
    /// What is decided.
    pub action: DecisionAction,
}

/// What an approver decides.
#[derive(Debug, Clone, PartialEq)]
pub enum DecisionAction {
    /// A vote.
    Vote {
        /// The vote.
        verdict: Verdict,
        /// A comment.
        comment: Option<String>,
        /// The data of the form.
        data: Arc<Value>,
    },
    /// Another approver decides instead.
    Delegate {
        /// The other approver.
        to: String,
        /// A comment.
        comment: Option<String>,
    },
}

/// A signal for an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalInput {
    /// Its name.
    pub name: String,
    /// Its correlation key; `None`: it is for any step that waits for its name.
    pub key: Option<String>,
    /// The id that the sender gave it: it is received once.
    pub id: Option<String>,
    /// Its data, the output of the step that consumes it.
    pub data: Arc<Value>,
    /// What to do if no step waits for it.
    pub unawaited: UnawaitedSignal,
}

/// What happens to a signal that no step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnawaitedSignal {
    /// It is kept for a step that waits for it later.
    Keep,
    /// It is rejected.
    Reject,
}

/// The result of a successful attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    /// Its output.
    pub output: Arc<Value>,
    /// The output port; `None`: the default port.
    pub port: Option<String>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptError {
    /// Code, message, details.
    pub failure: Failure,
    /// Whether another attempt may succeed.
    pub retryable: bool,
    /// The shortest pause before another attempt.
    pub retry_after: Option<Duration>,
}

/// An instruction of the state machine to the runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run an attempt of a step, with the input and configuration of its step run. Its
    /// idempotency key contains execution and step run, and is the same for each attempt.
    Run(AttemptId),
    /// Run items of a `Map` on a copy of the execution ([`Execution::copy_for_items`]), and report
    /// their results by [`TransitionInput::ItemsEnded`]. How many at a time is up to the runtime.
    /// A `Stop` with the same step run ends it. It may be repeated while it is carried out.
    ///
    /// [`Execution::copy_for_items`]: super::Execution::copy_for_items
    RunItems {
        /// The run of the block.
        step: StepRunId,
        /// The first item.
        first: u32,
    },
    /// Take a place under the concurrency limit of the step, by [`TransitionInput::PlaceTaken`], as
    /// soon as one is free. The attempt has it until it ends, or a `Stop` with the same step run.
    /// It may be repeated while the attempt waits.
    TakePlace(AttemptId),
    /// Start the sub-workflow of a step, by [`TransitionInput::ChildStarted`], or end the attempt.
    /// The execution and the event of its start become durable in one transaction.
    StartChild(AttemptId),
    /// Evaluate expressions that may take long, by [`TransitionInput::Evaluate`].
    Evaluate {
        /// The step run to start; `None`: the outputs.
        step: Option<StepRunId>,
    },
    /// Continue with a block, by [`TransitionInput::Continue`], after other work: it has started as
    /// many bodies as one transition may.
    Continue {
        /// The run of the block.
        step: StepRunId,
    },
    /// Stop the running attempt of a step, or the items of a block; its result is not needed any
    /// more.
    Stop {
        /// The step run.
        step: StepRunId,
    },
}

/// The events and commands that result from an input.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// Events to be journaled, in order.
    pub events: Vec<RecordedEvent>,
    /// Commands for the runtime; `Recover` repeats those of a crashed node.
    pub commands: Vec<Command>,
    /// Messages to other executions, to be stored with the events.
    pub messages: Vec<OutgoingMessage>,
}

/// The input is not allowed in the execution's present state; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// The execution has ended.
    #[error("the execution has ended")]
    Ended(Status),
    /// The execution was accepted or started before.
    #[error("the execution was started before")]
    AlreadyStarted,
    /// The execution was not accepted or started yet.
    #[error("the execution was not started yet")]
    NotStarted,
    /// The execution has failed, and its compensations run.
    #[error("the execution has failed, and its steps are being compensated")]
    Compensating,
    /// The execution is paused already.
    #[error("the execution is paused already")]
    AlreadyPaused,
    /// The execution is not paused.
    #[error("the execution is not paused")]
    NotPaused,
    /// The attempt or evaluation is not running (any more).
    #[error("no such attempt is running")]
    Stale,
    /// This approver may not decide about the approval.
    #[error("this approver may not decide about the approval")]
    NotApprover,
    /// The approver has voted before.
    #[error("the approver has voted before")]
    AlreadyVoted,
    /// The other approver may decide already.
    #[error("the other approver may decide already")]
    AlreadyApprover,
    /// No step waits for the signal.
    #[error("no step waits for this signal")]
    NotAwaited,
    /// A signal with the same name and id was received before.
    #[error("the signal was received before")]
    RepeatedSignal,
    /// As many signals are kept as may be.
    #[error("the execution keeps too many signals already")]
    TooManySignals,
    /// The evaluation was interrupted.
    #[error("the evaluation was interrupted")]
    Interrupted,
}
