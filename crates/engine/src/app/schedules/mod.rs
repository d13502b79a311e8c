//! Schedules: making and changing them here, firing them in `fire` and `scheduler`.

mod announce;
mod edit;
mod fire;
mod requests;
mod scheduler;
mod set_back;

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::Value;
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{ScheduleId, WorkflowId};
use stepwell_core::schedule::{self, DEFAULT_ZONE};
use stepwell_core::{Map, Problem, Timestamp, Topic};
use stepwell_store::StoreError;
use stepwell_store::record::WorkflowRecord;
use stepwell_store::schedules::{
    CreateSchedule, DeleteSchedule, ListSchedules, PausedWith, ScheduleRecord, ScheduleSort,
    UpdateSchedule,
};

pub use requests::{
    ScheduleChange, ScheduleSelection, ScheduleView, SchedulesQuery, SelectionChanged, Triggered,
};
pub(super) use scheduler::fire_schedules;

use super::App;
use crate::caller::Verb;
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};

/// The kind of object that scopes name.
const KIND: &str = "schedules";
/// How often a change is tried over what others write at the same time.
const ATTEMPTS: usize = 50;
/// The most schedules that are looked up at a time.
const BATCH: usize = 500;
/// The most schedules that are written, or fire, at the same time.
const AT_ONCE: usize = 64;
/// The most firings that a preview shows.
const MOST_PREVIEWED: usize = 100;

impl App {
    /// Makes a schedule of a workflow. Scope `write:schedules`.
    ///
    /// # Errors
    /// `NotFound` for the workflow, `InvalidSchedule` with every problem, `InvalidInput` where the
    /// parameters do not fit the workflow's input schema.
    pub async fn create_schedule(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        change: ScheduleChange,
    ) -> Result<ScheduleView, AppError> {
        caller.require(Verb::Write, KIND)?;
        let workflow = self.scheduled_workflow(caller, workflow).await?;
        let id = ScheduleId::from_uuid(new_uuid());
        let now = self.engine.now();
        let schedule = change.create(id, &workflow, caller.key(), now)?;
        self.check_parameters(&workflow, &schedule.parameters).await?;
        let effects = self.tell_of_schedule(Topic::ScheduleCreated, &schedule, now).await?;
        let note =
            self.engine.audit_entry(caller, AuditAction::ScheduleCreated, id).named(&schedule.name);
        let effects = effects.and_audit(note);
        let create = |effects| {
            let schedule = schedule.clone();
            self.engine.store.create_schedule(CreateSchedule { schedule, effects })
        };
        self.engine.write_change(effects, create).await.map_err(|error| match error {
            StoreError::Missing(_) => AppError::not_found("workflow", workflow.id.dataflow()),
            error => error.into(),
        })?;
        self.engine.schedules.stored(schedule.look_at);
        Ok(ScheduleView { record: schedule, workflow_name: workflow.name.clone(), last: None })
    }

