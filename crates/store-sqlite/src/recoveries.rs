//! How often executions were recovered without getting any further.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use stepwell_core::ids::ExecutionId;
use stepwell_store::RecoveryStore;
use stepwell_store::traits::Recovery;

use crate::SqliteStore;
use crate::fault::{Answer, Result};
use crate::row::{self, Id};

const SEQ: &str = "SELECT seq FROM executions WHERE id = ?1";
const COUNT: &str = "INSERT INTO recoveries (id, seq, recoveries, trials) VALUES (?1, ?2, 1, 0)
    ON CONFLICT (id) DO UPDATE SET
        recoveries = CASE WHEN seq = excluded.seq THEN recoveries + 1 ELSE 1 END,
        trials = CASE WHEN seq = excluded.seq THEN trials ELSE 0 END,
        seq = excluded.seq
    RETURNING recoveries, trials";
const COUNT_TRIAL: &str = "UPDATE recoveries SET trials = trials + 1 WHERE id = ?1";
/// Once at each start: few rows, each looked up by its id.
const FORGET: &str = "DELETE FROM recoveries WHERE NOT EXISTS
    (SELECT 1 FROM executions WHERE executions.id = recoveries.id AND status < 4)";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[SEQ, COUNT_TRIAL];

#[async_trait]
impl RecoveryStore for SqliteStore {
    async fn begin_recoveries(&self, ids: Vec<ExecutionId>) -> Answer<Vec<Recovery>> {
        self.writer
            .write(0, move |batch| {
                let mut found = Vec::with_capacity(ids.len());
                for id in &ids {
                    found.extend(count(batch.connection, *id)?);
                }
                Ok(found)
            })
            .await
    }

    async fn count_trial(&self, id: ExecutionId) -> Answer<()> {
        self.writer
            .write(0, move |batch| row::run(batch.connection, COUNT_TRIAL, [id.blob()]).map(drop))
            .await
    }
}

fn count(connection: &Connection, id: ExecutionId) -> Result<Option<Recovery>> {
    let seq = row::first(connection, SEQ, [id.blob()], |found| row::get::<i64>(found, 0))?;
    let Some(seq) = seq else { return Ok(None) };
    row::first(connection, COUNT, params![id.blob(), seq], |found| {
        Ok(Recovery { id, recoveries: row::get(found, 0)?, trials: row::get(found, 1)? })
    })
}

/// Forgets what is known of executions that have ended or are gone.
pub(crate) fn forget_ended(connection: &Connection) -> Result<()> {
    row::run(connection, FORGET, []).map(drop)
}
