//! The tenants.

use async_trait::async_trait;
use rusqlite::{Row, params};
use stepwell_core::ids::WorkspaceId;
use stepwell_core::rate::RateLimits;
use stepwell_store::record::{IdempotencyRecord, WorkspaceRecord};
use stepwell_store::traits::UpdateWorkspace;
use stepwell_store::{Effects, StoreError, WorkspaceStore};

use crate::executions::idempotency;
use crate::fault::{Answer, Result};
use crate::row::{self, Id};
use crate::{SqliteStore, codec, effects};

const INSERT: &str = "INSERT INTO workspaces (id, name, limits, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING";
const FIND: &str = "SELECT id, name, limits, created_at, updated_at FROM workspaces WHERE id = ?1";
/// For the operator only: all there are.
const ALL: &str = "SELECT id, name, limits, created_at, updated_at FROM workspaces
    ORDER BY id DESC";
const UPDATE: &str = "UPDATE workspaces SET name = ?2, limits = ?3, updated_at = ?4 WHERE id = ?1";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[FIND, UPDATE];

#[async_trait]
impl WorkspaceStore for SqliteStore {
    async fn create_workspace(
        &self,
        workspace: WorkspaceRecord,
        idempotency: Option<IdempotencyRecord>,
        effects: Effects,
    ) -> Answer<()> {
        let limits = limits_text(workspace.limits)?;
        self.writer
            .write(effects.bytes(), move |batch| {
                idempotency::require_free(batch.connection, idempotency.as_ref())?;
                let WorkspaceRecord { id, name, limits: _, created_at, updated_at } = &workspace;
                let (created_at, updated_at) = (created_at.as_micros(), updated_at.as_micros());
                let params = params![id.blob(), name, limits, created_at, updated_at];
                row::run(batch.connection, INSERT, params)?;
                idempotency::take(batch.connection, idempotency.as_ref())?;
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn update_workspace(&self, update: UpdateWorkspace) -> Answer<()> {
        let new_limits = update.limits.map(limits_text).transpose()?;
        self.writer
            .write(update.effects.bytes(), move |batch| {
                let UpdateWorkspace { id, name, limits: _, now, effects } = &update;
                let found = row::first(batch.connection, FIND, [id.blob()], workspace)?;
                let found = found.ok_or(StoreError::Missing("the workspace"))?;
                let name = name.as_ref().unwrap_or(&found.name);
                let limits = match &new_limits {
                    Some(limits) => limits.clone(),
                    None => limits_text(found.limits)?,
                };
                let params = params![id.blob(), name, limits, now.as_micros()];
                row::run(batch.connection, UPDATE, params)?;
                effects::write(batch.connection, effects)
            })
            .await
    }

    async fn find_workspace(&self, id: WorkspaceId) -> Answer<Option<WorkspaceRecord>> {
        self.readers
            .read(move |connection| row::first(connection, FIND, [id.blob()], workspace))
            .await
    }

    async fn list_workspaces(&self) -> Answer<Vec<WorkspaceRecord>> {
        self.readers.read(move |connection| row::all(connection, ALL, [], workspace)).await
    }
}

fn workspace(found: &Row<'_>) -> Result<WorkspaceRecord> {
    Ok(WorkspaceRecord {
        id: row::id(found, 0)?,
        name: row::get(found, 1)?,
        limits: limits(found, 2)?,
        created_at: row::time(found, 3)?,
        updated_at: row::time(found, 4)?,
    })
}

/// Limits: JSON text, nothing where there are none.
pub(crate) fn limits_text(limits: RateLimits) -> Result<Option<String>> {
    (limits != RateLimits::NONE).then(|| codec::write_json(&limits)).transpose()
}

pub(crate) fn limits(found: &Row<'_>, column: usize) -> Result<RateLimits> {
    let text = row::get::<Option<String>>(found, column)?;
    Ok(text.map(|text| codec::read_json(&text)).transpose()?.unwrap_or_default())
}
