//! The server processes.

pub(crate) mod liveness;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::Timestamp;
use stepwell_core::ids::NodeId;
use stepwell_store::traits::{
    ClockCorrection, ClockMark, CountRecoveries, Heartbeat, HeartbeatKind, KEPT_CLOCK_MARKS,
    LastSeen, Recovery,
};
use stepwell_store::{NodeStore, StoreError};
use uuid::Uuid;

use crate::error::{Result, StoreResult};
use crate::row::{self, Id};
use crate::writer::Batch;
use crate::{SqliteStore, recoveries};

const SAVE: &str = "INSERT INTO nodes (id, heartbeat_at, alive) VALUES (?1, ?2, 1)
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at";
const STALE: &str = "SELECT id FROM nodes WHERE id <> ?1 AND (alive = 0 OR heartbeat_at < ?2)";
const GIVE: &str = "UPDATE executions SET owner = ?1 WHERE owner = ?2 AND status < 4";
const FORGET: &str = "DELETE FROM nodes WHERE id = ?1";
pub(crate) const GIVE_UP: &str =
    "UPDATE executions SET owner = NULL WHERE owner = ?1 AND status = 0 AND status < 4";
const KILL: &str = "UPDATE nodes SET alive = 0 WHERE id = ?1";

const LAST_HEARTBEAT: &str = "SELECT MAX(heartbeat_at) FROM nodes";
const FOLLOWS: &str = "SELECT 1 FROM nodes
    WHERE alive = 1 AND id < ?1 AND (NOT ?2 OR heartbeat_at <= ?3) LIMIT 1";
const MOVE_HEARTBEATS: &str =
    "UPDATE nodes SET heartbeat_at = heartbeat_at + ?1 WHERE heartbeat_at > ?2";
const MOVE_WAITS: &str = "UPDATE executions SET wake_at = wake_at + ?2
    WHERE owner = ?1 AND wake_at IS NOT NULL AND wake_at BETWEEN ?3 AND ?4";
/// Through the heads of the queues: deliveries that are final are not read.
const MOVE_DELIVERIES: &str = "UPDATE deliveries
    SET next_attempt_at = next_attempt_at + ?1, give_up_at = MIN(give_up_at, ?3) + ?2
    WHERE status = 0
    AND (subject, receiver) IN (SELECT subject, receiver FROM deliveries WHERE head = 1)";
const MOVE_FAILURES: &str = "UPDATE failing_receivers SET since = since + ?1";
const MARK: &str = "SELECT offset FROM clocks WHERE boot = ?1";
const SAVE_MARK: &str = "INSERT INTO clocks (boot, offset, marked_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (boot) DO UPDATE SET offset = excluded.offset, marked_at = excluded.marked_at";
const FORGET_MARKS: &str = "DELETE FROM clocks WHERE boot NOT IN
    (SELECT boot FROM clocks ORDER BY marked_at DESC, boot DESC LIMIT ?1)";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[liveness::FIND, GIVE, GIVE_UP, FOLLOWS, MOVE_WAITS, MARK];

#[async_trait]
impl NodeStore for SqliteStore {
    async fn heartbeat(&self, heartbeat: Heartbeat) -> StoreResult<()> {
        let Heartbeat { node, now, kind } = heartbeat;
        self.writer
            .write(0, move |batch| match kind {
                HeartbeatKind::Join => join(batch, node, now),
                HeartbeatKind::Renew => {
                    batch.require_alive(node)?;
                    save(batch, node, now)
                }
                HeartbeatKind::Leave => leave(batch, node),
            })
            .await
    }

    async fn take_over(&self, node: NodeId, before: Timestamp) -> StoreResult<u64> {
        self.writer.write(0, move |batch| take_over(batch, node, before)).await
    }

    async fn last_seen(&self, boot: Option<Uuid>) -> StoreResult<LastSeen> {
        self.readers.read(move |connection| last_seen(connection, boot)).await
    }

    async fn correct_clock(&self, correction: ClockCorrection) -> StoreResult<bool> {
        self.writer.write(0, move |batch| correct_clock(batch, correction)).await
    }

