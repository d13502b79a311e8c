//! The tenants.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::WorkspaceId;
use stepwell_core::rate::RateLimits;

use super::Result;
use crate::Effects;
use crate::record::{IdempotencyRecord, WorkspaceRecord};

/// The tenants.
#[async_trait]
pub trait WorkspaceStore: Send + Sync {
    /// Adds a workspace, and takes the idempotency key in the same transaction; `Replayed` where
    /// it is taken. A workspace that is there already stays as it is.
    async fn create_workspace(
        &self,
        workspace: WorkspaceRecord,
        idempotency: Option<IdempotencyRecord>,
        effects: Effects,
    ) -> Result<()>;
    /// Changes a workspace; `Missing` where it is not there.
    async fn update_workspace(&self, update: UpdateWorkspace) -> Result<()>;
    /// A workspace.
    async fn find_workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRecord>>;
    /// All workspaces, newest first.
    async fn list_workspaces(&self) -> Result<Vec<WorkspaceRecord>>;
}

/// Parameters of [`WorkspaceStore::update_workspace`].
#[derive(Debug, Clone)]
pub struct UpdateWorkspace {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its name from now on; `None`: as before.
    pub name: Option<String>,
    /// Its limits from now on; `None`: as before.
    pub limits: Option<RateLimits>,
    /// When.
    pub now: Timestamp,
    /// What it causes.
    pub effects: Effects,
}
