//! What idempotency keys stand for.

use rusqlite::{Connection, params};
use stepwell_core::ids::WorkspaceId;
use stepwell_store::StoreError;
use stepwell_store::record::IdempotencyRecord;
use stepwell_store::traits::SwapIdempotent;

use crate::fault::Result;
use crate::row::{self, Id};

pub(super) const FIND: &str = "SELECT workspace, key, fingerprint, outcome, created_at
    FROM idempotency WHERE workspace = ?1 AND key = ?2";
const INSERT: &str = "INSERT INTO idempotency (workspace, key, fingerprint, outcome, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5)";

pub(super) const CHANGE: &str =
    "UPDATE idempotency SET outcome = ?3 WHERE workspace = ?1 AND key = ?2";
pub(super) const FREE: &str = "DELETE FROM idempotency WHERE workspace = ?1 AND key = ?2";

pub(crate) fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Result<Option<IdempotencyRecord>> {
    row::first(connection, FIND, params![workspace.blob(), key], |found| {
        Ok(IdempotencyRecord {
            workspace: row::id(found, 0)?,
            key: row::get(found, 1)?,
            fingerprint: row::get(found, 2)?,
            outcome: row::get(found, 3)?,
            created_at: row::time(found, 4)?,
        })
    })
}

/// Refuses as `Replayed` where the key is taken.
pub(crate) fn require_free(
    connection: &Connection,
    wanted: Option<&IdempotencyRecord>,
) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    match find(connection, wanted.workspace, &wanted.key)? {
        Some(taken) => Err(StoreError::Replayed(Box::new(taken)).into()),
        None => Ok(()),
    }
}

/// Takes the key; [`require_free`] goes before.
pub(crate) fn take(connection: &Connection, record: Option<&IdempotencyRecord>) -> Result<()> {
    let Some(record) = record else { return Ok(()) };
    let params = params![
        record.workspace.blob(),
        record.key,
        record.fingerprint,
        record.outcome,
        record.created_at.as_micros(),
    ];
    row::run(connection, INSERT, params).map(drop)
}

/// Changes or frees the key where it still is as it is thought to be.
pub(super) fn swap(connection: &Connection, swap: &SwapIdempotent) -> Result<bool> {
    let SwapIdempotent { from, to } = swap;
    let found = find(connection, from.workspace, &from.key)?;
    let fits = |found: IdempotencyRecord| {
        found.outcome == from.outcome && found.fingerprint == from.fingerprint
    };
    if !found.is_some_and(fits) {
        return Ok(false);
    }
    let workspace = from.workspace.blob();
    match to {
        Some(outcome) => row::run(connection, CHANGE, params![workspace, from.key, outcome])?,
        None => row::run(connection, FREE, params![workspace, from.key])?,
    };
    Ok(true)
}
