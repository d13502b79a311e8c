//! Lists of executions in the order of their creation.
//!
//! The indexes have the status before the time, so a page merges one walk per status, each inside an
//! index. A distant page needs no walk to it: the counts of [`super::counts`] show in which bucket of
//! time it begins.

use rusqlite::{CachedStatement, Connection, Rows, params};
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId, WorkspaceId};
use stepwell_store::lists::{ExecutionCursor, ExecutionFilter, List, Order, Page, PageStart};
use stepwell_store::record::ExecutionRecord;
use stepwell_store::rollup::CountOwner;

use super::counts::{BucketCounts, owner_columns};
use crate::error::{Result, corrupt_row};
use crate::row::{self, Id};

macro_rules! walk {
    ($owner:literal, $direction:literal) => {
        concat!(
            "SELECT created_at, id, n FROM executions WHERE ",
            $owner,
            " = ?1 AND status = ?2 AND created_at BETWEEN ?3 AND ?4 ORDER BY created_at ",
            $direction,
            ", id ",
            $direction
        )
    };
}
macro_rules! labelled {
    ($direction:literal) => {
        concat!(
            "SELECT created_at, id, n, status, workflow, metadata, workspace FROM executions
            WHERE workspace = ?1 AND metadata IS NOT NULL AND created_at BETWEEN ?2 AND ?3
            ORDER BY created_at ",
            $direction,
            ", id ",
            $direction
        )
    };
}

macro_rules! children {
    ($direction:literal) => {
        concat!(
            "SELECT created_at, id, n, status, workflow, metadata, workspace FROM executions
            WHERE parent = ?1 AND created_at BETWEEN ?2 AND ?3
            ORDER BY created_at ",
            $direction,
            ", id ",
            $direction
        )
    };
}

const WORKFLOW_DOWN: &str = walk!("workflow", "DESC");
const WORKFLOW_UP: &str = walk!("workflow", "ASC");
const WORKSPACE_DOWN: &str = walk!("workspace", "DESC");
const WORKSPACE_UP: &str = walk!("workspace", "ASC");
const LABELLED_DOWN: &str = labelled!("DESC");
const LABELLED_UP: &str = labelled!("ASC");
const CHILDREN_DOWN: &str = children!("DESC");
const CHILDREN_UP: &str = children!("ASC");

/// The queries of the query plan test.
#[cfg(test)]
pub(super) const QUERIES: &[&str] = &[
    WORKFLOW_DOWN,
    WORKFLOW_UP,
    WORKSPACE_DOWN,
    WORKSPACE_UP,
    LABELLED_DOWN,
    LABELLED_UP,
    CHILDREN_DOWN,
    CHILDREN_UP,
];

/// When an execution was created, its id, its row.
type Found = (i64, [u8; 16], i64);

pub(super) fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    list: &List<ExecutionFilter>,
) -> Result<Page<ExecutionRecord, ExecutionCursor>> {
    // Counts, walks and look-ups at the same moment.
    let transaction = connection.unchecked_transaction()?;
    let range = (
        row::as_micros(list.filter.from).unwrap_or(i64::MIN),
        row::as_micros(list.filter.until).unwrap_or(i64::MAX),
    );
    let (found, total) = if list.filter.labels.is_empty() && list.filter.parent.is_none() {
        by_index(&transaction, workspace, list, range)?
    } else {
        by_selection(&transaction, workspace, list, range)?
    };
    let load = |(_, _, n): Found| {
        let record = row::query_first(&transaction, super::LOAD_NTH, [n], super::record)?;
        record.ok_or_else(|| corrupt_row("an index names an execution that is not there"))
    };
    let items = found.into_iter().map(load).collect::<Result<_>>()?;
    Ok(list.page_of(items, total.filter(|_| list.window.count)))
}

fn by_index(
    connection: &Connection,
    workspace: WorkspaceId,
    list: &List<ExecutionFilter>,
    range: (i64, i64),
) -> Result<(Vec<Found>, Option<u64>)> {
    let List { filter, sort, window } = list;
    let owner = match filter.workflow {
        Some(workflow) => CountOwner::Workflow(workflow),
        None => CountOwner::Workspace(workspace),
    };
    let is_wanted =
        |status: &Status| filter.statuses.is_empty() || filter.statuses.contains(status);
    let statuses: Vec<Status> = Status::ALL.into_iter().filter(is_wanted).collect();
    let mut walk = Walk { owner, statuses: &statuses, range, order: sort.order, skip: 0 };
    let buckets = match window.count || window.skipped() > 0 {
        true => Some(BucketCounts::read(connection, owner, &statuses, range)?),
        false => None,
    };
    let total = buckets.as_ref().map(BucketCounts::total);
    match (window.start, &buckets) {
        (PageStart::Skip(skip), Some(buckets)) if skip > 0 => {
            let Some((narrow, rest)) = buckets.seek(connection, sort.order, skip)? else {
                return Ok((Vec::new(), total));
            };
            walk.range = narrow;
            walk.skip = rest;
        }
        (PageStart::Skip(_), _) => {}
        (PageStart::After(ExecutionCursor { created_at, .. }), _) => match sort.order {
            Order::Descending => walk.range.1 = range.1.min(created_at.as_micros()),
            Order::Ascending => walk.range.0 = range.0.max(created_at.as_micros()),
        },
    }
    Ok((
        walk.page(connection, |found| list.is_after_start(&cursor(found)), window.read_limit())?,
        total,
    ))
}

