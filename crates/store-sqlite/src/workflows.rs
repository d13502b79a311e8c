//! Workflows, their releases and their counts.

pub(crate) mod list;
mod parts;
pub(crate) mod stats;

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use serde_json::Value;
use stepwell_core::ids::{WorkflowId, WorkspaceId};
use stepwell_core::{Map, Timestamp};
use stepwell_store::codec;
use stepwell_store::lists::{List, Page, WorkflowCursor, WorkflowFilter};
use stepwell_store::objects::ObjectBatch;
use stepwell_store::record::{IntegrationUse, ReleaseRecord, WorkflowRecord, WorkflowStats};
use stepwell_store::traits::{AddRelease, CreateWorkflow, FindWorkflow, UpdateWorkflow};
use stepwell_store::{StoreError, WorkflowStore};

use crate::error::{Result, StoreResult, corrupt_row};
use crate::executions::idempotency;
use crate::row::{self, Id};
use crate::{SqliteStore, effects, objects};
use parts::PartsText;

macro_rules! columns {
    () => {
        "id, workspace, name, active, release, created_at, updated_at, deleted_at, metadata, \
         retention_seconds, description, kind, configuration, integrations, created_by, \
         activated_at, deactivated_at, version"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO workflows (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
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
const LIVE: &str = "SELECT release, version FROM workflows WHERE id = ?1 AND deleted_at IS NULL";
const RELEASE: &str = "UPDATE workflows SET release = ?2, name = ?3, retention_seconds = ?4
    WHERE id = ?1";
const UPDATE: &str = "UPDATE workflows SET active = COALESCE(?2, active),
    activated_at = IIF(?2 = 1, ?3, activated_at),
    deactivated_at = IIF(?2 = 0, ?3, deactivated_at),
    updated_at = ?3, deleted_at = ?4, version = version + 1 WHERE id = ?1";
const FIND_RELEASE: &str =
    "SELECT source, created_at FROM releases WHERE workflow = ?1 AND number = ?2";
/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] =
    &[FIND, BY_NAME, LIVE, RELEASE, parts::PARTS, UPDATE, FIND_RELEASE, stats::STATS];

#[async_trait]
impl WorkflowStore for SqliteStore {
    async fn create_workflow(&self, create: CreateWorkflow) -> StoreResult<()> {
        let CreateWorkflow { workflow, release, idempotency, effects } = create;
        let parts = PartsText::of(&workflow.parts())?;
        let source = codec::write_json(&release.source)?;
        self.writer
            .write(source.len() + parts.len() + effects.bytes(), move |batch| {
                let connection = batch.connection;
                idempotency::require_free(connection, idempotency.as_ref())?;
                if find(connection, workflow.id)?.is_some() {
                    return Err(corrupt_row(format!("workflow {} is already there", workflow.id)));
                }
                idempotency::take_claim(connection, idempotency.as_ref())?;
                insert(connection, &workflow, &parts)?;
                insert_release(connection, &release, &source)?;
                effects::write_effects(connection, &effects)
            })
            .await
    }

    async fn add_release(&self, mut add: AddRelease) -> StoreResult<WorkflowRecord> {
        let puts = std::mem::take(&mut add.objects);
        let release = PreparedRelease {
            parts: PartsText::of(&add.parts)?,
            source: codec::write_json(&add.source)?,
            objects: objects::Prepared::new(ObjectBatch { puts, ..ObjectBatch::default() })?,
            add,
        };
        self.writer.write(release.bytes(), move |batch| release.write(batch.connection)).await
    }

    async fn update_workflow(&self, update: UpdateWorkflow) -> StoreResult<WorkflowRecord> {
        let UpdateWorkflow {
            id, expected, active, delete, delete_children, parts, objects, ..
        } = update;
        let (now, effects) = (update.now, update.effects);
        let parts = parts.as_ref().map(PartsText::of).transpose()?;
        let objects =
            objects::Prepared::new(ObjectBatch { puts: objects, ..ObjectBatch::default() })?;
        let bytes = parts.as_ref().map_or(0, PartsText::len) + effects.bytes() + objects.bytes();
        self.writer
            .write(bytes, move |batch| {
                let connection = batch.connection;
                live_release(connection, id, expected)?;
                objects.check(connection)?;
                if let Some(parts) = &parts {
                    parts.write(connection, id)?;
                }
                if delete {
                    objects::delete_children(connection, id.into(), &delete_children)?;
                }
                objects.write(connection)?;
                effects::write_effects(connection, &effects)?;
                touch(connection, id, StateChange { active, is_deleted: delete, now })
            })
            .await
    }

    async fn find_workflow(&self, by: FindWorkflow) -> StoreResult<Option<WorkflowRecord>> {
        self.readers
            .read(move |connection| match by {
                FindWorkflow::Id(id) => find(connection, id),
                FindWorkflow::Name(workspace, name) => {
                    row::query_first(connection, BY_NAME, params![workspace.blob(), name], workflow)
                }
            })
            .await
    }

    async fn list_workflows(
        &self,
        workspace: WorkspaceId,
        list: List<WorkflowFilter>,
    ) -> StoreResult<Page<WorkflowRecord, WorkflowCursor>> {
        self.readers.read(move |connection| list::list(connection, workspace, &list)).await
    }

    async fn find_release(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> StoreResult<Option<ReleaseRecord>> {
        self.readers.read(move |connection| find_release(connection, workflow, number)).await
    }

    async fn workflow_stats(&self, workflow: WorkflowId) -> StoreResult<WorkflowStats> {
        self.readers.read(move |connection| stats::find_stats(connection, workflow)).await
    }
}

pub(crate) fn workflow(found: &Row<'_>) -> Result<WorkflowRecord> {
    Ok(WorkflowRecord {
        id: row::get_id(found, 0)?,
        workspace: row::get_id(found, 1)?,
        name: row::get_column(found, 2)?,
        active: row::get_bool(found, 3)?,
        release: row::get_column(found, 4)?,
        created_at: row::get_time(found, 5)?,
        updated_at: row::get_time(found, 6)?,
        deleted_at: row::maybe_time(found, 7)?,
        metadata: row::get_labels(found, 8)?,
        retention_seconds: row::get_column::<Option<i64>>(found, 9)?.map(i64::cast_unsigned),
        description: row::get_column(found, 10)?,
        kind: row::get_column(found, 11)?,
        configuration: configuration(found, 12)?,
        integrations: integrations(found, 13)?,
        created_by: row::maybe_id(found, 14)?,
        activated_at: row::maybe_time(found, 15)?,
        deactivated_at: row::maybe_time(found, 16)?,
        version: row::get_column(found, 17)?,
    })
}

fn configuration(found: &Row<'_>, column: usize) -> Result<Option<Map>> {
    let text: Option<String> = row::get_column(found, column)?;
    text.map(|text| match codec::read_json(&text)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(corrupt_row("a configuration that is not an object")),
    })
    .transpose()
}

fn integrations(found: &Row<'_>, column: usize) -> Result<Vec<IntegrationUse>> {
    let Some(text) = row::get_column::<Option<String>>(found, column)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|error| corrupt_row(format!("integrations: {error}")))
}

fn find(connection: &Connection, id: WorkflowId) -> Result<Option<WorkflowRecord>> {
    row::query_first(connection, FIND, [id.blob()], workflow)
}

fn insert(connection: &Connection, workflow: &WorkflowRecord, parts: &PartsText) -> Result<()> {
    let params = params![
        workflow.id.blob(),
        workflow.workspace.blob(),
        workflow.name,
        workflow.active,
        workflow.release,
        workflow.created_at.as_micros(),
        workflow.updated_at.as_micros(),
        row::as_micros(workflow.deleted_at),
        parts.metadata,
        workflow.retention_seconds.map(u64::cast_signed),
        parts.description,
        parts.kind,
        parts.configuration,
        parts.integrations,
        workflow.created_by.map(Id::blob),
        row::as_micros(workflow.activated_at),
        row::as_micros(workflow.deactivated_at),
        workflow.version,
    ];
    row::execute_sql(connection, INSERT, params).map(drop)
}

fn insert_release(connection: &Connection, release: &ReleaseRecord, source: &str) -> Result<()> {
    let params =
        params![release.workflow.blob(), release.number, source, release.created_at.as_micros(),];
    row::execute_sql(connection, INSERT_RELEASE, params).map(drop)
}

/// The number of the current release; `Missing` where the workflow is not there or deleted,
/// `Changed` where it is not at the expected version.
pub(crate) fn live_release(
    connection: &Connection,
    id: WorkflowId,
    expected: Option<u64>,
) -> Result<u32> {
    let read =
        |found: &Row<'_>| Ok((row::get_column(found, 0)?, row::get_column::<u64>(found, 1)?));
    let found = row::query_first(connection, LIVE, [id.blob()], read)?;
    let (release, version) = found.ok_or(StoreError::Missing("the workflow"))?;
    if expected.is_some_and(|expected| expected != version) {
        return Err(StoreError::Changed(version).into());
    }
    Ok(release)
}

/// A release with everything that can be encoded on the thread of the caller.
struct PreparedRelease {
    add: AddRelease,
    parts: PartsText,
    source: String,
    objects: objects::Prepared,
}

impl PreparedRelease {
    /// An estimate of the bytes that are written.
    fn bytes(&self) -> usize {
        let effects = self.add.effects.bytes();
        self.source.len() + self.parts.len() + self.objects.bytes() + effects
    }

    fn write(&self, connection: &Connection) -> Result<WorkflowRecord> {
        let Self { add, parts, source, objects } = self;
        let number = live_release(connection, add.workflow, add.expected)? + 1;
        objects.check(connection)?;
        let id = add.workflow.blob();
        let retention = add.retention_seconds.map(u64::cast_signed);
        row::execute_sql(connection, RELEASE, params![id, number, add.name, retention])?;
        parts.write(connection, add.workflow)?;
        row::execute_sql(
            connection,
            INSERT_RELEASE,
            params![id, number, source, add.now.as_micros()],
        )?;
        objects.write(connection)?;
        effects::write_effects(connection, &add.effects)?;
        let change = StateChange { active: None, is_deleted: false, now: add.now };
        touch(connection, add.workflow, change)
    }
}

/// A change of the state of a workflow.
struct StateChange {
    /// Whether it accepts executions; `None`: as before.
    active: Option<bool>,
    is_deleted: bool,
    now: Timestamp,
}

/// One change: the next version, from now. Returns the workflow afterwards.
fn touch(connection: &Connection, id: WorkflowId, change: StateChange) -> Result<WorkflowRecord> {
    let StateChange { active, is_deleted, now } = change;
    let now = now.as_micros();
    row::execute_sql(
        connection,
        UPDATE,
        params![id.blob(), active, now, is_deleted.then_some(now)],
    )?;
    find(connection, id)?.ok_or_else(|| corrupt_row("a workflow that was changed is not there"))
}

fn find_release(
    connection: &Connection,
    workflow: WorkflowId,
    number: u32,
) -> Result<Option<ReleaseRecord>> {
    row::query_first(connection, FIND_RELEASE, params![workflow.blob(), number], |found| {
        let source = Arc::new(codec::read_json(&row::get_column::<String>(found, 0)?)?);
        Ok(ReleaseRecord { workflow, number, source, created_at: row::get_time(found, 1)? })
    })
}
