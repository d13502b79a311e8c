//! Executions, their journals, and idempotency keys.

mod commit;
pub(crate) mod counts;
pub(crate) mod idempotency;
mod large;
mod list;
mod places;

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::execution::RecordedEvent;
use stepwell_core::ids::{ExecutionId, WorkspaceId};
use stepwell_store::ExecutionStore;
use stepwell_store::codec;
use stepwell_store::commit::Commit;
use stepwell_store::lists::{ExecutionCursor, ExecutionFilter, List, Page};
use stepwell_store::record::{
    ExecutionRecord, IdempotencyRecord, Loaded, ParentStep, StoredExecution,
};
use stepwell_store::traits::{
    ActiveOf, ClaimQueued, Due, DueExecutions, JournalExtent, LoadJournal, Unfinished,
    UnfinishedOf, WriteIdempotent,
};

use crate::SqliteStore;
use crate::error::{Result, StoreResult, corrupt_row};
use crate::row::{self, Id};
use crate::writer::Batch;

/// The bits of a journal key that hold the seq of the chunk's first event.
const SEQ_BITS: u32 = 24;
/// The columns that [`record`] reads, from the second on.
macro_rules! columns {
    () => {
        "n, id, workspace, workflow, release, status, seq, created_at, started_at, ended_at, \
         wake_at, owner, external_id, metadata, webhook_url, started_by, callback_url, \
         parent, parent_step, concurrency_key, concurrency_limit, place"
    };
}

const LOAD: &str = concat!("SELECT ", columns!(), " FROM executions WHERE id = ?1");
const LOAD_NTH: &str = concat!("SELECT ", columns!(), " FROM executions WHERE n = ?1");
const JOURNAL: &str = "SELECT key, chunk FROM journal WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
const CHUNK_OF: &str = "SELECT max(key) FROM journal WHERE key BETWEEN ?1 AND ?2";
const BY_EXTERNAL_ID: &str = "SELECT id FROM executions WHERE workspace = ?1 AND external_id = ?2";
const QUEUED: &str = "SELECT id FROM executions
    WHERE owner IS NULL AND status = 0 AND place IS NOT 0 AND id > ?1 ORDER BY id LIMIT ?2";
const CLAIM: &str = "UPDATE executions SET owner = ?1 WHERE id = ?2";
const DUE: &str = "SELECT id FROM executions WHERE owner = ?1 AND wake_at <= ?2
    ORDER BY wake_at, id LIMIT ?3";
const NEXT_WAKE: &str = "SELECT wake_at FROM executions WHERE owner = ?1 AND wake_at IS NOT NULL
    ORDER BY wake_at LIMIT 1";
const UNFINISHED: &str = "SELECT id FROM executions WHERE owner = ?1 AND status < 4 AND id > ?2
    AND status <> 3 AND wake_at IS NULL ORDER BY id LIMIT ?3";
const ACTIVE_OF_KEY: &str =
    "SELECT id FROM executions WHERE started_by = ?1 AND status < 4 ORDER BY id";
const ACTIVE_OF_WORKSPACE: &str = "SELECT id FROM executions WHERE workspace = ?1 AND status < 4";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const LIST_QUERIES: [&[&str]; 2] = [list::QUERIES, counts::QUERIES];
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[
    LOAD,
    LOAD_NTH,
    JOURNAL,
    CHUNK_OF,
    BY_EXTERNAL_ID,
    QUEUED,
    CLAIM,
    DUE,
    NEXT_WAKE,
    UNFINISHED,
    ACTIVE_OF_KEY,
    ACTIVE_OF_WORKSPACE,
    commit::FIND,
    commit::UPDATE,
    idempotency::FIND,
    idempotency::CHANGE,
    idempotency::FREE,
    places::TAKEN,
    places::NEXT,
    places::GRANT,
    places::WITH_PLACE,
    places::AWAITING_PLACE,
    places::OTHERS,
    places::DISPLACE,
];

#[async_trait]
impl ExecutionStore for SqliteStore {
    async fn commit(&self, commit: Arc<Commit>) -> StoreResult<()> {
        let prepared = commit::prepare_commit(commit)?;
        self.writer.write(prepared.bytes(), move |batch| commit::run_commit(batch, &prepared)).await
    }

