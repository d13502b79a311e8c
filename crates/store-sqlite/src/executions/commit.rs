//! Writes the commit of one execution: row, counts, changed objects, events, deliveries, audit
//! entries, idempotency key.

use std::sync::Arc;

use rusqlite::{Connection, params};
use stepwell_core::Timestamp;
use stepwell_core::execution::{OutgoingMessage, Status};
use stepwell_store::StoreError;
use stepwell_store::codec;
use stepwell_store::commit::{Admission, Commit, StartedExecution};
use stepwell_store::record::{ExecutionRecord, WorkflowStats};
use stepwell_store::rollup::CountedExecution;

use super::{SEQ_BITS, idempotency, places};
use crate::error::{Result, StoreResult, corrupt_row};
use crate::messages::PreparedMessage;
use crate::row::{self, Id};
use crate::writer::Batch;
use crate::{audit, deliveries, messages, objects};

pub(super) const FIND: &str =
    "SELECT n, seq, status, started_at, ended_at, workflow, workspace, created_at,
    concurrency_key FROM executions WHERE id = ?1";
const INSERT: &str = "INSERT INTO executions (id, workspace, workflow, release, status, seq,
    created_at, started_at, ended_at, wake_at, owner, external_id, metadata, webhook_url,
    started_by, callback_url, parent, parent_step, concurrency_key, concurrency_limit, place)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
        ?20, ?21)
    ON CONFLICT (id) DO NOTHING";
pub(super) const UPDATE: &str = "UPDATE executions SET status = ?1, seq = ?2, started_at = ?3,
    ended_at = ?4, wake_at = ?5, owner = ?6 WHERE n = ?7";
const APPEND: &str = "INSERT INTO journal (key, chunk) VALUES (?1, ?2)";

/// A commit with everything that can be made before it is the writer's turn.
pub(super) struct PreparedCommit {
    commit: Arc<Commit>,
    /// The encoded events; `None`: the commit has none.
    chunk: Option<Vec<u8>>,
    metadata: Option<String>,
    objects: Option<objects::Prepared>,
    /// The encoded events and labels of the executions that it starts, in their order.
    started: Vec<PreparedExecution>,
    sent: Vec<PreparedMessage>,
    /// The encoded message to the executions that it displaces.
    displacing: Option<String>,
}

/// The encoded first events and labels of an execution that a commit starts.
struct PreparedExecution {
    chunk: Vec<u8>,
    metadata: Option<String>,
    displacing: Option<String>,
    /// What is sent if it has no place and is not stored for that.
    rejection: Option<PreparedMessage>,
}

/// Encodes on the caller's thread.
pub(super) fn prepare_commit(commit: Arc<Commit>) -> StoreResult<PreparedCommit> {
    commit.check()?;
    let chunk = match commit.events.as_slice() {
        [] => None,
        events => Some(codec::encode_events(events)?),
    };
    let metadata = row::labels_text(&commit.record.metadata)?;
    if commit.expected_seq >> SEQ_BITS != 0 || commit.record.seq >> SEQ_BITS != 0 {
        let full = format!("the journal of {} has no room for more events", commit.record.id);
        return Err(StoreError::Corrupt(full));
    }
    let objects = commit.objects.as_deref().cloned().map(objects::Prepared::new);
    let prepare_started = |started: &StartedExecution| {
        let StartedExecution { record, events, admission } = started;
        let metadata = row::labels_text(&record.metadata)?;
        let displacing = places::displacing_body(admission)?;
        let rejection = match admission {
            Admission::RequirePlaceOr(message) => {
                let (to, message) = (commit.record.id, message.clone());
                Some(PreparedMessage::new(&OutgoingMessage { to, message })?)
            }
            _ => None,
        };
        let chunk = codec::encode_events(events)?;
        Ok(PreparedExecution { chunk, metadata, displacing, rejection })
    };
    let related = &commit.related;
    let started = related.started.iter().map(prepare_started).collect::<StoreResult<_>>()?;
    let sent = related.sent.iter().map(PreparedMessage::new).collect::<StoreResult<_>>()?;
    let displacing = places::displacing_body(&related.admission)?;
    let objects = objects.transpose()?;
    Ok(PreparedCommit { commit, chunk, metadata, objects, started, sent, displacing })
}

