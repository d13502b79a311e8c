//! The rollup of counts: how many executions of each status were created in each period of time.
//!
//! They are counted in buckets of ten seconds and of a day, by workspace and by workflow. The counts
//! change in the transaction that changes the status or purges an execution, once for all writes that
//! share it. The number of all executions by their present status, for metrics, changes with them.
//! Running executions are few; they are counted when a list is read. So the length of a
//! list is exact and costs a few thousand small rows at most, and a distant page is found without a
//! walk to it. What is here is the same for every store; a store keeps the rows.

use std::collections::BTreeMap;

use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{WorkflowId, WorkspaceId};

use crate::lists::Order;

/// The widths of the buckets, in microseconds. They are stored, so they never change.
pub const TEN_SECONDS: i64 = 10_000_000;
/// See [`TEN_SECONDS`].
pub const ONE_DAY: i64 = 86_400_000_000;

/// Whose executions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountOwner {
    /// All of a workspace.
    Workspace(WorkspaceId),
    /// All of a workflow.
    Workflow(WorkflowId),
}

/// Whether executions of a status are counted in buckets. Running ones are not: they are at most as
/// many as the server runs at once, and most have this status for a moment only.
pub const fn is_counted(status: Status) -> bool {
    !matches!(status, Status::Running)
}

/// The fields that decide where an execution is counted.
#[derive(Debug, Clone, Copy)]
pub struct CountedExecution {
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The key of a stored count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountKey {
    /// Whose executions.
    pub owner: CountOwner,
    /// Their status, of those that [`is_counted`].
    pub status: Status,
    /// [`TEN_SECONDS`] or [`ONE_DAY`].
    pub width: i64,
    /// The number of the bucket: the time divided by the width.
    pub bucket: i64,
}

/// The changes of counts in one transaction.
#[derive(Debug, Default)]
pub struct CountDeltas {
    buckets: BTreeMap<CountKey, i64>,
    by_status: BTreeMap<Status, i64>,
}

impl CountDeltas {
    /// The status of an execution changed from `before` to `after`; `None`: it does not exist.
    pub fn change(&mut self, of: CountedExecution, before: Option<Status>, after: Option<Status>) {
        if before == after {
            return;
        }
        let CountedExecution { workspace, workflow, created_at } = of;
        let bucket = created_at.as_micros().div_euclid(TEN_SECONDS);
        for (status, by) in [(before, -1), (after, 1)] {
            let Some(status) = status else { continue };
            *self.by_status.entry(status).or_default() += by;
            if !is_counted(status) {
                continue;
            }
            for owner in [CountOwner::Workspace(workspace), CountOwner::Workflow(workflow)] {
                let key = CountKey { owner, status, width: TEN_SECONDS, bucket };
                *self.buckets.entry(key).or_default() += by;
            }
        }
    }

    /// The changes of the number of executions with each status, and forgets them.
    pub fn take_by_status(&mut self) -> BTreeMap<Status, i64> {
        let mut all = std::mem::take(&mut self.by_status);
        all.retain(|_, by| *by != 0);
        all
    }

    /// The changes of all stored buckets, and forgets them.
    pub fn take(&mut self) -> BTreeMap<CountKey, i64> {
        let mut all = std::mem::take(&mut self.buckets);
        let mut days = BTreeMap::new();
        for (key, by) in &all {
            let bucket = key.bucket.div_euclid(ONE_DAY / TEN_SECONDS);
            *days.entry(CountKey { width: ONE_DAY, bucket, ..*key }).or_default() += by;
        }
        all.extend(days);
        all.retain(|_, by| *by != 0);
        all
    }
}

/// A period of time, both ends included, and how many executions were created in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBucket {
    /// Its first microsecond.
    pub first: i64,
    /// Its last microsecond.
    pub last: i64,
    /// How many executions.
    pub count: u64,
    /// Whether it is a whole day, which has finer buckets.
    pub is_day: bool,
}

impl TimeBucket {
    /// The finer buckets of a day.
    pub const fn finer(&self) -> BucketRange {
        BucketRange {
            first: self.first.div_euclid(TEN_SECONDS),
            last: self.last.div_euclid(TEN_SECONDS),
            width: TEN_SECONDS,
        }
    }
}

/// Consecutive buckets of one width, both ends included; a width of 1 is one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketRange {
    /// The number of the first.
    pub first: i64,
    /// The number of the last.
    pub last: i64,
    /// The width in microseconds.
    pub width: i64,
}

impl BucketRange {
    /// The first and the last microsecond.
    pub fn times(&self) -> (i64, i64) {
        let width = i128::from(self.width);
        let end = (i128::from(self.last) + 1) * width;
        (clamp(i128::from(self.first) * width), clamp(end - 1))
    }

    /// The bucket with this number.
    pub fn bucket(&self, number: i64, count: u64) -> TimeBucket {
        let only = Self { first: number, last: number, width: self.width };
        let (first, last) = only.times();
        TimeBucket { first, last, count, is_day: self.width == ONE_DAY }
    }
}

/// The bucket in which a list continues after `skip` items, and how many of these are in it. The
/// buckets are in ascending order.
pub fn skip_buckets(buckets: &[TimeBucket], order: Order, skip: u64) -> Option<(TimeBucket, u64)> {
    let mut skip = skip;
    let mut is_reached = |bucket: &&TimeBucket| match skip.checked_sub(bucket.count) {
        Some(rest) => {
            skip = rest;
            false
        }
        None => true,
    };
    let found = match order {
        Order::Ascending => buckets.iter().find(&mut is_reached),
        Order::Descending => buckets.iter().rev().find(&mut is_reached),
    };
    found.copied().map(|bucket| (bucket, skip))
}

