//! The plans that are in memory, held by executions, by the cache, or by both.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use stepwell_core::definition::{Plan, SharedPlan};

use super::plans::ReleaseKey;

/// At this number of entries, those of dropped plans are removed.
const LEAST_PRUNED: usize = 64;

/// Plans by release. An entry does not keep its plan in memory.
#[derive(Default)]
pub(crate) struct LivePlans {
    // Look-ups, and now and then a walk over the entries; nothing awaits under it.
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_release: HashMap<ReleaseKey, Weak<Plan>>,
    /// At this length, entries of plans that are gone are removed.
    prune_at: usize,
}

impl LivePlans {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plan of the release, if it is in memory.
    pub(crate) fn get(&self, key: &ReleaseKey) -> Option<SharedPlan> {
        self.lock().by_release.get(key)?.upgrade()
    }

    /// Adds a plan.
    pub(crate) fn insert(&self, key: ReleaseKey, plan: &SharedPlan) {
        let mut entries = self.lock();
        if entries.by_release.len() >= entries.prune_at {
            entries.by_release.retain(|_, plan| plan.strong_count() > 0);
            entries.prune_at = LEAST_PRUNED.max(2 * entries.by_release.len());
        }
        entries.by_release.insert(key, Arc::downgrade(plan));
    }

    /// How many bytes all plans in memory take.
    pub(crate) fn bytes(&self) -> u64 {
        let entries = self.lock();
        let plans = entries.by_release.values().filter_map(Weak::upgrade);
        plans.map(|plan| plan.memory_bytes as u64).sum()
    }
}
