//! Settings of the installation.

use async_trait::async_trait;

use super::Result;

/// Settings of the installation.
#[async_trait]
pub trait SettingStore: Send + Sync {
    /// A setting of the installation, such as a signing secret; where it does not exist, `value`
    /// is stored. Returns what is stored.
    async fn setting_or_insert(&self, name: &str, value: &str) -> Result<String>;
}