/// Splits a range of times into whole days, whole buckets of ten seconds around them, and the rest
/// at both ends.
pub fn split_range((first, last): (i64, i64)) -> Vec<BucketRange> {
    if first > last {
        return Vec::new();
    }
    let part = |first: i128, last: i128, width| {
        (first <= last).then(|| BucketRange { first: clamp(first), last: clamp(last), width })
    };
    // Wide enough for times past the ends. Ends are not included from here on.
    let (fine, day) = (i128::from(TEN_SECONDS), i128::from(ONE_DAY));
    let (begin, end) = (i128::from(first), i128::from(last) + 1);
    let (fine_begin, fine_end) = (ceil(begin, fine), end.div_euclid(fine));
    if fine_begin >= fine_end {
        return part(begin, end - 1, 1).into_iter().collect();
    }
    let each = day / fine;
    let (day_begin, day_end) = (ceil(fine_begin, each), fine_end.div_euclid(each));
    let middle = if day_begin < day_end {
        [
            part(fine_begin, day_begin * each - 1, TEN_SECONDS),
            part(day_begin, day_end - 1, ONE_DAY),
            part(day_end * each, fine_end - 1, TEN_SECONDS),
        ]
    } else {
        [part(fine_begin, fine_end - 1, TEN_SECONDS), None, None]
    };
    let ends = [part(begin, fine_begin * fine - 1, 1), part(fine_end * fine, end - 1, 1)];
    ends[..1].iter().chain(&middle).chain(&ends[1..]).flatten().copied().collect()
}

/// Divided and rounded up.
fn ceil(number: i128, by: i128) -> i128 {
    -(-number).div_euclid(by)
}

fn clamp(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn parts_cover_the_range_without_gaps() {
        for range in [
            (0, 0),
            (5, 4),
            (1, TEN_SECONDS - 1),
            (0, TEN_SECONDS - 1),
            (-1, TEN_SECONDS),
            (3, 5 * TEN_SECONDS),
            (TEN_SECONDS, ONE_DAY - 1),
            (0, ONE_DAY - 1),
            (-ONE_DAY, 3 * ONE_DAY),
            (7, 40 * ONE_DAY + 11 * TEN_SECONDS + 3),
            (i64::MIN, i64::MAX),
            (i64::MIN, 12),
        ] {
            let times: Vec<_> = split_range(range).iter().map(BucketRange::times).collect();
            if range.0 > range.1 {
                assert!(times.is_empty());
                continue;
            }
            assert_eq!(times.first().map(|times| times.0), Some(range.0), "{range:?}");
            assert_eq!(times.last().map(|times| times.1), Some(range.1), "{range:?}");
            for two in times.windows(2) {
                assert_eq!(two[0].1 + 1, two[1].0, "{range:?} {times:?}");
            }
            assert!(times.len() <= 5);
        }
    }

    #[test]
    fn skipping_ends_in_the_bucket_where_the_list_continues() {
        let bucket = |first, count| TimeBucket { first, last: first, count, is_day: false };
        let all = [bucket(0, 3), bucket(1, 2), bucket(2, 4)];
        let found = |order, skip| {
            skip_buckets(&all, order, skip).map(|(bucket, rest)| (bucket.first, rest))
        };
        assert_eq!(found(Order::Ascending, 2), Some((0, 2)));
        assert_eq!(found(Order::Ascending, 3), Some((1, 0)));
        assert_eq!(found(Order::Ascending, 8), Some((2, 3)));
        assert_eq!(found(Order::Ascending, 9), None);
        assert_eq!(found(Order::Descending, 4), Some((1, 0)));
        assert_eq!(found(Order::Descending, 7), Some((0, 1)));
    }

    #[test]
    fn changes_of_a_transaction_are_summed() {
        let of = |seconds: i64| CountedExecution {
            workspace: WorkspaceId::DEFAULT,
            workflow: WorkflowId::from_uuid(Uuid::from_u128(7)),
            created_at: Timestamp::from_millis(seconds * 1000),
        };
        let mut deltas = CountDeltas::default();
        deltas.change(of(1), None, Some(Status::Queued));
        deltas.change(of(1), Some(Status::Queued), Some(Status::Completed));
        deltas.change(of(9), Some(Status::Running), Some(Status::Completed));
        deltas.change(of(10), None, Some(Status::Completed));
        deltas.change(of(20), None, Some(Status::Failed));
        deltas.change(of(20), Some(Status::Failed), None);
        // Running executions are not counted, waiting ones are.
        deltas.change(of(30), None, Some(Status::Running));
        deltas.change(of(40), Some(Status::Running), Some(Status::Waiting));
        let owner = CountOwner::Workspace(WorkspaceId::DEFAULT);
        let taken = deltas.take();
        let counts: Vec<_> = taken
            .iter()
            .filter(|(key, _)| key.owner == owner)
            .map(|(key, by)| (key.status, key.width, key.bucket, *by))
            .collect();
        let completed = Status::Completed;
        let expect = [
            (Status::Waiting, TEN_SECONDS, 4, 1),
            (Status::Waiting, ONE_DAY, 0, 1),
            (completed, TEN_SECONDS, 0, 2),
            (completed, TEN_SECONDS, 1, 1),
            (completed, ONE_DAY, 0, 3),
        ];
        assert_eq!(counts, expect);
        assert_eq!(taken.len(), 10);
        assert!(deltas.take().is_empty());
        let by_status = deltas.take_by_status();
        // The running one was there before; what was queued and what was purged is level.
        assert_eq!(
            by_status,
            BTreeMap::from([(Status::Running, -1), (Status::Waiting, 1), (completed, 3)])
        );
        assert!(deltas.take_by_status().is_empty());
    }
}
