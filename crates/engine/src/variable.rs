//! Variables: settings of a workspace that expressions read as `vars.NAME`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepwell_core::audit::ObjectKind;
use stepwell_core::ids::{VariableId, WorkspaceId};
use stepwell_store::objects::{IndexFields, Kind};

use crate::objects::{Document, workspace_key};

/// A variable. It is not secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name, unique in its workspace, as expressions write it. It never changes.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its value.
    pub value: Value,
}

impl Document for Variable {
    type Id = VariableId;
    const KIND: Kind = ObjectKind::Variable.name();

    fn index(&self, workspace: WorkspaceId) -> IndexFields {
        IndexFields {
            unique_key: Some(workspace_key(workspace, &self.name)),
            name: Some(self.name.clone()),
            ..IndexFields::default()
        }
    }
}
