//! API keys and settings.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{KeyId, WorkspaceId};

use super::{MemoryStore, Result};
use crate::record::KeyRecord;
use crate::traits::{KeyStore, RevokeKey, UpdateKey};
use crate::{Effects, StoreError};

#[async_trait]
impl KeyStore for MemoryStore {
    async fn create_key(&self, key: KeyRecord, effects: Effects) -> Result<()> {
        let mut state = self.state();
        if state.keys.values().any(|other| other.id == key.id || other.hash == key.hash) {
            return Err(StoreError::Corrupt(format!("key {} is already there", key.id)));
        }
        state.keys.insert(key.id, key);
        state.take_effects(effects);
        Ok(())
    }

    async fn find_key(&self, hash: [u8; 32]) -> Result<Option<KeyRecord>> {
        Ok(self.state().keys.values().find(|key| key.hash == hash).cloned())
    }

    async fn list_keys(&self, workspace: Option<WorkspaceId>) -> Result<Vec<KeyRecord>> {
        let state = self.state();
        let newest_first = state.keys.values().rev();
        let wanted =
            |key: &&KeyRecord| workspace.is_none_or(|workspace| key.workspace == workspace);
        Ok(newest_first.filter(wanted).cloned().collect())
    }

    async fn update_key(&self, update: UpdateKey) -> Result<()> {
        let UpdateKey { workspace, id, name, limits, effects } = update;
        let mut state = self.state();
        let found = state.keys.get_mut(&id).filter(|key| key.workspace == workspace);
        let key = found.ok_or(StoreError::Missing("the key"))?;
        key.name = name.unwrap_or_else(|| std::mem::take(&mut key.name));
        key.limits = limits.unwrap_or(key.limits);
        state.take_effects(effects);
        Ok(())
    }

    async fn revoke_key(&self, revoke: RevokeKey) -> Result<()> {
        let RevokeKey { workspace, id, now, effects } = revoke;
        let mut state = self.state();
        let found = state.keys.get_mut(&id).filter(|key| key.workspace == workspace);
        let key = found.ok_or(StoreError::Missing("the key"))?;
        key.revoked_at.get_or_insert(now);
        state.take_effects(effects);
        Ok(())
    }

    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<()> {
        let mut state = self.state();
        for (id, at) in used {
            if let Some(key) = state.keys.get_mut(&id) {
                key.last_used_at = key.last_used_at.max(Some(at));
            }
        }
        Ok(())
    }

    async fn setting_or_insert(&self, name: &str, value: &str) -> Result<String> {
        let mut state = self.state();
        let stored = state.settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        Ok(stored.clone())
    }
}
