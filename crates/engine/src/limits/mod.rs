//! Rate limits: how much of what a key or its workspace may use is used up.
//!
//! Rates are token buckets and are kept in this node's memory only: a bucket is one atomic number,
//! a request takes a token without a lock and without the store, and each node counts for itself.
//! Executions that run at the same time are counted by their ids, so that neither a restart (the
//! store knows which are not ended) nor anything told twice makes the count wrong.
//!
//! Nothing here decides what is limited: that is said by the key's and the workspace's records.

mod active;
mod book;
mod meter;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::ExecutionId;
pub use stepwell_core::rate::BucketStatus;

pub(crate) use book::Meters;
use meter::{Meter, Rated};

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of the key.
    Key,
    /// That of its workspace.
    Workspace,
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
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
    /// Whose it is.
    pub whose: Whose,
    /// What is limited.
    pub what: What,
    /// How it stands.
    pub standing: BucketStatus,
    /// When to try again.
    pub retry_after: Duration,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.standing.limit;
        let (one, rate) = match self.what {
            What::Requests => ("request", "a minute"),
            What::Executions => ("execution", "a second"),
            What::Concurrent => ("execution", "at a time"),
        };
        let s = if limit == 1 { "" } else { "s" };
        let whose = match self.whose {
            Whose::Key => "this key",
            Whose::Workspace => "this workspace",
        };
        write!(f, "the limit of {limit} {one}{s} {rate} for {whose} is used up; ")?;
        match self.what {
            What::Concurrent => f.write_str("wait for one to end, or cancel one"),
            // As the header `Retry-After` has it.
            _ => write!(f, "try again in {} s", self.retry_after.as_micros().div_ceil(1_000_000)),
        }
    }
}

/// The limits that a caller is held to: those of its key and those of its workspace. By default
/// none: so it is for the process itself.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub(crate) key: Option<Arc<Meter>>,
    pub(crate) workspace: Option<Arc<Meter>>,
}

impl Limits {
    fn meters(&self) -> impl Iterator<Item = (Whose, &Arc<Meter>)> {
        let key = self.key.iter().map(|meter| (Whose::Key, meter));
        key.chain(self.workspace.iter().map(|meter| (Whose::Workspace, meter)))
    }

    /// Counts a request.
    pub(crate) fn take_request(&self, now: Timestamp) -> Result<(), Limited> {
        self.take(What::Requests, |meter| &meter.requests, now)
    }

    /// Counts the start of an execution, as one that runs as well.
    pub(crate) fn take_execution(&self, id: ExecutionId, now: Timestamp) -> Result<(), Limited> {
        self.enter(id, now)?;
        self.take(What::Executions, |meter| &meter.executions, now).inspect_err(|_| self.leave(id))
    }

    /// A token of the key's bucket and one of the workspace's, or none of either. The key comes
    /// first: one that is over its own limit takes nothing from the others of its workspace.
    fn take(&self, what: What, of: fn(&Meter) -> &Rated, now: Timestamp) -> Result<(), Limited> {
        for (whose, meter) in self.meters() {
            if let Err((standing, retry_after)) = of(meter).take(now) {
                if let (Whose::Workspace, Some(key)) = (whose, &self.key) {
                    of(key).give_back();
                }
                return Err(Limited { whose, what, standing, retry_after });
            }
        }
        Ok(())
    }

    fn enter(&self, id: ExecutionId, now: Timestamp) -> Result<(), Limited> {
        for (whose, meter) in self.meters() {
            if let Err(limit) = meter.try_enter(id) {
                self.leave(id);
                // When the next one ends, nobody knows.
                let retry_after = Duration::from_secs(1);
                let full_at = now.after(retry_after);
                let standing = BucketStatus { limit, remaining: 0, full_at };
                return Err(Limited { whose, what: What::Concurrent, standing, retry_after });
            }
        }
        Ok(())
    }

    fn leave(&self, id: ExecutionId) {
        self.meters().for_each(|(_, meter)| meter.active.leave(id));
    }

    /// How the limit on requests stands that has the least left, else that on executions; `None`
    /// where there is neither.
    pub(crate) fn standing(&self, now: Timestamp) -> Option<BucketStatus> {
        let least = |of: fn(&Meter) -> &Rated| {
            let all = self.meters().filter_map(|(_, meter)| of(meter).standing(now));
            all.min_by_key(|standing| standing.remaining)
        };
        least(|meter| &meter.requests).or_else(|| least(|meter| &meter.executions))
    }
}

#[cfg(test)]
mod tests;
