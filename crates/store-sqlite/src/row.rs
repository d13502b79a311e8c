//! Rows to domain and back. The only place that knows how statuses and ids are written.

use rusqlite::types::FromSql;
use rusqlite::{Connection, Params, Row};
use serde_json::Value;
use stepwell_core::execution::Status;
use stepwell_core::ids::{
    ActualId, AuditId, DeliveryId, ExecutionId, KeyId, NodeId, ReceiverId, ScheduleId, SubjectId,
    WebhookId, WorkflowId, WorkspaceId,
};
use stepwell_core::{Map, Timestamp};
use stepwell_store::codec;
use stepwell_store::lists::Window;
use stepwell_store::record::{DeliveryStatus, IdempotencyOutcome, has_label};
use uuid::Uuid;

use crate::error::{Result, corrupt_row};

/// Sorts before every id.
pub(crate) const BEFORE_ALL: [u8; 0] = [];

/// Sorts after every id.
pub(crate) const AFTER_ALL: [u8; 17] = [0xff; 17];

/// An id as it is stored: 16 bytes.
pub(crate) trait Id: Sized {
    fn blob(self) -> [u8; 16];
    fn from_blob(blob: [u8; 16]) -> Self;
}

macro_rules! ids {
    ($($id:ident),*) => {$(
        impl Id for $id {
            fn blob(self) -> [u8; 16] {
                self.uuid().into_bytes()
            }

            fn from_blob(blob: [u8; 16]) -> Self {
                Self::from_uuid(Uuid::from_bytes(blob))
            }
        }
    )*};
}

ids!(
    ActualId,
    AuditId,
    DeliveryId,
    ExecutionId,
    KeyId,
    NodeId,
    ReceiverId,
    ScheduleId,
    SubjectId,
    WebhookId,
    WorkflowId,
    WorkspaceId
);

/// Where a page begins, as a bound that an index can be searched by.
pub(crate) fn id_after(id: Option<impl Id>) -> Vec<u8> {
    id.map_or_else(|| BEFORE_ALL.to_vec(), |id| id.blob().to_vec())
}

/// A limit as SQLite takes it.
pub(crate) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The rows of a page: how many to read, and how many to skip.
pub(crate) fn limit_and_offset<C>(window: &Window<C>) -> (i64, i64) {
    (sql_limit(window.read_limit()), i64::try_from(window.skipped()).unwrap_or(i64::MAX))
}

/// The first row, read.
pub(crate) fn query_first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// All rows, read.
pub(crate) fn query_all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Runs a statement without result rows; returns how many rows it changed.
pub(crate) fn execute_sql(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<usize> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// A column as SQLite has it.
pub(crate) fn get_column<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T> {
    Ok(row.get(column)?)
}

pub(crate) fn get_id<T: Id>(row: &Row<'_>, column: usize) -> Result<T> {
    get_column(row, column).map(T::from_blob)
}

pub(crate) fn maybe_id<T: Id>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    Ok(get_column::<Option<_>>(row, column)?.map(T::from_blob))
}

pub(crate) fn get_time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    get_column(row, column).map(Timestamp::from_micros)
}

pub(crate) fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(get_column::<Option<i64>>(row, column)?.map(Timestamp::from_micros))
}

pub(crate) fn as_micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_micros)
}

pub(crate) fn get_bool(row: &Row<'_>, column: usize) -> Result<bool> {
    match get_column::<i64>(row, column)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(corrupt_row(format!("a yes or no is stored as {other}"))),
    }
}

/// Labels: JSON text, nothing where there are none.
pub(crate) fn labels_text(labels: &Map) -> Result<Option<String>> {
    Ok((!labels.is_empty()).then(|| codec::write_json(labels)).transpose()?)
}

pub(crate) fn get_labels(row: &Row<'_>, column: usize) -> Result<Map> {
    match get_column::<Option<String>>(row, column)? {
        None => Ok(Map::new()),
        Some(text) => match codec::read_json(&text)? {
            Value::Object(labels) => Ok(labels),
            _ => Err(corrupt_row("labels that are not an object")),
        },
    }
}

/// The prefix of the outcome of a request in progress.
const IN_PROGRESS: &str = "working ";

/// The outcome of a response that is not stored.
const SECRET_RESPONSE: &str = "secret";

/// How the outcome of a request with an idempotency key is stored.
pub(crate) fn outcome_text(outcome: &IdempotencyOutcome) -> String {
    match outcome {
        IdempotencyOutcome::InProgress { node, since } => {
            format!("{IN_PROGRESS}{node} {}", since.as_micros())
        }
        IdempotencyOutcome::Created(id) => id.to_string(),
        IdempotencyOutcome::Response { status, body } => format!("{status}\n{body}"),
        IdempotencyOutcome::SecretResponse => SECRET_RESPONSE.to_owned(),
    }
}

