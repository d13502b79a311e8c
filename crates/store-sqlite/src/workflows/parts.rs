//! What of a workflow is in no release, on its way into its row.

use rusqlite::{Connection, params};
use stepwell_core::ids::WorkflowId;
use stepwell_store::codec;
use stepwell_store::record::WorkflowParts;

use crate::error::{Result, StoreResult};
use crate::row::{self, Id};

pub(super) const PARTS: &str =
    "UPDATE workflows SET description = ?2, kind = ?3, configuration = ?4,
    integrations = ?5, metadata = ?6 WHERE id = ?1";

/// What is in no release, as it is stored.
pub(super) struct PartsText {
    pub(super) description: Option<String>,
    pub(super) kind: String,
    pub(super) configuration: Option<String>,
    pub(super) integrations: Option<String>,
    pub(super) metadata: Option<String>,
}

impl PartsText {
    pub(super) fn of(parts: &WorkflowParts) -> StoreResult<Self> {
        let WorkflowParts { description, kind, configuration, integrations, metadata } = parts;
        let used = !integrations.is_empty();
        Ok(Self {
            description: description.clone(),
            kind: kind.clone(),
            configuration: configuration.as_ref().map(codec::write_json).transpose()?,
            integrations: used.then(|| codec::write_json(integrations)).transpose()?,
            metadata: row::labels_text(metadata)?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.configuration.as_ref().map_or(0, String::len)
    }

    pub(super) fn write(&self, connection: &Connection, id: WorkflowId) -> Result<()> {
        let Self { description, kind, configuration, integrations, metadata } = self;
        let params = params![id.blob(), description, kind, configuration, integrations, metadata];
        row::execute_sql(connection, PARTS, params).map(drop)
    }
}
