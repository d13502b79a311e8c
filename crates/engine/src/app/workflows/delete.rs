//! Deleting workflows.

use std::time::Duration;

use stepwell_core::ids::WorkflowId;
use stepwell_store::traits::UpdateWorkflow;

use super::lookup::KIND;
use super::requests::{DeletedWorkflow, Deletion};
use crate::app::App;
use crate::bulk_operation::OperationStatus;
use crate::caller::Verb;
use crate::objects::{Document, Object};
use crate::schedule::Schedule;
use crate::{AppError, Caller};

/// How long a deletion waits for its executions to be cancelled.
const CANCEL_PATIENCE: Duration = Duration::from_secs(2);

impl App {
    /// Deletes a workflow. Its history is kept. Its unfinished executions continue, or are
    /// cancelled by a bulk operation that is stored with the deletion. This waits for a short
    /// operation to end; a long one continues. Scope `write:workflows`; to cancel,
    /// `execute:workflows` as well.
    ///
    /// # Errors
    /// `NotFound`; `Changed` if it does not have an expected version.
    pub async fn delete_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        deletion: Deletion,
    ) -> Result<DeletedWorkflow, AppError> {
        let Deletion { expected, cancel_running } = deletion;
        if cancel_running {
            // Before the caller can learn whether there is such a workflow.
            caller.require_any(Verb::Execute, KIND)?;
        }
        let record = self.find_for(caller, Verb::Write, id).await?;
        let expected = expected.check(record.version)?;
        let mut operation = None;
        if cancel_running {
            self.find_for(caller, Verb::Execute, id).await?;
            operation = self.deletion_operation(caller, &record).await?;
        }
        let objects = operation.as_ref().map(Object::to_stored).transpose()?;
        let now = self.engine.now();
        let update = UpdateWorkflow {
            expected,
            delete: true,
            delete_children: vec![Schedule::KIND],
            objects: objects.into_iter().collect(),
            ..UpdateWorkflow::of(id, now)
        };
        self.update_fields(caller, &record, update).await?;
        let Some(operation) = operation else { return Ok(DeletedWorkflow::default()) };
        self.engine.operations_changed.notify_one();
        let found = match self.await_operation(operation.id, CANCEL_PATIENCE).await {
            Ok(found) => found.document,
            // The workflow is deleted, and the operation continues.
            Err(error) => {
                tracing::warn!(%error, "the progress of a deletion cannot be read");
                operation.document
            }
        };
        let is_done = found.status == OperationStatus::Completed;
        Ok(DeletedWorkflow {
            cancelled: found.counts.done,
            operation: (!is_done).then_some(operation.id),
        })
    }
}
