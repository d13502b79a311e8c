//! Schedules.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::Timestamp;
use stepwell_core::ids::{ScheduleId, WorkflowId};
use stepwell_core::schedule::{Misfire, Overlap, SchedulePolicies, ScheduleProgress, TimingKind};
use stepwell_store::schedules::{
    CreateSchedule, DeleteSchedule, DueSchedules, ListSchedules, PausedWith, ScheduleRecord,
    ScheduleSort, UpdateSchedule,
};
use stepwell_store::{Effects, ScheduleStore, StoreError};

use crate::fault::{Answer, Result, corrupt};
use crate::row::{self, Id};
use crate::{SqliteStore, codec, effects, workflows};

/// The columns that [`schedule`] reads.
macro_rules! columns {
    () => {
        "id, workspace, workflow, name, description, timing, timezone, parameters, enabled, \
         misfire, overlap, anchor, next_at, queued, skipped, look_at, last_execution, version, \
         created_by, created_at, updated_at, paused_with"
    };
}

const VERSION: &str = "SELECT version FROM schedules WHERE id = ?1";
const FIND: &str = concat!("SELECT ", columns!(), " FROM schedules WHERE id = ?1");
const DUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM schedules WHERE look_at <= ?1 ORDER BY look_at, id LIMIT ?2"
);
const NEXT: &str = "SELECT look_at FROM schedules WHERE look_at >= ?1 ORDER BY look_at LIMIT 1";
const PENDING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM schedules WHERE id > ?1 AND look_at IS NOT NULL ORDER BY id LIMIT ?2"
);
const INSERT: &str = concat!(
    "INSERT INTO schedules (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
     ?19, ?20, ?21, ?22)"
);
const UPDATE: &str = "UPDATE schedules SET workspace = ?2, workflow = ?3, name = ?4,
    description = ?5, timing = ?6, timezone = ?7, parameters = ?8, enabled = ?9, misfire = ?10,
    overlap = ?11, anchor = ?12, next_at = ?13, queued = ?14, skipped = ?15, look_at = ?16,
    last_execution = ?17, version = ?18, created_by = ?19, created_at = ?20, updated_at = ?21,
    paused_with = ?22
    WHERE id = ?1";
const DELETE: &str = "DELETE FROM schedules WHERE id = ?1";
const DELETE_OF: &str = "DELETE FROM schedules WHERE workflow = ?1";
const COUNT: &str = "SELECT COUNT(*) FROM schedules INDEXED BY schedules_created
    WHERE workspace = ?1 AND (?2 IS NULL OR enabled = ?2)
    AND (?3 IS NULL OR timing ->> 'type' = ?3)";
const COUNT_OF: &str = "SELECT COUNT(*) FROM schedules INDEXED BY schedules_workflow
    WHERE workflow = ?4 AND workspace = ?1 AND (?2 IS NULL OR enabled = ?2)
    AND (?3 IS NULL OR timing ->> 'type' = ?3)";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) fn queries() -> Vec<String> {
    let fixed = [VERSION, FIND, DUE, PENDING, NEXT, UPDATE, DELETE, DELETE_OF, COUNT, COUNT_OF];
    let mut all: Vec<String> = fixed.map(str::to_owned).to_vec();
    for sort in ScheduleSort::ALL {
        for (descending, of_workflow) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            all.push(list_sql(sort, descending, of_workflow));
        }
    }
    all
}

/// The list, walked along an index: that of the workspace in the wanted order, or that of the
/// workflow, which is in the order of creation. A workflow's schedules in another order are picked
/// out of those of its workspace.
fn list_sql(sort: ScheduleSort, descending: bool, of_workflow: bool) -> String {
    let (index, column) = match sort {
        ScheduleSort::CreatedAt if of_workflow => ("schedules_workflow", "created_at"),
        ScheduleSort::CreatedAt => ("schedules_created", "created_at"),
        ScheduleSort::UpdatedAt => ("schedules_updated", "updated_at"),
        ScheduleSort::Name => ("schedules_name", "name"),
        ScheduleSort::NextFiring => ("schedules_next", "next_at"),
    };
    let direction = if descending { "DESC" } else { "ASC" };
    let workflow = if of_workflow { "AND workflow = ?6" } else { "" };
    format!(
        "SELECT {} FROM schedules INDEXED BY {index} WHERE workspace = ?1 {workflow}
        AND (?2 IS NULL OR enabled = ?2) AND (?3 IS NULL OR timing ->> 'type' = ?3)
        ORDER BY {column} {direction}, id {direction} LIMIT ?4 OFFSET ?5",
        columns!()
    )
}

