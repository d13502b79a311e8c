//! The meters of all limited keys and of the workspaces that are in use.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_core::Timestamp;
use stepwell_core::cache::PoolUsage;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_store::record::ExecutionRecord;

use super::meter::Meter;

/// At this number of meters, unused ones are removed.
const LEAST_PRUNED: usize = 1024;

/// Meters by owner. A meter that no caller holds and whose buckets are full is removed: the
/// executions that it counts are read from the store when it is needed again.
// A short critical section, nothing awaits under it. Requests do not lock it: their caller holds
// its meters.
#[derive(Debug)]
struct MetersByOwner<K>(Mutex<Entries<K>>);

#[derive(Debug)]
struct Entries<K> {
    meters: HashMap<K, Arc<Meter>>,
    /// At this length, meters that are not needed are removed.
    prune_at: usize,
}

impl<K: Hash + Eq> MetersByOwner<K> {
    fn new() -> Self {
        Self(Mutex::new(Entries { meters: HashMap::new(), prune_at: LEAST_PRUNED }))
    }

    fn get(&self, owner: &K) -> Option<Arc<Meter>> {
        self.lock().meters.get(owner).cloned()
    }

    fn get_or_new(&self, owner: K, now: Timestamp) -> Arc<Meter> {
        let mut entries = self.lock();
        if entries.meters.len() >= entries.prune_at && !entries.meters.contains_key(&owner) {
            entries.meters.retain(|_, meter| Arc::strong_count(meter) > 1 || meter.is_in_use(now));
            entries.prune_at = LEAST_PRUNED.max(2 * entries.meters.len());
        }
        entries.meters.entry(owner).or_insert_with(|| Arc::new(Meter::new())).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The memory of all meters: now, and with as many executions as each may count.
    fn bytes(&self) -> (usize, usize) {
        let entries = self.lock();
        let bytes = entries.meters.values().map(|meter| meter.bytes());
        bytes.fold((0, 0), |all, of| (all.0 + of.0, all.1 + of.1))
    }
}

/// All meters of this node.
#[derive(Debug)]
pub(crate) struct Meters {
    keys: MetersByOwner<KeyId>,
    workspaces: MetersByOwner<WorkspaceId>,
    /// Whether executions were ever counted by their ids.
    counting: AtomicBool,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            keys: MetersByOwner::new(),
            workspaces: MetersByOwner::new(),
            counting: AtomicBool::new(false),
        }
    }

    /// The meter of a key, created if there is none.
    pub(crate) fn of_key(&self, key: KeyId, now: Timestamp) -> Arc<Meter> {
        self.keys.get_or_new(key, now)
    }

    /// The meter of a workspace, created if there is none.
    pub(crate) fn of_workspace(&self, workspace: WorkspaceId, now: Timestamp) -> Arc<Meter> {
        self.workspaces.get_or_new(workspace, now)
    }

    /// Counts executions by their ids from now on.
    pub(crate) fn start_counting(&self) {
        self.counting.store(true, Ordering::SeqCst);
    }

    /// The memory of meters: now, and with as many executions as each may count.
    pub(crate) fn usage(&self) -> PoolUsage {
        let (keys, workspaces) = (self.keys.bytes(), self.workspaces.bytes());
        let (used, limit) = (keys.0 + workspaces.0, keys.1 + workspaces.1);
        PoolUsage::new("rate_limits", used as u64, limit as u64)
    }

    fn of(&self, record: &ExecutionRecord) -> impl Iterator<Item = Arc<Meter>> + use<> {
        let counting = self.counting.load(Ordering::SeqCst);
        let key = record.started_by.filter(|_| counting).and_then(|key| self.keys.get(&key));
        let workspace = counting.then(|| self.workspaces.get(&record.workspace)).flatten();
        key.into_iter().chain(workspace)
    }

    /// Counts an execution that is driven on this node.
    pub(crate) fn entered(&self, record: &ExecutionRecord) {
        self.of(record).for_each(|meter| meter.active.enter(record.id));
    }

    /// Stops counting an execution that has ended or was not accepted. Idempotent.
    pub(crate) fn left(&self, record: &ExecutionRecord) {
        self.of(record).for_each(|meter| meter.active.leave(record.id));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stepwell_core::rate::RateLimits;

    use super::*;

    #[test]
    fn unused_meters_are_removed() {
        let meters = MetersByOwner::<u32>::new();
        let start = Timestamp::from_millis(1_000);
        let held = meters.get_or_new(0, start);
        let used = meters.get_or_new(1, start);
        used.set(RateLimits { requests_per_minute: Some(1), ..RateLimits::NONE }, start);
        used.requests.take(start).unwrap();
        drop(used);
        let fill = |range: std::ops::Range<u32>, now: Timestamp| {
            range.for_each(|n| drop(meters.get_or_new(n, now)));
            assert!(meters.lock().meters.len() <= LEAST_PRUNED);
        };
        fill(2..5_000, start);
        assert!(meters.get(&0).is_some_and(|meter| Arc::ptr_eq(&meter, &held)));
        assert!(meters.get(&1).is_some(), "its limit is still used up");
        fill(5_000..10_000, start.after(Duration::from_secs(61)));
        assert!(meters.get(&0).is_some());
        assert!(meters.get(&1).is_none());
    }
}
