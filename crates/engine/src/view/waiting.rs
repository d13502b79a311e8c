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
}

impl WaitReason {
    /// The reason in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Timer => "timer",
            Self::Retry => "retry",
            Self::SubWorkflow => "sub_workflow",
        }
    }
}

/// The wait of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepWait {
    /// What it waits for.
    pub reason: WaitReason,
    /// Until when; `None`: unknown.
    pub until: Option<Timestamp>,
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
}

/// The wait of a step in this state.
pub(super) const fn step_wait(state: &StepState) -> Option<StepWait> {
    match state {
        StepState::Waiting { until, .. } => {
            Some(StepWait { reason: WaitReason::Timer, until: Some(*until) })
        }
        StepState::Backoff { until, .. } => {
            Some(StepWait { reason: WaitReason::Retry, until: Some(*until) })
        }
        StepState::Child { until, .. } => {
            Some(StepWait { reason: WaitReason::SubWorkflow, until: *until })
        }
        StepState::Block(block) => match block.pause_until() {
            Some(until) => Some(StepWait { reason: WaitReason::Timer, until: Some(until) }),
            None => None,
        },
        _ => None,
    }
}

/// The wait of an execution that is queued, or in which all started steps wait.
pub(super) fn execution_wait(execution: &Execution) -> Option<ExecutionWait> {
    match execution.status() {
        Status::Queued => {
            Some(ExecutionWait { reason: WaitReason::Capacity, step_id: None, until: None })
        }
        Status::Waiting => {
            let waits =
                execution.steps.iter().filter_map(|(id, run)| Some((id, step_wait(&run.state)?)));
            // One without a time may take longest.
            let key = |wait: &StepWait| (wait.until.is_none(), wait.until);
            let (id, StepWait { reason, until }) = waits.min_by_key(|(_, wait)| key(wait))?;
            let step_id = super::step_run_name(execution, &id);
            Some(ExecutionWait { reason, step_id, until })
        }
        _ => None,
    }
}
