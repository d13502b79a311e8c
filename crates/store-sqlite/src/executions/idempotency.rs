//! Idempotency keys.

use rusqlite::{Connection, params};
use stepwell_core::ids::WorkspaceId;
use stepwell_store::StoreError;
use stepwell_store::record::IdempotencyRecord;
use stepwell_store::traits::WriteIdempotent;

use crate::error::Result;
use crate::row::{self, Id};

pub(super) const FIND: &str = "SELECT workspace, key, fingerprint, outcome, created_at
    FROM idempotency WHERE workspace = ?1 AND key = ?2";
const INSERT: &str = "INSERT INTO idempotency (workspace, key, fingerprint, outcome, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5)";

pub(super) const CHANGE: &str =
    "UPDATE idempotency SET outcome = ?3 WHERE workspace = ?1 AND key = ?2";
pub(super) const FREE: &str = "DELETE FROM idempotency WHERE workspace = ?1 AND key = ?2";

pub(crate) fn find_claim(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Result<Option<IdempotencyRecord>> {
    row::query_first(connection, FIND, params![workspace.blob(), key], |found| {
        Ok(IdempotencyRecord {
            workspace: row::get_id(found, 0)?,
            key: row::get_column(found, 1)?,
            fingerprint: row::get_column(found, 2)?,
            outcome: row::idempotency_outcome(found, 3)?,
            created_at: row::get_time(found, 4)?,
        })
    })
}

/// `Replayed` if the key is taken.
pub(crate) fn require_free(
    connection: &Connection,
    wanted: Option<&IdempotencyRecord>,
) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    match find_claim(connection, wanted.workspace, &wanted.key)? {
        Some(taken) => Err(StoreError::Replayed(Box::new(taken)).into()),
        None => Ok(()),
    }
}

/// Takes the key, after [`require_free`].
pub(crate) fn take_claim(
    connection: &Connection,
    record: Option<&IdempotencyRecord>,
) -> Result<()> {
    let Some(record) = record else { return Ok(()) };
    let params = params![
        record.workspace.blob(),
        record.key,
        record.fingerprint,
        row::outcome_text(&record.outcome),
        record.created_at.as_micros(),
    ];
    row::execute_sql(connection, INSERT, params).map(drop)
}

/// Claims, replaces or frees a key; returns whether it had the expected record.
pub(super) fn write_claim(connection: &Connection, write: &WriteIdempotent) -> Result<bool> {
    let (from, to) = match write {
        WriteIdempotent::Claim(record) => {
            require_free(connection, Some(record))?;
            return take_claim(connection, Some(record)).map(|()| true);
        }
        WriteIdempotent::Replace { from, outcome } => (from, Some(outcome)),
        WriteIdempotent::Free(from) => (from, None),
    };
    let found = find_claim(connection, from.workspace, &from.key)?;
    let is_expected = |found: IdempotencyRecord| {
        found.outcome == from.outcome && found.fingerprint == from.fingerprint
    };
    if !found.is_some_and(is_expected) {
        return Ok(false);
    }
    let workspace = from.workspace.blob();
    match to {
        Some(outcome) => {
            let outcome = row::outcome_text(outcome);
            row::execute_sql(connection, CHANGE, params![workspace, from.key, outcome])?
        }
        None => row::execute_sql(connection, FREE, params![workspace, from.key])?,
    };
    Ok(true)
}
