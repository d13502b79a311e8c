//! Executions that are recovered alone, because they made no progress at earlier recoveries.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stepwell_core::ids::ExecutionId;

/// The suspects that wait for their recovery. Nothing else wakes them.
#[derive(Default)]
pub(crate) struct Suspects {
    // A short critical section, nothing awaits under it; mostly empty.
    waiting: Mutex<HashSet<ExecutionId>>,
}

impl Suspects {
    fn lock(&self) -> MutexGuard<'_, HashSet<ExecutionId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the execution waits for its recovery.
    pub(crate) fn contains(&self, id: ExecutionId) -> bool {
        self.lock().contains(&id)
    }

    pub(crate) fn add(&self, ids: impl IntoIterator<Item = ExecutionId>) {
        self.lock().extend(ids);
    }

    pub(crate) fn remove(&self, id: ExecutionId) {
        self.lock().remove(&id);
    }
}