/// The position of a row in the list.
fn cursor((created_at, id, _): &Found) -> ExecutionCursor {
    let created_at = Timestamp::from_micros(*created_at);
    ExecutionCursor { created_at, id: ExecutionId::from_blob(*id) }
}

/// One walk for each status, merged.
struct Walk<'a> {
    owner: CountOwner,
    statuses: &'a [Status],
    /// Both ends included.
    range: (i64, i64),
    order: Order,
    skip: u64,
}

impl Walk<'_> {
    fn page(
        &self,
        connection: &Connection,
        is_wanted: impl Fn(&Found) -> bool,
        limit: usize,
    ) -> Result<Vec<Found>> {
        let sql = match (self.owner, self.order) {
            (CountOwner::Workflow(_), Order::Descending) => WORKFLOW_DOWN,
            (CountOwner::Workflow(_), Order::Ascending) => WORKFLOW_UP,
            (CountOwner::Workspace(_), Order::Descending) => WORKSPACE_DOWN,
            (CountOwner::Workspace(_), Order::Ascending) => WORKSPACE_UP,
        };
        let prepare = |_: &Status| Ok(connection.prepare_cached(sql)?);
        let mut statements =
            self.statuses.iter().map(prepare).collect::<Result<Vec<CachedStatement<'_>>>>()?;
        let mut walks = Vec::with_capacity(statements.len());
        for (statement, status) in statements.iter_mut().zip(self.statuses) {
            let ((first, last), (_, owner)) = (self.range, owner_columns(self.owner));
            let status = row::status_number(*status);
            let rows = statement.query(params![owner, status, first, last])?;
            walks.push(Head::new(rows)?);
        }
        let (mut skip, mut page) = (self.skip, Vec::new());
        while page.len() < limit
            && let Some(found) = next(&mut walks, self.order)?
        {
            if !is_wanted(&found) {
                continue;
            }
            match skip.checked_sub(1) {
                Some(rest) => skip = rest,
                None => page.push(found),
            }
        }
        Ok(page)
    }
}

/// A walk with its current row.
struct Head<'s> {
    rows: Rows<'s>,
    found: Option<Found>,
}

impl<'s> Head<'s> {
    fn new(rows: Rows<'s>) -> Result<Self> {
        let mut head = Self { rows, found: None };
        head.step()?;
        Ok(head)
    }

    fn step(&mut self) -> Result<()> {
        self.found = self.rows.next()?.map(found).transpose()?;
        Ok(())
    }
}

fn found(row: &rusqlite::Row<'_>) -> Result<Found> {
    Ok((row::get_column(row, 0)?, row::get_column(row, 1)?, row::get_column(row, 2)?))
}

/// The first of the current rows; its walk advances.
fn next(walks: &mut [Head<'_>], order: Order) -> Result<Option<Found>> {
    let open = walks.iter_mut().filter(|walk| walk.found.is_some());
    let first = match order {
        Order::Descending => open.max_by_key(|walk| walk.found),
        Order::Ascending => open.min_by_key(|walk| walk.found),
    };
    let Some(first) = first else { return Ok(None) };
    let found = first.found;
    first.step()?;
    Ok(found)
}

/// Reads all executions of the workspace that have labels, or all that one execution started.
fn by_selection(
    connection: &Connection,
    workspace: WorkspaceId,
    list: &List<ExecutionFilter>,
    (first, last): (i64, i64),
) -> Result<(Vec<Found>, Option<u64>)> {
    let (sql, of) = match (list.filter.parent, list.sort.order) {
        (Some(parent), Order::Descending) => (CHILDREN_DOWN, parent.blob()),
        (Some(parent), Order::Ascending) => (CHILDREN_UP, parent.blob()),
        (None, Order::Descending) => (LABELLED_DOWN, workspace.blob()),
        (None, Order::Ascending) => (LABELLED_UP, workspace.blob()),
    };
    let (mut skip, limit) = (list.window.skipped(), list.window.read_limit());
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![of, first, last])?;
    let (mut page, mut total) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if !list.window.count && page.len() >= limit {
            break;
        }
        let is_own = row::get_id::<WorkspaceId>(row, 6)? == workspace;
        if !is_own || !is_selected(&list.filter, row)? {
            continue;
        }
        total += 1;
        let found = found(row)?;
        if !list.is_after_start(&cursor(&found)) {
            continue;
        }
        match skip.checked_sub(1) {
            Some(rest) => skip = rest,
            None if page.len() < limit => page.push(found),
            None => {}
        }
    }
    Ok((page, Some(total)))
}

fn is_selected(filter: &ExecutionFilter, found: &rusqlite::Row<'_>) -> Result<bool> {
    let status = row::get_status(found, 3)?;
    let workflow: WorkflowId = row::get_id(found, 4)?;
    if filter.workflow.is_some_and(|of| of != workflow)
        || !(filter.statuses.is_empty() || filter.statuses.contains(&status))
    {
        return Ok(false);
    }
    row::has_labels(found, 5, &filter.labels)
}