    async fn load_journal(&self, load: LoadJournal) -> StoreResult<Option<Loaded>> {
        let LoadJournal { id, extent } = load;
        let read = move |connection: &Connection| match extent {
            JournalExtent::UnlessLarger(bytes) => large::load_value(connection, id, bytes),
            JournalExtent::Part { first, bytes } => {
                large::load_part(connection, id, (first, bytes))
            }
        };
        self.readers.read(read).await
    }

    async fn find_by_external_id(
        &self,
        workspace: WorkspaceId,
        external_id: &str,
    ) -> StoreResult<Option<ExecutionId>> {
        let external_id = external_id.to_owned();
        self.readers
            .read(move |connection| by_external_id(connection, workspace, &external_id))
            .await
    }

    async fn list_executions(
        &self,
        workspace: WorkspaceId,
        list: List<ExecutionFilter>,
    ) -> StoreResult<Page<ExecutionRecord, ExecutionCursor>> {
        self.readers.read(move |connection| list::list(connection, workspace, &list)).await
    }

    async fn claim_queued(&self, claim: ClaimQueued) -> StoreResult<Vec<ExecutionId>> {
        self.writer.write(0, move |batch| claim_queued(batch, claim)).await
    }

    async fn due(&self, due: Due) -> StoreResult<DueExecutions> {
        self.readers
            .read(move |connection| {
                let Due { node, now, limit } = due;
                let node = node.blob();
                let params = params![node, now.as_micros(), row::sql_limit(limit)];
                let ids = row::query_all(connection, DUE, params, |found| row::get_id(found, 0))?;
                let next = row::query_first(connection, NEXT_WAKE, [node], |found| {
                    row::get_time(found, 0)
                })?;
                Ok(DueExecutions { ids, next })
            })
            .await
    }

    async fn unfinished_executions(&self, list: Unfinished) -> StoreResult<Vec<ExecutionId>> {
        self.readers.read(move |connection| unfinished(connection, list)).await
    }

    async fn find_idempotent(
        &self,
        workspace: WorkspaceId,
        key: &str,
    ) -> StoreResult<Option<IdempotencyRecord>> {
        let key = key.to_owned();
        self.readers
            .read(move |connection| idempotency::find_claim(connection, workspace, &key))
            .await
    }

    async fn write_idempotent(&self, write: WriteIdempotent) -> StoreResult<bool> {
        let bytes = match &write {
            WriteIdempotent::Claim(record) => row::outcome_text(&record.outcome).len(),
            WriteIdempotent::Replace { outcome, .. } => row::outcome_text(outcome).len(),
            WriteIdempotent::Free(_) => 0,
        };
        self.writer
            .write(bytes, move |batch| idempotency::write_claim(batch.connection, &write))
            .await
    }
}

fn unfinished(connection: &Connection, list: Unfinished) -> Result<Vec<ExecutionId>> {
    let Unfinished { of, after, limit } = list;
    match of {
        UnfinishedOf::Owner(node) => {
            let params = params![node.blob(), row::id_after(after), row::sql_limit(limit)];
            row::query_all(connection, UNFINISHED, params, |found| row::get_id(found, 0))
        }
        UnfinishedOf::Active(of) => {
            let all = active(connection, of)?.into_iter();
            Ok(all.filter(|id| after.is_none_or(|after| *id > after)).take(limit).collect())
        }
        UnfinishedOf::WithPlace(of) => {
            places::list(connection, places::WITH_PLACE, &of, (after, limit))
        }
        UnfinishedOf::AwaitingPlace(of) => {
            places::list(connection, places::AWAITING_PLACE, &of, (after, limit))
        }
    }
}

fn active(connection: &Connection, of: ActiveOf) -> Result<Vec<ExecutionId>> {
    let (sql, of) = match of {
        ActiveOf::Key(key) => (ACTIVE_OF_KEY, key.blob()),
        ActiveOf::Workspace(workspace) => (ACTIVE_OF_WORKSPACE, workspace.blob()),
    };
    let mut ids: Vec<ExecutionId> =
        row::query_all(connection, sql, [of], |found| row::get_id(found, 0))?;
    // The index has the status before the id.
    ids.sort_unstable();
    Ok(ids)
}