pub(crate) fn idempotency_outcome(row: &Row<'_>, column: usize) -> Result<IdempotencyOutcome> {
    let text: String = get_column(row, column)?;
    parse_outcome(&text).ok_or_else(|| corrupt_row("the outcome of a request is not readable"))
}

fn parse_outcome(text: &str) -> Option<IdempotencyOutcome> {
    if text == SECRET_RESPONSE {
        return Some(IdempotencyOutcome::SecretResponse);
    }
    if let Some(claim) = text.strip_prefix(IN_PROGRESS) {
        let (node, since) = claim.split_once(' ')?;
        let (node, since) = (node.parse().ok()?, Timestamp::from_micros(since.parse().ok()?));
        return Some(IdempotencyOutcome::InProgress { node, since });
    }
    match text.split_once('\n') {
        Some((status, body)) => {
            let (status, body) = (status.parse().ok()?, body.to_owned());
            Some(IdempotencyOutcome::Response { status, body })
        }
        None => text.parse().ok().map(IdempotencyOutcome::Created),
    }
}

/// Whether a row has all of the labels that a list is filtered by.
pub(crate) fn has_labels(
    row: &Row<'_>,
    column: usize,
    filter: &[(String, String)],
) -> Result<bool> {
    if filter.is_empty() {
        return Ok(true);
    }
    let labels = get_labels(row, column)?;
    Ok(filter.iter().all(|(name, value)| has_label(&labels, name, value)))
}

/// How statuses are stored. The migrations name some of these numbers: they never change.
pub(crate) const fn status_number(status: Status) -> i64 {
    match status {
        Status::Queued => 0,
        Status::Running => 1,
        Status::Waiting => 2,
        Status::Paused => 3,
        Status::Completed => 4,
        Status::Failed => 5,
        Status::TimedOut => 6,
        Status::Cancelled => 7,
    }
}

pub(crate) fn get_status(row: &Row<'_>, column: usize) -> Result<Status> {
    let number: i64 = get_column(row, column)?;
    let known = Status::ALL.into_iter().find(|status| status_number(*status) == number);
    known.ok_or_else(|| corrupt_row(format!("an execution has the unknown status {number}")))
}

/// How delivery statuses are stored. The migrations name 0: they never change.
pub(crate) const fn delivery_status_number(status: DeliveryStatus) -> i64 {
    match status {
        DeliveryStatus::Pending => 0,
        DeliveryStatus::Delivered => 1,
        DeliveryStatus::Exhausted => 2,
    }
}

pub(crate) fn delivery_status(row: &Row<'_>, column: usize) -> Result<DeliveryStatus> {
    match get_column::<i64>(row, column)? {
        0 => Ok(DeliveryStatus::Pending),
        1 => Ok(DeliveryStatus::Delivered),
        2 => Ok(DeliveryStatus::Exhausted),
        other => Err(corrupt_row(format!("a delivery has the unknown status {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(sql: &str, read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
        query_first(&Connection::open_in_memory().unwrap(), sql, [], read)
    }

    #[test]
    fn statuses_read_back() {
        for wanted in Status::ALL {
            let sql = format!("SELECT {}", status_number(wanted));
            assert_eq!(read(&sql, |row| get_status(row, 0)).unwrap(), Some(wanted));
            assert_eq!(wanted.is_final(), status_number(wanted) >= 4);
        }
    }

    #[test]
    fn what_is_not_understood_is_corrupt() {
        let is_corrupt = |result: Result<()>| {
            let error = stepwell_store::StoreError::from(result.unwrap_err());
            assert!(matches!(error, stepwell_store::StoreError::Corrupt(_)), "{error}");
        };
        is_corrupt(read("SELECT 8", |row| get_status(row, 0)).map(drop));
        is_corrupt(read("SELECT 'queued'", |row| get_status(row, 0)).map(drop));
        is_corrupt(read("SELECT 3", |row| delivery_status(row, 0)).map(drop));
        is_corrupt(read("SELECT 2", |row| get_bool(row, 0)).map(drop));
        is_corrupt(read("SELECT x'00'", |row| get_id::<ExecutionId>(row, 0)).map(drop));
        is_corrupt(read("SELECT '[]'", |row| get_labels(row, 0)).map(drop));
        is_corrupt(read("SELECT '{'", |row| get_labels(row, 0)).map(drop));
        is_corrupt(read("SELECT NULL", |row| get_time(row, 0)).map(drop));
    }

    #[test]
    fn outcomes_are_read_as_they_were_written() {
        for text in [
            "working 01a22b74-2190-70dc-80b3-d34a20a2619f 1800000000000000",
            "01a22b74-2190-70dc-80b3-d34a20a2619f",
            "201\n{\"a\":\"b\\n\"}",
            "200\n",
            "secret",
        ] {
            let outcome = parse_outcome(text).unwrap();
            assert_eq!(outcome_text(&outcome), text, "{outcome:?}");
        }
        for text in ["", "202", "x\n{}", "99999\n{}", "working ", "working x", "working x 1"] {
            assert_eq!(parse_outcome(text), None, "{text}");
        }
    }
}