    async fn count_recoveries(&self, count: CountRecoveries) -> StoreResult<Vec<Recovery>> {
        self.writer.write(0, move |batch| recoveries::count(batch.connection, &count)).await
    }
}

fn last_seen(connection: &Connection, boot: Option<Uuid>) -> Result<LastSeen> {
    let heartbeat =
        row::query_first(connection, LAST_HEARTBEAT, [], |found| row::maybe_time(found, 0))?;
    let mark = match boot {
        Some(boot) => {
            let key = boot.into_bytes();
            let read = |found: &Row<'_>| Ok(ClockMark { boot, offset: row::get_column(found, 0)? });
            row::query_first(connection, MARK, [&key[..]], read)?
        }
        None => None,
    };
    Ok(LastSeen { heartbeat: heartbeat.flatten(), mark })
}

fn leave(batch: &mut Batch<'_>, node: NodeId) -> Result<()> {
    row::execute_sql(batch.connection, GIVE_UP, [node.blob()])?;
    row::execute_sql(batch.connection, KILL, [node.blob()])?;
    batch.nodes_changed();
    Ok(())
}

fn join(batch: &mut Batch<'_>, node: NodeId, now: Timestamp) -> Result<()> {
    let found = liveness::find_liveness(batch.connection, node)?;
    if found == Some(false) {
        return Err(StoreError::Fenced.into());
    }
    save(batch, node, now)
}

fn save(batch: &mut Batch<'_>, node: NodeId, now: Timestamp) -> Result<()> {
    row::execute_sql(batch.connection, SAVE, params![node.blob(), now.as_micros()])?;
    batch.nodes_changed();
    Ok(())
}

fn take_over(batch: &mut Batch<'_>, node: NodeId, before: Timestamp) -> Result<u64> {
    batch.require_alive(node)?;
    let connection = batch.connection;
    let own = node.blob();
    let dead = row::query_all(connection, STALE, params![own, before.as_micros()], |found| {
        row::get_id::<NodeId>(found, 0)
    })?;
    let mut taken = 0;
    for node in dead {
        taken += row::execute_sql(connection, GIVE, params![own, node.blob()])?;
        row::execute_sql(connection, FORGET, [node.blob()])?;
    }
    recoveries::forget_ended(connection)?;
    batch.nodes_changed();
    Ok(taken as u64)
}

fn correct_clock(batch: &mut Batch<'_>, correction: ClockCorrection) -> Result<bool> {
    let ClockCorrection { node, waits, pauses, limits, now, at_start, mark } = correction;
    batch.require_alive(node)?;
    let connection = batch.connection;
    if waits != 0 {
        // Bounds, so that nothing is moved out of what time there is.
        let (first, last) = (i64::MIN.saturating_sub(waits.min(0)), i64::MAX - waits.max(0));
        row::execute_sql(connection, MOVE_WAITS, params![node.blob(), waits, first, last])?;
    }
    let rivals = params![node.blob(), at_start, now.as_micros()];
    let follows = row::query_first(connection, FOLLOWS, rivals, |found| row::get_bool(found, 0))?;
    let leads = !follows.unwrap_or(false);
    if waits < 0 {
        row::execute_sql(connection, MOVE_HEARTBEATS, params![waits, now.as_micros()])?;
    }
    if leads && (pauses, limits) != (0, 0) {
        // "For ever" stays the last moment that there is.
        let last = i64::MAX - limits.max(0);
        row::execute_sql(connection, MOVE_DELIVERIES, params![pauses, limits, last])?;
        row::execute_sql(connection, MOVE_FAILURES, [limits])?;
    }
    if let Some(ClockMark { boot, offset }) = mark {
        let boot = boot.into_bytes();
        row::execute_sql(connection, SAVE_MARK, params![&boot[..], offset, now.as_micros()])?;
        row::execute_sql(connection, FORGET_MARKS, [row::sql_limit(KEPT_CLOCK_MARKS)])?;
    }
    Ok(leads)
}
