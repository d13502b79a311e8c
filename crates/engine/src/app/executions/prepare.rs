//! Preparing an execution: checking its parameters and deciding its first event.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::audit::AuditAction;
use stepwell_core::definition::plan::Plan;
use stepwell_core::execution::{AcceptanceInput, Execution, ExecutionOrigin, TransitionInput};
use stepwell_core::ids::ExecutionId;
use stepwell_store::audit::AuditRecord;
use stepwell_store::record::{ExecutionRecord, IdempotencyOutcome, WorkflowRecord};

use super::start::{AcceptedSender, Start};
use crate::app::App;
use crate::app::targets::TrafficKey;
use crate::caller::Verb;
use crate::concurrency::{place_record, required_place};
use crate::integrations;
use crate::runtime::engine::new_uuid;
use crate::runtime::runner::{Retained, RunnerInit, StoredApprovals};
use crate::runtime::secrets::{self, Secrets};
use crate::warning::Warning;
use crate::{AppError, Caller};

impl App {
    /// Checks the parameters of an execution and decides its first event.
    pub(in crate::app) async fn prepare_execution(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
        mut start: Box<Start>,
        accepted: Option<AcceptedSender>,
    ) -> Result<Box<RunnerInit>, AppError> {
        integrations::require_integrations(workflow)?;
        if !workflow.active {
            return Err(AppError::Inactive);
        }
        let release = self.choose_release(workflow, &start).await?;
        let plan = self.engine.plans.plan(workflow.id, release).await?;
        self.check_urls(&start)?;
        let input = start.input.take().unwrap_or_else(|| Value::Object(Map::new()));
        let input = self.engine.checked_input(&plan, input).await?;
        start.warnings.set(Warning::of_input(&plan, &input));
        let secrets = self.open_secrets(caller, &mut start, &plan).await?;
        check_secrets_absent(&secrets, &start, &input)?;
        let state = self.first_state(caller, workflow, &mut start).await?;
        let variables = self.start_variables(caller, &plan, &start).await?;
        let input = Arc::new(input);
        let concurrency = required_place(&plan, &input)?;
        let id = ExecutionId::from_uuid(new_uuid());
        let audit =
            start.rerun.iter().map(|run| self.rerun_entry(caller, run.of, workflow, id)).collect();
        let mut execution =
            Execution::new(ExecutionOrigin { id, workflow: workflow.id, release, plan });
        execution.set_redact(secrets.redact());
        let acceptance = AcceptanceInput {
            input,
            state,
            previous: start.previous,
            tag: start.release_tag,
            timeout: start.timeout,
            rerun: start.rerun,
            parent: None,
            variables,
            concurrency,
        };
        let moment = self.engine.creation();
        let decision = execution
            .advance(TransitionInput::Accept(acceptance), moment)
            .map_err(|refused| AppError::Internal(refused.to_string()))?;
        let record = ExecutionRecord {
            external_id: start.external_id,
            metadata: start.metadata,
            webhook_url: start.webhook_url,
            callback_url: start.callback_url,
            workspace: caller.workspace,
            started_by: caller.key(),
            concurrency: place_record(&execution),
            ..ExecutionRecord::queued(&execution.origin, 0, moment.now)
        };
        Ok(Box::new(RunnerInit {
            execution,
            record,
            uncommitted: decision.events,
            audit,
            idempotency: start.idempotency.map(|key| {
                key.record(caller.workspace, IdempotencyOutcome::Created(id.into()), moment.now)
            }),
            objects: None,
            approvals: StoredApprovals::default(),
            secrets,
            accepted,
            memory: start.memory.and_then(|memory| memory.take()),
            retained: Retained::default(),
        }))
    }

    /// The entry of the audit log for a rerun.
    fn rerun_entry(
        &self,
        caller: &Caller,
        of: ExecutionId,
        workflow: &WorkflowRecord,
        id: ExecutionId,
    ) -> AuditRecord {
        let entry = self.engine.audit_entry(caller, AuditAction::ExecutionRerun, of);
        entry.with("workflow_id", workflow.id.abi()).with("execution_id", id.abi())
    }

