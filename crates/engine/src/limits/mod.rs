//! Rate limits: the usage of keys and workspaces.
//!
//! Rates are token buckets and are kept in this node's memory only: a bucket is one atomic number,
//! a request takes a token without a lock and without the store, and each node counts for itself.
//! Executions that run at the same time are counted by their ids, so that the count stays right
//! after a restart (the store knows which have not ended) and when an end is reported twice.
//!
//! The limits themselves are part of the documents of keys and workspaces.

mod active;
mod meter;
mod meters;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::ExecutionId;
pub use stepwell_core::rate::BucketStatus;

use meter::AtomicBucket;
pub(crate) use meter::Meter;
pub(crate) use meters::Meters;

/// The owner of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitOwner {
    /// The key.
    Key,
    /// The key's workspace.
    Workspace,
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Requests per minute.
    Requests,
    /// Executions started per second.
    Executions,
    /// Executions at the same time.
    Concurrent,
}

/// A limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// The owner of the limit.
    pub owner: LimitOwner,
    /// What is limited.
    pub kind: LimitKind,
    /// The status of the bucket.
    pub standing: BucketStatus,
    /// The time after which to retry.
    pub retry_after: Duration,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.standing.limit;
        let (one, rate) = match self.kind {
            LimitKind::Requests => ("request", "a minute"),
            LimitKind::Executions => ("execution", "a second"),
            LimitKind::Concurrent => ("execution", "at a time"),
        };
        let s = if limit == 1 { "" } else { "s" };
        let owner = match self.owner {
            LimitOwner::Key => "this key",
            LimitOwner::Workspace => "this workspace",
        };
        write!(f, "the limit of {limit} {one}{s} {rate} for {owner} is used up; ")?;
        match self.kind {
            LimitKind::Concurrent => f.write_str("wait for one to end, or cancel one"),
            // As in the header `Retry-After`.
            _ => write!(f, "try again in {} s", self.retry_after.as_micros().div_ceil(1_000_000)),
        }
    }
}

/// The limits of a caller: those of its key and those of its workspace. By default none, as for
/// the process itself.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub(crate) key: Option<Arc<Meter>>,
    pub(crate) workspace: Option<Arc<Meter>>,
}

impl Limits {
    fn meters(&self) -> impl Iterator<Item = (LimitOwner, &Arc<Meter>)> {
        let key = self.key.iter().map(|meter| (LimitOwner::Key, meter));
        key.chain(self.workspace.iter().map(|meter| (LimitOwner::Workspace, meter)))
    }

    /// Counts a request.
    pub(crate) fn take_request(&self, now: Timestamp) -> Result<(), Limited> {
        self.take(LimitKind::Requests, |meter| &meter.requests, now)
    }

    /// Counts the start of an execution, and the execution as a running one.
    pub(crate) fn take_execution(&self, id: ExecutionId, now: Timestamp) -> Result<(), Limited> {
        self.enter(id, now)?;
        self.take(LimitKind::Executions, |meter| &meter.executions, now)
            .inspect_err(|_| self.leave(id))
    }

    /// Takes a token of the key's bucket and one of the workspace's, or none of both. The key's is
    /// first: a key above its own limit takes nothing from the others of its workspace.
    fn take(
        &self,
        kind: LimitKind,
        of: fn(&Meter) -> &AtomicBucket,
        now: Timestamp,
    ) -> Result<(), Limited> {
        for (owner, meter) in self.meters() {
            if let Err((standing, retry_after)) = of(meter).take(now) {
                if let (LimitOwner::Workspace, Some(key)) = (owner, &self.key) {
                    of(key).give_back();
                }
                return Err(Limited { owner, kind, standing, retry_after });
            }
        }
        Ok(())
    }

    fn enter(&self, id: ExecutionId, now: Timestamp) -> Result<(), Limited> {
        for (owner, meter) in self.meters() {
            if let Err(limit) = meter.try_enter(id) {
                self.leave(id);
                // It is not known when the next one ends.
                let retry_after = Duration::from_secs(1);
                let full_at = now.after(retry_after);
                let standing = BucketStatus { limit, remaining: 0, full_at };
                return Err(Limited { owner, kind: LimitKind::Concurrent, standing, retry_after });
            }
        }
        Ok(())
    }

    pub(crate) fn leave(&self, id: ExecutionId) {
        self.meters().for_each(|(_, meter)| meter.active.leave(id));
    }

    /// The status of the limit on requests that has the least left, otherwise of that on
    /// executions; `None` without limits.
    pub(crate) fn standing(&self, now: Timestamp) -> Option<BucketStatus> {
        let least = |of: fn(&Meter) -> &AtomicBucket| {
            let all = self.meters().filter_map(|(_, meter)| of(meter).standing(now));
            all.min_by_key(|standing| standing.remaining)
        };
        least(|meter| &meter.requests).or_else(|| least(|meter| &meter.executions))
    }
}

#[cfg(test)]
mod tests;
