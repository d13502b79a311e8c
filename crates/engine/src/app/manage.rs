//! Managing workflows as objects: made of a type and a configuration, changed part by part,
//! activated, deactivated, deleted.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::definition::{Definition, SharedPlan};
use stepwell_core::execution::Status;
use stepwell_core::ids::WorkflowId;
use stepwell_core::names;
use stepwell_store::Effects;
use stepwell_store::lists::ListExecutions;
use stepwell_store::record::{IntegrationUse, WorkflowRecord};
use stepwell_store::traits::{AddRelease, UpdateWorkflow, WorkflowParts};

use super::workflows::{KIND, New, replayed_id};
use super::{
    App, ChangeWorkflow, Deletion, Expected, NewWorkflow, WorkflowView, integrations, kinds,
};
use crate::caller::Verb;
use crate::objects::Document;
use crate::runtime::registry::Control;
use crate::schedule::Schedule;
use crate::{AppError, Caller, Turns};

/// How often a change is made anew that others on other nodes came before.
const ATTEMPTS: usize = 20;

/// Changes of one workflow on this node.
static CHANGES: Turns = Turns::new();

/// How many executions are cancelled between two looks for more.
const CANCELLED_AT_ONCE: usize = 100;

impl App {
    /// Creates an inactive workflow of a type. Scope `write:workflows`. With an idempotency key
    /// seen before, answers that of the first time.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem, by its place in the request.
    pub async fn create_of_kind(
        &self,
        caller: &Caller,
        new: NewWorkflow,
    ) -> Result<WorkflowView, AppError> {
        caller.require(Verb::Write, KIND)?;
        let id = match self.seen(caller, new.idempotency.as_ref()).await? {
            Some(outcome) => replayed_id(&outcome)?,
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
        let (source, definition, plan) = self.make(&name, &kind, &configuration).await?;
        let parts = WorkflowParts {
            description: description.or(definition.description),
            kind,
            configuration: Some(configuration),
            integrations,
            metadata: metadata.unwrap_or(definition.metadata),
        };
        let retention_seconds = definition.retention.map(|keep| keep.as_secs());
        let name = definition.name;
        let new = New { name, parts, retention_seconds, source, plan, active: false };
        self.store_new(caller, new, idempotency).await
    }

    /// The definition that a configuration makes, checked.
    async fn make(
        &self,
        name: &str,
        kind: &str,
        configuration: &stepwell_core::Map,
    ) -> Result<(Arc<Value>, Definition, SharedPlan), AppError> {
        let mut made = kinds::source(name, kind, configuration)?;
        let source = Arc::new(std::mem::take(&mut made.source));
        match self.validate(source.clone()).await {
            Ok((definition, plan)) => Ok((source, definition, plan)),
            Err(AppError::InvalidDefinition(problems)) => {
                Err(AppError::InvalidDefinition(made.placed(problems)))
            }
            Err(error) => Err(error),
        }
    }

    /// Changes parts of a workflow. Where that changes its definition, it becomes the next
    /// release. Two changes at once are made one after the other. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDefinition`, `Changed` where it is not at an expected version.
    pub async fn change_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        change: ChangeWorkflow,
        expected: Expected,
    ) -> Result<WorkflowView, AppError> {
        check_integrations(change.integrations.as_deref().unwrap_or_default())?;
        check_labels(change.metadata.as_ref())?;
        let change = &change;
        let changed = self.in_turn(caller, id, &expected, |before| async move {
            let before = self.view(before).await?;
            self.change_from(caller, &before, change.clone()).await
        });
        self.view(Arc::new(changed.await?)).await
    }

    /// Changes a workflow as it is found, at an expected version; `make` must name that version to
    /// the store. Changes of one workflow take turns; where another node's came between, and any
    /// version will do, it is looked at anew.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, `Unavailable`, and what `make` says.
    pub(super) async fn in_turn<Made>(
        &self,
        caller: &Caller,
        id: WorkflowId,
        expected: &Expected,
        make: impl Fn(Arc<WorkflowRecord>) -> Made,
    ) -> Result<WorkflowRecord, AppError>
    where
        Made: Future<Output = Result<WorkflowRecord, AppError>>,
    {
        let _turn = CHANGES.take(&id).await;
        for _ in 0..ATTEMPTS {
            let before = self.find_for(caller, Verb::Write, id).await?;
            expected.check(before.version)?;
            match make(before).await {
                Err(AppError::Changed(_)) if matches!(expected, Expected::Any) => {}
                made => return made,
            }
        }
        Err(AppError::Unavailable {
            reason: "the workflow is changed by others all the time".into(),
            retry_after: std::time::Duration::from_secs(1),
        })
    }

