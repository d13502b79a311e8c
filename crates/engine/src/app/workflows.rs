//! Workflows and their releases.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::audit::AuditAction;
use stepwell_core::definition::{Definition, SharedPlan};
use stepwell_core::ids::WorkflowId;
use stepwell_core::{Problem, Problems, Timestamp, Topic, names};
use stepwell_store::lists::ListWorkflows;
use stepwell_store::record::{ReleaseRecord, WorkflowRecord, WorkflowStats};
use stepwell_store::traits::{
    AddRelease, CreateWorkflow as StoreCreate, FindWorkflow, UpdateWorkflow, WorkflowParts,
};
use stepwell_store::{Effects, StoreError};

use super::caused::changed_fields;
use super::{
    App, CreateWorkflow, Expected, Idempotency, Page, WorkflowView, WorkflowsQuery, cursor, kinds,
};
use crate::caller::Verb;
use crate::objects::Document;
use crate::release_tag::{ReleaseTag, Traffic};
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};

/// The kind of object that scopes name.
pub(super) const KIND: &str = "workflows";

impl App {
    /// Checks a definition without storing it.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem.
    pub async fn validate(&self, source: Arc<Value>) -> Result<(Definition, SharedPlan), AppError> {
        let (definition, plan) = self.engine.plans.compile_new(source).await?;
        check_definition_names(&definition).map_err(AppError::InvalidDefinition)?;
        Ok((definition, plan))
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
        let CreateWorkflow { source, active, idempotency } = create;
        let source = Arc::new(source);
        let (definition, plan) = self.validate(source.clone()).await?;
        let parts = WorkflowParts {
            description: definition.description,
            kind: kinds::CUSTOM.to_owned(),
            configuration: None,
            integrations: Vec::new(),
            metadata: definition.metadata,
        };
        let retention_seconds = definition.retention.map(|keep| keep.as_secs());
        let new = New { name: definition.name, parts, retention_seconds, source, plan, active };
        self.store_new(caller, new, idempotency).await
    }

