//! Whether a runner has nothing to do.

use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_store::record::ExecutionRecord;

use super::Runner;
use crate::runtime::time::CLOCK_TOLERANCE;

/// The execution can leave memory.
pub(super) struct Idle {
    /// When it must be woken; `None`: by a message or the queue only.
    pub(super) until: Option<Timestamp>,
}

impl Runner {
    /// Whether the execution can leave memory: no step is running, and what it waits for is distant, or
    /// the server stops.
    pub(super) fn idle_until(&self) -> Option<Idle> {
        if !self.under_way.is_empty() || !self.commands.is_empty() {
            return None;
        }
        let (now, elapsed) = self.engine.clocks();
        let left = self.execution.wakes_in(now, elapsed);
        let until = left.zip(self.execution.next_wake()).map(|(left, planned)| {
            let at = now.after(left);
            // Unless the wall clock was set, the time in the journal is right.
            let moved = at.since(planned).max(planned.since(at));
            if moved < CLOCK_TOLERANCE { planned } else { at }
        });
        // Only the end of a sub-workflow, a signal or a decision wakes it.
        let waits_for_message = until.is_none() && self.execution.status() == Status::Waiting;
        let until = if waits_for_message { Some(ExecutionRecord::NO_WAKE) } else { until };
        if self.draining {
            return Some(Idle { until: until.filter(|_| !self.needs_recovery()) });
        }
        if self.execution.is_busy() {
            return None;
        }
        // It keeps its turn for a place under the concurrency limit of a step.
        let is_paused = self.execution.status() == Status::Paused;
        if !is_paused && !self.places.is_empty() {
            return None;
        }
        let keep = Duration::from_millis(self.engine.config().keep_in_memory_millis);
        let stays = left.is_some_and(|left| left <= keep);
        let can_go =
            matches!(self.execution.status(), Status::Waiting | Status::Paused | Status::Queued);
        (can_go && !stays).then_some(Idle { until })
    }
}
