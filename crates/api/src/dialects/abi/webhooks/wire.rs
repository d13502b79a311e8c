//! The bodies of webhooks.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::fields::{Patch, request_body};
use crate::respond::Time;

request_body! {
    /// Creates a webhook.
    #[schema(example = json!({
        "url": "https://example.com/webhooks/workflows",
        "events": ["workflow.created", "workflow.executed", "execution.completed"],
        "description": "Production webhook for workflow events"
    }))]
    pub struct CreateWebhookRequest {
        /// Where events are sent: `http` or `https`, as the egress rules allow.
        pub url: String,
        /// Which events, or `["*"]` for all.
        pub events: Vec<String>,
        /// `whsec_` and the base64 of 16 to 64 bytes; omitted: one is generated and shown this once.
        pub secret: Option<String>,
        /// What people say of it, at most 500 characters.
        pub description: Option<String>,
    }
}

request_body! {
    /// Changes a webhook; omitted fields are unchanged. The other fields can be sent back as
    /// they were shown, and change nothing.
    #[schema(example = json!({"events": ["execution.failed"], "status": "active"}))]
    pub struct UpdateWebhookRequest {
        /// Where events are sent from now on.
        pub url: Option<String>,
        /// Which events.
        pub events: Option<Vec<String>>,
        /// What people say of it; an empty text takes it away.
        #[schema(value_type = Option<String>)]
        pub description: Patch<String>,
        /// `active` or `inactive`. Activating one that was disabled begins anew.
        pub status: Option<String>,
        /// Signs from now on, and the one before for another day; `rotate_secret` can say for how
        /// long.
        pub secret: Option<String>,
    }
}

request_body! {
    /// Replaces the secret.
    #[schema(example = json!({"overlap_seconds": 86400}))]
    pub struct RotateSecretRequest {
        /// The new secret; omitted: one is generated and shown this once.
        pub secret: Option<String>,
        /// For how many seconds the old secret signs as well: 0 to 604800, default 86400. With 0 no
        /// secret before signs any more.
        #[schema(value_type = Option<u64>)]
        pub overlap_seconds: Option<Value>,
    }
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhook<'a> {
    /// Its id.
    #[schema(example = "whk_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// Where events are sent.
    pub url: &'a str,
    /// Which events; `["*"]`: all.
    pub events: Vec<&'static str>,
    /// What people say of it.
    pub description: Option<&'a str>,
    /// `active`, `inactive`, or `disabled` by the server.
    pub status: WebhookState,
    /// Why it is disabled; `null` unless it is.
    pub disabled_reason: Option<&'a str>,
    /// Since when every attempt fails; `null`: the last one did not.
    pub failing_since: Option<Time>,
    /// Until when a secret before this one signs as well; `null`: none does.
    pub previous_secret_expires_at: Option<Time>,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Whether a webhook gets events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookState {
    /// It is.
    Active,
    /// Its owner has switched it off.
    Inactive,
    /// The server has switched it off.
    Disabled,
}

/// A webhook with the secret that was generated for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownWebhook<'a> {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook<'a>,
    /// The secret; only if it was generated here, and shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    pub secret: Option<&'a str>,
}

/// A deleted webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedWebhook {
    /// Its id.
    pub id: String,
    /// Always `true`.
    pub deleted: bool,
}