    /// Stores a workflow with its first release; answers its id, or that of the first time.
    pub(super) async fn store_new(
        &self,
        caller: &Caller,
        new: New,
        idempotency: Option<Idempotency>,
    ) -> Result<WorkflowId, AppError> {
        let New { name, parts, retention_seconds, source, plan, active } = new;
        let WorkflowParts { description, kind, configuration, integrations, metadata } = parts;
        let id = WorkflowId::from_uuid(new_uuid());
        let now = self.engine.now();
        let fingerprint = idempotency.as_ref().map(|key| key.fingerprint.clone());
        let workflow = WorkflowRecord {
            id,
            workspace: caller.workspace,
            name,
            active,
            release: 1,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            metadata,
            retention_seconds,
            description,
            kind,
            configuration,
            integrations,
            created_by: caller.key(),
            activated_at: active.then_some(now),
            deactivated_at: None,
            version: 1,
        };
        let release =
            ReleaseRecord { workflow: id, number: 1, source: source.clone(), created_at: now };
        let idempotency = idempotency.map(|key| key.record(caller.workspace, id.to_string(), now));
        let view = WorkflowView { record: workflow.clone(), source, plan: plan.clone() };
        let note =
            self.engine.noted(caller, AuditAction::WorkflowCreated, id).named(&workflow.name);
        let effects = self.tell_of(Topic::WorkflowCreated, &view, now).await?.and_audit(note);
        let told = !effects.deliveries.is_empty();
        let create = StoreCreate { workflow, release, idempotency, effects };
        match self.engine.store.create_workflow(create).await {
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

    /// Makes a new release. The workflow's description and metadata stay where the definition
    /// leaves them out. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDefinition`.
    pub async fn update_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        source: Value,
    ) -> Result<WorkflowView, AppError> {
        self.find_for(caller, Verb::Write, id).await?;
        let record = self.release_tagged(caller, id, |_: &_| source.clone(), &[]).await?;
        self.view(Arc::new(record)).await
    }

    /// Makes a new release of the workflow as it is found, and points these tags at it.
    pub(super) async fn release_tagged(
        &self,
        caller: &Caller,
        id: WorkflowId,
        source: impl Fn(&WorkflowRecord) -> Value,
        tags: &[String],
    ) -> Result<WorkflowRecord, AppError> {
        let source = &source;
        self.in_turn(caller, id, &Expected::Any, |before| async move {
            let source = Arc::new(source(&before));
            let (definition, plan) = self.validate(source.clone()).await?;
            let has = |field| source.get(field).is_some();
            let (own, given) = (before.parts(), (has("description"), has("metadata")));
            let traffic = vec![Traffic { release: before.release + 1, weight: 1 }];
            let (mut objects, mut effects) = (Vec::new(), Effects::default());
            for tag in tags {
                let moved = self.moved_tag(&before, tag, traffic.clone()).await?;
                objects.push(moved.to_stored()?);
                let entry = self.tag_audit(caller, &before, tag, &traffic);
                effects.audit.push(entry.named(&definition.name));
            }
            let add = AddRelease {
                workflow: id,
                expected: Some(before.version),
                name: definition.name,
                source,
                retention_seconds: definition.retention.map(|keep| keep.as_secs()),
                parts: WorkflowParts {
                    description: if given.0 { definition.description } else { own.description },
                    configuration: None,
                    metadata: if given.1 { definition.metadata } else { own.metadata },
                    ..own
                },
                objects,
                now: self.engine.now(),
                effects,
            };
            self.release_next(caller, &before, add, plan).await
        })
        .await
    }

    /// Stores the next release. The effects in `add` follow those of the release.
    pub(super) async fn release_next(
        &self,
        caller: &Caller,
        before: &WorkflowRecord,
        add: AddRelease,
        plan: SharedPlan,
    ) -> Result<WorkflowRecord, AppError> {
        let AddRelease { workflow: id, now, .. } = add;
        let record = WorkflowRecord {
            name: add.name.clone(),
            release: before.release + 1,
            retention_seconds: add.retention_seconds,
            ..with_parts(before.clone(), add.parts.clone(), now)
        };
        let view = WorkflowView { record, source: add.source.clone(), plan: plan.clone() };
        let note =
            self.engine.noted(caller, AuditAction::WorkflowUpdated, id).named(&view.record.name);
        let note = note.changing(changed_fields(before, &view.record)).changing(["definition"]);
        let note = note.with("release", view.record.release);
        let mut effects = self.tell_of(Topic::WorkflowUpdated, &view, now).await?.and_audit(note);
        effects.audit.extend(add.effects.audit.iter().cloned());
        let told = !effects.deliveries.is_empty();
        let added = self.engine.store.add_release(AddRelease { effects, ..add }).await;
        self.engine.plans.changed(id);
        let added = match added {
            // Another writer has moved a tag.
            Err(StoreError::Outdated(ReleaseTag::KIND) | StoreError::UniqueKeyTaken(_)) => {
                return Err(AppError::Changed(before.version));
            }
            added => added,
        };
        let record = changed(id, added)?;
        self.engine.plans.remember(id, record.release, plan);
        self.told(told);
        Ok(record)
    }

    /// Changes what is in no release.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        before: &WorkflowRecord,
        update: UpdateWorkflow,
    ) -> Result<WorkflowRecord, AppError> {
        let id = update.id;
        let effects = self.effects_of(caller, before, &update).await?;
        let told = !effects.deliveries.is_empty();
        let update = UpdateWorkflow { effects, ..update };
        let updated = self.engine.store.update_workflow(update).await;
        self.engine.plans.changed(id);
        let record = changed(id, updated)?;
        self.told(told);
        Ok(record)
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
        let found = self
            .engine
            .store
            .find_workflow(FindWorkflow::Name(caller.workspace, name.to_owned()))
            .await?;
        let record = found.ok_or_else(|| AppError::not_found("workflow", name))?;
        require(caller, Verb::Read, &record)?;
        self.view(Arc::new(record)).await
    }

    /// A page of workflows. Scope `read:workflows`.
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
        let WorkflowsQuery { active, kind, labels, sort, order, at, count, .. } = query;
        let begin = cursor::begin(at, limit, |cursor| cursor::read_sorted(cursor, sort))?;
        let list = ListWorkflows {
            workspace: caller.workspace,
            active,
            kind,
            labels,
            sort,
            order,
            begin,
            limit: limit + 1,
            count,
        };
        let found = self.engine.store.list_workflows(list).await?;
        Ok(cursor::listed(found, limit, |last| cursor::write_sorted(last, sort)))
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

