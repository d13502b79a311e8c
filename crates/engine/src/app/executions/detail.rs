//! An execution with everything that is stored about it.

use stepwell_core::Map;
use stepwell_core::definition::SharedPlan;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::record::{ActualRecord, WorkflowRecord};
use stepwell_store::traits::FindWorkflow;

use crate::app::App;
use crate::caller::Verb;
use crate::view::ExecutionView;
use crate::{AppError, Caller};

/// An execution with everything that is stored about it.
#[derive(Clone)]
pub struct ExecutionDetail {
    /// The execution and its steps.
    pub view: ExecutionView,
    /// The plan of its release.
    pub plan: SharedPlan,
    /// The workflow, also a deleted one.
    pub workflow: WorkflowRecord,
    /// The release tag that selected its release.
    pub tag: Option<String>,
    /// The execution whose last state is its first state.
    pub previous: Option<ExecutionId>,
    /// Its present state; after the end, its last one.
    pub state: Map,
    /// Feedback on its outputs, oldest first.
    pub actuals: Vec<ActualRecord>,
}

impl App {
    /// An execution with everything that is stored about it. Scope `read:workflows`. With
    /// `workflow`, only if it belongs to that one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_detail(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<ExecutionDetail, AppError> {
        let (journal, execution) = self.replayed(caller, Verb::Read, workflow, id).await?;
        let record = &journal.record;
        let found = self.engine.store.find_workflow(FindWorkflow::Id(record.workflow)).await?;
        let workflow = found.ok_or_else(|| {
            AppError::Internal(format!("workflow {} of {id} is gone", record.workflow))
        })?;
        let view = ExecutionView::new(&execution, record, journal.hold());
        Ok(ExecutionDetail {
            view: self.with_positions(view).await?,
            plan: execution.origin.plan.clone(),
            workflow,
            tag: execution.tag,
            previous: execution.previous,
            state: execution.state,
            actuals: self.engine.store.list_actuals(id).await?,
        })
    }

    /// The plan of a release, for callers that already have the workflow.
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
