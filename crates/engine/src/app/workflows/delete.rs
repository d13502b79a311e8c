//! Deleting workflows.

use stepwell_core::execution::Status;
use stepwell_core::ids::WorkflowId;
use stepwell_store::lists::{ExecutionFilter, List};
use stepwell_store::record::WorkflowRecord;
use stepwell_store::traits::UpdateWorkflow;

use super::lookup::KIND;
use super::requests::Deletion;
use crate::app::App;
use crate::caller::Verb;
use crate::objects::Document;
use crate::runtime::registry::Control;
use crate::schedule::Schedule;
use crate::{AppError, Caller};

/// How many executions are cancelled per query for unfinished ones.
const CANCELLED_AT_ONCE: usize = 100;

impl App {
    /// Deletes a workflow and returns how many executions were cancelled. Its history is kept. Its
    /// unfinished executions continue, or are cancelled: then the workflow is deactivated first and
    /// deleted last, so that an interrupted call can be repeated. Scope `write:workflows`; to
    /// cancel, `execute:workflows` as well.
    ///
    /// # Errors
    /// `NotFound`; `Changed` if it does not have an expected version.
    pub async fn delete_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        deletion: Deletion,
    ) -> Result<u64, AppError> {
        let Deletion { expected, cancel_running } = deletion;
        if cancel_running {
            // Before the caller can learn whether there is such a workflow.
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
            let version = self.update_fields(caller, &record, update).await?.version;
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
        self.update_fields(caller, &record, update).await?;
        Ok(cancelled)
    }

    /// Cancels the unfinished executions of a workflow, until there are none.
    async fn cancel_unfinished(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
    ) -> Result<u64, AppError> {
        let filter = ExecutionFilter {
            workflow: Some(workflow.id),
            statuses: Status::ALL.into_iter().filter(|status| !status.is_final()).collect(),
            ..ExecutionFilter::default()
        };
        let unfinished = List::first_page(filter, CANCELLED_AT_ONCE);
        let mut cancelled = 0;
        loop {
            let list = unfinished.clone();
            let store = &self.engine.store;
            let found = store.list_executions(workflow.workspace, list).await?.items;
            if found.is_empty() {
                return Ok(cancelled);
            }
            for execution in found {
                let reason = Some("the workflow is being deleted".to_owned());
                let cancel = Control::Cancel { reason };
                match self.control_audited(caller, &execution, cancel).await {
                    Ok(()) => cancelled += 1,
                    // It ended by itself in the meantime.
                    Err(AppError::AlreadyEnded(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}
