//! Choosing what an execution runs: a workflow by id or name, and one of its releases.

use std::sync::Arc;

use stepwell_core::definition::SharedPlan;
use stepwell_core::ids::WorkflowId;
use stepwell_store::record::WorkflowRecord;
use stepwell_store::traits::FindWorkflow;

use super::{App, workflows};
use crate::caller::Verb;
use crate::{AppError, Caller};

/// The tag that is always at the newest release.
pub const LATEST: &str = "LATEST";

/// How a workflow is named.
#[derive(Debug, Clone, Copy)]
pub enum WorkflowRef<'a> {
    /// By its id.
    Id(WorkflowId),
    /// By its name: the newest workflow that has it.
    Name(&'a str),
}

/// What is to be executed.
#[derive(Debug, Clone, Copy)]
pub struct Choose<'a> {
    /// The workflow.
    pub workflow: WorkflowRef<'a>,
    /// The release tag; `None`: [`LATEST`].
    pub tag: Option<&'a str>,
    /// Decides between several releases of a tag, the same each time; `None`: chance does.
    pub external_id: Option<&'a str>,
}

/// What was chosen.
#[derive(Clone)]
pub struct Target {
    /// The workflow.
    pub workflow: Arc<WorkflowRecord>,
    /// The release.
    pub release: u32,
    /// The tag, where one was named.
    pub tag: Option<String>,
    /// The release's plan.
    pub plan: SharedPlan,
}

impl App {
    /// Chooses what to execute. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow or the tag.
    pub async fn target(&self, caller: &Caller, choose: Choose<'_>) -> Result<Target, AppError> {
        let workflow = self.find_named(caller, Verb::Execute, choose.workflow).await?;
        let release = match choose.tag {
            None | Some(LATEST) => workflow.release,
            Some(tag) => self.tagged(&workflow, tag, choose.external_id).await?,
        };
        let plan = self.engine.plans.plan(workflow.id, release).await?;
        Ok(Target { workflow, release, tag: choose.tag.map(str::to_owned), plan })
    }

    /// A workflow by id or name, if the caller may do that to it.
    pub(super) async fn find_named(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: WorkflowRef<'_>,
    ) -> Result<Arc<WorkflowRecord>, AppError> {
        match workflow {
            WorkflowRef::Id(id) => self.find_for(caller, verb, id).await,
            WorkflowRef::Name(name) => {
                let found = self
                    .engine
                    .store
                    .find_workflow(FindWorkflow::Name(caller.workspace, name.to_owned()))
                    .await?;
                let record = found.ok_or_else(|| AppError::not_found("workflow", name))?;
                workflows::require_access(caller, verb, &record)?;
                Ok(Arc::new(record))
            }
        }
    }
}