    /// A schedule, with its last execution. Scope `read:schedules`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn schedule(
        &self,
        caller: &Caller,
        id: ScheduleId,
    ) -> Result<ScheduleView, AppError> {
        let record = self.find_schedule(caller, Verb::Read, id).await?;
        self.schedule_view(record).await
    }

    /// A page of schedules, without their last executions, and how many there are in all. Scope
    /// `read:schedules`.
    ///
    /// # Errors
    /// `NotFound` for the workflow.
    pub async fn schedules(
        &self,
        caller: &Caller,
        query: SchedulesQuery,
    ) -> Result<(Vec<ScheduleView>, u64), AppError> {
        caller.require(Verb::Read, KIND)?;
        if let Some(workflow) = query.workflow {
            self.scheduled_workflow(caller, workflow).await?;
        }
        let SchedulesQuery { workflow, enabled, kind, sort, descending, skip, limit } = query;
        let list = ListSchedules {
            workspace: caller.workspace,
            workflow,
            enabled,
            kind,
            sort,
            descending,
            skip,
            limit,
        };
        let (found, total) = self.engine.store.list_schedules(list).await?;
        let mut views = Vec::with_capacity(found.len());
        for record in found {
            let workflow_name = self.name_of(record.workflow).await?;
            views.push(ScheduleView { record, workflow_name, last: None });
        }
        Ok((views, total))
    }

    /// Changes a schedule; what is left out stays. Scope `write:schedules`.
    ///
    /// # Errors
    /// As [`App::create_schedule`]; `NotFound` for the schedule.
    pub async fn update_schedule(
        &self,
        caller: &Caller,
        id: ScheduleId,
        change: ScheduleChange,
    ) -> Result<ScheduleView, AppError> {
        let record = self.find_schedule(caller, Verb::Write, id).await?;
        if let Some(parameters) = &change.parameters {
            // As when it is made: first what is wrong with the schedule itself.
            change.update(&record, self.engine.now())?;
            let workflow = self.scheduled_workflow(caller, record.workflow).await?;
            self.check_parameters(&workflow, parameters).await?;
        }
        let edit = |record: &ScheduleRecord, now| change.update(record, now);
        let after = self.rewrite(caller, record, edit).await?;
        self.schedule_view(after).await
    }

    /// Deletes a schedule; its executions stay. Scope `write:schedules`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_schedule(&self, caller: &Caller, id: ScheduleId) -> Result<(), AppError> {
        let mut last = self.find_schedule(caller, Verb::Write, id).await?;
        // The place behind all that it was told of so far.
        last.version += 1;
        let now = self.engine.now();
        let effects = self.tell_of_schedule(Topic::ScheduleDeleted, &last, now).await?;
        let note =
            self.engine.audit_entry(caller, AuditAction::ScheduleDeleted, id).named(&last.name);
        let effects = effects.and_audit(note);
        let delete = |effects| self.engine.store.delete_schedule(DeleteSchedule { id, effects });
        match self.engine.write_change(effects, delete).await {
            Err(StoreError::Missing(_)) => return Err(not_found(id)),
            other => other?,
        }
        Ok(())
    }

    /// Makes a schedule fire, or stop firing. One that fires again does so from now on: what it
    /// has missed is not made up for. Scope `write:schedules`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn enable_schedule(
        &self,
        caller: &Caller,
        id: ScheduleId,
        enabled: bool,
    ) -> Result<ScheduleView, AppError> {
        let record = self.find_schedule(caller, Verb::Write, id).await?;
        let edit = |record: &ScheduleRecord, now| edit::set_enabled(record, enabled, now);
        let after = self.rewrite(caller, record, edit).await?;
        self.schedule_view(after).await
    }

    /// As [`App::enable_schedule`] for many, each by itself: others see some changed before the
    /// rest. Where they are not named, only those are resumed that were paused so. Scope
    /// `write:schedules`.
    ///
    /// # Errors
    /// `NotFound` for the workflow or one of the schedules: then none is changed.
    pub async fn enable_schedules(
        &self,
        caller: &Caller,
        selection: ScheduleSelection,
        enabled: bool,
    ) -> Result<SelectionChanged, AppError> {
        caller.require(Verb::Write, KIND)?;
        let (workflow, records) = match selection {
            ScheduleSelection::All => (None, None),
            ScheduleSelection::OfWorkflow(id) => {
                (Some(self.scheduled_workflow(caller, id).await?.id), None)
            }
            ScheduleSelection::These(mut ids) => {
                ids.sort_unstable();
                ids.dedup();
                let mut records = Vec::with_capacity(ids.len());
                for id in ids {
                    records.push(self.find_schedule(caller, Verb::Write, id).await?);
                }
                (None, Some(records))
            }
        };
        if let Some(records) = records {
            return self.enable_batch(caller, records, None, enabled).await;
        }
        let with = workflow.map_or(PausedWith::Workspace, |_| PausedWith::Workflow);
        let mut all = SelectionChanged::default();
        loop {
            let list = ListSchedules {
                workspace: caller.workspace,
                workflow,
                enabled: None,
                kind: None,
                sort: ScheduleSort::CreatedAt,
                descending: false,
                skip: all.matched,
                limit: BATCH,
            };
            let (found, _) = self.engine.store.list_schedules(list).await?;
            if found.is_empty() {
                return Ok(all);
            }
            let some = self.enable_batch(caller, found, Some(with), enabled).await?;
            all.matched += some.matched;
            all.changed += some.changed;
        }
    }

    /// At once, so that they share their transactions.
    async fn enable_batch(
        &self,
        caller: &Caller,
        records: Vec<ScheduleRecord>,
        all: Option<PausedWith>,
        enabled: bool,
    ) -> Result<SelectionChanged, AppError> {
        let matched = records.len() as u64;
        let mut changes = futures_util::stream::iter(records.into_iter().map(|record| {
            let app = self.clone();
            async move {
                let before = record.version;
                let edit = |record: &ScheduleRecord, now| match all {
                    Some(all) => edit::set_enabled_with(record, all, enabled, now),
                    None => edit::set_enabled(record, enabled, now),
                };
                match app.rewrite(caller, record, edit).await {
                    Ok(after) => Ok(u64::from(after.version != before)),
                    // Somebody has deleted it in the meantime.
                    Err(AppError::NotFound { .. }) => Ok(0),
                    Err(error) => Err(error),
                }
            }
        }))
        .buffer_unordered(AT_ONCE);
        let mut changed = 0;
        while let Some(one) = changes.next().await {
            changed += one?;
        }
        Ok(SelectionChanged { matched, changed })
    }

    /// The next firings of a cron expression, each with its wall-clock time, 1 to 100. Scope
    /// `read:schedules`.
    ///
    /// # Errors
    /// `InvalidSchedule` naming `cron`, `timezone` or `count`.
    pub fn preview_cron(
        &self,
        caller: &Caller,
        (cron, timezone): (&str, Option<&str>),
        count: usize,
    ) -> Result<Vec<(Timestamp, String)>, AppError> {
        caller.require(Verb::Read, KIND)?;
        if !(1..=MOST_PREVIEWED).contains(&count) {
            let problem = Problem::new("count", format!("must be from 1 to {MOST_PREVIEWED}"));
            return Err(AppError::InvalidSchedule(problem.into()));
        }
        let zone = timezone.unwrap_or(DEFAULT_ZONE);
        schedule::preview_firings(cron, zone, self.engine.now(), count).map_err(|mut problem| {
            if problem.path == "cron_expression" {
                problem.path = "cron".to_owned();
            }
            AppError::InvalidSchedule(problem.into())
        })
    }

    /// A schedule that the caller may do that to.
    async fn find_schedule(
        &self,
        caller: &Caller,
        verb: Verb,
        id: ScheduleId,
    ) -> Result<ScheduleRecord, AppError> {
        let found = self.engine.store.find_schedule(id).await?;
        let found = found.filter(|schedule| schedule.workspace == caller.workspace);
        let found = found.ok_or_else(|| not_found(id))?;
        let (uuid, abi) = (id.to_string(), id.abi());
        caller.require_on(verb, KIND, &[&found.name, &uuid, &abi])?;
        Ok(found)
    }

    /// The workflow of a schedule. What may be done with its schedules is a matter of their own
    /// scopes.
    async fn scheduled_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<Arc<WorkflowRecord>, AppError> {
        let found = self.engine.plans.workflow(id).await?;
        let found = found.filter(|workflow| workflow.workspace == caller.workspace);
        found.ok_or_else(|| AppError::not_found("workflow", id.dataflow()))
    }

    async fn name_of(&self, workflow: WorkflowId) -> Result<String, AppError> {
        let found = self.engine.plans.workflow(workflow).await?;
        // Deleted a moment ago: its schedules go with it.
        Ok(found.map_or_else(String::new, |workflow| workflow.name.clone()))
    }

    async fn schedule_view(&self, record: ScheduleRecord) -> Result<ScheduleView, AppError> {
        let last = match record.last_execution {
            Some(id) => self.engine.stored_record(id).await?,
            None => None,
        };
        let workflow_name = self.name_of(record.workflow).await?;
        Ok(ScheduleView { record, workflow_name, last })
    }

    async fn check_parameters(
        &self,
        workflow: &WorkflowRecord,
        parameters: &Map,
    ) -> Result<(), AppError> {
        let plan = self.engine.plans.plan(workflow.id, workflow.release).await?;
        self.checked_input(&plan, Value::Object(parameters.clone())).await.map(drop)
    }

    /// Changes a schedule as it stands: where somebody else was faster, once more over what they
    /// wrote. Writes nothing where nothing changes.
    async fn rewrite(
        &self,
        caller: &Caller,
        mut record: ScheduleRecord,
        edit: impl Fn(&ScheduleRecord, Timestamp) -> Result<ScheduleRecord, AppError>,
    ) -> Result<ScheduleRecord, AppError> {
        let store = &self.engine.store;
        for _ in 0..ATTEMPTS {
            let now = self.engine.now();
            let mut schedule = edit(&record, now)?;
            if schedule == record {
                return Ok(record);
            }
            schedule.version = record.version + 1;
            schedule.updated_at = now;
            let effects = self.tell_of_schedule(Topic::ScheduleUpdated, &schedule, now).await?;
            let note = self.engine.audit_entry(caller, AuditAction::ScheduleUpdated, schedule.id);
            let note = note.named(&schedule.name).changing(edit::changed(&record, &schedule));
            let effects = effects.and_audit(note);
            let update = |effects| {
                store.update_schedule(UpdateSchedule { schedule: schedule.clone(), effects })
            };
            match self.engine.write_change(effects, update).await {
                Ok(()) => {
                    self.engine.schedules.stored(schedule.look_at);
                    return Ok(schedule);
                }
                Err(StoreError::Outdated(_)) => {
                    let found = store.find_schedule(record.id).await?;
                    record = found.ok_or_else(|| not_found(record.id))?;
                }
                Err(StoreError::Missing(_)) => return Err(not_found(record.id)),
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Outdated("the schedule").into())
    }
}

fn not_found(id: ScheduleId) -> AppError {
    AppError::not_found("schedule", id.abi())
}
