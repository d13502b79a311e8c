//! The tenants.

use async_trait::async_trait;
use stepwell_core::ids::WorkspaceId;

use super::{MemoryStore, Result};
use crate::record::{IdempotencyRecord, WorkspaceRecord};
use crate::traits::{UpdateWorkspace, WorkspaceStore};
use crate::{Effects, StoreError};

#[async_trait]
impl WorkspaceStore for MemoryStore {
    async fn create_workspace(
        &self,
        workspace: WorkspaceRecord,
        idempotency: Option<IdempotencyRecord>,
        effects: Effects,
    ) -> Result<()> {
        let mut state = self.state();
        state.require_new_key(idempotency.as_ref())?;
        state.take_key(idempotency);
        state.workspaces.entry(workspace.id).or_insert(workspace);
        state.take_effects(effects);
        Ok(())
    }

    async fn update_workspace(&self, update: UpdateWorkspace) -> Result<()> {
        let UpdateWorkspace { id, name, limits, now, effects } = update;
        let mut state = self.state();
        let found = state.workspaces.get_mut(&id).ok_or(StoreError::Missing("the workspace"))?;
        found.name = name.unwrap_or_else(|| found.name.clone());
        found.limits = limits.unwrap_or(found.limits);
        found.updated_at = now;
        state.take_effects(effects);
        Ok(())
    }

    async fn find_workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRecord>> {
        Ok(self.state().workspaces.get(&id).cloned())
    }

    async fn list_workspaces(&self) -> Result<Vec<WorkspaceRecord>> {
        Ok(self.state().workspaces.values().rev().cloned().collect())
    }
}
