//! What executions and steps wait for.

use stepwell_core::Timestamp;
use stepwell_core::execution::{ConcurrencyPlace, Execution, Status, StepState};
use stepwell_store::record::ExecutionRecord;

/// What an execution or a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// A queued execution: until there is capacity for it.
    Capacity,
    /// A queued execution, or a step: until it has a place under its concurrency limit.
    Concurrency,
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
            Self::Concurrency => "concurrency",
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
    /// The place that it waits for.
    pub place: Option<AwaitedPlace>,
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
        Self { reason, until, signal: None, place: None }
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
    /// The place that the execution waits for.
    pub place: Option<AwaitedPlace>,
}

/// The place that an execution or a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedPlace {
    /// How many may have a place with the key at the same time.
    pub limit: u32,
    /// The key; `None`: the one of all.
    pub key: Option<String>,
    /// The position in the queue of the key, from 1; `None`: not read.
    pub position: Option<u64>,
}

impl AwaitedPlace {
    fn of(needed: &ConcurrencyPlace) -> Self {
        let ConcurrencyPlace { key, limit } = needed;
        let key = Some(key).filter(|key| !key.is_empty()).cloned();
        Self { limit: *limit, key, position: None }
    }
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
            place: None,
        }),
        StepState::AwaitingPlace(place) => Some(StepWait {
            place: Some(AwaitedPlace::of(place)),
            ..StepWait::without_signal(WaitReason::Concurrency, None)
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
pub(super) fn execution_wait(
    execution: &Execution,
    record: &ExecutionRecord,
) -> Option<ExecutionWait> {
    match execution.status() {
        Status::Queued => {
            let place = record.concurrency.as_ref().filter(|place| !place.is_granted);
            let place = place.map(|place| AwaitedPlace::of(&place.needed));
            let reason = match place {
                Some(_) => WaitReason::Concurrency,
                None => WaitReason::Capacity,
            };
            Some(ExecutionWait { reason, step_id: None, until: None, signal: None, place })
        }
        Status::Waiting => {
            let waits =
                execution.steps.iter().filter_map(|(id, run)| Some((id, step_wait(&run.state)?)));
            // One without a time may take longest.
            let key = |wait: &StepWait| (wait.until.is_none(), wait.until);
            let (id, StepWait { reason, until, signal, place }) =
                waits.min_by_key(|(_, wait)| key(wait))?;
            let step_id = crate::execution_log::step_run_name(execution, &id);
            Some(ExecutionWait { reason, step_id, until, signal, place })
        }
        _ => None,
    }
}
