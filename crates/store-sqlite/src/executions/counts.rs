//! The stored counts of the rollup, and the executions in each bucket of a list.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use stepwell_core::execution::Status;
use stepwell_store::lists::Order;
use stepwell_store::rollup::{
    BucketRange, CountDeltas, CountKey, CountOwner, TimeBucket, is_counted, skip_buckets,
    split_range,
};

use crate::error::Result;
use crate::row::{self, Id};

const ADD: &str = "INSERT INTO execution_counts (kind, owner, status, width, bucket, n)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET n = n + excluded.n";
const CLEAR: &str = "DELETE FROM execution_counts WHERE kind = ?1 AND owner = ?2 AND status = ?3
    AND width = ?4 AND bucket = ?5 AND n = 0";
const COUNTED: &str = "SELECT bucket, n FROM execution_counts WHERE kind = ?1 AND owner = ?2
    AND status = ?3 AND width = ?4 AND bucket BETWEEN ?5 AND ?6";
const TIMES_OF_WORKFLOW: &str = "SELECT created_at FROM executions
    WHERE workflow = ?1 AND status = ?2 AND created_at BETWEEN ?3 AND ?4";
const TIMES_OF_WORKSPACE: &str = "SELECT created_at FROM executions
    WHERE workspace = ?1 AND status = ?2 AND created_at BETWEEN ?3 AND ?4";
const COUNT_OF_WORKFLOW: &str = "SELECT COUNT(*) FROM executions
    WHERE workflow = ?1 AND status = ?2 AND created_at BETWEEN ?3 AND ?4";
const COUNT_OF_WORKSPACE: &str = "SELECT COUNT(*) FROM executions
    WHERE workspace = ?1 AND status = ?2 AND created_at BETWEEN ?3 AND ?4";

/// Those of all workspaces are kind 2, without an owner and a bucket. They are rows of the same table
/// so that a transaction writes no further page.
const ADD_TO_STATUS: &str = "INSERT INTO execution_counts (kind, owner, status, width, bucket, n)
    VALUES (2, x'', ?1, 0, 0, ?2) ON CONFLICT DO UPDATE SET n = n + excluded.n";
const OF_STATUS: &str = "SELECT n FROM execution_counts
    WHERE kind = 2 AND owner = x'' AND status = ?1 AND width = 0 AND bucket = 0";

/// The queries of the query plan test.
#[cfg(test)]
pub(super) const QUERIES: &[&str] = &[
    OF_STATUS,
    CLEAR,
    COUNTED,
    TIMES_OF_WORKFLOW,
    TIMES_OF_WORKSPACE,
    COUNT_OF_WORKFLOW,
    COUNT_OF_WORKSPACE,
];

/// The columns `kind` and `owner`.
pub(super) fn owner_columns(owner: CountOwner) -> (i64, [u8; 16]) {
    match owner {
        CountOwner::Workspace(id) => (0, id.blob()),
        CountOwner::Workflow(id) => (1, id.blob()),
    }
}

/// The number of stored executions by status, in the order of [`Status::ALL`]. A row for each.
pub(crate) fn read_by_status(connection: &Connection) -> Result<[u64; Status::ALL.len()]> {
    let mut counts = [0; Status::ALL.len()];
    for (count, status) in counts.iter_mut().zip(Status::ALL) {
        let read = |found: &Row<'_>| row::get_column::<u64>(found, 0);
        let found = row::query_first(connection, OF_STATUS, [row::status_number(status)], read)?;
        *count = found.unwrap_or_default();
    }
    Ok(counts)
}

/// Writes the changes of a transaction.
pub(crate) fn flush(connection: &Connection, deltas: &mut CountDeltas) -> Result<()> {
    for (status, by) in deltas.take_by_status() {
        row::execute_sql(connection, ADD_TO_STATUS, params![row::status_number(status), by])?;
    }
    for (CountKey { owner, status, width, bucket }, by) in deltas.take() {
        let (kind, owner) = owner_columns(owner);
        let status = row::status_number(status);
        row::execute_sql(connection, ADD, params![kind, owner, status, width, bucket, by])?;
        if by < 0 {
            row::execute_sql(connection, CLEAR, params![kind, owner, status, width, bucket])?;
        }
    }
    Ok(())
}

/// The executions of a list, counted in buckets of time in ascending order. Empty ones are omitted.
pub(super) struct BucketCounts<'a> {
    owner: CountOwner,
    statuses: &'a [Status],
    range: (i64, i64),
    buckets: Vec<TimeBucket>,
}

