//! When a runner has nothing to do.

use stepwell_core::Timestamp;
use stepwell_core::execution::Status;

use super::Runner;

/// Nothing to do for a while.
pub(super) struct Rest {
    /// When it goes on by itself; `None`: when somebody says so.
    pub(super) until: Option<Timestamp>,
}

impl Runner {
    /// Whether the execution can leave memory now: nothing is under way, and what it waits for
    /// is far, or the server stops.
    pub(super) fn rest(&self) -> Option<Rest> {
        if !self.under_way.is_empty() || !self.commands.is_empty() {
            return None;
        }
        let until = self.execution.next_wake();
        if self.draining {
            return Some(Rest { until: until.filter(|_| !self.needs_recovery()) });
        }
        if self.execution.is_busy() {
            return None;
        }
        let stays = until.is_some_and(|until| {
            let millis = until.since(self.engine.now()).as_millis();
            millis <= u128::from(self.engine.config.keep_in_memory_millis)
        });
        let can_go =
            matches!(self.execution.status(), Status::Waiting | Status::Paused | Status::Queued);
        (can_go && !stays).then_some(Rest { until })
    }
}
