//! Where a key belongs: its workspace, and what this dialect's clients expect around that.

use axum::http::StatusCode;
use serde::Serialize;
use stepwell_core::Timestamp;
use stepwell_core::ids::WorkspaceId;
use utoipa::ToSchema;

use super::{ids, responses};
use crate::authenticated::Authenticated;
use crate::respond::{self, ApiResult, Time};

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumWorkspace)]
pub struct Workspace {
    /// Its id.
    id: String,
    /// Always `default`.
    name: &'static str,
    /// Always `Default`.
    label: &'static str,
    /// When it was created, if its id contains that; else 1970.
    created: Time,
}

/// An environment. Each workspace has this one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumEnvironment)]
pub struct Environment {
    /// The same each time.
    id: String,
    /// Always `production`.
    name: &'static str,
    /// Always `Production`.
    label: &'static str,
}

/// An organization. Each workspace has its own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumOrganization)]
pub struct Organization {
    /// The same each time.
    id: String,
    /// Always `Stepwell`.
    name: &'static str,
    /// Always `false`: there is no staff.
    allow_staff_access: bool,
    /// Always `REQUIRE_EXPLICIT_INVITE`: access requires a key.
    new_member_join_behavior: &'static str,
}

/// The environment of a workspace.
pub fn environment_body(workspace: WorkspaceId) -> Environment {
    let id = ids::environment_id(workspace).to_string();
    Environment { id, name: "production", label: "Production" }
}

fn creation_time(workspace: WorkspaceId) -> Timestamp {
    let Some(at) = workspace.uuid().get_timestamp() else { return Timestamp::default() };
    let (seconds, nanos) = at.to_unix();
    let millis = seconds.saturating_mul(1000).saturating_add(u64::from(nanos) / 1_000_000);
    i64::try_from(millis).map_or(Timestamp::default(), Timestamp::from_millis)
}

/// Get the workspace of the key
#[utoipa::path(get, path = "/v1/workspaces/identity", tag = "vellum",
    security(("key" = [])),
    responses((status = 200, description = "The workspace", body = Workspace), responses::CommonErrors))]
pub async fn workspace_identity(Authenticated(caller): Authenticated) -> ApiResult {
    let workspace = caller.workspace;
    let body = Workspace {
        id: workspace.to_string(),
        name: "default",
        label: "Default",
        created: Time(creation_time(workspace)),
    };
    respond::json_response(StatusCode::OK, &body)
}

/// Get the environment of the key
#[utoipa::path(get, path = "/v1/environments/identity", tag = "vellum",
    security(("key" = [])),
    responses((status = 200, description = "The environment", body = Environment), responses::CommonErrors))]
pub async fn environment_identity(Authenticated(caller): Authenticated) -> ApiResult {
    respond::json_response(StatusCode::OK, &environment_body(caller.workspace))
}

/// Get the organization of the key
#[utoipa::path(get, path = "/v1/organizations/identity", tag = "vellum",
    security(("key" = [])),
    responses((status = 200, description = "The organization", body = Organization), responses::CommonErrors))]
pub async fn organization_identity(Authenticated(caller): Authenticated) -> ApiResult {
    let body = Organization {
        id: ids::organization_id(caller.workspace).to_string(),
        name: "Stepwell",
        allow_staff_access: false,
        new_member_join_behavior: "REQUIRE_EXPLICIT_INVITE",
    };
    respond::json_response(StatusCode::OK, &body)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_id_of_a_workspace_contains_its_age() {
        assert_eq!(creation_time(WorkspaceId::DEFAULT), Timestamp::default());
        let id = Uuid::parse_str("019b0000-0000-7000-8000-000000000000").unwrap();
        assert_eq!(
            creation_time(WorkspaceId::from_uuid(id)),
            Timestamp::from_millis(0x019b_0000_0000)
        );
    }
}