impl<'a> BucketCounts<'a> {
    /// Counts those that were created within `range`, both ends included.
    pub(super) fn read(
        connection: &Connection,
        owner: CountOwner,
        statuses: &'a [Status],
        range: (i64, i64),
    ) -> Result<Self> {
        let mut all = Self { owner, statuses, range, buckets: Vec::new() };
        for part in split_range(range) {
            let buckets = all.count(connection, part)?;
            all.buckets.extend(buckets);
        }
        Ok(all)
    }

    /// The number of all.
    pub(super) fn total(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }

    /// The range that begins in the bucket where the list continues after `skip` items, and how
    /// many of it must be skipped. `None`: there are fewer.
    pub(super) fn seek(
        &self,
        connection: &Connection,
        order: Order,
        skip: u64,
    ) -> Result<Option<((i64, i64), u64)>> {
        let Some((bucket, rest)) = skip_buckets(&self.buckets, order, skip) else {
            return Ok(None);
        };
        let found = match bucket.is_day {
            // Every execution of the day is in one of its finer buckets.
            true => skip_buckets(&self.count(connection, bucket.finer())?, order, rest),
            false => Some((bucket, rest)),
        };
        Ok(found.map(|(bucket, rest)| {
            let range = match order {
                Order::Descending => (self.range.0, bucket.last),
                Order::Ascending => (bucket.first, self.range.1),
            };
            (range, rest)
        }))
    }

    fn count(&self, connection: &Connection, part: BucketRange) -> Result<Vec<TimeBucket>> {
        if part.width == 1 {
            return self.count_edge(connection, part);
        }
        let mut counts = BTreeMap::<i64, u64>::new();
        for status in self.statuses {
            if is_counted(*status) {
                self.add_counted(connection, part, *status, &mut counts)?;
            } else {
                self.add_walked(connection, part, *status, &mut counts)?;
            }
        }
        Ok(counts.into_iter().map(|(number, count)| part.bucket(number, count)).collect())
    }

    /// Counts at an end of the range, in less than a bucket.
    fn count_edge(&self, connection: &Connection, part: BucketRange) -> Result<Vec<TimeBucket>> {
        let sql = match self.owner {
            CountOwner::Workspace(_) => COUNT_OF_WORKSPACE,
            CountOwner::Workflow(_) => COUNT_OF_WORKFLOW,
        };
        let BucketRange { first, last, .. } = part;
        let (_, owner) = owner_columns(self.owner);
        let mut count = 0;
        for status in self.statuses {
            let params = params![owner, row::status_number(*status), first, last];
            let found = row::query_first(connection, sql, params, |found| {
                row::get_column::<u64>(found, 0)
            })?;
            count += found.unwrap_or_default();
        }
        let bucket = TimeBucket { first, last, count, is_day: false };
        Ok(if count > 0 { vec![bucket] } else { Vec::new() })
    }

    fn add_counted(
        &self,
        connection: &Connection,
        part: BucketRange,
        status: Status,
        counts: &mut BTreeMap<i64, u64>,
    ) -> Result<()> {
        let BucketRange { first, last, width } = part;
        let (kind, owner) = owner_columns(self.owner);
        let params = params![kind, owner, row::status_number(status), width, first, last];
        let read =
            |found: &Row<'_>| Ok((row::get_column(found, 0)?, row::get_column::<u64>(found, 1)?));
        for (number, n) in row::query_all(connection, COUNTED, params, read)? {
            *counts.entry(number).or_default() += n;
        }
        Ok(())
    }

    fn add_walked(
        &self,
        connection: &Connection,
        part: BucketRange,
        status: Status,
        counts: &mut BTreeMap<i64, u64>,
    ) -> Result<()> {
        let sql = match self.owner {
            CountOwner::Workspace(_) => TIMES_OF_WORKSPACE,
            CountOwner::Workflow(_) => TIMES_OF_WORKFLOW,
        };
        let ((first, last), (_, owner)) = (part.times(), owner_columns(self.owner));
        let params = params![owner, row::status_number(status), first, last];
        for at in row::query_all(connection, sql, params, |found| row::get_column::<i64>(found, 0))?
        {
            *counts.entry(at.div_euclid(part.width)).or_default() += 1;
        }
        Ok(())
    }
}
