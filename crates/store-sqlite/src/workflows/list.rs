//! Lists of workflows.
//!
//! A workspace has few workflows, compared with executions: those that match are sorted for each
//! list, by the fields of the order only; the rest is read for the page alone.

use rusqlite::{Connection, Row, params};
use stepwell_core::ids::{WorkflowId, WorkspaceId};
use stepwell_store::lists::{
    List, Order, Page, SortKey, WorkflowCursor, WorkflowFilter, WorkflowSort,
};
use stepwell_store::record::WorkflowRecord;

use crate::error::{Result, corrupt_row};
use crate::row::{self, Id};

macro_rules! sorted {
    ($column:literal, $direction:literal) => {
        concat!(
            "SELECT id, metadata, ",
            $column,
            " FROM workflows WHERE workspace = ?1 AND deleted_at IS NULL
            AND (?2 IS NULL OR active = ?2) AND (?3 IS NULL OR kind = ?3)
            ORDER BY ",
            $column,
            " ",
            $direction,
            ", id ",
            $direction
        )
    };
}

/// Down and up.
const BY_CREATED: [&str; 2] = [sorted!("created_at", "DESC"), sorted!("created_at", "ASC")];
const BY_UPDATED: [&str; 2] = [sorted!("updated_at", "DESC"), sorted!("updated_at", "ASC")];
const BY_NAME: [&str; 2] = [sorted!("name", "DESC"), sorted!("name", "ASC")];
const BY_KIND: [&str; 2] = [sorted!("kind", "DESC"), sorted!("kind", "ASC")];
const BY_ACTIVE: [&str; 2] = [sorted!("active", "DESC"), sorted!("active", "ASC")];

/// The queries of the query plan test; those sorted by another field sort their rows.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[BY_CREATED[0], BY_CREATED[1]];

pub(super) fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    list: &List<WorkflowFilter>,
) -> Result<Page<WorkflowRecord, WorkflowCursor>> {
    // List and look-ups at the same moment.
    let transaction = connection.unchecked_transaction()?;
    let (ids, total) = select_ids(&transaction, workspace, list)?;
    let load = |id| {
        let record = super::find(&transaction, id)?;
        record.ok_or_else(|| corrupt_row("an index names a workflow that is not there"))
    };
    let items = ids.into_iter().map(load).collect::<Result<_>>()?;
    Ok(list.page_of(items, total))
}

/// The ids of the page, and how many workflows the filter selects, if they are counted.
fn select_ids(
    connection: &Connection,
    workspace: WorkspaceId,
    list: &List<WorkflowFilter>,
) -> Result<(Vec<WorkflowId>, Option<u64>)> {
    let [down, up] = match list.sort.key {
        WorkflowSort::CreatedAt => BY_CREATED,
        WorkflowSort::UpdatedAt => BY_UPDATED,
        WorkflowSort::Name => BY_NAME,
        WorkflowSort::Kind => BY_KIND,
        WorkflowSort::Active => BY_ACTIVE,
    };
    let sql = match list.sort.order {
        Order::Descending => down,
        Order::Ascending => up,
    };
    let WorkflowFilter { active, kind, labels } = &list.filter;
    let window = &list.window;
    let (mut skip, limit) = (window.skipped(), window.read_limit());
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![workspace.blob(), active, kind])?;
    let (mut ids, mut total) = (Vec::new(), 0);
    while let Some(found) = rows.next()? {
        let is_full = ids.len() >= limit;
        if is_full && !window.count {
            break;
        }
        if !row::has_labels(found, 1, labels)? {
            continue;
        }
        total += 1;
        if is_full || !list.is_after_start(&cursor(found, list.sort.key)?) {
            continue;
        }
        match skip.checked_sub(1) {
            Some(rest) => skip = rest,
            None => ids.push(row::get_id(found, 0)?),
        }
    }
    Ok((ids, window.count.then_some(total)))
}

/// The position of a row in the list.
fn cursor(found: &Row<'_>, sort: WorkflowSort) -> Result<WorkflowCursor> {
    let key = match sort {
        WorkflowSort::CreatedAt | WorkflowSort::UpdatedAt => {
            SortKey::Time(row::get_time(found, 2)?)
        }
        WorkflowSort::Name | WorkflowSort::Kind => SortKey::Text(row::get_column(found, 2)?),
        WorkflowSort::Active => SortKey::Active(row::get_bool(found, 2)?),
    };
    Ok(WorkflowCursor { key, id: row::get_id(found, 0)? })
}