    async fn change_from(
        &self,
        caller: &Caller,
        before: &WorkflowView,
        change: ChangeWorkflow,
    ) -> Result<WorkflowRecord, AppError> {
        let WorkflowView { record, source, .. } = before;
        let ChangeWorkflow { name, description, kind, configuration, integrations, metadata } =
            change;
        let remade = name.is_some() || kind.is_some() || configuration.is_some();
        let own = record.parts();
        let kind = kind.unwrap_or(own.kind);
        let name = name.unwrap_or_else(|| record.name.clone());
        // One that was given as a definition is configured by it.
        let configured = || {
            let definition = ("definition".to_owned(), Value::clone(source));
            own.configuration.clone().unwrap_or_else(|| [definition].into_iter().collect())
        };
        let given = configuration.is_some();
        let configuration = configuration.unwrap_or_else(configured);
        let made = match remade {
            true => Some(self.make(&name, &kind, &configuration).await?),
            false => None,
        };
        let stays = own.configuration.is_none() && !given;
        let parts = WorkflowParts {
            description: description.unwrap_or(own.description),
            kind,
            configuration: if stays { None } else { Some(configuration) },
            integrations: integrations.unwrap_or(own.integrations),
            metadata: metadata.unwrap_or(own.metadata),
        };
        let (id, expected, now) = (record.id, Some(record.version), self.engine.now());
        match made.filter(|(made, _, _)| made != source) {
            Some((source, definition, plan)) => {
                let add = AddRelease {
                    workflow: id,
                    expected,
                    name: definition.name,
                    source,
                    retention_seconds: definition.retention.map(|keep| keep.as_secs()),
                    parts,
                    objects: Vec::new(),
                    now,
                    effects: Effects::default(),
                };
                self.release_next(caller, record, add, plan).await
            }
            None => {
                let parts = Some(parts);
                let update = UpdateWorkflow { expected, parts, ..UpdateWorkflow::of(id, now) };
                self.change(caller, record, update).await
            }
        }
    }

    /// Activates or deactivates a workflow; one that is so already stays as it is. Scope
    /// `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`; `Changed` where it is not at an expected version; `IntegrationMissing` when it
    /// is to be activated, or is active already and has lost one since.
    pub async fn set_active(
        &self,
        caller: &Caller,
        id: WorkflowId,
        active: bool,
        expected: Expected,
    ) -> Result<WorkflowRecord, AppError> {
        self.in_turn(caller, id, &expected, |record| async move {
            // Also of one that is active already: it would be told that it runs, and does not.
            if active {
                integrations::require(&record)?;
            }
            if record.active == active {
                return Ok(Arc::unwrap_or_clone(record));
            }
            let (expected, now) = (Some(record.version), self.engine.now());
            let active = Some(active);
            let update = UpdateWorkflow { expected, active, ..UpdateWorkflow::of(id, now) };
            self.change(caller, &record, update).await
        })
        .await
    }

    /// Deletes a workflow; answers how many executions were cancelled. Its history stays. Those of
    /// its executions that have not ended go on to their end, or are cancelled: then it is
    /// deactivated first and deleted last, so that the call can be repeated where it was broken
    /// off. Scope `write:workflows`, to cancel `execute:workflows` as well.
    ///
    /// # Errors
    /// `NotFound`, `Changed` where it is not at an expected version.
    pub async fn delete_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        deletion: Deletion,
    ) -> Result<u64, AppError> {
        let Deletion { expected, cancel_running } = deletion;
        if cancel_running {
            // Before it is known whether there is such a workflow.
            caller.require_any(Verb::Execute, KIND)?;
        }
        let record = self.find_for(caller, Verb::Write, id).await?;
        let mut expected = expected.check(record.version)?;
        let mut cancelled = 0;
        if cancel_running {
            self.find_for(caller, Verb::Execute, id).await?;
            let now = self.engine.now();
            let update =
                UpdateWorkflow { expected, active: Some(false), ..UpdateWorkflow::of(id, now) };
            let version = self.change(caller, &record, update).await?.version;
            cancelled = self.cancel_unfinished(caller, &record).await?;
            expected = expected.map(|_| version);
        }
        let now = self.engine.now();
        let delete_children = vec![Schedule::KIND];
        let update = UpdateWorkflow {
            expected,
            delete: true,
            delete_children,
            ..UpdateWorkflow::of(id, now)
        };
        self.change(caller, &record, update).await?;
        Ok(cancelled)
    }

    /// Cancels the executions of a workflow that have not ended, until there are none.
    async fn cancel_unfinished(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
    ) -> Result<u64, AppError> {
        let unfinished = ListExecutions {
            workflow: Some(workflow.id),
            statuses: Status::ALL.into_iter().filter(|status| !status.is_final()).collect(),
            ..ListExecutions::newest(workflow.workspace, CANCELLED_AT_ONCE)
        };
        let mut cancelled = 0;
        loop {
            let found = self.engine.store.list_executions(unfinished.clone()).await?.items;
            if found.is_empty() {
                return Ok(cancelled);
            }
            for execution in found {
                let reason = Some("the workflow is being deleted".to_owned());
                let what = Control::Cancel { reason };
                match self.control_noted(caller, &execution, what).await {
                    Ok(()) => cancelled += 1,
                    // It ended by itself in the meantime.
                    Err(AppError::AlreadyEnded(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

impl Expected {
    /// The version to name to the store, where the object is at one of those expected.
    pub(super) fn check(&self, version: u64) -> Result<Option<u64>, AppError> {
        match self {
            Self::Any => Ok(None),
            Self::OneOf(versions) if versions.contains(&version) => Ok(Some(version)),
            Self::OneOf(_) => Err(AppError::Changed(version)),
        }
    }
}

fn check_integrations(used: &[IntegrationUse]) -> Result<(), AppError> {
    for (at, one) in used.iter().enumerate() {
        if used[..at].iter().any(|other| other.id == one.id) {
            let message = format!("names the integration `{}` twice", one.id);
            let problem = stepwell_core::Problem::new(format!("integrations[{at}].id"), message);
            return Err(AppError::InvalidDefinition(problem.into()));
        }
    }
    Ok(())
}

/// Checks the names of the labels of a workflow or an execution.
pub(super) fn check_labels(metadata: Option<&stepwell_core::Map>) -> Result<(), AppError> {
    let Some(metadata) = metadata else { return Ok(()) };
    let checked = metadata.iter().try_for_each(|(name, value)| {
        names::check_visible_key("metadata", name)?;
        names::check_texts(&format!("metadata.{name}"), value)
    });
    checked.map_err(AppError::InvalidRequest)
}
