//! The meters of all limited keys and of the workspaces that are at work.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_core::Timestamp;
use stepwell_core::cache::PoolUsage;
use stepwell_core::ids::{ExecutionId, KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_store::record::ExecutionRecord;
use stepwell_store::traits::{ActiveOf, Unfinished};

use super::meter::Meter;
use super::{BucketStatus, Limited, Limits};
use crate::objects;
use crate::runtime::engine::Engine;
use crate::workspace::Workspace;
use crate::{AppError, Caller};

/// At this number of meters, unused ones are removed.
const LEAST_PRUNED: usize = 1024;

/// Meters by owner. A meter that no caller holds and whose buckets are full is removed: the
/// executions that it counts are read from the store when it is needed again.
// A short critical section, nothing awaits under it. Requests do not look here: their caller has
// its meters at hand.
#[derive(Debug)]
struct Of<K>(Mutex<Book<K>>);

#[derive(Debug)]
struct Book<K> {
    meters: HashMap<K, Arc<Meter>>,
    /// At this length, meters that are not needed are removed.
    prune_at: usize,
}

impl<K: Hash + Eq> Of<K> {
    fn new() -> Self {
        Self(Mutex::new(Book { meters: HashMap::new(), prune_at: LEAST_PRUNED }))
    }

    fn get(&self, whose: &K) -> Option<Arc<Meter>> {
        self.lock().meters.get(whose).cloned()
    }

    fn get_or_new(&self, whose: K, now: Timestamp) -> Arc<Meter> {
        let mut book = self.lock();
        if book.meters.len() >= book.prune_at && !book.meters.contains_key(&whose) {
            book.meters.retain(|_, meter| Arc::strong_count(meter) > 1 || meter.is_in_use(now));
            book.prune_at = LEAST_PRUNED.max(2 * book.meters.len());
        }
        book.meters.entry(whose).or_insert_with(|| Arc::new(Meter::new())).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Book<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What all meters take now, and with as many executions as each may count.
    fn bytes(&self) -> (usize, usize) {
        let book = self.lock();
        let bytes = book.meters.values().map(|meter| meter.bytes());
        bytes.fold((0, 0), |all, of| (all.0 + of.0, all.1 + of.1))
    }
}

/// All meters of this node.
#[derive(Debug)]
pub(crate) struct Meters {
    keys: Of<KeyId>,
    workspaces: Of<WorkspaceId>,
    /// Whether anybody's executions are counted by their ids, or ever were.
    counting: AtomicBool,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self { keys: Of::new(), workspaces: Of::new(), counting: AtomicBool::new(false) }
    }

    /// What meters take, and what they take with as many executions as each may count.
    pub(crate) fn usage(&self) -> PoolUsage {
        let (keys, workspaces) = (self.keys.bytes(), self.workspaces.bytes());
        let (used, limit) = (keys.0 + workspaces.0, keys.1 + workspaces.1);
        PoolUsage { name: "rate_limits", used: used as u64, limit: limit as u64 }
    }

    fn of(&self, record: &ExecutionRecord) -> impl Iterator<Item = Arc<Meter>> + use<> {
        let counting = self.counting.load(Ordering::SeqCst);
        let key = record.started_by.filter(|_| counting).and_then(|key| self.keys.get(&key));
        let workspace = counting.then(|| self.workspaces.get(&record.workspace)).flatten();
        key.into_iter().chain(workspace)
    }

    /// An execution is driven here: whoever started it, it counts.
    pub(crate) fn entered(&self, record: &ExecutionRecord) {
        self.of(record).for_each(|meter| meter.active.enter(record.id));
    }

    /// An execution has ended, or never was. Saying so twice does no harm.
    pub(crate) fn left(&self, record: &ExecutionRecord) {
        self.of(record).for_each(|meter| meter.active.leave(record.id));
    }
}

/// A place among the executions that are counted, until it is kept by one that was accepted.
pub(crate) struct Place {
    limits: Limits,
    id: Option<ExecutionId>,
}

impl Place {
    /// It was accepted: it counts until it ends.
    pub(crate) fn keep(mut self) {
        self.id = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.limits.leave(id);
        }
    }
}

impl Engine {
    /// Counts the start of an execution against the caller's limits.
    pub(crate) fn admit(&self, caller: &Caller, id: ExecutionId) -> Result<Place, AppError> {
        let taken = caller.limits.take_execution(id, self.steady_now());
        taken.map_err(|limited| self.limited(limited))?;
        Ok(Place { limits: caller.limits.clone(), id: Some(id) })
    }

    /// A refusal with the moment of the wall clock at which the bucket is full again.
    pub(crate) fn limited(&self, limited: Limited) -> Limited {
        let full_at = self.to_wall_clock(limited.standing.full_at);
        Limited { standing: BucketStatus { full_at, ..limited.standing }, ..limited }
    }

    /// The limits of a key and its workspace, as they are stored now.
    pub(crate) async fn limits(
        &self,
        (key, of_key): (KeyId, RateLimits),
        workspace: WorkspaceId,
    ) -> Result<Limits, AppError> {
        let found = objects::find::<Workspace>(&*self.store, workspace).await?;
        let of_workspace = found.map_or(RateLimits::NONE, |found| found.document.limits);
        let key = if of_key == RateLimits::NONE {
            None
        } else {
            let meter = self.meters.keys.get_or_new(key, self.steady_now());
            self.limit(&meter, of_key, ActiveOf::Key(key)).await?;
            Some(meter)
        };
        let workspace = Some(self.limit_workspace(workspace, of_workspace).await?);
        Ok(Limits { key, workspace })
    }

    /// Limits a workspace so from now on.
    pub(crate) async fn limit_workspace(
        &self,
        workspace: WorkspaceId,
        limits: RateLimits,
    ) -> Result<Arc<Meter>, AppError> {
        let meter = self.meters.workspaces.get_or_new(workspace, self.steady_now());
        self.limit(&meter, limits, ActiveOf::Workspace(workspace)).await?;
        Ok(meter)
    }

    async fn limit(&self, meter: &Meter, limits: RateLimits, of: ActiveOf) -> Result<(), AppError> {
        if limits.concurrent_executions.is_none() {
            meter.set(limits, self.steady_now());
            meter.active.stop().await;
            return Ok(());
        }
        // Before it looks: whatever ends from now on is told to the meter.
        self.meters.counting.store(true, Ordering::SeqCst);
        let find = async {
            let mut found = self.store.unfinished_executions(Unfinished::active(of)).await?;
            // Those that no commit has told the store of yet.
            found.extend(self.registry.at_work(|record| match of {
                ActiveOf::Key(key) => record.started_by == Some(key),
                ActiveOf::Workspace(workspace) => record.workspace == workspace,
            }));
            Ok::<_, AppError>(found)
        };
        meter.active.fill(find).await?;
        meter.set(limits, self.steady_now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn meters_that_are_not_needed_are_removed() {
        let meters = Of::<u32>::new();
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