/// Reads the columns of [`columns`].
fn record(found: &Row<'_>) -> Result<ExecutionRecord> {
    Ok(ExecutionRecord {
        id: row::get_id(found, 1)?,
        workspace: row::get_id(found, 2)?,
        workflow: row::get_id(found, 3)?,
        release: row::get_column(found, 4)?,
        status: row::get_status(found, 5)?,
        seq: row::get_column(found, 6)?,
        created_at: row::get_time(found, 7)?,
        started_at: row::maybe_time(found, 8)?,
        ended_at: row::maybe_time(found, 9)?,
        wake_at: row::maybe_time(found, 10)?,
        owner: row::maybe_id(found, 11)?,
        external_id: row::get_column(found, 12)?,
        metadata: row::get_labels(found, 13)?,
        webhook_url: row::get_column(found, 14)?,
        started_by: row::maybe_id(found, 15)?,
        callback_url: row::get_column(found, 16)?,
        parent: match row::maybe_id(found, 17)? {
            Some(execution) => Some(ParentStep { execution, step: row::get_column(found, 18)? }),
            None => None,
        },
        concurrency: places::read_place(found, 19)?,
    })
}

/// The row's number and the record.
fn find(connection: &Connection, id: ExecutionId) -> Result<Option<(i64, ExecutionRecord)>> {
    row::query_first(connection, LOAD, [id.blob()], |found| {
        Ok((row::get_column(found, 0)?, record(found)?))
    })
}

fn whole(record: ExecutionRecord, events: Vec<RecordedEvent>) -> Result<StoredExecution> {
    let at = events.last().map_or(0, |event| event.seq);
    if at != record.seq {
        let id = record.id;
        let text = format!("the journal of {id} ends at {at}, it should end at {}", record.seq);
        return Err(corrupt_row(text));
    }
    Ok(StoredExecution { record, events })
}

/// Calls `each` with the chunks of a journal in order, each with the seq of its first event.
fn for_each_chunk(
    connection: &Connection,
    n: i64,
    mut each: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    for_each_chunk_from(connection, journal_keys(n), |first_seq, chunk| {
        each(first_seq, chunk)?;
        Ok(ControlFlow::Continue(()))
    })
}

/// As [`for_each_chunk`], between two keys, until `each` breaks.
fn for_each_chunk_from(
    connection: &Connection,
    (first, last): (i64, i64),
    mut each: impl FnMut(u64, &[u8]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(JOURNAL)?;
    let mut rows = statement.query([first, last])?;
    while let Some(found) = rows.next()? {
        let key: i64 = row::get_column(found, 0)?;
        let first_seq = (key & ((1 << SEQ_BITS) - 1)).cast_unsigned();
        let chunk = found.get_ref(1)?.as_blob().map_err(|error| corrupt_row(error.to_string()))?;
        if each(first_seq, chunk)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Adds the events of the next chunk.
fn append(events: &mut Vec<RecordedEvent>, first_seq: u64, chunk: &[u8]) -> Result<()> {
    if first_seq != events.len() as u64 + 1 {
        return Err(corrupt_row(format!("a journal has a gap before event {first_seq}")));
    }
    events.extend(codec::decode_events(first_seq, chunk)?);
    Ok(())
}

/// The first and last journal key that the execution in row `n` can have.
pub(crate) const fn journal_keys(n: i64) -> (i64, i64) {
    let first = n << SEQ_BITS;
    (first, first | ((1 << SEQ_BITS) - 1))
}

fn by_external_id(
    connection: &Connection,
    workspace: WorkspaceId,
    external_id: &str,
) -> Result<Option<ExecutionId>> {
    let params = params![workspace.blob(), external_id];
    row::query_first(connection, BY_EXTERNAL_ID, params, |found| row::get_id(found, 0))
}

fn claim_queued(batch: &mut Batch<'_>, claim: ClaimQueued) -> Result<Vec<ExecutionId>> {
    batch.require_alive(claim.node)?;
    let connection = batch.connection;
    let params = params![row::BEFORE_ALL, row::sql_limit(claim.limit)];
    let ids: Vec<ExecutionId> =
        row::query_all(connection, QUEUED, params, |found| row::get_id(found, 0))?;
    for id in &ids {
        row::execute_sql(connection, CLAIM, params![claim.node.blob(), id.blob()])?;
    }
    Ok(ids)
}
