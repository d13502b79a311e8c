//! Lists of workflows.
//!
//! A workspace has few workflows, compared with executions: those that match are sorted for each
//! list, by the fields of the order only; the rest is read for the page alone.

use rusqlite::{Connection, Row, params};
use stepwell_core::ids::WorkflowId;
use stepwell_store::lists::{
    ListPage, ListWorkflows, Order, PageStart, SortKey, WorkflowCursor, WorkflowSort,
};
use stepwell_store::record::{WorkflowRecord, has_label};

use crate::error::{Result, corrupt};
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
    wanted: &ListWorkflows,
) -> Result<ListPage<WorkflowRecord>> {
    // List and look-ups at the same moment.
    let transaction = connection.unchecked_transaction()?;
    let [down, up] = match wanted.sort {
        WorkflowSort::CreatedAt => BY_CREATED,
        WorkflowSort::UpdatedAt => BY_UPDATED,
        WorkflowSort::Name => BY_NAME,
        WorkflowSort::Kind => BY_KIND,
        WorkflowSort::Active => BY_ACTIVE,
    };
    let sql = match wanted.order {
        Order::Descending => down,
        Order::Ascending => up,
    };
    let mut skip = match wanted.begin {
        PageStart::Skip(skip) => skip,
        PageStart::After(_) => 0,
    };
    let mut statement = transaction.prepare_cached(sql)?;
    let params = params![wanted.workspace.blob(), wanted.active, wanted.kind];
    let mut rows = statement.query(params)?;
    let (mut page, mut total) = (Vec::new(), 0);
    while let Some(found) = rows.next()? {
        if !wanted.count && page.len() >= wanted.limit {
            break;
        }
        if !fits(wanted, found)? {
            continue;
        }
        total += 1;
        if page.len() >= wanted.limit {
            continue;
        }
        let id: WorkflowId = row::id(found, 0)?;
        if !is_after(wanted, id, found)? {
            continue;
        }
        match skip.checked_sub(1) {
            Some(rest) => skip = rest,
            None => page.push(id),
        }
    }
    let load = |id| {
        let record = super::find(&transaction, id)?;
        record.ok_or_else(|| corrupt("an index names a workflow that is not there"))
    };
    let items = page.into_iter().map(load).collect::<Result<_>>()?;
    Ok(ListPage { items, total: wanted.count.then_some(total) })
}

fn fits(wanted: &ListWorkflows, found: &Row<'_>) -> Result<bool> {
    if wanted.labels.is_empty() {
        return Ok(true);
    }
    let labels = row::labels(found, 1)?;
    Ok(wanted.labels.iter().all(|(name, value)| has_label(&labels, name, value)))
}

/// Whether this one comes after the place that the page begins at.
fn is_after(wanted: &ListWorkflows, id: WorkflowId, found: &Row<'_>) -> Result<bool> {
    let PageStart::After(begin) = &wanted.begin else { return Ok(true) };
    let key = match wanted.sort {
        WorkflowSort::CreatedAt | WorkflowSort::UpdatedAt => SortKey::Time(row::time(found, 2)?),
        WorkflowSort::Name | WorkflowSort::Kind => SortKey::Text(row::get(found, 2)?),
        WorkflowSort::Active => SortKey::Active(row::truth(found, 2)?),
    };
    let place = WorkflowCursor { key, id };
    Ok(match wanted.order {
        Order::Ascending => place > *begin,
        Order::Descending => place < *begin,
    })
}
