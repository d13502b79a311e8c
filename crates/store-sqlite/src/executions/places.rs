//! Places under the concurrency limits of workflows. What has a place is stored with the execution
//! and changed in the transaction of the commit that causes it.

use rusqlite::{Connection, Row, params};
use stepwell_core::execution::ConcurrencyPlace;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::StoreError;
use stepwell_store::codec;
use stepwell_store::commit::{Admission, Displaced};
use stepwell_store::record::{ExecutionRecord, PlaceRecord};
use stepwell_store::traits::ConcurrencyKey;

use crate::error::{Result, StoreResult, corrupt_row};
use crate::row::{self, Id};
use crate::writer::Batch;

/// Selects the executions that share places and have not ended.
macro_rules! sharing {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM executions INDEXED BY executions_places WHERE workflow = ?1 AND \
             concurrency_key = ?2 AND status < 4 AND ",
            $rest
        )
    };
}

pub(super) const TAKEN: &str = sharing!("SELECT COUNT(*)", "place = 1");
/// The next execution that gets a place.
pub(super) const NEXT: &str =
    sharing!("SELECT n, concurrency_limit", "place = 0 AND status = 0 ORDER BY id LIMIT 1");
pub(super) const GRANT: &str = "UPDATE executions SET place = 1 WHERE n = ?1";
pub(super) const WITH_PLACE: &str =
    sharing!("SELECT id", "place = 1 AND id > ?3 ORDER BY id LIMIT ?4");
pub(super) const AWAITING_PLACE: &str =
    sharing!("SELECT id", "place = 0 AND status = 0 AND id > ?3 ORDER BY id LIMIT ?4");
pub(super) const OTHERS: &str = sharing!("SELECT COUNT(*)", "place IN (0, 1) AND id <> ?3");
/// Those with a place, or those that wait for one, the oldest first.
pub(super) const DISPLACE: &str = sharing!(
    "INSERT INTO messages (execution, body) SELECT id, ?4",
    "place = ?5 AND id <> ?3 ORDER BY id LIMIT ?6"
);

/// Reads the three columns of a place.
pub(super) fn read_place(found: &Row<'_>, column: usize) -> Result<Option<Box<PlaceRecord>>> {
    let Some(key) = row::get_column::<Option<String>>(found, column)? else { return Ok(None) };
    let needed = ConcurrencyPlace { key, limit: row::get_column(found, column + 1)? };
    let is_granted = row::get_bool(found, column + 2)?;
    Ok(Some(Box::new(PlaceRecord { needed, is_granted })))
}

/// The encoded message of an admission that displaces others.
pub(super) fn displacing_body(admission: &Admission) -> StoreResult<Option<String>> {
    match admission {
        Admission::Displace(_, message) => codec::write_json(message).map(Some),
        Admission::Wait | Admission::RequirePlace | Admission::RequirePlaceOr(_) => Ok(None),
    }
}

/// Rejects a new execution that requires a place at once.
pub(super) fn require_place(
    connection: &Connection,
    record: &ExecutionRecord,
    admission: &Admission,
) -> Result<()> {
    if *admission != Admission::RequirePlace {
        return Ok(());
    }
    missing_place(connection, record)?.map_or(Ok(()), |error| Err(error.into()))
}

/// Why a new execution would not get its place at once; `None`: it would, or needs none.
pub(super) fn missing_place(
    connection: &Connection,
    record: &ExecutionRecord,
) -> Result<Option<StoreError>> {
    let Some(place) = &record.concurrency else { return Ok(None) };
    let taken = taken_places(connection, record.workflow, &place.needed.key)?;
    let limit = place.needed.limit;
    Ok((taken >= u64::from(limit)).then_some(StoreError::NoPlace { taken, limit }))
}

/// Sends the messages that the acceptance of an execution causes, and grants places.
pub(super) fn admit(
    batch: &mut Batch<'_>,
    record: &ExecutionRecord,
    body: Option<&str>,
    admission: &Admission,
) -> Result<()> {
    let Some(place) = &record.concurrency else { return Ok(()) };
    let ConcurrencyPlace { key, limit } = &place.needed;
    let connection = batch.connection;
    grant_places(connection, record.workflow, key)?;
    let (Admission::Displace(displaced, _), Some(body)) = (admission, body) else {
        return Ok(());
    };
    let (workflow, id) = (record.workflow.blob(), record.id.blob());
    let displace = |place: i64, most: usize| {
        let params = params![workflow, key, id, body, place, row::sql_limit(most)];
        row::execute_sql(connection, DISPLACE, params)
    };
    match displaced {
        Displaced::Waiting => drop(displace(0, usize::MAX)?),
        Displaced::Oldest => {
            let others = count(connection, OTHERS, params![workflow, key, id])?;
            let excess = (others + 1).saturating_sub(u64::from(*limit));
            let excess = usize::try_from(excess).unwrap_or(usize::MAX);
            let with_place = displace(1, excess)?;
            displace(0, excess - with_place)?;
        }
    }
    batch.has_messages = None;
    Ok(())
}

/// Gives places to the oldest queued executions with the key, as long as there are some.
pub(super) fn grant_places(connection: &Connection, workflow: WorkflowId, key: &str) -> Result<()> {
    let params = params![workflow.blob(), key];
    let next = || {
        row::query_first(connection, NEXT, params, |found| {
            Ok((row::get_column::<i64>(found, 0)?, row::get_column::<Option<u64>>(found, 1)?))
        })
    };
    let Some(mut found) = next()? else { return Ok(()) };
    let mut taken = taken_places(connection, workflow, key)?;
    loop {
        let (n, limit) = found;
        let limit = limit.ok_or_else(|| corrupt_row("a concurrency key without a limit"))?;
        if taken >= limit {
            return Ok(());
        }
        row::execute_sql(connection, GRANT, [n])?;
        taken += 1;
        let Some(more) = next()? else { return Ok(()) };
        found = more;
    }
}

/// The executions with a key that a query selects, in order of id.
pub(super) fn list(
    connection: &Connection,
    sql: &str,
    of: &ConcurrencyKey,
    (after, limit): (Option<ExecutionId>, usize),
) -> Result<Vec<ExecutionId>> {
    let ConcurrencyKey { workflow, key } = of;
    let params = params![workflow.blob(), key, row::id_after(after), row::sql_limit(limit)];
    row::query_all(connection, sql, params, |found| row::get_id(found, 0))
}

fn taken_places(connection: &Connection, workflow: WorkflowId, key: &str) -> Result<u64> {
    count(connection, TAKEN, params![workflow.blob(), key])
}

fn count(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<u64> {
    let counted = row::query_first(connection, sql, params, |found| row::get_column(found, 0))?;
    Ok(counted.unwrap_or(0))
}
