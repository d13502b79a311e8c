//! What waits in the store, and how large its files are.
//!
//! Counts walk through the part of an index that holds what waits, never through what has ended. The
//! executions by status are counted when they change.

use std::path::Path;

use rusqlite::{Connection, Row};
use stepwell_core::Timestamp;
use stepwell_store::traits::{
    MAX_COUNTED_DELIVERIES, MAX_COUNTED_WORKFLOWS, StoreGauges, WorkflowPlaces,
};

use crate::error::Result;
use crate::executions::counts;
use crate::{row, vacuum};

const QUEUED: &str = "SELECT COUNT(*) FROM executions INDEXED BY executions_queued
    WHERE owner IS NULL AND status = 0 AND place IS NOT 0";
const OLDEST_QUEUED: &str = "SELECT created_at FROM executions INDEXED BY executions_queued
    WHERE owner IS NULL AND status = 0 AND place IS NOT 0 ORDER BY id LIMIT 1";
/// From the heads of the queues to what is pending behind each, by the index of subjects.
const PENDING: &str = "SELECT COUNT(*) FROM (
    SELECT 1 FROM deliveries AS head INDEXED BY deliveries_turn
    CROSS JOIN deliveries AS pending INDEXED BY deliveries_subject
    WHERE head.head = 1 AND pending.subject = head.subject
        AND pending.receiver = head.receiver AND pending.status = 0
    LIMIT ?1)";
const OLDEST_PENDING: &str = "SELECT created_at FROM deliveries WHERE id =
    (SELECT MIN(id) FROM deliveries INDEXED BY deliveries_turn WHERE head = 1)";

/// Those that wait are queued; a paused one has lost its turn.
const PLACES: &str = "SELECT workflow, SUM(place = 1), SUM(place = 0 AND status = 0)
    FROM executions INDEXED BY executions_places WHERE place IS NOT NULL AND status < 4
    GROUP BY workflow LIMIT ?1";

const OLDEST_EXECUTION: &str =
    "SELECT created_at FROM executions WHERE id = (SELECT MIN(id) FROM executions)";

/// Those that walk through an index, for the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[QUEUED, OLDEST_QUEUED, PENDING, OLDEST_PENDING, PLACES];

/// Those that find one row, for the same test.
#[cfg(test)]
pub(crate) const LOOKUPS: &[&str] = &[OLDEST_EXECUTION];

/// Reads all of it.
pub(crate) fn read(connection: &Connection, database: &Path) -> Result<StoreGauges> {
    let count = |found: &Row<'_>| row::get_column::<u64>(found, 0);
    let most = row::sql_limit(MAX_COUNTED_DELIVERIES);
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    Ok(StoreGauges {
        by_status: counts::read_by_status(connection)?,
        queued: row::query_first(connection, QUEUED, [], count)?.unwrap_or(0),
        oldest_queued: oldest(connection, OLDEST_QUEUED)?,
        pending_deliveries: row::query_first(connection, PENDING, [most], count)?.unwrap_or(0),
        oldest_delivery: oldest(connection, OLDEST_PENDING)?,
        database_bytes: file_bytes(database),
        free_bytes: vacuum::free_bytes(connection)?,
        oldest_execution: oldest(connection, OLDEST_EXECUTION)?,
        log_bytes: file_bytes(Path::new(&log)),
        places: read_places(connection)?,
    })
}

fn read_places(connection: &Connection) -> Result<Vec<WorkflowPlaces>> {
    let limit = row::sql_limit(MAX_COUNTED_WORKFLOWS);
    let all = row::query_all(connection, PLACES, [limit], |found| {
        Ok(WorkflowPlaces {
            workflow: row::get_id(found, 0)?,
            taken: row::get_column(found, 1)?,
            waiting: row::get_column(found, 2)?,
        })
    })?;
    Ok(all.into_iter().filter(|places| places.taken + places.waiting > 0).collect())
}

fn oldest(connection: &Connection, sql: &str) -> Result<Option<Timestamp>> {
    row::query_first(connection, sql, [], |found| row::get_time(found, 0))
}

/// The size of a file; 0 where it is not there, as the log of a database that is closed.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}
