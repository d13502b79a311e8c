//! Workspaces as configured objects.

use serde::{Deserialize, Serialize};
use stepwell_core::audit::ObjectKind;
use stepwell_core::ids::WorkspaceId;
use stepwell_core::rate::RateLimits;
use stepwell_store::objects::{IndexFields, Kind};

use crate::objects::Document;

/// A workspace: the tenant that every object belongs to. As objects, all workspaces belong to the
/// default one, whose admins manage them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// What people call it; need not be unique.
    pub name: String,
    /// What all of its keys may use together.
    #[serde(default)]
    pub limits: RateLimits,
}

impl Document for Workspace {
    type Id = WorkspaceId;
    const KIND: Kind = ObjectKind::Workspace.name();

    fn index(&self, _: WorkspaceId) -> IndexFields {
        IndexFields { name: Some(self.name.clone()), ..IndexFields::default() }
    }
}
