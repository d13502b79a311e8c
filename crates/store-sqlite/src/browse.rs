//! Lists by place.

use std::cmp::Ordering;

use async_trait::async_trait;
use rusqlite::{CachedStatement, Connection, Rows, params};
use stepwell_core::execution::Status;
use stepwell_store::BrowseStore;
use stepwell_store::browse::{BrowseExecutions, BrowseWorkflows, Counted, WorkflowOrder};
use stepwell_store::record::{ExecutionRecord, WorkflowRecord};

use crate::fault::{Answer, Result};
use crate::row::{self, Id};
use crate::{SqliteStore, executions, workflows};

macro_rules! ordered {
    ($order:literal) => {
        concat!(
            "SELECT ",
            workflows::columns!(),
            " FROM workflows WHERE workspace = ?1 AND deleted_at IS NULL
            AND (?2 IS NULL OR active = ?2) ORDER BY ",
            $order,
            " LIMIT ?3 OFFSET ?4"
        )
    };
}

const NEWEST: &str = ordered!("id DESC");
const OLDEST: &str = ordered!("id");
const NAME: &str = ordered!("name, id");
const NAME_BACKWARDS: &str = ordered!("name DESC, id DESC");
const COUNT_WORKFLOWS: &str = "SELECT COUNT(*) FROM workflows
    WHERE workspace = ?1 AND deleted_at IS NULL AND (?2 IS NULL OR active = ?2)";
const FORWARDS: &str = "SELECT id, n FROM executions
    WHERE workflow = ?1 AND status = ?2 AND (?3 IS NULL OR release = ?3) ORDER BY id";
const BACKWARDS: &str = "SELECT id, n FROM executions
    WHERE workflow = ?1 AND status = ?2 AND (?3 IS NULL OR release = ?3) ORDER BY id DESC";
const COUNT_EXECUTIONS: &str = "SELECT COUNT(*) FROM executions
    WHERE workflow = ?1 AND status = ?2 AND (?3 IS NULL OR release = ?3)";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] =
    &[NEWEST, OLDEST, NAME, NAME_BACKWARDS, COUNT_WORKFLOWS, FORWARDS, BACKWARDS, COUNT_EXECUTIONS];

#[async_trait]
impl BrowseStore for SqliteStore {
    async fn browse_workflows(&self, browse: BrowseWorkflows) -> Answer<Counted<WorkflowRecord>> {
        self.readers.read(move |connection| of_workspace(connection, browse)).await
    }

    async fn browse_executions(
        &self,
        browse: BrowseExecutions,
    ) -> Answer<Counted<ExecutionRecord>> {
        self.readers.read(move |connection| of_workflow(connection, &browse)).await
    }
}

fn of_workspace(
    connection: &Connection,
    browse: BrowseWorkflows,
) -> Result<Counted<WorkflowRecord>> {
    let BrowseWorkflows { workspace, active, order, skip, limit } = browse;
    let sql = match order {
        WorkflowOrder::Newest => NEWEST,
        WorkflowOrder::Oldest => OLDEST,
        WorkflowOrder::Name => NAME,
        WorkflowOrder::NameBackwards => NAME_BACKWARDS,
    };
    // Page and count of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let workspace = workspace.blob();
    let page = params![workspace, active, row::limit(limit), row::limit(skip)];
    let items = row::all(&transaction, sql, page, workflows::workflow)?;
    let total = row::first(&transaction, COUNT_WORKFLOWS, params![workspace, active], count)?;
    Ok(Counted { items, total: total.unwrap_or_default() })
}

fn count(found: &rusqlite::Row<'_>) -> Result<u64> {
    Ok(row::get::<i64>(found, 0)?.cast_unsigned())
}

/// The index has the status before the id: one walk a status, woven together. The rows that are
/// skipped are only stepped over, in the index.
fn of_workflow(
    connection: &Connection,
    browse: &BrowseExecutions,
) -> Result<Counted<ExecutionRecord>> {
    let BrowseExecutions { workflow, statuses, release, oldest_first, skip, limit } = browse;
    // All walks, the count and the look-ups at the same moment.
    let transaction = connection.unchecked_transaction()?;
    let wanted = |status: &Status| statuses.is_empty() || statuses.contains(status);
    let numbers: Vec<i64> =
        Status::ALL.into_iter().filter(wanted).map(row::status_number).collect();
    let mut total = 0;
    for status in &numbers {
        let params = params![workflow.blob(), status, release];
        total += row::first(&transaction, COUNT_EXECUTIONS, params, count)?.unwrap_or_default();
    }
    let sql = if *oldest_first { FORWARDS } else { BACKWARDS };
    let prepared: std::result::Result<Vec<CachedStatement<'_>>, _> =
        numbers.iter().map(|_| transaction.prepare_cached(sql)).collect();
    let mut prepared = prepared?;
    let mut walks = Vec::with_capacity(numbers.len());
    for (statement, status) in prepared.iter_mut().zip(&numbers) {
        let rows = statement.query(params![workflow.blob(), status, release])?;
        walks.extend(Walk::begin(rows)?);
    }
    let mut items = Vec::new();
    for place in 0.. {
        if items.len() >= *limit {
            break;
        }
        let Some(n) = next(&mut walks, *oldest_first)? else { break };
        if place >= *skip {
            items.push(executions::nth(&transaction, n)?);
        }
    }
    Ok(Counted { items, total })
}

/// A walk that is not at its end.
struct Walk<'a> {
    rows: Rows<'a>,
    id: [u8; 16],
    n: i64,
}

impl<'a> Walk<'a> {
    fn begin(mut rows: Rows<'a>) -> Result<Option<Self>> {
        Ok(head(&mut rows)?.map(|(id, n)| Self { rows, id, n }))
    }
}

fn head(rows: &mut Rows<'_>) -> Result<Option<([u8; 16], i64)>> {
    let Some(found) = rows.next()? else { return Ok(None) };
    Ok(Some((row::get(found, 0)?, row::get(found, 1)?)))
}

/// The row that comes first of those that the walks are at; that walk goes on.
fn next(walks: &mut Vec<Walk<'_>>, ascending: bool) -> Result<Option<i64>> {
    let order = |a: &Walk<'_>, b: &Walk<'_>| -> Ordering {
        if ascending { a.id.cmp(&b.id) } else { b.id.cmp(&a.id) }
    };
    let Some((at, walk)) = walks.iter_mut().enumerate().min_by(|(_, a), (_, b)| order(a, b)) else {
        return Ok(None);
    };
    let n = walk.n;
    match head(&mut walk.rows)? {
        Some((id, n)) => (walk.id, walk.n) = (id, n),
        None => drop(walks.swap_remove(at)),
    }
    Ok(Some(n))
}
