//! API keys and settings.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::Timestamp;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_store::record::KeyRecord;
use stepwell_store::traits::{RevokeKey, UpdateKey};
use stepwell_store::{Effects, KeyStore, StoreError};

use crate::fault::{Answer, Result};
use crate::row::{self, Id};
use crate::{SqliteStore, codec, effects};

macro_rules! columns {
    () => {
        "id, workspace, name, hash, hint, scopes, created_at, expires_at, last_used_at, revoked_at, limits"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO keys (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
);
const BY_HASH: &str = concat!("SELECT ", columns!(), " FROM keys WHERE hash = ?1");
const OF_WORKSPACE: &str =
    concat!("SELECT ", columns!(), " FROM keys WHERE workspace = ?1 ORDER BY id DESC");
/// For the operator only: all there are.
const ALL: &str = concat!("SELECT ", columns!(), " FROM keys ORDER BY id DESC");
const FIND: &str = "SELECT 1 FROM keys WHERE id = ?1 AND workspace = ?2";
const RENAME: &str = "UPDATE keys SET name = ?2 WHERE id = ?1";
const LIMIT: &str = "UPDATE keys SET limits = ?2 WHERE id = ?1";
const REVOKE: &str = "UPDATE keys SET revoked_at = COALESCE(revoked_at, ?2) WHERE id = ?1";
const TOUCH: &str =
    "UPDATE keys SET last_used_at = MAX(COALESCE(last_used_at, ?2), ?2) WHERE id = ?1";
const SETTING: &str = "SELECT value FROM settings WHERE name = ?1";
const SET: &str = "INSERT INTO settings (name, value) VALUES (?1, ?2)";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] =
    &[BY_HASH, OF_WORKSPACE, FIND, RENAME, LIMIT, REVOKE, TOUCH, SETTING];

#[async_trait]
impl KeyStore for SqliteStore {
    async fn create_key(&self, key: KeyRecord, effects: Effects) -> Answer<()> {
        let scopes = codec::write_json(&key.scopes)?;
        let limits = limits_text(key.limits)?;
        self.writer
            .write(effects.bytes(), move |batch| {
                let params = params![
                    key.id.blob(),
                    key.workspace.blob(),
                    key.name,
                    key.hash,
                    key.hint,
                    scopes,
                    key.created_at.as_micros(),
                    row::micros(key.expires_at),
                    row::micros(key.last_used_at),
                    row::micros(key.revoked_at),
                    limits,
                ];
                row::run(batch.connection, INSERT, params)?;
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn find_key(&self, hash: [u8; 32]) -> Answer<Option<KeyRecord>> {
        self.readers.read(move |connection| row::first(connection, BY_HASH, [hash], key)).await
    }

    async fn list_keys(&self, workspace: Option<WorkspaceId>) -> Answer<Vec<KeyRecord>> {
        self.readers
            .read(move |connection| match workspace {
                Some(workspace) => row::all(connection, OF_WORKSPACE, [workspace.blob()], key),
                None => row::all(connection, ALL, [], key),
            })
            .await
    }

    async fn update_key(&self, update: UpdateKey) -> Answer<()> {
        let UpdateKey { workspace, id, name, limits, effects } = update;
        let limits = limits.map(limits_text).transpose()?;
        self.writer
            .write(effects.bytes(), move |batch| {
                let connection = batch.connection;
                require(connection, id, workspace)?;
                if let Some(name) = &name {
                    row::run(connection, RENAME, params![id.blob(), name])?;
                }
                if let Some(limits) = &limits {
                    row::run(connection, LIMIT, params![id.blob(), limits])?;
                }
                effects::write(connection, &effects)
            })
            .await
    }

    async fn revoke_key(&self, revoke: RevokeKey) -> Answer<()> {
        let RevokeKey { workspace, id, now, effects } = revoke;
        self.writer
            .write(effects.bytes(), move |batch| {
                let connection = batch.connection;
                require(connection, id, workspace)?;
                row::run(connection, REVOKE, params![id.blob(), now.as_micros()])?;
                effects::write(connection, &effects)
            })
            .await
    }

    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Answer<()> {
        self.writer
            .write(0, move |batch| {
                for (id, at) in &used {
                    row::run(batch.connection, TOUCH, params![id.blob(), at.as_micros()])?;
                }
                Ok(())
            })
            .await
    }

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

/// Checks that the key is there, and in that workspace.
fn require(connection: &Connection, id: KeyId, workspace: WorkspaceId) -> Result<()> {
    let wanted = params![id.blob(), workspace.blob()];
    let found = row::first(connection, FIND, wanted, |_| Ok(()))?;
    Ok(found.ok_or(StoreError::Missing("the key"))?)
}

fn key(found: &Row<'_>) -> Result<KeyRecord> {
    Ok(KeyRecord {
        id: row::id(found, 0)?,
        workspace: row::id(found, 1)?,
        name: row::get(found, 2)?,
        hash: row::get(found, 3)?,
        hint: row::get(found, 4)?,
        scopes: codec::read_json(&row::get::<String>(found, 5)?)?,
        created_at: row::time(found, 6)?,
        expires_at: row::maybe_time(found, 7)?,
        last_used_at: row::maybe_time(found, 8)?,
        revoked_at: row::maybe_time(found, 9)?,
        limits: limits(found, 10)?,
    })
}

/// Limits: JSON text, nothing where there are none.
fn limits_text(limits: RateLimits) -> Result<Option<String>> {
    (limits != RateLimits::NONE).then(|| codec::write_json(&limits)).transpose()
}

fn limits(found: &Row<'_>, column: usize) -> Result<RateLimits> {
    let text = row::get::<Option<String>>(found, column)?;
    Ok(text.map(|text| codec::read_json(&text)).transpose()?.unwrap_or_default())
}
