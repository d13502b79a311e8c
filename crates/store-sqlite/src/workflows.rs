//! Workflows, their releases and their counts.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::ids::{WorkflowId, WorkspaceId};
use stepwell_store::record::{ReleaseRecord, WorkflowRecord, WorkflowStats};
use stepwell_store::traits::{AddRelease, CreateWorkflow, ListWorkflows, UpdateWorkflow};
use stepwell_store::{StoreError, WorkflowStore};

use crate::executions::idempotency;
use crate::fault::{Answer, Result, corrupt};
use crate::row::{self, Id};
use crate::{SqliteStore, codec, effects, schedules};

macro_rules! columns {
    () => {
        "id, workspace, name, active, release, created_at, updated_at, deleted_at, metadata, \
         retention_seconds"
    };
}
pub(crate) use columns;

const INSERT: &str = concat!(
    "INSERT INTO workflows (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
);
const INSERT_RELEASE: &str =
    "INSERT INTO releases (workflow, number, source, created_at) VALUES (?1, ?2, ?3, ?4)";
const FIND: &str = concat!("SELECT ", columns!(), " FROM workflows WHERE id = ?1");
const BY_NAME: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM workflows WHERE workspace = ?1 AND name = ?2 AND deleted_at IS NULL
    ORDER BY id DESC LIMIT 1"
);
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM workflows WHERE workspace = ?1 AND id < ?2 AND deleted_at IS NULL
    AND (?3 IS NULL OR active = ?3) ORDER BY id DESC LIMIT ?4"
);
const LIVE: &str = "SELECT release FROM workflows WHERE id = ?1 AND deleted_at IS NULL";
const RELEASE: &str = "UPDATE workflows SET release = ?2, name = ?3, metadata = ?4,
    retention_seconds = ?5, updated_at = ?6 WHERE id = ?1";
const UPDATE: &str = "UPDATE workflows SET active = COALESCE(?2, active), updated_at = ?3,
    deleted_at = ?4 WHERE id = ?1";
const FIND_RELEASE: &str =
    "SELECT source, created_at FROM releases WHERE workflow = ?1 AND number = ?2";
const STATS: &str = "SELECT completed, failed, timed_out, cancelled, active, total_micros, timed
    FROM workflow_stats WHERE workflow = ?1";
const ADD_STATS: &str = "INSERT INTO workflow_stats VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (workflow) DO UPDATE SET
    completed = completed + excluded.completed, failed = failed + excluded.failed,
    timed_out = timed_out + excluded.timed_out, cancelled = cancelled + excluded.cancelled,
    active = active + excluded.active, total_micros = total_micros + excluded.total_micros,
    timed = timed + excluded.timed";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] =
    &[FIND, BY_NAME, LIST, LIVE, RELEASE, UPDATE, FIND_RELEASE, STATS];

#[async_trait]
impl WorkflowStore for SqliteStore {
    async fn create_workflow(&self, create: CreateWorkflow) -> Answer<()> {
        let CreateWorkflow { workflow, release, idempotency, effects } = create;
        let metadata = row::labels_text(&workflow.metadata)?;
        let source = codec::write_json(&release.source)?;
        self.writer
            .write(source.len() + effects.bytes(), move |batch| {
                let connection = batch.connection;
                idempotency::require_free(connection, idempotency.as_ref())?;
                if find(connection, workflow.id)?.is_some() {
                    return Err(corrupt(format!("workflow {} is already there", workflow.id)));
                }
                idempotency::take(connection, idempotency.as_ref())?;
                insert(connection, &workflow, metadata.as_deref())?;
                insert_release(connection, &release, &source)?;
                effects::write(connection, &effects)
            })
            .await
    }

    async fn add_release(&self, add: AddRelease) -> Answer<u32> {
        let metadata = row::labels_text(&add.metadata)?;
        let source = codec::write_json(&add.source)?;
        self.writer
            .write(source.len() + add.effects.bytes(), move |batch| {
                release(batch.connection, &add, metadata.as_deref(), &source)
            })
            .await
    }

