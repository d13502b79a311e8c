//! What executions and steps wait for.

use stepwell_core::Timestamp;
use stepwell_core::execution::{Execution, Status, StepState};

/// What an execution or a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// A queued execution: until there is capacity for it.
    Capacity,
    /// A step: until a point in time (`Delay`).
    Timer,
    /// A step: until its next attempt is due.
    Retry,
    /// A step: for the end of its sub-workflow.
    SubWorkflow,
    /// A step: until a signal arrives.
    Signal,
    /// A step: until an approval is decided.
    Approval,
}

impl WaitReason {
    /// The reason in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Timer => "timer",
            Self::Retry => "retry",
            Self::SubWorkflow => "sub_workflow",
            Self::Signal => "signal",
            Self::Approval => "approval",
        }
    }
}

/// The wait of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepWait {
    /// What it waits for.
    pub reason: WaitReason,
    /// Until when; `None`: unknown.
    pub until: Option<Timestamp>,
    /// The signal that it waits for.
    pub signal: Option<AwaitedSignal>,
}

/// The signal that a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedSignal {
    /// Its name.
    pub name: String,
    /// Its correlation key.
    pub key: Option<String>,
}

impl StepWait {
    const fn without_signal(reason: WaitReason, until: Option<Timestamp>) -> Self {
        Self { reason, until, signal: None }
    }
}

/// The wait of an execution in which nothing runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionWait {
    /// What it waits for.
    pub reason: WaitReason,
    /// The step that continues first.
    pub step_id: Option<String>,
    /// Until when; `None`: unknown.
    pub until: Option<Timestamp>,
    /// The signal that the step waits for.
    pub signal: Option<AwaitedSignal>,
}

/// The wait of a step in this state.
pub(super) fn step_wait(state: &StepState) -> Option<StepWait> {
    match state {
        StepState::Waiting { until, .. } => {
            Some(StepWait::without_signal(WaitReason::Timer, Some(*until)))
        }
        StepState::Backoff { until, .. } => {
            Some(StepWait::without_signal(WaitReason::Retry, Some(*until)))
        }
        StepState::Child { until, .. } => {
            Some(StepWait::without_signal(WaitReason::SubWorkflow, *until))
        }
        StepState::AwaitingSignal(wait) => Some(StepWait {
            reason: WaitReason::Signal,
            until: wait.until,
            signal: Some(AwaitedSignal { name: wait.name.clone(), key: wait.key.clone() }),
        }),
        StepState::AwaitingApproval(wait) => {
            Some(StepWait::without_signal(WaitReason::Approval, wait.until))
        }
        StepState::Block(block) => {
            let until = block.pause_until();
            until.map(|until| StepWait::without_signal(WaitReason::Timer, Some(until)))
        }
        _ => None,
    }
}

/// The wait of an execution that is queued, or in which all started steps wait.
pub(super) fn execution_wait(execution: &Execution) -> Option<ExecutionWait> {
    match execution.status() {
        Status::Queued => {
            let (reason, step_id) = (WaitReason::Capacity, None);
            Some(ExecutionWait { reason, step_id, until: None, signal: None })
        }
        Status::Waiting => {
            let waits =
                execution.steps.iter().filter_map(|(id, run)| Some((id, step_wait(&run.state)?)));
            // One without a time may take longest.
            let key = |wait: &StepWait| (wait.until.is_none(), wait.until);
            let (id, StepWait { reason, until, signal }) =
                waits.min_by_key(|(_, wait)| key(wait))?;
            let step_id = super::step_run_name(execution, &id);
            Some(ExecutionWait { reason, step_id, until, signal })
        }
        _ => None,
    }
}