/// A schedule with everything that can be made before it is the writer's turn.
pub(crate) struct Prepared {
    record: ScheduleRecord,
    effects: Effects,
    timing: String,
    parameters: Option<String>,
    queued: Option<String>,
    skipped: Option<String>,
}

/// Encodes on the caller's thread.
pub(crate) fn prepare(update: UpdateSchedule) -> Answer<Prepared> {
    let UpdateSchedule { schedule: record, effects } = update;
    let queued = &record.progress.queued;
    Ok(Prepared {
        timing: codec::write_json(&record.timing)?,
        parameters: row::labels_text(&record.parameters)?,
        queued: (!queued.is_empty()).then(|| codec::write_json(queued)).transpose()?,
        skipped: record.progress.skipped.as_ref().map(codec::write_json).transpose()?,
        record,
        effects,
    })
}

impl Prepared {
    /// Roughly what is written.
    pub(crate) fn bytes(&self) -> usize {
        let parameters = self.parameters.as_ref().map_or(0, String::len);
        self.timing.len() + parameters + self.effects.bytes()
    }

    /// Refuses to be written over another version than the one before.
    pub(crate) fn require_version(&self, connection: &Connection) -> Result<()> {
        let found = row::first(connection, VERSION, [self.record.id.blob()], |found| {
            row::get::<u64>(found, 0)
        })?;
        match found {
            None => Err(MISSING.into()),
            Some(version) if version.checked_add(1) == Some(self.record.version) => Ok(()),
            Some(_) => Err(StoreError::Outdated("the schedule").into()),
        }
    }

    /// Writes it over the version that was found to be right.
    pub(crate) fn update(&self, connection: &Connection) -> Result<()> {
        self.write(connection, UPDATE)
    }

    fn write(&self, connection: &Connection, sql: &str) -> Result<()> {
        let Self { record, effects, timing, parameters, queued, skipped } = self;
        let params = params![
            record.id.blob(),
            record.workspace.blob(),
            record.workflow.blob(),
            record.name,
            record.description,
            timing,
            record.timezone,
            parameters,
            record.enabled,
            record.policies.misfire.name(),
            record.policies.overlap.name(),
            record.anchor.as_micros(),
            row::micros(record.progress.next_at),
            queued,
            skipped,
            row::micros(record.look_at),
            record.last_execution.map(Id::blob),
            record.version,
            record.created_by.map(Id::blob),
            record.created_at.as_micros(),
            record.updated_at.as_micros(),
            record.paused_with.map(PausedWith::name),
        ];
        row::run(connection, sql, params)?;
        effects::write(connection, effects)
    }
}

const MISSING: StoreError = StoreError::Missing("the schedule");

/// Deletes those of a workflow that is deleted.
pub(crate) fn delete_of(connection: &Connection, workflow: WorkflowId) -> Result<()> {
    row::run(connection, DELETE_OF, [workflow.blob()]).map(drop)
}

#[async_trait]
impl ScheduleStore for SqliteStore {
    async fn create_schedule(&self, create: CreateSchedule) -> Answer<()> {
        let CreateSchedule { schedule, effects } = create;
        let prepared = prepare(UpdateSchedule { schedule, effects })?;
        self.writer
            .write(prepared.bytes(), move |batch| {
                workflows::live_release(batch.connection, prepared.record.workflow, None)?;
                prepared.write(batch.connection, INSERT)
            })
            .await
    }

    async fn update_schedule(&self, update: UpdateSchedule) -> Answer<()> {
        let prepared = prepare(update)?;
        self.writer
            .write(prepared.bytes(), move |batch| {
                prepared.require_version(batch.connection)?;
                prepared.update(batch.connection)
            })
            .await
    }

    async fn delete_schedule(&self, delete: DeleteSchedule) -> Answer<()> {
        let DeleteSchedule { id, effects } = delete;
        self.writer
            .write(effects.bytes(), move |batch| {
                match row::run(batch.connection, DELETE, [id.blob()])? {
                    0 => Err(MISSING.into()),
                    _ => effects::write(batch.connection, &effects),
                }
            })
            .await
    }

    async fn find_schedule(&self, id: ScheduleId) -> Answer<Option<ScheduleRecord>> {
        self.readers
            .read(move |connection| row::first(connection, FIND, [id.blob()], schedule))
            .await
    }

    async fn list_schedules(&self, wanted: ListSchedules) -> Answer<(Vec<ScheduleRecord>, u64)> {
        self.readers.read(move |connection| list(connection, &wanted)).await
    }