    /// Counts of a workflow's executions, for whoever was shown the workflow.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn stats_of(&self, view: &WorkflowView) -> Result<WorkflowStats, AppError> {
        Ok(self.engine.store.workflow_stats(view.record.id).await?)
    }

    pub(super) async fn view(&self, record: Arc<WorkflowRecord>) -> Result<WorkflowView, AppError> {
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
        let found = self.engine.store.find_workflow(FindWorkflow::Id(id)).await?;
        owned(caller, found.ok_or_else(|| AppError::not_found("workflow", id.dataflow()))?)
    }
}

/// A workflow to be stored.
pub(super) struct New {
    pub(super) name: String,
    pub(super) parts: WorkflowParts,
    pub(super) retention_seconds: Option<u64>,
    pub(super) source: Arc<Value>,
    pub(super) plan: SharedPlan,
    pub(super) active: bool,
}

/// The workflow as it is with other parts.
pub(super) fn with_parts(
    before: WorkflowRecord,
    parts: WorkflowParts,
    now: Timestamp,
) -> WorkflowRecord {
    let WorkflowParts { description, kind, configuration, integrations, metadata } = parts;
    WorkflowRecord {
        description,
        kind,
        configuration,
        integrations,
        metadata,
        updated_at: now,
        version: before.version + 1,
        ..before
    }
}

fn changed(
    id: WorkflowId,
    answer: Result<WorkflowRecord, StoreError>,
) -> Result<WorkflowRecord, AppError> {
    match answer {
        Err(StoreError::Missing(kind)) => Err(AppError::not_found(kind, id)),
        other => Ok(other?),
    }
}

fn owned(caller: &Caller, record: WorkflowRecord) -> Result<WorkflowRecord, AppError> {
    if record.workspace != caller.workspace {
        return Err(AppError::not_found("workflow", record.id.dataflow()));
    }
    require(caller, Verb::Read, &record)?;
    Ok(record)
}

/// Checks the names in a definition that people read. Only where one is given: those that are
/// stored already go on being executed.
fn check_definition_names(definition: &Definition) -> Result<(), Problems> {
    let mut problems = Problems::default();
    if let Err(message) = names::check_visible(&definition.name) {
        problems.push(Problem::new("name", format!("`name` {message}")));
    }
    let outputs = definition.outputs.keys().map(|name| ("outputs", name));
    let state = definition.state.keys().map(|name| ("state", name));
    let labels = definition.metadata.keys().map(|name| ("metadata", name));
    for (path, name) in outputs.chain(state).chain(labels) {
        if let Err(problem) = names::check_visible_key(path, name) {
            problems.push(problem);
        }
    }
    if let Some(Err(message)) = definition.description.as_deref().map(names::check_text) {
        problems.push(Problem::new("description", format!("`description` {message}")));
    }
    for (name, value) in &definition.metadata {
        if let Err(problem) = names::check_texts(&format!("metadata.{name}"), value) {
            problems.push(problem);
        }
    }
    if let Some(schema) = &definition.inputs {
        check_property_names(schema, "inputs", &mut problems);
    }
    problems.or_ok(())
}

/// Checks the names of properties anywhere in a schema. Recurses as deep as the schema nests.
fn check_property_names(schema: &Value, path: &str, problems: &mut Problems) {
    match schema {
        Value::Object(map) => {
            for (key, inner) in map {
                if let ("properties", Value::Object(properties)) = (key.as_str(), inner) {
                    for (name, property) in properties {
                        if let Err(problem) = names::check_visible_key(path, name) {
                            problems.push(problem);
                        }
                        check_property_names(property, &format!("{path}.{name}"), problems);
                    }
                } else if !matches!(key.as_str(), "default" | "const" | "enum" | "examples") {
                    check_property_names(inner, path, problems);
                }
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| check_property_names(item, path, problems));
        }
        _ => {}
    }
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

pub(super) fn replayed_id(outcome: &str) -> Result<WorkflowId, AppError> {
    // The key was used for something else than a workflow.
    outcome.parse().map_err(|_| AppError::IdempotencyKeyReused)
}
