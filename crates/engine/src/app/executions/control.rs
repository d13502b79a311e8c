//! Cancelling, pausing and resuming executions.

use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::record::ExecutionRecord;

use crate::app::App;
use crate::caller::Verb;
use crate::runtime::registry::{Control, ControlEffect};
use crate::{AppError, Caller};

impl App {
    /// Cancels an execution; durable when this returns. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`.
    pub async fn cancel(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
        reason: Option<String>,
    ) -> Result<(), AppError> {
        self.control(caller, workflow, id, Control::Cancel { reason }).await
    }

    /// Pauses an execution: running steps finish, no further step starts. Scope
    /// `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`, `WrongState` if it is already paused.
    pub async fn pause(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<(), AppError> {
        self.control(caller, workflow, id, Control::Pause).await
    }

    /// Resumes a paused execution. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`, `WrongState` if it is not paused.
    pub async fn resume(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<(), AppError> {
        self.control(caller, workflow, id, Control::Resume).await
    }

    async fn control(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
        control: Control,
    ) -> Result<(), AppError> {
        let record = self.record(caller, Verb::Execute, workflow, id).await?;
        if record.status.is_final() {
            return Err(AppError::AlreadyEnded(record.status));
        }
        self.control_audited(caller, &record, control).await.map(drop)
    }

    /// Controls an execution for a caller that has the scope, with an audit entry. If the store
    /// cannot be written, this fails before the execution is changed in memory.
    pub(in crate::app) async fn control_audited(
        &self,
        caller: &Caller,
        record: &ExecutionRecord,
        control: Control,
    ) -> Result<ControlEffect, AppError> {
        self.require_writable_store().await?;
        let action = match control {
            Control::Cancel { .. } => Some(AuditAction::ExecutionCancelled),
            Control::Pause => Some(AuditAction::ExecutionPaused),
            Control::Resume => Some(AuditAction::ExecutionResumed),
            Control::Signal(_) => Some(AuditAction::ExecutionSignaled),
            Control::Expire | Control::Decide(_) => None,
        };
        let entry = action.map(|action| self.engine.audit_entry(caller, action, record.id));
        let entry = entry.map(|entry| entry.with("workflow_id", record.workflow.abi()));
        self.engine.control(record.id, control, entry).await
    }
}
