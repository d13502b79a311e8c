//! Counts of recoveries without progress.

use rusqlite::{Connection, Row, params};
use stepwell_core::ids::ExecutionId;
use stepwell_store::traits::{CountRecoveries, Recovery, RecoveryCount};

use crate::error::Result;
use crate::row::{self, Id};

const SEQ: &str = "SELECT seq FROM executions WHERE id = ?1";
const COUNT: &str = "INSERT INTO recoveries (id, seq, recoveries, trials) VALUES (?1, ?2, 1, 0)
    ON CONFLICT (id) DO UPDATE SET
        recoveries = CASE WHEN seq = excluded.seq THEN recoveries + 1 ELSE 1 END,
        trials = CASE WHEN seq = excluded.seq THEN trials ELSE 0 END,
        seq = excluded.seq
    RETURNING recoveries, trials";
const COUNT_TRIAL: &str = "UPDATE recoveries SET trials = trials + 1 WHERE id = ?1
    RETURNING recoveries, trials";
/// Once at each start: few rows, each found by its id.
const FORGET: &str = "DELETE FROM recoveries WHERE NOT EXISTS
    (SELECT 1 FROM executions WHERE executions.id = recoveries.id AND status < 4)";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[SEQ, COUNT_TRIAL];

/// Counts recoveries or trials.
pub(crate) fn count(connection: &Connection, count: &CountRecoveries) -> Result<Vec<Recovery>> {
    let mut counted = Vec::with_capacity(count.ids.len());
    for id in &count.ids {
        counted.extend(match count.counted {
            RecoveryCount::Recovery => count_recovery(connection, *id)?,
            RecoveryCount::Trial => {
                row::query_first(connection, COUNT_TRIAL, [id.blob()], |found| {
                    recovery(*id, found)
                })?
            }
        });
    }
    Ok(counted)
}

fn count_recovery(connection: &Connection, id: ExecutionId) -> Result<Option<Recovery>> {
    let seq =
        row::query_first(connection, SEQ, [id.blob()], |found| row::get_column::<i64>(found, 0))?;
    let Some(seq) = seq else { return Ok(None) };
    row::query_first(connection, COUNT, params![id.blob(), seq], |found| recovery(id, found))
}

fn recovery(id: ExecutionId, found: &Row<'_>) -> Result<Recovery> {
    Ok(Recovery { id, recoveries: row::get_column(found, 0)?, trials: row::get_column(found, 1)? })
}

/// Deletes the counts of executions that have ended or no longer exist.
pub(crate) fn forget_ended(connection: &Connection) -> Result<()> {
    row::execute_sql(connection, FORGET, []).map(drop)
}
