//! How many executions there are in stretches of time.
//!
//! Ended executions are counted in rows, in stretches of ten seconds and of a day, by workspace and
//! by workflow. The counts change in the transaction that ends or purges an execution, summed up
//! over all writes that share it. Executions that have not ended are few; they are counted in the
//! index when somebody asks. So the length of a list is exact, and costs a few thousand small rows
//! at most, however long the list is.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{WorkflowId, WorkspaceId};
use stepwell_store::lists::Order;

use crate::fault::Result;
use crate::row::{self, Id};

/// The lengths of the stretches in microseconds. The third migration's numbers: they never change.
const FINE: i64 = 10_000_000;
const COARSE: i64 = 86_400_000_000;

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

/// Those that the query plan test looks at.
#[cfg(test)]
pub(super) const QUERIES: &[&str] =
    &[CLEAR, COUNTED, TIMES_OF_WORKFLOW, TIMES_OF_WORKSPACE, COUNT_OF_WORKFLOW, COUNT_OF_WORKSPACE];

/// Whose executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Workspace(WorkspaceId),
    Workflow(WorkflowId),
}

impl Owner {
    /// How it is stored.
    const fn kind(self) -> i64 {
        match self {
            Self::Workspace(_) => 0,
            Self::Workflow(_) => 1,
        }
    }

    pub(super) fn blob(self) -> [u8; 16] {
        match self {
            Self::Workspace(id) => id.blob(),
            Self::Workflow(id) => id.blob(),
        }
    }
}

/// What decides about where an execution is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) workspace: WorkspaceId,
    pub(crate) workflow: WorkflowId,
    pub(crate) created_at: Timestamp,
}

/// What one transaction changes.
#[derive(Debug, Default)]
pub(crate) struct CountDeltas(BTreeMap<(Owner, i64, i64), i64>);

impl CountDeltas {
    /// An execution that stood as `before` stands as `after` now; `None`: it is not there.
    pub(crate) fn changed(&mut self, of: Counted, before: Option<Status>, after: Option<Status>) {
        if before == after {
            return;
        }
        for (status, by) in [(before, -1), (after, 1)] {
            if let Some(status) = status.filter(|status| status.is_final()) {
                self.add(of, status, by);
            }
        }
    }

    fn add(&mut self, of: Counted, status: Status, by: i64) {
        let bucket = of.created_at.as_micros().div_euclid(FINE);
        for owner in [Owner::Workspace(of.workspace), Owner::Workflow(of.workflow)] {
            *self.0.entry((owner, row::status_number(status), bucket)).or_default() += by;
        }
    }

    /// Writes them.
    pub(crate) fn flush(&mut self, connection: &Connection) -> Result<()> {
        let mut coarse = BTreeMap::new();
        for ((owner, status, bucket), by) in std::mem::take(&mut self.0) {
            write(connection, (owner, status, FINE, bucket), by)?;
            let day = bucket.div_euclid(COARSE / FINE);
            *coarse.entry((owner, status, day)).or_default() += by;
        }
        for ((owner, status, bucket), by) in coarse {
            write(connection, (owner, status, COARSE, bucket), by)?;
        }
        Ok(())
    }
}

fn write(
    connection: &Connection,
    (owner, status, width, bucket): (Owner, i64, i64, i64),
    by: i64,
) -> Result<()> {
    if by == 0 {
        return Ok(());
    }
    let (kind, owner) = (owner.kind(), owner.blob());
    row::run(connection, ADD, params![kind, owner, status, width, bucket, by])?;
    if by < 0 {
        row::run(connection, CLEAR, params![kind, owner, status, width, bucket])?;
    }
    Ok(())
}

/// A stretch of time, both ends included, and how many executions it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    first: i64,
    last: i64,
    count: u64,
    /// A whole day, which can be looked at more closely.
    is_coarse: bool,
}

/// The executions of a list, counted in stretches of time in ascending order. What is empty is left
/// out.
pub(super) struct Stretches<'a> {
    owner: Owner,
    statuses: &'a [Status],
    range: (i64, i64),
    stretches: Vec<Stretch>,
}

impl<'a> Stretches<'a> {
    /// Counts those that were created within `range`, both ends included.
    pub(super) fn of(
        connection: &Connection,
        owner: Owner,
        statuses: &'a [Status],
        range: (i64, i64),
    ) -> Result<Self> {
        let mut all = Self { owner, statuses, range, stretches: Vec::new() };
        for piece in pieces(range) {
            let stretches = all.count(connection, piece)?;
            all.stretches.extend(stretches);
        }
        Ok(all)
    }

