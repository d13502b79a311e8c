//! Schedules: creating and changing them here, firing them in `fire` and `scheduler`.

mod announce;
mod edit;
mod fire;
mod requests;
mod scheduler;
mod secret_warnings;
mod set_back;

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::Value;
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{ScheduleId, WorkflowId};
use stepwell_core::schedule::{self, DEFAULT_ZONE};
use stepwell_core::{Problem, Timestamp, Topic};
use stepwell_store::StoreError;
use stepwell_store::lists::{List, Order, Page, PageStart};
use stepwell_store::objects::{DeleteObject, ObjectBatch, ObjectFilter, ObjectSort};
use stepwell_store::record::WorkflowRecord;

pub use requests::{
    ScheduleChange, ScheduleFilter, ScheduleSelection, ScheduleView, SelectionChanged, Triggered,
};
pub(super) use scheduler::fire_schedules;

use super::App;
use super::cursor::{decode_list, encode_page};
use crate::caller::Verb;
use crate::objects::{self, Document, Object};
use crate::runtime::engine::new_uuid;
use crate::schedule::{PausedWith, Schedule};
use crate::{AppError, Caller};

/// The kind of object that scopes name.
const KIND: &str = "schedules";
/// How often a change is repeated because another writer was faster.
const ATTEMPTS: usize = 50;
/// The most schedules that are read at a time.
const BATCH: usize = 500;
/// The most schedules that are written, or fire, at the same time.
const AT_ONCE: usize = 64;
/// The most firings that a preview shows.
const MOST_PREVIEWED: usize = 100;

impl App {
    /// Creates a schedule of a workflow. Scope `write:schedules`.
    ///
    /// # Errors
    /// `NotFound` for the workflow; `InvalidSchedule` with every problem, or for an unknown release
    /// tag; `InvalidInput` where the parameters do not fit the workflow's input schema.
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
        let document = change.create(workflow.id, caller.key(), now)?;
        self.check_start(&workflow, &document).await?;
        let schedule = Object::new(id, workflow.workspace, now, document);
        let effects = self.schedule_effects(Topic::ScheduleCreated, &schedule, now).await?;
        let entry = self.engine.audit_entry(caller, AuditAction::ScheduleCreated, id);
        let effects = effects.and_audit(entry.named(&schedule.document.name));
        let batch = ObjectBatch {
            live_workflow: Some(workflow.id),
            ..ObjectBatch::put(schedule.to_stored()?, effects)
        };
        self.engine.write_objects(batch).await.map_err(|error| match error {
            StoreError::Missing(_) => AppError::not_found("workflow", workflow.id.dataflow()),
            error => error.into(),
        })?;
        self.engine.schedules.stored(schedule.document.due_at);
        let warnings = self.secret_warnings(&workflow, &schedule.document).await?;
        let workflow_name = workflow.name.clone();
        Ok(ScheduleView { record: schedule, workflow_name, last: None, warnings })
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
    /// `NotFound` for the workflow; `InvalidRequest` for a limit or cursor that is wrong.
    pub async fn schedules(
        &self,
        caller: &Caller,
        list: List<ScheduleFilter, String>,
    ) -> Result<Page<ScheduleView>, AppError> {
        caller.require(Verb::Read, KIND)?;
        if let Some(workflow) = list.filter.workflow {
            self.scheduled_workflow(caller, workflow).await?;
        }
        let List { filter, sort, window } = list;
        let list = decode_list(List { filter: ObjectFilter::from(filter), sort, window })?;
        let store = &self.engine.store;
        let found = store.list_objects(Schedule::KIND, caller.workspace, list).await?;
        let Page { items, total, next } = encode_page(found, sort.key);
        let mut views = Vec::with_capacity(items.len());
        for object in items {
            let record = Object::<Schedule>::from_stored(object)?;
            let workflow_name = self.name_of(record.document.workflow).await?;
            views.push(ScheduleView { record, workflow_name, last: None, warnings: Vec::new() });
        }
        Ok(Page { items: views, total, next })
    }

