//! The bodies about workspaces.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::limits::RateLimits;
use crate::fields::request_body;
use crate::respond::Time;

/// A workspace: the tenant that every object belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Workspace {
    /// Its id.
    #[schema(example = "ws_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// What people call it; need not be unique.
    pub name: String,
    /// The preset of its limits: `standard` or `enterprise`.
    pub tier: Option<&'static str>,
    /// What all of its keys may use together.
    pub rate_limits: RateLimits,
    /// When it was created.
    pub created_at: Time,
    /// When its name or limits last changed.
    pub updated_at: Time,
}

request_body! {
    /// Creates a workspace.
    #[schema(example = json!({"name": "Acme", "rate_limits": {"executions_per_second": 50}}))]
    pub struct CreateWorkspaceRequest {
        /// What people will call it, 1 to 100 characters; need not be unique.
        pub name: String,
        /// A preset of limits: `standard` (5 executions per second) or `enterprise` (those of
        /// `rate_limits`).
        pub tier: Option<String>,
        /// What all of its keys may use together; omitted: unlimited.
        pub rate_limits: Option<RateLimits>,
    }
}

request_body! {
    /// Changes a workspace; omitted fields are unchanged.
    #[schema(example = json!({"name": "Acme"}))]
    pub struct ChangeWorkspaceRequest {
        /// What people will call it, 1 to 100 characters.
        pub name: Option<String>,
        /// A preset of limits. For an admin of the default workspace only, as are `rate_limits`.
        pub tier: Option<String>,
        /// All of its limits from now on; `{}`: none.
        pub rate_limits: Option<RateLimits>,
    }
}
