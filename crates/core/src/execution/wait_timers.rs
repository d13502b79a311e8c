//! The ends of pending waits by the monotonic clock.

use std::collections::BTreeMap;
use std::time::Duration;

use super::step_run_id::StepRunId;

/// The pending waits of an execution. Not part of the journal.
#[derive(Debug, Clone, Default)]
pub(super) struct WaitTimers {
    /// The waits of step runs that wait or have waited.
    pub(super) steps: BTreeMap<StepRunId, WaitTimer>,
    /// When the timeouts of blocks end.
    pub(super) blocks: BTreeMap<StepRunId, Duration>,
    /// When the earlier timeout of the execution ends.
    pub(super) timeout: Option<Duration>,
}

/// The end of one wait.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WaitTimer {
    /// The end by the monotonic clock; `None`: the wall clock alone decides.
    pub(super) due: Option<Duration>,
    /// Whether it ends when the wall clock reaches a point in time.
    pub(super) for_moment: bool,
}

impl WaitTimers {
    /// Whether the step waits for a point in time of the wall clock.
    pub(super) fn is_for_moment(&self, step: &StepRunId) -> bool {
        self.steps.get(step).is_some_and(|wait| wait.for_moment)
    }
}
