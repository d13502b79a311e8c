//! Workflows and executions by place in their list, and an execution with all that is known of it.

use stepwell_core::Map;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::browse::{BrowseExecutions, BrowseWorkflows, Counted, WorkflowOrder};
use stepwell_store::record::{ActualRecord, ExecutionRecord, WorkflowRecord};

use super::{App, cursor, workflows};
use crate::caller::Verb;
use crate::view::ExecutionView;
use crate::{AppError, Caller};

/// Where a page begins, and how long it is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// So many come before it.
    pub skip: usize,
    /// At most so many, 1 to 100.
    pub limit: usize,
}

/// Asks for executions of a workflow by place.
#[derive(Debug, Clone)]
pub struct ExecutionsByPlace {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Only those in one of these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// Only those that run this release.
    pub release: Option<u32>,
    /// Only the one with this external id.
    pub external_id: Option<String>,
    /// Whether the oldest comes first; else the newest does.
    pub oldest_first: bool,
    /// Which of them.
    pub place: Place,
}

/// An execution with all that is known of it.
#[derive(Clone)]
pub struct ExecutionDetail {
    /// The execution and its steps.
    pub view: ExecutionView,
    /// The plan that it runs, or ran.
    pub plan: SharedPlan,
    /// The workflow, also a deleted one.
    pub workflow: WorkflowRecord,
    /// The release tag by which its release was chosen.
    pub tag: Option<String>,
    /// The execution with whose last state it began.
    pub previous: Option<ExecutionId>,
    /// The state as it is now; after the end, the one it ended with.
    pub state: Map,
    /// What users said of its outputs, in the order it came.
    pub actuals: Vec<ActualRecord>,
}

impl App {
    /// Workflows by place, with their number. Scope `read:workflows`.
    ///
    /// # Errors
    /// `InvalidRequest` for a limit that is wrong.
    pub async fn workflows_by_place(
        &self,
        caller: &Caller,
        (active, order): (Option<bool>, WorkflowOrder),
        place: Place,
    ) -> Result<Counted<WorkflowRecord>, AppError> {
        caller.require(Verb::Read, workflows::KIND)?;
        let limit = cursor::check_limit(place.limit)?;
        let workspace = caller.workspace;
        let browse = BrowseWorkflows { workspace, active, order, skip: place.skip, limit };
        Ok(self.engine.store.browse_workflows(browse).await?)
    }

    /// Executions of a workflow by place, with their number. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow, `InvalidRequest` for a limit that is wrong.
    pub async fn executions_by_place(
        &self,
        caller: &Caller,
        query: ExecutionsByPlace,
    ) -> Result<Counted<ExecutionRecord>, AppError> {
        self.find_with_history(caller, query.workflow).await?;
        let limit = cursor::check_limit(query.place.limit)?;
        if let Some(external_id) = &query.external_id {
            return self.only_execution(caller, &query, external_id).await;
        }
        let ExecutionsByPlace { workflow, statuses, release, oldest_first, place, .. } = query;
        let skip = place.skip;
        let browse = BrowseExecutions { workflow, statuses, release, oldest_first, skip, limit };
        Ok(self.engine.store.browse_executions(browse).await?)
    }

    /// An external id has one execution or none.
    async fn only_execution(
        &self,
        caller: &Caller,
        query: &ExecutionsByPlace,
        external_id: &str,
    ) -> Result<Counted<ExecutionRecord>, AppError> {
        let store = &self.engine.store;
        let found = match store.find_by_external_id(caller.workspace, external_id).await? {
            Some(id) => store.load_execution(id).await?.map(|stored| stored.record),
            None => None,
        };
        let wanted = found.filter(|record| {
            record.workflow == query.workflow
                && (query.statuses.is_empty() || query.statuses.contains(&record.status))
                && query.release.is_none_or(|release| record.release == release)
        });
        let total = u64::from(wanted.is_some());
        let items = wanted.into_iter().skip(query.place.skip).collect();
        Ok(Counted { items, total })
    }

    /// An execution with all that is known of it. Scope `read:workflows`. `workflow`: only where
    /// it belongs to that one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_detail(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<ExecutionDetail, AppError> {
        let (record, execution) = self.folded(caller, Verb::Read, workflow, id).await?;
        let found = self.engine.store.find_workflow(record.workflow).await?;
        let workflow = found.ok_or_else(|| {
            AppError::Internal(format!("workflow {} of {id} is gone", record.workflow))
        })?;
        Ok(ExecutionDetail {
            view: ExecutionView::new(&execution, &record),
            plan: execution.origin.plan.clone(),
            workflow,
            tag: execution.tag,
            previous: execution.previous,
            state: execution.state,
            actuals: self.engine.store.list_actuals(id).await?,
        })
    }

    /// The plan of a release; for whoever was shown the workflow.
    ///
    /// # Errors
    /// The store could not be read, or there is no such release.
    pub async fn plan_of_release(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<SharedPlan, AppError> {
        self.engine.plans.plan(workflow, number).await
    }
}
