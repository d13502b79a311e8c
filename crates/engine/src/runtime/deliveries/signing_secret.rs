//! The secrets that sign the deliveries of workspaces.

use stepwell_core::ids::WorkspaceId;

use super::signature::{new_secret, setting_name};
use crate::AppError;
use crate::runtime::engine::Engine;

impl Engine {
    /// The secret that signs a workspace's deliveries; created at its first use.
    pub(crate) async fn signing_secret(&self, workspace: WorkspaceId) -> Result<String, AppError> {
        if let Some(cached) = self.secrets.get(&workspace) {
            return Ok(cached);
        }
        let name = setting_name(workspace);
        let secret = self.store.setting_or_insert(&name, &new_secret()).await?;
        let bytes = size_of::<String>() + secret.len();
        self.secrets.insert(workspace, secret.clone(), bytes as u64);
        Ok(secret)
    }
}
