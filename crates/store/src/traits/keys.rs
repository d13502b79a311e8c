//! API keys and settings.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;

use super::Result;
use crate::Effects;
use crate::record::KeyRecord;

/// API keys and settings.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Adds a key.
    async fn create_key(&self, key: KeyRecord, effects: Effects) -> Result<()>;
    /// The key with that hash, also an expired or revoked one.
    async fn find_key(&self, hash: [u8; 32]) -> Result<Option<KeyRecord>>;
    /// All keys of a workspace, newest first; all workspaces where `None`.
    async fn list_keys(&self, workspace: Option<WorkspaceId>) -> Result<Vec<KeyRecord>>;
    /// Changes a key; `Missing` where it is not in the workspace.
    async fn update_key(&self, update: UpdateKey) -> Result<()>;
    /// Revokes a key; `Missing` where it is not in the workspace. Revoking twice keeps the first
    /// time.
    async fn revoke_key(&self, revoke: RevokeKey) -> Result<()>;
    /// Notes when keys were last used.
    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<()>;
    /// A setting of the installation, such as a signing secret; where it is not there, `value`
    /// is stored. Answers what is stored.
    async fn setting_or_insert(&self, name: &str, value: &str) -> Result<String>;
}

/// Parameters of [`KeyStore::revoke_key`].
#[derive(Debug, Clone)]
pub struct RevokeKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The key.
    pub id: KeyId,
    /// When.
    pub now: Timestamp,
    /// What it causes.
    pub effects: Effects,
}

/// Parameters of [`KeyStore::update_key`].
#[derive(Debug, Clone)]
pub struct UpdateKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The key.
    pub id: KeyId,
    /// Its name from now on; `None`: as before.
    pub name: Option<String>,
    /// Its limits from now on; `None`: as before.
    pub limits: Option<RateLimits>,
    /// What it causes.
    pub effects: Effects,
}