impl PreparedCommit {
    /// Roughly what is written.
    pub(super) fn bytes(&self) -> usize {
        let outbox: usize = self.commit.deliveries.iter().map(|one| one.body.len()).sum();
        let objects = self.objects.as_ref().map_or(0, objects::Prepared::bytes);
        let started: usize = self.started.iter().map(|started| started.chunk.len()).sum();
        let sent: usize = self.sent.iter().map(PreparedMessage::bytes).sum();
        self.chunk.as_ref().map_or(0, Vec::len) + outbox + objects + started + sent
    }

    /// Checks the objects before anything is written.
    fn check_objects(&self, connection: &Connection) -> Result<()> {
        self.objects.as_ref().map_or(Ok(()), |objects| objects.check(connection))
    }
}

/// What is stored of an execution that decides about a commit to it.
struct FoundExecution {
    n: i64,
    seq: u64,
    status: Status,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    counted: CountedExecution,
    concurrency_key: Option<String>,
}

/// Looks first, then writes.
pub(super) fn run_commit(batch: &mut Batch<'_>, prepared: &PreparedCommit) -> Result<()> {
    let Commit { node, record, expected_seq, deliveries, audit, idempotency, .. } =
        &*prepared.commit;
    batch.require_alive(*node)?;
    require_new(batch.connection, &prepared.commit.related.started)?;
    let n = if *expected_seq == 0 {
        idempotency::require_free(batch.connection, idempotency.as_ref())?;
        require_free_external_id(batch.connection, record)?;
        prepared.check_objects(batch.connection)?;
        let admission = &prepared.commit.related.admission;
        places::require_place(batch.connection, record, admission)?;
        let n = add_execution(batch, record, prepared.metadata.as_deref())?;
        places::admit(batch, record, prepared.displacing.as_deref(), admission)?;
        idempotency::take_claim(batch.connection, idempotency.as_ref())?;
        n
    } else {
        let found = find_execution(batch.connection, record, *expected_seq)?;
        prepared.check_objects(batch.connection)?;
        update_execution(batch.connection, found.n, record)?;
        let before = WorkflowStats::of(found.status, found.started_at, found.ended_at);
        batch.count(found.counted.workflow, Some(before), record.stats());
        batch.counts.change(found.counted, Some(found.status), Some(record.status));
        if let Some(key) = &found.concurrency_key {
            places::grant_places(batch.connection, found.counted.workflow, key)?;
        }
        found.n
    };
    if let Some(objects) = &prepared.objects {
        objects.write(batch.connection)?;
    }
    if let Some(chunk) = &prepared.chunk {
        // `prepare` has seen to it that the seq fits beside the shifted row number.
        let key = (n << SEQ_BITS) | (expected_seq + 1).cast_signed();
        row::execute_sql(batch.connection, APPEND, params![key, chunk])?;
    }
    write_related(batch, prepared)?;
    deliveries::insert(batch.connection, deliveries)?;
    audit::insert(batch.connection, audit)
}

/// Rejects the start of an execution that exists.
fn require_new(connection: &Connection, started: &[StartedExecution]) -> Result<()> {
    for StartedExecution { record, .. } in started {
        if let Some(actual) = find_seq(connection, record)? {
            return Err(StoreError::Conflict { id: record.id, expected: 0, actual }.into());
        }
    }
    Ok(())
}

fn find_seq(connection: &Connection, record: &ExecutionRecord) -> Result<Option<u64>> {
    row::query_first(connection, FIND, [record.id.blob()], |found| row::get_column(found, 1))
}

/// Writes what the commit changes for other executions.
fn write_related(batch: &mut Batch<'_>, prepared: &PreparedCommit) -> Result<()> {
    let Commit { record, related, .. } = &*prepared.commit;
    let mut rejections = Vec::new();
    for (started, encoded) in related.started.iter().zip(&prepared.started) {
        if let Some(rejection) = &encoded.rejection
            && places::missing_place(batch.connection, &started.record)?.is_some()
        {
            rejections.push(rejection);
            continue;
        }
        let n = add_execution(batch, &started.record, encoded.metadata.as_deref())?;
        let StartedExecution { record, admission, .. } = started;
        places::admit(batch, record, encoded.displacing.as_deref(), admission)?;
        let key = (n << SEQ_BITS) | 1;
        row::execute_sql(batch.connection, APPEND, params![key, encoded.chunk])?;
    }
    messages::delete_handled(batch.connection, record.id, &related.handled)?;
    messages::send(batch, prepared.sent.iter().chain(rejections))?;
    if record.status.is_final() {
        messages::drop_all(batch, record.id)?;
    }
    Ok(())
}