    /// How many there are in all.
    pub(super) fn total(&self) -> u64 {
        self.stretches.iter().map(|stretch| stretch.count).sum()
    }

    /// The range that begins in the stretch where the list goes on after `skip` items, and how
    /// many of it are still to be skipped. `None`: there are not so many.
    pub(super) fn seek(
        &self,
        connection: &Connection,
        order: Order,
        skip: u64,
    ) -> Result<Option<((i64, i64), u64)>> {
        let Some((stretch, rest)) = skip_stretches(&self.stretches, order, skip) else {
            return Ok(None);
        };
        let found = if stretch.is_coarse {
            let fine = Piece {
                first: stretch.first.div_euclid(FINE),
                last: stretch.last.div_euclid(FINE),
                width: FINE,
            };
            // What is in the day is in one of its stretches.
            skip_stretches(&self.count(connection, fine)?, order, rest)
        } else {
            Some((stretch, rest))
        };
        Ok(found.map(|(stretch, rest)| {
            let range = match order {
                Order::Descending => (self.range.0, stretch.last),
                Order::Ascending => (stretch.first, self.range.1),
            };
            (range, rest)
        }))
    }

    fn count(&self, connection: &Connection, piece: Piece) -> Result<Vec<Stretch>> {
        if piece.width == 1 {
            return self.count_edge(connection, piece);
        }
        let mut buckets = BTreeMap::<i64, u64>::new();
        for status in self.statuses {
            if status.is_final() {
                self.add_counted(connection, piece, *status, &mut buckets)?;
            } else {
                self.add_walked(connection, piece, *status, &mut buckets)?;
            }
        }
        let stretch = |(bucket, count): (i64, u64)| Stretch {
            first: clamp(i128::from(bucket) * i128::from(piece.width)),
            last: clamp((i128::from(bucket) + 1) * i128::from(piece.width) - 1),
            count,
            is_coarse: piece.width == COARSE,
        };
        Ok(buckets.into_iter().map(stretch).collect())
    }

    /// What is cut off by the ends of the range.
    fn count_edge(&self, connection: &Connection, piece: Piece) -> Result<Vec<Stretch>> {
        let sql = match self.owner {
            Owner::Workspace(_) => COUNT_OF_WORKSPACE,
            Owner::Workflow(_) => COUNT_OF_WORKFLOW,
        };
        let Piece { first, last, .. } = piece;
        let mut count = 0;
        for status in self.statuses {
            let params = params![self.owner.blob(), row::status_number(*status), first, last];
            let found = row::first(connection, sql, params, |found| row::get::<u64>(found, 0))?;
            count += found.unwrap_or_default();
        }
        let stretch = Stretch { first, last, count, is_coarse: false };
        Ok(if count > 0 { vec![stretch] } else { Vec::new() })
    }

    fn add_counted(
        &self,
        connection: &Connection,
        piece: Piece,
        status: Status,
        buckets: &mut BTreeMap<i64, u64>,
    ) -> Result<()> {
        let Piece { first, last, width } = piece;
        let (kind, owner) = (self.owner.kind(), self.owner.blob());
        let params = params![kind, owner, row::status_number(status), width, first, last];
        let read =
            |found: &rusqlite::Row<'_>| Ok((row::get(found, 0)?, row::get::<u64>(found, 1)?));
        for (bucket, n) in row::all(connection, COUNTED, params, read)? {
            *buckets.entry(bucket).or_default() += n;
        }
        Ok(())
    }

    fn add_walked(
        &self,
        connection: &Connection,
        piece: Piece,
        status: Status,
        buckets: &mut BTreeMap<i64, u64>,
    ) -> Result<()> {
        let sql = match self.owner {
            Owner::Workspace(_) => TIMES_OF_WORKSPACE,
            Owner::Workflow(_) => TIMES_OF_WORKFLOW,
        };
        let first = clamp(i128::from(piece.first) * i128::from(piece.width));
        let last = clamp((i128::from(piece.last) + 1) * i128::from(piece.width) - 1);
        let params = params![self.owner.blob(), row::status_number(status), first, last];
        for at in row::all(connection, sql, params, |found| row::get::<i64>(found, 0))? {
            *buckets.entry(at.div_euclid(piece.width)).or_default() += 1;
        }
        Ok(())
    }
}

