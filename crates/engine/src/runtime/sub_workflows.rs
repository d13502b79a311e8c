//! Preparing the execution that a `SubWorkflow` step starts: which release it runs, and whether it
//! can start.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use stepwell_core::execution::{
    AcceptanceInput, AttemptError, ChildLink, ChildResult, Execution, ExecutionMessage,
    ExecutionOrigin, Failure, HeldKey, MAX_ACTIVE_CHILDREN, MAX_SUB_WORKFLOW_DEPTH, ParentLink,
    TransitionInput, codes,
};
use stepwell_core::ids::{ExecutionId, KeyId, WorkflowId, WorkspaceId};
use stepwell_store::commit::{Admission, StartedExecution};
use stepwell_store::record::{ExecutionRecord, ParentStep, WorkflowRecord};
use stepwell_store::traits::{ConcurrencyKey, FindWorkflow, Unfinished, UnfinishedOf};

use super::attempt_error::permanent_error;
use super::engine::{Engine, new_uuid};
use super::secrets::Secrets;
use crate::AppError;
use crate::concurrency::{admission_of, place_record, required_place};
use crate::integrations::require_integrations;

/// What a step demands.
pub(crate) struct ChildRequest {
    /// The step run.
    pub(crate) parent: ParentLink,
    /// The workspace of the execution.
    pub(crate) workspace: WorkspaceId,
    /// The key that started the execution.
    pub(crate) started_by: Option<KeyId>,
    /// How many sub-workflows the execution waits for.
    pub(crate) active: usize,
    /// The concurrency keys of the sub-workflows that its next commit starts.
    pub(crate) starting: Vec<HeldKey>,
    /// The step's configuration.
    pub(crate) config: Arc<Value>,
    /// The step's input.
    pub(crate) input: Arc<Value>,
    /// The secrets of the execution.
    pub(crate) secrets: Secrets,
}

/// An execution that can be started.
pub(crate) struct PreparedChild {
    pub(crate) link: ChildLink,
    pub(crate) started: StartedExecution,
    /// Its secrets.
    pub(crate) secrets: Secrets,
}

/// Why an execution was not prepared.
pub(crate) enum ChildError {
    /// The attempt fails.
    Failed(AttemptError),
    /// The store or memory is not available: it can be tried again.
    Unavailable(String),
}

impl From<AttemptError> for ChildError {
    fn from(error: AttemptError) -> Self {
        Self::Failed(error)
    }
}

impl From<AppError> for ChildError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Unavailable { reason, .. } => Self::Unavailable(reason),
            AppError::InvalidInput(problems) => {
                permanent_error(codes::STEP_INPUT, problems.to_string()).into()
            }
            AppError::InvalidConcurrencyKey(problem) => {
                permanent_error(codes::CONCURRENCY_KEY, problem.message).into()
            }
            AppError::TooLarge(problem) => {
                permanent_error(codes::VALUE_TOO_LARGE, problem.to_string()).into()
            }
            other => permanent_error(codes::INTERNAL, other.to_string()).into(),
        }
    }
}

/// Whether the step waits for the end of its sub-workflow.
pub(crate) fn waits_for_end(config: &Value) -> bool {
    config.get("wait").and_then(Value::as_bool).unwrap_or(true)
}

