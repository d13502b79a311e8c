//! The secrets that sign the deliveries of workspaces.

use stepwell_core::ids::{SubjectId, WorkspaceId};

use super::signature::{new_secret, setting_name};
use crate::runtime::engine::{Engine, new_uuid};
use crate::{AppError, setting};

impl Engine {
    /// The secret that signs a workspace's deliveries; created at its first use.
    pub(crate) async fn signing_secret(&self, workspace: WorkspaceId) -> Result<String, AppError> {
        if let Some(cached) = self.secrets.get(&workspace) {
            return Ok(cached);
        }
        let name = setting_name(workspace);
        let (store, id) = (&*self.store, SubjectId::from_uuid(new_uuid()));
        let secret = setting::find_or_insert(store, id, &name, new_secret(), self.now()).await?;
        let bytes = size_of::<String>() + secret.len();
        self.secrets.insert(workspace, secret.clone(), bytes as u64);
        Ok(secret)
    }
}