/// The stretch in which a list goes on after `skip` items, and how many of it come before that.
fn skip_stretches(stretches: &[Stretch], order: Order, skip: u64) -> Option<(Stretch, u64)> {
    let mut skip = skip;
    let mut past = |stretch: &&Stretch| match skip.checked_sub(stretch.count) {
        Some(rest) => {
            skip = rest;
            false
        }
        None => true,
    };
    let found = match order {
        Order::Ascending => stretches.iter().find(&mut past),
        Order::Descending => stretches.iter().rev().find(&mut past),
    };
    found.copied().map(|stretch| (stretch, skip))
}

/// Part of a range: the buckets of that width, both ends included; a width of 1 is one stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    first: i64,
    last: i64,
    width: i64,
}

/// Cuts a range into whole days, whole fine stretches around them, and what is left at both ends.
fn pieces((first, last): (i64, i64)) -> Vec<Piece> {
    if first > last {
        return Vec::new();
    }
    let piece = |first: i128, last: i128, width| {
        (first <= last).then(|| Piece { first: clamp(first), last: clamp(last), width })
    };
    // Wide enough for what lies past the ends of time. Ends are not included from here on.
    let (fine, coarse) = (i128::from(FINE), i128::from(COARSE));
    let (begin, end) = (i128::from(first), i128::from(last) + 1);
    let (fine_begin, fine_end) = (ceil(begin, fine), end.div_euclid(fine));
    if fine_begin >= fine_end {
        return piece(begin, end - 1, 1).into_iter().collect();
    }
    let each = coarse / fine;
    let (day_begin, day_end) = (ceil(fine_begin, each), fine_end.div_euclid(each));
    let middle = if day_begin < day_end {
        [
            piece(fine_begin, day_begin * each - 1, FINE),
            piece(day_begin, day_end - 1, COARSE),
            piece(day_end * each, fine_end - 1, FINE),
        ]
    } else {
        [piece(fine_begin, fine_end - 1, FINE), None, None]
    };
    let ends = [piece(begin, fine_begin * fine - 1, 1), piece(fine_end * fine, end - 1, 1)];
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
    use super::*;

    /// What each piece covers, in microseconds.
    fn covered(range: (i64, i64)) -> Vec<(i128, i128)> {
        let micros = |piece: Piece| {
            let width = i128::from(piece.width);
            (i128::from(piece.first) * width, (i128::from(piece.last) + 1) * width - 1)
        };
        pieces(range).into_iter().map(micros).collect()
    }

    #[test]
    fn pieces_cover_the_range_without_gaps() {
        for range in [
            (0, 0),
            (5, 4),
            (1, FINE - 1),
            (0, FINE - 1),
            (-1, FINE),
            (3, 5 * FINE),
            (FINE, COARSE - 1),
            (0, COARSE - 1),
            (-COARSE, 3 * COARSE),
            (7, 40 * COARSE + 11 * FINE + 3),
            (i64::MIN, i64::MAX),
            (i64::MIN, 12),
        ] {
            let covered = covered(range);
            if range.0 > range.1 {
                assert!(covered.is_empty());
                continue;
            }
            assert_eq!(covered.first().map(|c| c.0), Some(i128::from(range.0)), "{range:?}");
            assert_eq!(covered.last().map(|c| c.1), Some(i128::from(range.1)), "{range:?}");
            for two in covered.windows(2) {
                assert_eq!(two[0].1 + 1, two[1].0, "{range:?} {covered:?}");
            }
            assert!(covered.len() <= 5);
        }
    }

    #[test]
    fn skipping_ends_in_the_stretch_that_goes_on() {
        let stretch = |first, count| Stretch { first, last: first, count, is_coarse: false };
        let all = [stretch(0, 3), stretch(1, 2), stretch(2, 4)];
        let found = |order, skip| {
            skip_stretches(&all, order, skip).map(|(stretch, rest)| (stretch.first, rest))
        };
        assert_eq!(found(Order::Ascending, 2), Some((0, 2)));
        assert_eq!(found(Order::Ascending, 3), Some((1, 0)));
        assert_eq!(found(Order::Ascending, 8), Some((2, 3)));
        assert_eq!(found(Order::Ascending, 9), None);
        assert_eq!(found(Order::Descending, 4), Some((1, 0)));
        assert_eq!(found(Order::Descending, 7), Some((0, 1)));
    }
}
