//! Conversions between the bodies about workspaces and the domain.

use std::cmp::Ordering;

use stepwell_core::rate::RateLimits;
use stepwell_engine::app::ChangeWorkspace;
use stepwell_engine::objects::Object;
use stepwell_engine::workspace::Workspace;

use super::super::limits;
use super::wire;
use crate::error::ApiError;
use crate::fields::{Fields, FromFields as _};
use crate::respond::Time;

/// Reads the name and the limits of a new workspace.
pub fn create_workspace(mut fields: Fields) -> Result<(String, RateLimits), ApiError> {
    let wire::CreateWorkspaceRequest { name, tier, rate_limits } =
        wire::CreateWorkspaceRequest::read(&mut fields);
    let limits = limits::choose_limits(&mut fields, tier, rate_limits).unwrap_or_default();
    fields.finish()?;
    Ok((name, limits))
}

/// Reads a change of a workspace.
pub fn change_workspace(mut fields: Fields) -> Result<ChangeWorkspace, ApiError> {
    let wire::ChangeWorkspaceRequest { name, tier, rate_limits } =
        wire::ChangeWorkspaceRequest::read(&mut fields);
    let limits = limits::choose_limits(&mut fields, tier, rate_limits);
    fields.finish()?;
    Ok(ChangeWorkspace { name, limits })
}

impl From<Object<Workspace>> for wire::Workspace {
    fn from(object: Object<Workspace>) -> Self {
        let Object { id, workspace: _, version: _, created_at, updated_at, document } = object;
        let Workspace { name, limits } = document;
        let (tier, rate_limits) = limits::write_limits(&limits);
        Self {
            id: id.abi(),
            name,
            tier,
            rate_limits,
            created_at: Time(created_at),
            updated_at: Time(updated_at),
        }
    }
}

/// How a list of workspaces can be sorted.
#[derive(Clone, Copy)]
pub enum WorkspaceOrder {
    CreatedAt,
    UpdatedAt,
    Name,
}

impl WorkspaceOrder {
    pub const ALL: [(&str, Self); 3] =
        [("created_at", Self::CreatedAt), ("updated_at", Self::UpdatedAt), ("name", Self::Name)];

    /// Which of two workspaces comes first, in ascending order.
    pub fn compare(self, a: &Object<Workspace>, b: &Object<Workspace>) -> Ordering {
        let order = match self {
            Self::CreatedAt => a.created_at.cmp(&b.created_at),
            Self::UpdatedAt => a.updated_at.cmp(&b.updated_at),
            Self::Name => a.document.name.cmp(&b.document.name),
        };
        order.then(a.id.cmp(&b.id))
    }
}