    async fn update_workflow(&self, update: UpdateWorkflow) -> Answer<()> {
        let UpdateWorkflow { id, active, delete, now, effects } = update;
        self.writer
            .write(effects.bytes(), move |batch| {
                live_release(batch.connection, id)?;
                let now = now.as_micros();
                let params = params![id.blob(), active, now, delete.then_some(now)];
                row::run(batch.connection, UPDATE, params)?;
                if delete {
                    schedules::delete_of(batch.connection, id)?;
                }
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn find_workflow(&self, id: WorkflowId) -> Answer<Option<WorkflowRecord>> {
        self.readers.read(move |connection| find(connection, id)).await
    }

    async fn find_workflow_by_name(
        &self,
        workspace: WorkspaceId,
        name: &str,
    ) -> Answer<Option<WorkflowRecord>> {
        let name = name.to_owned();
        self.readers
            .read(move |connection| {
                row::first(connection, BY_NAME, params![workspace.blob(), name], workflow)
            })
            .await
    }

    async fn list_workflows(&self, list: ListWorkflows) -> Answer<Vec<WorkflowRecord>> {
        let ListWorkflows { workspace, active, after, limit } = list;
        self.readers
            .read(move |connection| {
                let params =
                    params![workspace.blob(), row::before(after), active, row::limit(limit)];
                row::all(connection, LIST, params, workflow)
            })
            .await
    }

    async fn find_release(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> Answer<Option<ReleaseRecord>> {
        self.readers.read(move |connection| find_release(connection, workflow, number)).await
    }

    async fn workflow_stats(&self, workflow: WorkflowId) -> Answer<WorkflowStats> {
        let read =
            move |connection: &Connection| row::first(connection, STATS, [workflow.blob()], stats);
        Ok(self.readers.read(read).await?.unwrap_or_default())
    }
}

pub(crate) fn workflow(found: &Row<'_>) -> Result<WorkflowRecord> {
    Ok(WorkflowRecord {
        id: row::id(found, 0)?,
        workspace: row::id(found, 1)?,
        name: row::get(found, 2)?,
        active: row::truth(found, 3)?,
        release: row::get(found, 4)?,
        created_at: row::time(found, 5)?,
        updated_at: row::time(found, 6)?,
        deleted_at: row::maybe_time(found, 7)?,
        metadata: row::labels(found, 8)?,
        retention_seconds: row::get::<Option<i64>>(found, 9)?.map(i64::cast_unsigned),
    })
}

fn find(connection: &Connection, id: WorkflowId) -> Result<Option<WorkflowRecord>> {
    row::first(connection, FIND, [id.blob()], workflow)
}

fn insert(
    connection: &Connection,
    workflow: &WorkflowRecord,
    metadata: Option<&str>,
) -> Result<()> {
    let params = params![
        workflow.id.blob(),
        workflow.workspace.blob(),
        workflow.name,
        workflow.active,
        workflow.release,
        workflow.created_at.as_micros(),
        workflow.updated_at.as_micros(),
        row::micros(workflow.deleted_at),
        metadata,
        workflow.retention_seconds.map(u64::cast_signed),
    ];
    row::run(connection, INSERT, params).map(drop)
}

fn insert_release(connection: &Connection, release: &ReleaseRecord, source: &str) -> Result<()> {
    let params =
        params![release.workflow.blob(), release.number, source, release.created_at.as_micros(),];
    row::run(connection, INSERT_RELEASE, params).map(drop)
}

/// The number of the current release; `Missing` where the workflow is not there or deleted.
pub(crate) fn live_release(connection: &Connection, id: WorkflowId) -> Result<u32> {
    let found = row::first(connection, LIVE, [id.blob()], |found| row::get(found, 0))?;
    Ok(found.ok_or(StoreError::Missing("the workflow"))?)
}

fn release(
    connection: &Connection,
    add: &AddRelease,
    metadata: Option<&str>,
    source: &str,
) -> Result<u32> {
    let number = live_release(connection, add.workflow)? + 1;
    let id = add.workflow.blob();
    let now = add.now.as_micros();
    let retention = add.retention_seconds.map(u64::cast_signed);
    row::run(connection, RELEASE, params![id, number, add.name, metadata, retention, now])?;
    row::run(connection, INSERT_RELEASE, params![id, number, source, now])?;
    effects::write(connection, &add.effects)?;
    Ok(number)
}

fn find_release(
    connection: &Connection,
    workflow: WorkflowId,
    number: u32,
) -> Result<Option<ReleaseRecord>> {
    row::first(connection, FIND_RELEASE, params![workflow.blob(), number], |found| {
        let source = Arc::new(codec::read_json(&row::get::<String>(found, 0)?)?);
        Ok(ReleaseRecord { workflow, number, source, created_at: row::time(found, 1)? })
    })
}

fn stats(found: &Row<'_>) -> Result<WorkflowStats> {
    Ok(WorkflowStats {
        completed: row::get(found, 0)?,
        failed: row::get(found, 1)?,
        timed_out: row::get(found, 2)?,
        cancelled: row::get(found, 3)?,
        active: row::get(found, 4)?,
        total_micros: row::get(found, 5)?,
        timed: row::get(found, 6)?,
    })
}

/// What one transaction changes about the counts of a workflow.
#[derive(Debug, Default)]
pub(crate) struct StatsDelta([i64; 7]);

impl StatsDelta {
    /// Takes `before` off and puts `after` on.
    pub(crate) fn add(&mut self, before: Option<WorkflowStats>, after: WorkflowStats) {
        let before = columns_of(before.unwrap_or_default());
        for ((sum, after), before) in self.0.iter_mut().zip(columns_of(after)).zip(before) {
            *sum = sum.wrapping_add(after).wrapping_sub(before);
        }
    }
}

/// In the order of the table.
fn columns_of(stats: WorkflowStats) -> [i64; 7] {
    let WorkflowStats { completed, failed, timed_out, cancelled, active, total_micros, timed } =
        stats;
    [completed, failed, timed_out, cancelled, active, total_micros, timed].map(u64::cast_signed)
}

/// Writes what a transaction changed.
pub(crate) fn add_stats(
    connection: &Connection,
    workflow: WorkflowId,
    delta: &StatsDelta,
) -> Result<()> {
    let [completed, failed, timed_out, cancelled, active, total_micros, timed] = delta.0;
    let id = workflow.blob();
    let params = params![id, completed, failed, timed_out, cancelled, active, total_micros, timed];
    row::run(connection, ADD_STATS, params).map(drop)
}
