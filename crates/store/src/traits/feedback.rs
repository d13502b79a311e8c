//! Release tags, and what users say of executions.

use async_trait::async_trait;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use super::Result;
use crate::Effects;
use crate::record::{ActualRecord, QualityRow, ReleaseTagRecord};

/// Which release a tag means, and what users say of the outputs of executions.
#[async_trait]
pub trait FeedbackStore: Send + Sync {
    /// Makes or moves a release tag, at once for all that come after. Whether the releases are
    /// there is for the caller to know.
    async fn put_release_tag(&self, tag: ReleaseTagRecord, effects: Effects) -> Result<()>;

    /// A release tag by its name.
    async fn find_release_tag(
        &self,
        workflow: WorkflowId,
        name: &str,
    ) -> Result<Option<ReleaseTagRecord>>;

    /// All release tags of a workflow, by name.
    async fn list_release_tags(&self, workflow: WorkflowId) -> Result<Vec<ReleaseTagRecord>>;

    /// Adds actuals, all or none.
    async fn add_actuals(&self, actuals: Vec<ActualRecord>) -> Result<()>;

    /// The actuals of an execution, in order of their ids. They go with it when it is purged.
    async fn list_actuals(&self, execution: ExecutionId) -> Result<Vec<ActualRecord>>;

    /// The actuals of a workflow summed up, by release and tag.
    async fn quality(&self, workflow: WorkflowId) -> Result<Vec<QualityRow>>;
}
