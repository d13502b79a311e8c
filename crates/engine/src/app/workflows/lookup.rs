//! Finding, listing and counting workflows.

use std::sync::Arc;

use stepwell_core::ids::WorkflowId;
use stepwell_store::lists::{List, Page, WorkflowFilter};
use stepwell_store::record::{WorkflowRecord, WorkflowStats};
use stepwell_store::traits::FindWorkflow;

use super::requests::WorkflowView;
use crate::app::App;
use crate::app::cursor::{decode_list, encode_page};
use crate::caller::Verb;
use crate::{AppError, Caller};

/// The kind of object that scopes name.
pub(in crate::app) const KIND: &str = "workflows";

impl App {
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
        let name_of = FindWorkflow::Name(caller.workspace, name.to_owned());
        let found = self.engine.store.find_workflow(name_of).await?;
        let record = found.ok_or_else(|| AppError::not_found("workflow", name))?;
        require_access(caller, Verb::Read, &record)?;
        self.view(Arc::new(record)).await
    }

    /// A page of workflows. Scope `read:workflows`.
    ///
    /// # Errors
    /// `InvalidRequest` for an invalid cursor or limit.
    pub async fn workflows(
        &self,
        caller: &Caller,
        list: List<WorkflowFilter, String>,
    ) -> Result<Page<WorkflowRecord>, AppError> {
        caller.require(Verb::Read, KIND)?;
        let list = decode_list(list)?;
        let sort = list.sort.key;
        let found = self.engine.store.list_workflows(caller.workspace, list).await?;
        Ok(encode_page(found, sort))
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

    /// Counts of a workflow's executions, for callers that already have its view.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn stats_of(&self, view: &WorkflowView) -> Result<WorkflowStats, AppError> {
        Ok(self.engine.store.workflow_stats(view.record.id).await?)
    }

    pub(in crate::app) async fn view(
        &self,
        record: Arc<WorkflowRecord>,
    ) -> Result<WorkflowView, AppError> {
        let release = self.engine.store.find_release(record.id, record.release).await?;
        let release = release.ok_or_else(|| {
            AppError::Internal(format!("release {} of {} is gone", record.release, record.id))
        })?;
        let plan = self.engine.plans.plan(record.id, record.release).await?;
        Ok(WorkflowView { record: Arc::unwrap_or_clone(record), source: release.source, plan })
    }

    /// The workflow, if the caller has the scope.
    pub(in crate::app) async fn find_for(
        &self,
        caller: &Caller,
        verb: Verb,
        id: WorkflowId,
    ) -> Result<Arc<WorkflowRecord>, AppError> {
        let found = self.engine.plans.workflow(id).await?;
        let found = found.filter(|workflow| workflow.workspace == caller.workspace);
        let found = found.ok_or_else(|| AppError::not_found("workflow", id.dataflow()))?;
        require_access(caller, verb, &found)?;
        Ok(found)
    }

    /// The workflow, also a deleted one: its executions outlive it.
    pub(in crate::app) async fn find_with_history(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<WorkflowRecord, AppError> {
        if let Some(known) = self.engine.plans.workflow(id).await? {
            return require_readable(caller, Arc::unwrap_or_clone(known));
        }
        let found = self.engine.store.find_workflow(FindWorkflow::Id(id)).await?;
        let found = found.ok_or_else(|| AppError::not_found("workflow", id.dataflow()))?;
        require_readable(caller, found)
    }
}

fn require_readable(caller: &Caller, record: WorkflowRecord) -> Result<WorkflowRecord, AppError> {
    if record.workspace != caller.workspace {
        return Err(AppError::not_found("workflow", record.id.dataflow()));
    }
    require_access(caller, Verb::Read, &record)?;
    Ok(record)
}

/// Checks a scope on one workflow, by its name or its id in any form.
pub(in crate::app) fn require_access(
    caller: &Caller,
    verb: Verb,
    record: &WorkflowRecord,
) -> Result<(), AppError> {
    // Most keys have the scope for all workflows: then the ids need not be formatted.
    if caller.require(verb, KIND).is_ok() {
        return Ok(());
    }
    let (uuid, dataflow, abi) = (record.id.to_string(), record.id.dataflow(), record.id.abi());
    caller.require_on(verb, KIND, &[&record.name, &uuid, &dataflow, &abi])
}
