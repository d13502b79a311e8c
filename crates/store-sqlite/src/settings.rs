//! Settings of the installation.

use async_trait::async_trait;
use stepwell_store::SettingStore;

use crate::fault::Answer;
use crate::{SqliteStore, row};

const SETTING: &str = "SELECT value FROM settings WHERE name = ?1";
const SET: &str = "INSERT INTO settings (name, value) VALUES (?1, ?2)";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[SETTING];

#[async_trait]
impl SettingStore for SqliteStore {
    async fn setting_or_insert(&self, name: &str, value: &str) -> Answer<String> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.writer
            .write(0, move |batch| {
                let connection = batch.connection;
                let stored = row::first(connection, SETTING, [&name], |found| row::get(found, 0))?;
                if let Some(stored) = stored {
                    return Ok(stored);
                }
                row::run(connection, SET, [&name, &value])?;
                Ok(value.clone())
            })
            .await
    }
}