impl Engine {
    /// Prepares the execution that a step demands. Nothing is stored.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(crate) async fn prepare_child(
        &self,
        request: ChildRequest,
    ) -> Result<PreparedChild, ChildError> {
        self.check_limits(&request)?;
        let text = |field| request.config.get(field).and_then(Value::as_str);
        let name = text("workflow").unwrap_or_default();
        let workflow = self.find_child_workflow(request.workspace, name).await?;
        if !workflow.active {
            let message = format!("the workflow `{name}` is inactive; activate it");
            return Err(permanent_error(codes::SUB_WORKFLOW_INACTIVE, message).into());
        }
        if let Err(missing) = require_integrations(&workflow) {
            let message = format!("the workflow `{name}` cannot run: {missing}");
            return Err(permanent_error(codes::SUB_WORKFLOW_INACTIVE, message).into());
        }
        let tag = text("release_tag").map(str::to_owned);
        let release = self.child_release(&workflow, &request, tag.as_deref()).await?;
        let plan = self.plans.plan(workflow.id, release).await?;
        let input = Arc::new(self.checked_input(&plan, Value::clone(&request.input)).await?);
        let concurrency = required_place(&plan, &input)?;
        let secrets = self.add_installed_secrets(request.secrets, request.workspace, &plan).await;
        let variables = match plan.variables.is_empty() {
            true => None,
            false => {
                let read = self.variables_for(request.workspace, &plan, None).await;
                Some(read.map_err(AppError::from)?)
            }
        };
        let id = ExecutionId::from_uuid(new_uuid());
        let mut execution =
            Execution::new(ExecutionOrigin { id, workflow: workflow.id, release, plan });
        execution.set_redact(secrets.redact());
        let parent = ParentStep {
            execution: request.parent.execution,
            step: request.parent.step_name.clone(),
        };
        let acceptance = AcceptanceInput {
            input,
            concurrency,
            tag,
            parent: Some(Box::new(request.parent)),
            variables,
            ..AcceptanceInput::default()
        };
        let moment = self.creation();
        let decision = execution
            .advance(TransitionInput::Accept(acceptance), moment)
            .map_err(|refused| permanent_error(codes::INTERNAL, refused.to_string()))?;
        let admission = self.admit_child(&execution, &request.starting).await?;
        let record = ExecutionRecord {
            concurrency: place_record(&execution),
            workspace: request.workspace,
            started_by: request.started_by,
            parent: Some(parent),
            ..ExecutionRecord::queued(&execution.origin, execution.seq, moment.now)
        };
        let link = ChildLink { execution: id, workflow: workflow.id, release };
        let started = StartedExecution { record, events: decision.events, admission };
        Ok(PreparedChild { link, started, secrets })
    }

    /// What the acceptance of a sub-workflow means for the others with its concurrency key.
    async fn admit_child(
        &self,
        execution: &Execution,
        starting: &[HeldKey],
    ) -> Result<Admission, ChildError> {
        let Some(place) = execution.concurrency.as_deref() else { return Ok(Admission::Wait) };
        let (name, workflow) = (&execution.origin.plan.name, execution.origin.workflow);
        let limit = place.limit;
        if execution.parent.as_ref().is_some_and(|parent| parent.blocks_place(workflow, place)) {
            let message = format!(
                "the executions that wait for this sub-workflow have all places ({limit}) of its \
                 concurrency key, so it would wait for ever; give `{name}` another `key` or a \
                 higher `limit`, or start it with `wait: false`"
            );
            return Err(permanent_error(codes::CONCURRENCY_DEADLOCK, message).into());
        }
        let admission = admission_of(execution);
        if admission != Admission::RequirePlace {
            return Ok(admission);
        }
        let of = UnfinishedOf::WithPlace(ConcurrencyKey { workflow, key: place.key.clone() });
        let list = Unfinished { of, after: None, limit: limit as usize };
        let found = self.store.unfinished_executions(list).await.map_err(AppError::from)?;
        let is_same = |held: &&HeldKey| held.workflow == workflow && held.key == place.key;
        let starting = starting.iter().filter(is_same).count();
        let message = format!("`{name}`: {}", AppError::ConcurrencyLimit(limit));
        let failure = Failure::new(codes::CONCURRENCY_LIMIT, message);
        if found.len() + starting >= limit as usize {
            return Err(AttemptError { failure, retryable: true, retry_after: None }.into());
        }
        // Another execution can be faster.
        let parent = execution.parent.as_deref().filter(|parent| parent.waits);
        // A step that does not wait for it has completed by then, so it waits.
        let Some(parent) = parent else { return Ok(Admission::Wait) };
        Ok(Admission::RequirePlaceOr(ExecutionMessage::ChildEnded {
            step: parent.step.clone(),
            child: execution.origin.id,
            result: ChildResult::Rejected(failure),
        }))
    }

    /// Checks the depth, and the number of executions that are waited for or queued.
    fn check_limits(&self, request: &ChildRequest) -> Result<(), ChildError> {
        if request.parent.depth > MAX_SUB_WORKFLOW_DEPTH {
            let message = format!(
                "sub-workflows may be nested at most {MAX_SUB_WORKFLOW_DEPTH} deep; a workflow \
                 that starts itself needs a condition that ends this"
            );
            return Err(permanent_error(codes::SUB_WORKFLOW_DEPTH, message).into());
        }
        let message = if request.active >= MAX_ACTIVE_CHILDREN {
            format!(
                "an execution may wait for at most {MAX_ACTIVE_CHILDREN} sub-workflows at a time; \
                 lower `max_concurrency`"
            )
        } else if !request.parent.waits
            && self.queued.load(Ordering::Relaxed) >= self.config().max_queued
        {
            "too many executions wait in the queue; retry the step later".to_owned()
        } else {
            return Ok(());
        };
        let failure = Failure::new(codes::SUB_WORKFLOW_LIMIT, message);
        Err(AttemptError { failure, retryable: true, retry_after: None }.into())
    }

    /// The workflow with this id or name in the workspace.
    async fn find_child_workflow(
        &self,
        workspace: WorkspaceId,
        name: &str,
    ) -> Result<Arc<WorkflowRecord>, ChildError> {
        let by_id = match name.parse::<WorkflowId>() {
            Ok(id) => self.plans.workflow(id).await?,
            Err(_) => None,
        };
        if let Some(found) = by_id.filter(|found| found.workspace == workspace) {
            return Ok(found);
        }
        let by_name = FindWorkflow::Name(workspace, name.to_owned());
        let found = self.store.find_workflow(by_name).await.map_err(AppError::from)?;
        let missing = || {
            let message = format!("there is no workflow `{name}` in the workspace; create it");
            permanent_error(codes::SUB_WORKFLOW_NOT_FOUND, message)
        };
        Ok(Arc::new(found.ok_or_else(missing)?))
    }

    /// The release that the step names, or the one of its tag. All sub-workflows of an execution
    /// get the same release of a tag with weights.
    async fn child_release(
        &self,
        workflow: &WorkflowRecord,
        request: &ChildRequest,
        tag: Option<&str>,
    ) -> Result<u32, ChildError> {
        let number = request.config.get("release").and_then(Value::as_u64);
        if let Some(number) = number {
            let found = match u32::try_from(number) {
                Ok(number) => {
                    let found = self.store.find_release(workflow.id, number).await;
                    found.map_err(AppError::from)?.map(|release| release.number)
                }
                Err(_) => None,
            };
            let message = format!("the workflow `{}` has no release {number}", workflow.name);
            let missing = || permanent_error(codes::SUB_WORKFLOW_RELEASE, message);
            return Ok(found.ok_or_else(missing)?);
        }
        let key = request.parent.execution.to_string();
        let found = self.find_tagged(workflow, tag, Some(&key)).await?;
        let missing = || {
            let tag = tag.unwrap_or_default();
            let message = format!("the workflow `{}` has no release tag `{tag}`", workflow.name);
            permanent_error(codes::SUB_WORKFLOW_RELEASE, message)
        };
        Ok(found.ok_or_else(missing)?)
    }
}