    async fn due_schedules(&self, due: DueSchedules) -> Answer<Vec<ScheduleRecord>> {
        let DueSchedules { now, limit } = due;
        self.readers
            .read(move |connection| {
                let params = params![now.as_micros(), row::limit(limit)];
                row::all(connection, DUE, params, schedule)
            })
            .await
    }

    async fn pending_schedules(
        &self,
        after: Option<ScheduleId>,
        limit: usize,
    ) -> Answer<Vec<ScheduleRecord>> {
        self.readers
            .read(move |connection| {
                // Each id comes after the empty one.
                let after = after.map_or_else(Vec::new, |id| id.blob().to_vec());
                row::all(connection, PENDING, params![after, row::limit(limit)], schedule)
            })
            .await
    }

    async fn next_schedule(&self) -> Answer<Option<Timestamp>> {
        self.readers
            .read(|connection| {
                // A bound, so that the index is searched, not scanned.
                row::first(connection, NEXT, [i64::MIN], |found| row::time(found, 0))
            })
            .await
    }
}

fn list(connection: &Connection, wanted: &ListSchedules) -> Result<(Vec<ScheduleRecord>, u64)> {
    // Page and count of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let ListSchedules { workspace, workflow, enabled, kind, sort, descending, skip, limit } =
        wanted;
    let (workspace, kind) = (workspace.blob(), kind.map(TimingKind::name));
    let limit = row::limit(*limit);
    let skip = i64::try_from(*skip).unwrap_or(i64::MAX);
    let sql = list_sql(*sort, *descending, workflow.is_some());
    let count = |found: &Row<'_>| row::get::<u64>(found, 0);
    let (items, total) = match workflow.map(Id::blob) {
        Some(workflow) => (
            row::all(
                &transaction,
                &sql,
                params![workspace, enabled, kind, limit, skip, workflow],
                schedule,
            )?,
            row::first(&transaction, COUNT_OF, params![workspace, enabled, kind, workflow], count)?,
        ),
        None => (
            row::all(&transaction, &sql, params![workspace, enabled, kind, limit, skip], schedule)?,
            row::first(&transaction, COUNT, params![workspace, enabled, kind], count)?,
        ),
    };
    Ok((items, total.unwrap_or(0)))
}

/// Reads the columns of [`columns`].
fn schedule(found: &Row<'_>) -> Result<ScheduleRecord> {
    let json = |column| row::get::<Option<String>>(found, column);
    let queued = json(13)?.map(|text| codec::read_json(&text)).transpose()?;
    let skipped = json(14)?.map(|text| codec::read_json(&text)).transpose()?;
    Ok(ScheduleRecord {
        id: row::id(found, 0)?,
        workspace: row::id(found, 1)?,
        workflow: row::id(found, 2)?,
        name: row::get(found, 3)?,
        description: row::get(found, 4)?,
        timing: codec::read_json(&row::get::<String>(found, 5)?)?,
        timezone: row::get(found, 6)?,
        parameters: row::labels(found, 7)?,
        enabled: row::truth(found, 8)?,
        policies: policies(found)?,
        anchor: row::time(found, 11)?,
        progress: ScheduleProgress {
            next_at: row::maybe_time(found, 12)?,
            queued: queued.unwrap_or_default(),
            skipped,
        },
        look_at: row::maybe_time(found, 15)?,
        last_execution: row::maybe_id(found, 16)?,
        version: row::get(found, 17)?,
        created_by: row::maybe_id(found, 18)?,
        created_at: row::time(found, 19)?,
        updated_at: row::time(found, 20)?,
        paused_with: paused_with(found)?,
    })
}

fn paused_with(found: &Row<'_>) -> Result<Option<PausedWith>> {
    let Some(name) = row::get::<Option<String>>(found, 21)? else { return Ok(None) };
    let unknown = || corrupt(format!("a schedule is paused with `{name}`"));
    PausedWith::read(&name).map(Some).ok_or_else(unknown)
}

fn policies(found: &Row<'_>) -> Result<SchedulePolicies> {
    let (misfire, overlap): (String, String) = (row::get(found, 9)?, row::get(found, 10)?);
    let unknown = |problem: stepwell_core::Problem| corrupt(problem.to_string());
    Ok(SchedulePolicies {
        misfire: Misfire::read("misfire", &misfire).map_err(unknown)?,
        overlap: Overlap::read("overlap", &overlap).map_err(unknown)?,
    })
}
