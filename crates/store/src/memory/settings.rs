//! Settings of the installation.

use async_trait::async_trait;

use super::{MemoryStore, Result};
use crate::traits::SettingStore;

#[async_trait]
impl SettingStore for MemoryStore {
    async fn setting_or_insert(&self, name: &str, value: &str) -> Result<String> {
        let mut state = self.writable()?;
        let stored = state.settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        Ok(stored.clone())
    }
}
