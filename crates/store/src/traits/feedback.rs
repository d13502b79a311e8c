//! Feedback on the outputs of executions.

use async_trait::async_trait;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use crate::error::Result;
use crate::record::{ActualRecord, QualityRow};

/// Feedback on the outputs of executions.
#[async_trait]
pub trait FeedbackStore: Send + Sync {
    /// Adds actuals, all or none.
    async fn add_actuals(&self, actuals: Vec<ActualRecord>) -> Result<()>;

    /// The actuals of an execution, in order of their ids. They go with it when it is purged.
    async fn list_actuals(&self, execution: ExecutionId) -> Result<Vec<ActualRecord>>;

    /// The actuals of a workflow summed up, by release and tag.
    async fn quality(&self, workflow: WorkflowId) -> Result<Vec<QualityRow>>;
}
