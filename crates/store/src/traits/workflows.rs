//! Workflows and their releases.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{WorkflowId, WorkspaceId};

use crate::effects::Effects;
use crate::error::Result;
use crate::lists::{List, Page, WorkflowCursor, WorkflowFilter};
use crate::objects::{Kind, StoredObject};
use crate::record::{
    IdempotencyRecord, ReleaseRecord, WorkflowParts, WorkflowRecord, WorkflowStats,
};

/// Workflows and their releases.
#[async_trait]
pub trait WorkflowStore: Send + Sync {
    /// Creates a workflow with its first release.
    async fn create_workflow(&self, create: CreateWorkflow) -> Result<()>;

    /// Adds the next release and makes it the current one; the store numbers it. Returns the
    /// workflow afterwards. `Missing` where the workflow is not there or deleted, `Changed`
    /// where it is not at the expected version.
    async fn add_release(&self, add: AddRelease) -> Result<WorkflowRecord>;

    /// Changes what is not in a release. Returns the workflow afterwards. `Missing` where it is
    /// not there or deleted, `Changed` where it is not at the expected version.
    async fn update_workflow(&self, update: UpdateWorkflow) -> Result<WorkflowRecord>;

    /// A workflow.
    async fn find_workflow(&self, find: FindWorkflow) -> Result<Option<WorkflowRecord>>;

    /// Workflows that are not deleted. Items and total are of the same moment.
    async fn list_workflows(
        &self,
        workspace: WorkspaceId,
        list: List<WorkflowFilter>,
    ) -> Result<Page<WorkflowRecord, WorkflowCursor>>;

    /// One release.
    async fn find_release(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<Option<ReleaseRecord>>;

    /// Counts of its executions; zeros where there are none.
    async fn workflow_stats(&self, workflow: WorkflowId) -> Result<WorkflowStats>;
}

/// Parameters of [`WorkflowStore::find_workflow`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindWorkflow {
    /// The workflow with this id, also a deleted one.
    Id(WorkflowId),
    /// The newest workflow of this name in the workspace that is not deleted.
    Name(WorkspaceId, String),
}

/// Parameters of [`WorkflowStore::create_workflow`].
#[derive(Debug, Clone)]
pub struct CreateWorkflow {
    /// The workflow; `release` is 1.
    pub workflow: WorkflowRecord,
    /// Release 1.
    pub release: ReleaseRecord,
    /// The idempotency key to take in the same transaction.
    pub idempotency: Option<IdempotencyRecord>,
    /// What it causes.
    pub effects: Effects,
}

/// Parameters of [`WorkflowStore::add_release`].
#[derive(Debug, Clone)]
pub struct AddRelease {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The version it must be at; `None`: any.
    pub expected: Option<u64>,
    /// Its name from now on.
    pub name: String,
    /// The definition.
    pub source: std::sync::Arc<serde_json::Value>,
    /// The retention from now on.
    pub retention_seconds: Option<u64>,
    /// What is not in the release, from now on.
    pub parts: WorkflowParts,
    /// Objects to write in the same transaction, such as the tags that point at it. Rejected as by
    /// [`write_objects`](crate::ObjectStore::write_objects). A caller that states the expected
    /// version knows the number of the release.
    pub objects: Vec<StoredObject>,
    /// When.
    pub now: Timestamp,
    /// What it causes.
    pub effects: Effects,
}

/// Parameters of [`WorkflowStore::update_workflow`].
#[derive(Debug, Clone)]
pub struct UpdateWorkflow {
    /// The workflow.
    pub id: WorkflowId,
    /// The version it must be at; `None`: any.
    pub expected: Option<u64>,
    /// Whether it may be executed from now on; `None`: as before.
    pub active: Option<bool>,
    /// Whether it is deleted now. Its executions, releases and stats remain.
    pub delete: bool,
    /// The kinds of objects that are deleted together with it: those whose parent it is.
    pub delete_children: Vec<Kind>,
    /// What is not in a release, from now on; `None`: as before.
    pub parts: Option<WorkflowParts>,
    /// Objects to write in the same transaction, such as the operation that cancels the executions
    /// of a deleted workflow. Rejected as by [`write_objects`](crate::ObjectStore::write_objects).
    pub objects: Vec<StoredObject>,
    /// When.
    pub now: Timestamp,
    /// What it causes.
    pub effects: Effects,
}

impl UpdateWorkflow {
    /// A change of nothing but the time of the last change.
    pub fn of(id: WorkflowId, now: Timestamp) -> Self {
        let effects = Effects::default();
        Self {
            id,
            expected: None,
            active: None,
            delete: false,
            delete_children: Vec::new(),
            parts: None,
            objects: Vec::new(),
            now,
            effects,
        }
    }
}
