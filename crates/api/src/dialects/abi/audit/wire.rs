//! The bodies about the audit log.

use serde::Serialize;
use stepwell_core::Map;
use utoipa::ToSchema;

use crate::respond::Time;

/// An action.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry<'a> {
    /// Its id.
    #[schema(example = "aud_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// When.
    pub created_at: Time,
    /// Who.
    pub actor: AuditActor<'a>,
    /// What.
    #[schema(example = "workflow.updated")]
    pub action: &'static str,
    /// To what; `null`: to nothing that there is.
    pub object: Option<AuditObject<'a>>,
    /// The names of the fields that were changed.
    pub changed_fields: &'a [String],
    /// Further details.
    #[schema(value_type = Object)]
    pub details: &'a Map,
    /// The address of the client; `null`: it was the server's own process.
    #[schema(example = "203.0.113.9")]
    pub ip_address: Option<String>,
    /// The request, as in the header `X-Request-Id`; `null`: there was none.
    pub request_id: Option<&'a str>,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditActor<'a> {
    /// What kind of actor.
    pub r#type: ActorType,
    /// The key, `apk_…`; `null` where it came without one.
    pub id: Option<String>,
    /// What the key was called; else the same as `type`.
    pub name: &'a str,
}

/// What kind of actor did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorType {
    /// The holder of an API key.
    ApiKey,
    /// The server itself.
    System,
    /// A user of the command line on the data folder.
    Cli,
    /// A caller without a key, if the server requires none.
    Anonymous,
}

/// What something was done to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditObject<'a> {
    /// `workflow`, `execution`, `schedule`, `webhook`, `api_key` or `workspace`.
    #[schema(example = "workflow")]
    pub r#type: &'static str,
    /// Its id.
    #[schema(example = "wf_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// What it was called then; of a webhook, where it points without the path.
    pub name: Option<&'a str>,
}
