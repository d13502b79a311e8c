//! Executing with a time of its own, and executing without waiting for the end.

use std::time::Duration;

use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use super::start::Accepted;
use super::{App, Start};
use crate::caller::Verb;
use crate::events::Follow;
use crate::runtime::registry::Control;
use crate::view::{ExecutionView, What};
use crate::{AppError, Caller};

/// How long an execution may take to stop once its time is over.
const STOPPING: Duration = Duration::from_secs(1);

/// How long whoever asked waits for an accepted execution to begin.
const BEGINNING: Duration = Duration::from_secs(1);

impl App {
    /// As [`App::execute_and_wait`], and the execution has only so long: past that it is stopped as
    /// timed out, which is then its end.
    ///
    /// # Errors
    /// As `execute`; `StillRunning` where it could not be stopped in time.
    pub async fn execute_within(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Start,
        timeout: Duration,
    ) -> Result<ExecutionView, AppError> {
        let start = Start { timeout: Some(timeout), ..start };
        let patience = timeout + STOPPING;
        match self.execute_and_wait(caller, workflow, start, patience).await {
            Err(AppError::StillRunning(id)) => {
                // It waits in the queue, where nobody looks at its time.
                match self.engine.control(id, Control::Expire, None).await {
                    Ok(()) | Err(AppError::AlreadyEnded(_)) => {}
                    Err(error) => return Err(error),
                }
                self.wait_for(caller, id, STOPPING).await
            }
            ended => ended,
        }
    }

    /// As [`App::execute`], and shows it as it is once it has begun; one that waits in the queue
    /// as it waits there.
    ///
    /// # Errors
    /// As `execute`.
    pub async fn execute_begun(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Start,
    ) -> Result<ExecutionView, AppError> {
        let id = match self.accept_durably(caller, workflow, start).await? {
            Accepted::Before(id) | Accepted::Queued(id) => id,
            Accepted::Driven(id, feed, reader) => {
                if let Some(record) = feed.record() {
                    let execution = self.unfolded(record).await?;
                    let reader = reader.unwrap_or_else(|| feed.listen());
                    let mut follow =
                        Follow::of(self.engine.clone(), (feed.clone(), reader), execution);
                    self.patiently(BEGINNING, has_begun(&mut follow)).await.transpose()?;
                }
                id
            }
        };
        self.execution_as(caller, Verb::Execute, None, id).await
    }

    /// An execution that the caller started, as it stands. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_begun(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<ExecutionView, AppError> {
        self.execution_as(caller, Verb::Execute, None, id).await
    }
}

/// Reads until the execution has left the queue.
async fn has_begun(follow: &mut Follow) -> Result<(), AppError> {
    while let Some(notice) = follow.next().await? {
        if matches!(notice.what, What::Status { status, .. } if status != Status::Queued) {
            break;
        }
    }
    Ok(())
}
