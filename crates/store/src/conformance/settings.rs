//! Settings of the installation.

use super::build::*;

/// The first value stays.
pub async fn settings_are_inserted_once(store: Shared) {
    assert_eq!(store.setting_or_insert("secret", "a").await.unwrap(), "a");
    assert_eq!(store.setting_or_insert("secret", "b").await.unwrap(), "a");
    assert_eq!(store.setting_or_insert("other", "b").await.unwrap(), "b");
}
