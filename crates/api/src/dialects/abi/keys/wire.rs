//! The bodies about API keys.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::limits::RateLimits;
use super::super::workspaces::wire::Workspace;
use crate::fields::request_body;
use crate::respond::Time;

request_body! {
    /// Creates a key. `scopes`, `role`, or both.
    #[schema(example = json!({"name": "ci", "scopes": ["read:workflows", "execute:workflows"]}))]
    pub struct CreateKeyRequest {
        /// What people will call it, 1 to 100 characters.
        pub name: String,
        /// What it may do: `admin`, or `read:`, `write:`, `execute:` and a kind of object.
        pub scopes: Option<Vec<String>>,
        /// A name for a set of scopes: `admin`, `developer`, `analyst`, `user`.
        pub role: Option<String>,
        /// When it stops being accepted; omitted: never.
        #[schema(format = DateTime)]
        pub expires_at: Option<String>,
        /// A preset of limits: `standard` (5 executions per second) or `enterprise` (those of
        /// `rate_limits`).
        pub tier: Option<String>,
        /// What it may use; omitted: unlimited.
        pub rate_limits: Option<RateLimits>,
        /// The workspace whose objects it opens; another one than that of the caller's key only for an
        /// admin of the default workspace.
        pub workspace_id: Option<String>,
    }
}

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKey<'a> {
    /// Its id.
    #[schema(example = "apk_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// What people call it.
    pub name: &'a str,
    /// The first characters of its secret.
    #[schema(example = "sk_live_4fJx")]
    pub hint: &'a str,
    /// What it may do.
    pub scopes: &'a [String],
    /// The role that has exactly these scopes, if one has.
    #[schema(example = "developer")]
    pub role: Option<&'static str>,
    /// The workspace whose objects it opens.
    #[schema(example = "ws_00000000000000000000000001")]
    pub workspace_id: String,
    /// The preset of its limits: `standard` or `enterprise`.
    pub tier: Option<&'static str>,
    /// What it may use.
    pub rate_limits: RateLimits,
    /// `active`, `expired` or `revoked`.
    pub status: KeyStatus,
    /// When it was created.
    pub created_at: Time,
    /// When it stops being accepted; `null`: never.
    pub expires_at: Option<Time>,
    /// When it was last accepted, to about a minute where there are several servers; `null`: not yet.
    pub last_used_at: Option<Time>,
    /// When it was revoked; `null`: it was not.
    pub revoked_at: Option<Time>,
}

/// Whether a key is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It is.
    Active,
    /// It is past its time.
    Expired,
    /// It was revoked.
    Revoked,
}

/// A key just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewApiKey<'a> {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey<'a>,
    /// Send it as `X-API-KEY` or `Authorization: Bearer`. Shown this once and not stored.
    #[schema(example = "sk_live_…")]
    pub secret: &'a str,
}

/// Who a key is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The key; `null` if the server requires none.
    pub key_id: Option<String>,
    /// The user that the key represents: the `created_by` of what is created with it.
    #[schema(example = "usr_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub user_id: String,
    /// What people call the key.
    pub key_name: Option<String>,
    /// The workspace whose objects it sees.
    pub workspace_id: String,
    /// The same, with its limits, which hold for all of its keys together.
    pub workspace: Workspace,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The role that has exactly these scopes, if one has.
    pub role: Option<&'static str>,
    /// The preset of the key's limits: `standard` or `enterprise`.
    pub tier: Option<&'static str>,
    /// What the key may use.
    pub rate_limits: RateLimits,
    /// When the key stops being accepted; `null`: never.
    pub expires_at: Option<Time>,
}

request_body! {
    /// What is to change of a key. Only for the API's description, as `CreateKeyRequest`.
    #[schema(example = json!({"rate_limits": {"requests_per_minute": 600}}))]
    pub struct ChangeKeyRequest {
        /// What people will call it, 1 to 100 characters.
        pub name: Option<String>,
        /// A preset of limits: `standard`, or `enterprise` with its own `rate_limits`.
        pub tier: Option<String>,
        /// All of its limits from now on; `{}`: none.
        pub rate_limits: Option<RateLimits>,
    }
}

/// The secret with which webhooks are signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SigningSecret {
    /// `whsec_…`, as the libraries of Standard Webhooks take it.
    pub secret: String,
}
