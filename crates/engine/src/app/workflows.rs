//! Workflows and their releases.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::audit::Action;
use stepwell_core::definition::{self, Definition, Limits, SharedPlan};
use stepwell_core::ids::WorkflowId;
use stepwell_core::{Timestamp, Topic};
use stepwell_store::record::{ReleaseRecord, WorkflowRecord, WorkflowStats};
use stepwell_store::traits::{
    AddRelease, CreateWorkflow as StoreCreate, ListWorkflows, UpdateWorkflow,
};
use stepwell_store::{Effects, StoreError};

use super::{App, CreateWorkflow, Idempotency, Page, WorkflowView, WorkflowsQuery, cursor};
use crate::caller::Verb;
use crate::runtime::deliveries::Happened;
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};

/// The kind of object that scopes name.
pub(super) const KIND: &str = "workflows";

impl App {
    /// Checks a definition without storing it.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem.
    pub fn validate(&self, source: &Value) -> Result<(Definition, SharedPlan), AppError> {
        let compiled = definition::plan(source, stepwell_steps::registry(), &Limits::default());
        let (definition, plan) = compiled.map_err(AppError::InvalidDefinition)?;
        Ok((definition, Arc::new(plan)))
    }

    /// Creates a workflow. Scope `write:workflows`. Answers its id; with an idempotency key seen
    /// before, that of the first time.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem.
    pub async fn create_workflow(
        &self,
        caller: &Caller,
        create: CreateWorkflow,
    ) -> Result<WorkflowId, AppError> {
        caller.require(Verb::Write, KIND)?;
        if let Some(outcome) = self.seen(caller, create.idempotency.as_ref()).await? {
            return replayed_id(&outcome);
        }
        let (definition, plan) = self.validate(&create.source)?;
        let id = WorkflowId::from_uuid(new_uuid());
        let now = self.engine.now();
        let fingerprint = create.idempotency.as_ref().map(|key| key.fingerprint.clone());
        let workflow = WorkflowRecord {
            id,
            workspace: caller.workspace,
            name: definition.name,
            active: create.active,
            release: 1,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            metadata: definition.metadata,
            retention_seconds: definition.retention.map(|keep| keep.as_secs()),
        };
        let source = Arc::new(create.source);
        let release =
            ReleaseRecord { workflow: id, number: 1, source: source.clone(), created_at: now };
        let view = WorkflowView { record: workflow.clone(), source, plan: plan.clone() };
        let note = self.engine.noted(caller, Action::WorkflowCreated, id).named(&workflow.name);
        let effects = self.tell_of(Topic::WorkflowCreated, view, now).await?.and_noting(note);
        let told = !effects.deliveries.is_empty();
        let idempotency =
            create.idempotency.map(|key| key.record(caller.workspace, id.to_string(), now));
        match self
            .engine
            .store
            .create_workflow(StoreCreate { workflow, release, idempotency, effects })
            .await
        {
            Ok(()) => {
                self.engine.plans.remember(id, 1, plan);
                self.told(told);
                Ok(id)
            }
            Err(StoreError::Replayed(found)) => {
                let outcome = Idempotency::outcome_of(&fingerprint.unwrap_or_default(), &found)?;
                replayed_id(&outcome)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a new release. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDefinition`.
    pub async fn update_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        source: Value,
    ) -> Result<WorkflowView, AppError> {
        let before = self.find_for(caller, Verb::Write, id).await?;
        let (definition, plan) = self.validate(&source)?;
        let source = Arc::new(source);
        let now = self.engine.now();
        let retention_seconds = definition.retention.map(|keep| keep.as_secs());
        let record = WorkflowRecord {
            name: definition.name.clone(),
            release: before.release + 1,
            metadata: definition.metadata.clone(),
            retention_seconds,
            updated_at: now,
            ..Arc::unwrap_or_clone(before)
        };
        let view = WorkflowView { record, source: source.clone(), plan: plan.clone() };
        let note = self.engine.noted(caller, Action::WorkflowUpdated, id).named(&definition.name);
        let note = note.changing(["definition"]).with("release", view.record.release);
        let effects = self.tell_of(Topic::WorkflowUpdated, view, now).await?.and_noting(note);
        let told = !effects.deliveries.is_empty();
        let add = AddRelease {
            workflow: id,
            name: definition.name,
            source: source.clone(),
            metadata: definition.metadata,
            retention_seconds,
            now,
            effects,
        };
        let number = self.engine.store.add_release(add).await?;
        self.engine.plans.remember(id, number, plan);
        self.engine.plans.changed(id);
        self.told(told);
        let record = self.find_for(caller, Verb::Write, id).await?;
        self.view(record).await
    }

    /// Activates or deactivates a workflow. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_active(
        &self,
        caller: &Caller,
        id: WorkflowId,
        active: bool,
    ) -> Result<(), AppError> {
        let before = self.find_for(caller, Verb::Write, id).await?;
        let now = self.engine.now();
        // Whoever says it twice is told of once.
        let topic = match active {
            _ if before.active == active => None,
            true => Some(Topic::WorkflowActivated),
            false => Some(Topic::WorkflowDeactivated),
        };
        let done = if active { Action::WorkflowActivated } else { Action::WorkflowDeactivated };
        let note = topic.map(|_| self.engine.noted(caller, done, id).named(&before.name));
        let after = WorkflowRecord { active, updated_at: now, ..Arc::unwrap_or_clone(before) };
        let mut effects = self.tell_of_change(topic, after, now).await?;
        effects.audit.extend(note);
        self.change(UpdateWorkflow { id, active: Some(active), delete: false, now, effects }).await
    }

    /// Deletes a workflow; running executions finish, history stays. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_workflow(&self, caller: &Caller, id: WorkflowId) -> Result<(), AppError> {
        let before = self.find_for(caller, Verb::Write, id).await?;
        let now = self.engine.now();
        let note = self.engine.noted(caller, Action::WorkflowDeleted, id).named(&before.name);
        let last = Arc::unwrap_or_clone(before);
        let effects = self.tell_of_change(Some(Topic::WorkflowDeleted), last, now).await?;
        let effects = effects.and_noting(note);
        self.change(UpdateWorkflow { id, active: None, delete: true, now, effects }).await
    }

    async fn change(&self, update: UpdateWorkflow) -> Result<(), AppError> {
        let (id, told) = (update.id, !update.effects.deliveries.is_empty());
        let changed = self.engine.store.update_workflow(update).await;
        self.engine.plans.changed(id);
        match changed {
            Err(StoreError::Missing(kind)) => Err(AppError::not_found(kind, id)),
            other => {
                self.told(told);
                Ok(other?)
            }
        }
    }

    /// What a change of the object but not its definition causes.
    async fn tell_of_change(
        &self,
        topic: Option<Topic>,
        after: WorkflowRecord,
        now: Timestamp,
    ) -> Result<Effects, AppError> {
        match topic.filter(|topic| self.engine.hooks.want(after.workspace, &[*topic])) {
            Some(topic) => {
                let view = self.view(Arc::new(after)).await?;
                self.tell_of(topic, view, now).await
            }
            None => Ok(Effects::default()),
        }
    }

    /// What it causes that a workflow is so now.
    async fn tell_of(
        &self,
        topic: Topic,
        after: WorkflowView,
        now: Timestamp,
    ) -> Result<Effects, AppError> {
        let (workspace, id) = (after.record.workspace, after.record.id);
        if !self.engine.hooks.want(workspace, &[topic]) {
            return Ok(Effects::default());
        }
        let stats = self.engine.store.workflow_stats(id).await?;
        let data = || self.engine.tell.workflow(&after, &stats);
        let deliveries = self.engine.announce(topic, Happened::to(workspace, id, now), data);
        Ok(Effects::telling(deliveries))
    }

    /// A change was stored: if it has put something in the outbox, that can be sent.
    pub(super) fn told(&self, told: bool) {
        if told {
            self.engine.outbox_changed.notify_one();
        }
    }

    /// A workflow with its current release. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<WorkflowView, AppError> {
        let record = self.find_for(caller, Verb::Read, id).await?;
        self.view(record).await
    }

    /// The newest workflow of that name. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn workflow_by_name(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<WorkflowView, AppError> {
        let found = self.engine.store.find_workflow_by_name(caller.workspace, name).await?;
        let record = found.ok_or_else(|| AppError::not_found("workflow", name))?;
        require(caller, Verb::Read, &record)?;
        self.view(Arc::new(record)).await
    }

    /// Workflows, newest first. Scope `read:workflows`.
    ///
    /// # Errors
    /// `InvalidRequest` for a cursor or limit that is wrong.
    pub async fn workflows(
        &self,
        caller: &Caller,
        query: WorkflowsQuery,
    ) -> Result<Page<WorkflowRecord>, AppError> {
        caller.require(Verb::Read, KIND)?;
        let limit = cursor::check_limit(query.limit)?;
        let list = ListWorkflows {
            workspace: caller.workspace,
            active: query.active,
            after: cursor::read(query.cursor.as_deref())?,
            limit: limit + 1,
        };
        let found = self.engine.store.list_workflows(list).await?;
        Ok(cursor::page(found, limit, |workflow| workflow.id.to_string()))
    }

    /// Counts of a workflow's executions. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn workflow_stats(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<WorkflowStats, AppError> {
        self.find_with_history(caller, id).await?;
        Ok(self.engine.store.workflow_stats(id).await?)
    }

    async fn view(&self, record: Arc<WorkflowRecord>) -> Result<WorkflowView, AppError> {
        let release = self.engine.store.find_release(record.id, record.release).await?;
        let release = release.ok_or_else(|| {
            AppError::Internal(format!("release {} of {} is gone", record.release, record.id))
        })?;
        let plan = self.engine.plans.plan(record.id, record.release).await?;
        Ok(WorkflowView { record: Arc::unwrap_or_clone(record), source: release.source, plan })
    }

    /// The workflow, if the caller may do that to it.
    pub(super) async fn find_for(
        &self,
        caller: &Caller,
        verb: Verb,
        id: WorkflowId,
    ) -> Result<Arc<WorkflowRecord>, AppError> {
        let found = self.engine.plans.workflow(id).await?;
        let found = found.filter(|workflow| workflow.workspace == caller.workspace);
        let found = found.ok_or_else(|| AppError::not_found("workflow", id.dataflow()))?;
        require(caller, verb, &found)?;
        Ok(found)
    }

    /// The workflow for looking at its executions, which outlive it.
    pub(super) async fn find_with_history(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<WorkflowRecord, AppError> {
        if let Some(known) = self.engine.plans.workflow(id).await? {
            return owned(caller, Arc::unwrap_or_clone(known));
        }
        let found = self.engine.store.find_workflow(id).await?;
        owned(caller, found.ok_or_else(|| AppError::not_found("workflow", id.dataflow()))?)
    }
}

fn owned(caller: &Caller, record: WorkflowRecord) -> Result<WorkflowRecord, AppError> {
    if record.workspace != caller.workspace {
        return Err(AppError::not_found("workflow", record.id.dataflow()));
    }
    require(caller, Verb::Read, &record)?;
    Ok(record)
}

/// Checks a scope on one workflow, by its name or its id in any form.
pub(super) fn require(
    caller: &Caller,
    verb: Verb,
    record: &WorkflowRecord,
) -> Result<(), AppError> {
    // Most keys are good for all workflows: then no name needs to be written out.
    if caller.require(verb, KIND).is_ok() {
        return Ok(());
    }
    let (uuid, dataflow, abi) = (record.id.to_string(), record.id.dataflow(), record.id.abi());
    caller.require_on(verb, KIND, &[&record.name, &uuid, &dataflow, &abi])
}

fn replayed_id(outcome: &str) -> Result<WorkflowId, AppError> {
    // The key was used for something else than a workflow.
    outcome.parse().map_err(|_| AppError::IdempotencyKeyReused)
}