/// Adds a row and counts it.
fn add_execution(
    batch: &mut Batch<'_>,
    record: &ExecutionRecord,
    metadata: Option<&str>,
) -> Result<i64> {
    let n = insert_execution(batch.connection, record, metadata)?;
    batch.count(record.workflow, None, record.stats());
    let ExecutionRecord { workspace, workflow, created_at, .. } = *record;
    let counted = CountedExecution { workspace, workflow, created_at };
    batch.counts.change(counted, None, Some(record.status));
    Ok(n)
}

fn require_free_external_id(connection: &Connection, record: &ExecutionRecord) -> Result<()> {
    let Some(external_id) = &record.external_id else { return Ok(()) };
    match super::by_external_id(connection, record.workspace, external_id)? {
        Some(other) if other != record.id => Err(StoreError::ExternalIdTaken(other).into()),
        _ => Ok(()),
    }
}

/// A new row; `Conflict` where there is one. Saves looking for what is hardly ever there.
fn insert_execution(
    connection: &Connection,
    record: &ExecutionRecord,
    metadata: Option<&str>,
) -> Result<i64> {
    let params = params![
        record.id.blob(),
        record.workspace.blob(),
        record.workflow.blob(),
        record.release,
        row::status_number(record.status),
        record.seq,
        record.created_at.as_micros(),
        row::as_micros(record.started_at),
        row::as_micros(record.ended_at),
        row::as_micros(record.wake_at),
        record.owner.map(Id::blob),
        record.external_id,
        metadata,
        record.webhook_url,
        record.started_by.map(Id::blob),
        record.callback_url,
        record.parent.as_ref().map(|parent| parent.execution.blob()),
        record.parent.as_ref().map(|parent| parent.step.as_str()),
        record.concurrency.as_ref().map(|place| place.needed.key.as_str()),
        record.concurrency.as_ref().map(|place| place.needed.limit),
        // Not granted yet.
        record.concurrency.as_ref().map(|_| 0),
    ];
    if row::execute_sql(connection, INSERT, params)? == 1 {
        let n = connection.last_insert_rowid();
        let fits = n < 1 << (63 - SEQ_BITS);
        return if fits { Ok(n) } else { Err(corrupt_row("there are too many executions")) };
    }
    find_execution(connection, record, 0).map(|found| found.n)
}

/// The row; `Conflict` where it is not at `expected`.
fn find_execution(
    connection: &Connection,
    record: &ExecutionRecord,
    expected: u64,
) -> Result<FoundExecution> {
    let found = row::query_first(connection, FIND, [record.id.blob()], |found| {
        Ok(FoundExecution {
            n: row::get_column(found, 0)?,
            seq: row::get_column(found, 1)?,
            status: row::get_status(found, 2)?,
            started_at: row::maybe_time(found, 3)?,
            ended_at: row::maybe_time(found, 4)?,
            counted: CountedExecution {
                workflow: row::get_id(found, 5)?,
                workspace: row::get_id(found, 6)?,
                created_at: row::get_time(found, 7)?,
            },
            concurrency_key: row::get_column(found, 8)?,
        })
    })?;
    let actual = found.as_ref().map_or(0, |found| found.seq);
    match found {
        Some(found) if actual == expected => Ok(found),
        _ => Err(StoreError::Conflict { id: record.id, expected, actual }.into()),
    }
}

fn update_execution(connection: &Connection, n: i64, record: &ExecutionRecord) -> Result<()> {
    let params = params![
        row::status_number(record.status),
        record.seq,
        row::as_micros(record.started_at),
        row::as_micros(record.ended_at),
        row::as_micros(record.wake_at),
        record.owner.map(Id::blob),
        n,
    ];
    row::execute_sql(connection, UPDATE, params).map(drop)
}
