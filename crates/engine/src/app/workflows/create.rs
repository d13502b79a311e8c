//! Creating workflows, from a definition or from a type and its configuration.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::audit::AuditAction;
use stepwell_core::definition::{Definition, SharedPlan};
use stepwell_core::ids::WorkflowId;
use stepwell_core::{Map, Problem, Topic, names};
use stepwell_store::StoreError;
use stepwell_store::record::{
    IdempotencyOutcome, IntegrationUse, ReleaseRecord, WorkflowParts, WorkflowRecord,
};
use stepwell_store::traits::CreateWorkflow as StoreCreate;

use super::definition_names::check_definition_names;
use super::lookup::KIND;
use super::requests::{CreateWorkflow, NewWorkflow, WorkflowView};
use super::types;
use crate::app::App;
use crate::app::requests::Idempotency;
use crate::caller::Verb;
use crate::runtime::engine::new_uuid;
use crate::warning::Warning;
use crate::{AppError, Caller};

/// A workflow that is about to be stored with its first release.
pub(super) struct NewWorkflowRecord {
    pub(super) name: String,
    pub(super) parts: WorkflowParts,
    pub(super) retention_seconds: Option<u64>,
    pub(super) source: Arc<Value>,
    pub(super) plan: SharedPlan,
    pub(super) active: bool,
}

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

    /// Creates a workflow and returns its id. If its idempotency key was used before, returns the
    /// id of the first one. Scope `write:workflows`.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem.
    pub async fn create_workflow(
        &self,
        caller: &Caller,
        create: CreateWorkflow,
    ) -> Result<WorkflowId, AppError> {
        caller.require(Verb::Write, KIND)?;
        if let Some(outcome) = self.find_replay(caller, create.idempotency.as_ref()).await? {
            return Idempotency::created_id(&outcome);
        }
        let CreateWorkflow { source, active, idempotency } = create;
        let source = Arc::new(source);
        let (definition, plan) = self.validate(source.clone()).await?;
        let parts = WorkflowParts {
            description: definition.description,
            kind: types::CUSTOM.to_owned(),
            configuration: None,
            integrations: Vec::new(),
            metadata: definition.metadata,
        };
        let retention_seconds = definition.retention.map(|keep| keep.as_secs());
        let name = definition.name;
        let new = NewWorkflowRecord { name, parts, retention_seconds, source, plan, active };
        self.store_new(caller, new, idempotency).await
    }

    /// What is probably wrong with the newest release of a workflow. Scope `write:workflows`.
    /// None if it cannot be read: it was created all the same, or deleted since a first request
    /// with its idempotency key.
    pub async fn definition_warnings(&self, caller: &Caller, id: WorkflowId) -> Vec<Warning> {
        let Ok(workflow) = self.find_for(caller, Verb::Write, id).await else { return Vec::new() };
        let plan = self.engine.plans.plan(id, workflow.release).await;
        let Ok(plan) = plan else { return Vec::new() };
        self.plan_warnings(workflow.workspace, &plan).await
    }

    /// Creates an inactive workflow of a type. If its idempotency key was used before, returns the
    /// first one. Scope `write:workflows`.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem, by its place in the request.
    pub async fn create_of_kind(
        &self,
        caller: &Caller,
        new: NewWorkflow,
    ) -> Result<WorkflowView, AppError> {
        caller.require(Verb::Write, KIND)?;
        let id = match self.find_replay(caller, new.idempotency.as_ref()).await? {
            Some(outcome) => Idempotency::created_id(&outcome)?,
            None => self.create_new(caller, new).await?,
        };
        let record = self.find_for(caller, Verb::Write, id).await?;
        self.view(record).await
    }

    async fn create_new(&self, caller: &Caller, new: NewWorkflow) -> Result<WorkflowId, AppError> {
        let NewWorkflow {
            name,
            description,
            kind,
            configuration,
            integrations,
            metadata,
            idempotency,
        } = new;
        check_integrations(&integrations)?;
        check_labels(metadata.as_ref())?;
        let (source, definition, plan) =
            self.build_definition(&name, &kind, &configuration).await?;
        let parts = WorkflowParts {
            description: description.or(definition.description),
            kind,
            configuration: Some(configuration),
            integrations,
            metadata: metadata.unwrap_or(definition.metadata),
        };
        let retention_seconds = definition.retention.map(|keep| keep.as_secs());
        let name = definition.name;
        let new = NewWorkflowRecord { name, parts, retention_seconds, source, plan, active: false };
        self.store_new(caller, new, idempotency).await
    }

    /// Builds the definition from a type and its configuration, and checks it.
    pub(super) async fn build_definition(
        &self,
        name: &str,
        kind: &str,
        configuration: &Map,
    ) -> Result<(Arc<Value>, Definition, SharedPlan), AppError> {
        let mut built = types::build_definition(name, kind, configuration)?;
        let source = Arc::new(std::mem::take(&mut built.source));
        match self.validate(source.clone()).await {
            Ok((definition, plan)) => Ok((source, definition, plan)),
            Err(AppError::InvalidDefinition(problems)) => {
                Err(AppError::InvalidDefinition(built.place_problems(problems)))
            }
            Err(error) => Err(error),
        }
    }

    /// Stores a workflow with its first release and returns its id, or that of the first request
    /// with the same idempotency key.
    async fn store_new(
        &self,
        caller: &Caller,
        new: NewWorkflowRecord,
        idempotency: Option<Idempotency>,
    ) -> Result<WorkflowId, AppError> {
        let NewWorkflowRecord { name, parts, retention_seconds, source, plan, active } = new;
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
        let idempotency = idempotency
            .map(|key| key.record(caller.workspace, IdempotencyOutcome::Created(id.into()), now));
        let view = WorkflowView { record: workflow.clone(), source, plan: plan.clone() };
        let entry =
            self.engine.audit_entry(caller, AuditAction::WorkflowCreated, id).named(&workflow.name);
        let effects = self.workflow_effects(Topic::WorkflowCreated, &view, now).await?;
        let create = |effects| {
            let create = StoreCreate { workflow, release, idempotency, effects };
            self.engine.store.create_workflow(create)
        };
        match self.engine.write_change(effects.and_audit(entry), create).await {
            Ok(()) => {
                self.engine.plans.remember(id, 1, plan);
                Ok(id)
            }
            Err(StoreError::Replayed(found)) => {
                let outcome = Idempotency::outcome_of(&fingerprint.unwrap_or_default(), &found)?;
                Idempotency::created_id(&outcome)
            }
            Err(error) => Err(error.into()),
        }
    }
}

pub(super) fn check_integrations(used: &[IntegrationUse]) -> Result<(), AppError> {
    for (at, one) in used.iter().enumerate() {
        if used[..at].iter().any(|other| other.id == one.id) {
            let message = format!("names the integration `{}` twice", one.id);
            let problem = Problem::new(format!("integrations[{at}].id"), message);
            return Err(AppError::InvalidDefinition(problem.into()));
        }
    }
    Ok(())
}

/// Checks the names of the labels of a workflow or an execution.
pub(in crate::app) fn check_labels(metadata: Option<&Map>) -> Result<(), AppError> {
    let Some(metadata) = metadata else { return Ok(()) };
    let checked = metadata.iter().try_for_each(|(name, value)| {
        names::check_visible_key("metadata", name)?;
        names::check_texts(&format!("metadata.{name}"), value)
    });
    checked.map_err(AppError::InvalidRequest)
}