    /// The release that is selected already, or the one of the tag.
    async fn choose_release(
        &self,
        workflow: &WorkflowRecord,
        start: &Start,
    ) -> Result<u32, AppError> {
        if let Some(release) = start.release {
            return Ok(release);
        }
        let (tag, key) = (start.release_tag.as_deref(), start.traffic_key.as_deref());
        let external_id = start.external_id.as_deref();
        let key = TrafficKey::of_execution(key, &start.metadata, external_id);
        self.resolve_tag(workflow, tag, key).await
    }

    /// Takes the secrets out of the request, and adds those of the installation.
    async fn open_secrets(
        &self,
        caller: &Caller,
        start: &mut Start,
        plan: &Plan,
    ) -> Result<Secrets, AppError> {
        secrets::check_secrets(&start.secrets)?;
        let secrets = self.engine.vault.open(std::mem::take(&mut start.secrets));
        let workspace = caller.workspace;
        if !self.engine.has_installed_secrets(workspace) {
            return Ok(secrets);
        }
        // Boxed, so that the future of the usual case stays small.
        Ok(Box::pin(self.engine.add_installed_secrets(secrets, workspace, plan)).await)
    }

    /// The variables that the plan names; of a rerun, those of the original. `None`: it names none.
    async fn start_variables(
        &self,
        caller: &Caller,
        plan: &Plan,
        start: &Start,
    ) -> Result<Option<Arc<Value>>, AppError> {
        if plan.variables.is_empty() {
            return Ok(None);
        }
        let kept = start.variables.as_deref();
        // Boxed, so that the future of the usual case stays small.
        let read = Box::pin(self.engine.variables_for(caller.workspace, plan, kept));
        Ok(Some(read.await?))
    }

    /// Rejects URLs that the egress rules forbid.
    fn check_urls(&self, start: &Start) -> Result<(), AppError> {
        let urls = [("webhook_url", &start.webhook_url), ("callback_url", &start.callback_url)];
        for (field, url) in urls {
            if let Some(url) = url {
                let checked = self.engine.egress.check_url(url);
                checked
                    .map_err(|error| AppError::invalid(field, format!("is refused: {error}")))?;
            }
        }
        Ok(())
    }

    /// The state values that the execution begins with, if they are not those of the definition.
    async fn first_state(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
        start: &mut Start,
    ) -> Result<Option<Map>, AppError> {
        match start.previous {
            // A rerun begins with the original's first state, not with its predecessor's last.
            Some(previous) if start.rerun.is_none() => {
                Ok(Some(Box::pin(self.last_state(caller, workflow, previous)).await?))
            }
            _ => Ok(start.state.take()),
        }
    }

    /// The state with which an earlier execution of the workflow ended.
    async fn last_state(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
        previous: ExecutionId,
    ) -> Result<Map, AppError> {
        let refuse = |why: &str| AppError::invalid("previous_execution_id", why);
        let found = self.replayed(caller, Verb::Execute, None, previous).await;
        let (journal, execution) = match found {
            Err(AppError::NotFound { .. }) => {
                return Err(refuse("there is no such execution"));
            }
            found => found?,
        };
        if journal.record.workflow != workflow.id {
            return Err(refuse("is an execution of another workflow; name one of the same"));
        }
        if !execution.status().is_final() {
            return Err(refuse("has not ended yet; wait for its end"));
        }
        Ok(execution.state)
    }
}

/// Rejects a request with a secret anywhere else in it, since everything else is stored.
fn check_secrets_absent(secrets: &Secrets, start: &Start, input: &Value) -> Result<(), AppError> {
    secrets.check_absent(input, "input")?;
    secrets.check_map(&start.metadata, "metadata")?;
    secrets.check_text(start.external_id.as_deref(), "external_id")?;
    let key = start.idempotency.as_ref().map(|idempotency| idempotency.key.as_str());
    secrets.check_text(key, "Idempotency-Key")
}
