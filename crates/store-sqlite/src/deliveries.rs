//! The outbox.
//!
//! Of the pending deliveries of an execution the first one is its head; the column `head` is kept
//! right by every write here, so that those waiting behind a head are never looked at.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::Timestamp;
use stepwell_core::ids::{DeliveryId, ExecutionId};
use stepwell_store::DeliveryStore;
use stepwell_store::record::DeliveryRecord;
use stepwell_store::traits::{DeliveryAttempt, DueDeliveries};

use crate::SqliteStore;
use crate::fault::{Answer, Result};
use crate::row::{self, Id};

macro_rules! columns {
    () => {
        "id, execution, sequence, workspace, url, body, status, attempts, created_at, \
         next_attempt_at, last_result"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO deliveries (",
    columns!(),
    ", head) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0)"
);
/// The rest are left out by the reader: there are at most as many as deliveries under way.
const DUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM deliveries WHERE head = 1 AND next_attempt_at <= ?1 ORDER BY next_attempt_at, id"
);
const NEXT: &str =
    "SELECT next_attempt_at FROM deliveries WHERE head = 1 ORDER BY next_attempt_at LIMIT 1";
const OF_EXECUTION: &str =
    concat!("SELECT ", columns!(), " FROM deliveries WHERE execution = ?1 ORDER BY sequence, id");
const EXECUTION_OF: &str = "SELECT execution FROM deliveries WHERE id = ?1";
const ATTEMPT: &str = "UPDATE deliveries SET status = ?2, attempts = ?3, next_attempt_at = ?4,
    last_result = ?5 WHERE id = ?1";
/// Makes the first pending delivery the head, and no other.
const DEMOTE: &str = "UPDATE deliveries SET head = 0 WHERE execution = ?1 AND head = 1";
const PROMOTE: &str = "UPDATE deliveries SET head = 1 WHERE id = (SELECT id FROM deliveries
    WHERE execution = ?1 AND status = 0 ORDER BY sequence, id LIMIT 1)";
const PURGE: &str = "DELETE FROM deliveries WHERE execution = ?1";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] =
    &[DUE, NEXT, OF_EXECUTION, EXECUTION_OF, ATTEMPT, DEMOTE, PROMOTE, PURGE];

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn due_deliveries(&self, due: DueDeliveries) -> Answer<Vec<DeliveryRecord>> {
        self.readers.read(move |connection| find_due(connection, &due)).await
    }

    async fn next_delivery(&self) -> Answer<Option<Timestamp>> {
        self.readers
            .read(|connection| row::first(connection, NEXT, [], |found| row::time(found, 0)))
            .await
    }

    async fn record_attempts(&self, attempts: Vec<DeliveryAttempt>) -> Answer<()> {
        self.writer
            .write(0, move |batch| {
                for attempt in &attempts {
                    record_attempt(batch.connection, attempt)?;
                }
                Ok(())
            })
            .await
    }

    async fn list_deliveries(&self, execution: ExecutionId) -> Answer<Vec<DeliveryRecord>> {
        self.readers
            .read(move |connection| row::all(connection, OF_EXECUTION, [execution.blob()], record))
            .await
    }
}

fn record(found: &Row<'_>) -> Result<DeliveryRecord> {
    Ok(DeliveryRecord {
        id: row::id(found, 0)?,
        execution: row::id(found, 1)?,
        sequence: row::get(found, 2)?,
        workspace: row::id(found, 3)?,
        url: row::get(found, 4)?,
        body: row::get(found, 5)?,
        status: row::delivery_status(found, 6)?,
        attempts: row::get(found, 7)?,
        created_at: row::time(found, 8)?,
        next_attempt_at: row::time(found, 9)?,
        last_result: row::get(found, 10)?,
    })
}

fn find_due(connection: &Connection, due: &DueDeliveries) -> Result<Vec<DeliveryRecord>> {
    let mut statement = connection.prepare_cached(DUE)?;
    let mut rows = statement.query([due.now.as_micros()])?;
    let mut found = Vec::new();
    while found.len() < due.limit
        && let Some(next) = rows.next()?
    {
        if !due.except.contains(&row::id(next, 1)?) {
            found.push(record(next)?);
        }
    }
    Ok(found)
}

/// Puts new deliveries in the outbox.
pub(crate) fn insert(connection: &Connection, deliveries: &[DeliveryRecord]) -> Result<()> {
    for delivery in deliveries {
        let params = params![
            delivery.id.blob(),
            delivery.execution.blob(),
            delivery.sequence,
            delivery.workspace.blob(),
            delivery.url,
            delivery.body,
            row::delivery_status_number(delivery.status),
            delivery.attempts,
            delivery.created_at.as_micros(),
            delivery.next_attempt_at.as_micros(),
            delivery.last_result,
        ];
        row::run(connection, INSERT, params)?;
    }
    // All of one commit are of one execution.
    deliveries.first().map_or(Ok(()), |delivery| choose_head(connection, delivery.execution))
}

/// Deletes the deliveries of an execution.
pub(crate) fn purge(connection: &Connection, execution: ExecutionId) -> Result<()> {
    row::run(connection, PURGE, [execution.blob()]).map(drop)
}

fn record_attempt(connection: &Connection, attempt: &DeliveryAttempt) -> Result<()> {
    let DeliveryAttempt { id, status, attempts, next_attempt_at, last_result } = attempt;
    let Some(execution) = execution_of(connection, *id)? else { return Ok(()) };
    let status_number = row::delivery_status_number(*status);
    let params =
        params![id.blob(), status_number, attempts, next_attempt_at.as_micros(), last_result];
    row::run(connection, ATTEMPT, params)?;
    choose_head(connection, execution)
}

fn execution_of(connection: &Connection, id: DeliveryId) -> Result<Option<ExecutionId>> {
    row::first(connection, EXECUTION_OF, [id.blob()], |found| row::id(found, 0))
}

fn choose_head(connection: &Connection, execution: ExecutionId) -> Result<()> {
    row::run(connection, DEMOTE, [execution.blob()])?;
    row::run(connection, PROMOTE, [execution.blob()]).map(drop)
}