    /// Changes a schedule; omitted fields are unchanged. Scope `write:schedules`.
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
        if change.parameters.is_some() || change.release_tag.is_some() {
            // As at creation: problems of the schedule itself come first.
            let after = change.update(&record.document, self.engine.now())?;
            let workflow = self.scheduled_workflow(caller, after.workflow).await?;
            self.check_start(&workflow, &after).await?;
        }
        let edit = |schedule: &Schedule, now| change.update(schedule, now);
        let after = self.rewrite(caller, record, edit).await?;
        let workflow = self.scheduled_workflow(caller, after.document.workflow).await?;
        let warnings = self.secret_warnings(&workflow, &after.document).await?;
        Ok(ScheduleView { warnings, ..self.schedule_view(after).await? })
    }

    /// Deletes a schedule; its executions stay. Scope `write:schedules`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_schedule(&self, caller: &Caller, id: ScheduleId) -> Result<(), AppError> {
        let mut last = self.find_schedule(caller, Verb::Write, id).await?;
        // After all deliveries about it until now.
        last.version += 1;
        let now = self.engine.now();
        let effects = self.schedule_effects(Topic::ScheduleDeleted, &last, now).await?;
        let entry = self.engine.audit_entry(caller, AuditAction::ScheduleDeleted, id);
        let effects = effects.and_audit(entry.named(&last.document.name));
        let delete = DeleteObject { kind: Schedule::KIND, id: id.into(), expected: None };
        match self.engine.write_objects(ObjectBatch::delete(delete, effects)).await {
            Err(StoreError::Missing(_)) => return Err(not_found(id)),
            other => other?,
        }
        Ok(())
    }

    /// Enables or disables a schedule. One that is enabled fires from now on: firings that it has
    /// missed are not made up for. Scope `write:schedules`.
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
        let edit = |schedule: &Schedule, now| edit::set_enabled(schedule, enabled, now);
        let after = self.rewrite(caller, record, edit).await?;
        self.schedule_view(after).await
    }

    /// As [`App::enable_schedule`] for many, each by itself: other requests see some changed before
    /// the rest. If they are not named, only those are resumed that were paused together. Scope
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
            let filter = ScheduleFilter { workflow, ..ScheduleFilter::default() };
            let list = List::first_page(ObjectFilter::from(filter), BATCH)
                .sorted_by(ObjectSort::CreatedAt, Order::Ascending)
                .starting_at(PageStart::Skip(all.matched));
            let store = &self.engine.store;
            let found = store.list_objects(Schedule::KIND, caller.workspace, list).await?.items;
            if found.is_empty() {
                return Ok(all);
            }
            let found = found.into_iter().map(Object::from_stored).collect::<Result<_, _>>()?;
            let some = self.enable_batch(caller, found, Some(with), enabled).await?;
            all.matched += some.matched;
            all.changed += some.changed;
        }
    }

    /// Concurrently, so that they share transactions.
    async fn enable_batch(
        &self,
        caller: &Caller,
        records: Vec<Object<Schedule>>,
        all: Option<PausedWith>,
        enabled: bool,
    ) -> Result<SelectionChanged, AppError> {
        let matched = records.len() as u64;
        let mut changes = futures_util::stream::iter(records.into_iter().map(|record| {
            let app = self.clone();
            async move {
                let before = record.version;
                let edit = |schedule: &Schedule, now| match all {
                    Some(all) => edit::set_enabled_with(schedule, all, enabled, now),
                    None => edit::set_enabled(schedule, enabled, now),
                };
                match app.rewrite(caller, record, edit).await {
                    Ok(after) => Ok(u64::from(after.version != before)),
                    // It was deleted in the meantime.
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
        cron: &str,
        timezone: Option<&str>,
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

    /// A schedule on which the caller has the permission.
    async fn find_schedule(
        &self,
        caller: &Caller,
        verb: Verb,
        id: ScheduleId,
    ) -> Result<Object<Schedule>, AppError> {
        let found = objects::find_object::<Schedule>(&*self.engine.store, id).await?;
        let found = found.filter(|schedule| schedule.workspace == caller.workspace);
        let found = found.ok_or_else(|| not_found(id))?;
        let (uuid, abi) = (id.to_string(), id.abi());
        caller.require_on(verb, KIND, &[&found.document.name, &uuid, &abi])?;
        Ok(found)
    }

    /// The workflow of a schedule. Schedules have scopes of their own.
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

    async fn schedule_view(&self, record: Object<Schedule>) -> Result<ScheduleView, AppError> {
        let last = match record.document.last_execution {
            Some(id) => self.engine.stored_record(id).await?,
            None => None,
        };
        let workflow_name = self.name_of(record.document.workflow).await?;
        Ok(ScheduleView { record, workflow_name, last, warnings: Vec::new() })
    }

    /// Checks the release tag, and the parameters against each release to which it points.
    async fn check_start(
        &self,
        workflow: &WorkflowRecord,
        schedule: &Schedule,
    ) -> Result<(), AppError> {
        let releases = self.releases_of_tag(workflow, schedule.release_tag.as_deref()).await;
        let releases = releases.map_err(|error| match error {
            AppError::UnknownReleaseTag(problem) => AppError::InvalidSchedule(problem.into()),
            error => error,
        })?;
        for release in releases {
            let plan = self.engine.plans.plan(workflow.id, release).await?;
            self.engine.checked_input(&plan, Value::Object(schedule.parameters.clone())).await?;
        }
        Ok(())
    }

    /// Changes a schedule; if another writer was faster, again over what it wrote. Writes nothing
    /// if nothing changes.
    async fn rewrite(
        &self,
        caller: &Caller,
        mut before: Object<Schedule>,
        edit: impl Fn(&Schedule, Timestamp) -> Result<Schedule, AppError>,
    ) -> Result<Object<Schedule>, AppError> {
        let store = &self.engine.store;
        for _ in 0..ATTEMPTS {
            let now = self.engine.now();
            let document = edit(&before.document, now)?;
            if document == before.document {
                return Ok(before);
            }
            let after = before.next(now, document);
            let effects = self.schedule_effects(Topic::ScheduleUpdated, &after, now).await?;
            let entry = self.engine.audit_entry(caller, AuditAction::ScheduleUpdated, after.id);
            let entry = entry.named(&after.document.name);
            let entry = entry.changing(edit::changed_fields(&before.document, &after.document));
            let batch = ObjectBatch::put(after.to_stored()?, effects.and_audit(entry));
            match self.engine.write_objects(batch).await {
                Ok(()) => {
                    self.engine.schedules.stored(after.document.due_at);
                    return Ok(after);
                }
                Err(StoreError::Outdated(_)) => {
                    let found = objects::find_object(&**store, before.id).await?;
                    before = found.ok_or_else(|| not_found(before.id))?;
                }
                Err(StoreError::Missing(_)) => return Err(not_found(before.id)),
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Outdated(Schedule::KIND).into())
    }
}

fn not_found(id: ScheduleId) -> AppError {
    AppError::not_found("schedule", id.abi())
}
