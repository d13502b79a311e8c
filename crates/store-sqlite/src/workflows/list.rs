//! Lists of workflows.
//!
//! A workspace has few workflows beside its executions: those that are wanted are sorted when they
//! are asked for, by what they are sorted by only; the rest is read for the page alone.

use rusqlite::{Connection, Row, params};
use stepwell_core::ids::WorkflowId;
use stepwell_store::lists::{Begin, ListWorkflows, Listed, Order, WorkflowSort};
use stepwell_store::record::{WorkflowRecord, has_label};

use crate::fault::{Result, corrupt};
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
macro_rules! place {
    ($column:literal) => {
        concat!(
            "SELECT other.",
            $column,
            " > place.",
            $column,
            " OR (other.",
            $column,
            " = place.",
            $column,
            " AND other.id > place.id)
            FROM workflows AS other, workflows AS place WHERE other.id = ?1 AND place.id = ?2"
        )
    };
}

/// Down, up, and whether one comes after another going up.
const BY_CREATED: [&str; 3] =
    [sorted!("created_at", "DESC"), sorted!("created_at", "ASC"), place!("created_at")];
const BY_UPDATED: [&str; 3] =
    [sorted!("updated_at", "DESC"), sorted!("updated_at", "ASC"), place!("updated_at")];
const BY_NAME: [&str; 3] = [sorted!("name", "DESC"), sorted!("name", "ASC"), place!("name")];
const BY_KIND: [&str; 3] = [sorted!("kind", "DESC"), sorted!("kind", "ASC"), place!("kind")];
const BY_ACTIVE: [&str; 3] =
    [sorted!("active", "DESC"), sorted!("active", "ASC"), place!("active")];

/// Those that the query plan test looks at; those sorted by something else are sorted by hand.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] =
    &[BY_CREATED[0], BY_CREATED[1], BY_CREATED[2], BY_UPDATED[2], BY_NAME[2]];

pub(super) fn list(
    connection: &Connection,
    wanted: &ListWorkflows,
) -> Result<Listed<WorkflowRecord>> {
    // List and look-ups at the same moment.
    let transaction = connection.unchecked_transaction()?;
    let [down, up, place] = match wanted.sort {
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
        Begin::Skip(skip) => skip,
        Begin::After(_) => 0,
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
        if !is_after(&transaction, place, wanted, id)? {
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
    Ok(Listed { items, total: wanted.count.then_some(total) })
}

fn fits(wanted: &ListWorkflows, found: &Row<'_>) -> Result<bool> {
    if wanted.labels.is_empty() {
        return Ok(true);
    }
    let labels = row::labels(found, 1)?;
    Ok(wanted.labels.iter().all(|(name, value)| has_label(&labels, name, value)))
}

/// Whether the page can hold this one, seen from the workflow that it begins after.
fn is_after(
    connection: &Connection,
    place: &str,
    wanted: &ListWorkflows,
    id: WorkflowId,
) -> Result<bool> {
    let Begin::After(begin) = wanted.begin else { return Ok(true) };
    if id == begin {
        return Ok(false);
    }
    let read = |found: &Row<'_>| row::truth(found, 0);
    let above = row::first(connection, place, params![id.blob(), begin.blob()], read)?;
    // After what never was comes nothing.
    Ok(above.is_some_and(|above| above == (wanted.order == Order::Ascending)))
}
