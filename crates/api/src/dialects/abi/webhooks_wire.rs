//! The bodies of webhooks and their deliveries.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::respond::Time;

/// Asks for a webhook.
#[derive(ToSchema)]
#[schema(example = json!({
    "url": "https://example.com/webhooks/workflows",
    "events": ["workflow.created", "workflow.executed", "execution.completed"],
    "description": "Production webhook for workflow events"
}))]
#[expect(dead_code, reason = "for the API's description")]
pub struct CreateWebhookRequest {
    /// Where events are sent: `http` or `https`, as the egress rules allow.
    pub url: String,
    /// Which events, or `["*"]` for all.
    pub events: Vec<String>,
    /// `whsec_` and the base64 of 16 to 64 bytes; left out, one is made and shown this once.
    pub secret: Option<String>,
    /// What people say of it, at most 500 characters.
    pub description: Option<String>,
}

/// Asks for changes; what is left out stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(example = json!({"events": ["execution.failed"], "status": "active"}))]
pub struct UpdateWebhookRequest {
    /// Where events are sent from now on.
    pub url: Option<String>,
    /// Which events.
    pub events: Option<Vec<String>>,
    /// What people say of it; an empty text takes it away.
    pub description: Option<String>,
    /// `active` or `inactive`. Activating one that was disabled begins anew.
    pub status: Option<String>,
}

/// Asks for another secret.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(example = json!({"overlap_seconds": 86400}))]
pub struct RotateSecretRequest {
    /// The new secret; left out, one is made and shown this once.
    pub secret: Option<String>,
    /// For how many seconds the old secret signs as well: 0 to 604800, default 86400.
    pub overlap_seconds: Option<u64>,
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
    /// Until when the secret before this one signs as well; `null`: it does not.
    pub previous_secret_expires_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Whether a webhook is told of events.
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

/// A webhook with the secret that was made for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownWebhook<'a> {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook<'a>,
    /// The secret; only there where it was made here, and shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    pub secret: Option<&'a str>,
}

/// One event on its way to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery<'a> {
    /// Its id, which is sent as `webhook-id` at each attempt.
    #[schema(example = "msg_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// The webhook.
    pub webhook_id: Option<String>,
    /// What it tells.
    #[schema(example = "execution.completed")]
    pub event: &'a str,
    /// `pending`, `delivered`, or `exhausted`: given up.
    pub status: DeliveryState,
    /// What is sent.
    pub request: DeliveryRequest<'a>,
    /// What the last attempt brought; `null` before there was one.
    pub response: Option<DeliveryResponse<'a>>,
    /// How many attempts were made.
    pub attempt_count: u32,
    /// All attempts.
    pub attempts: Vec<Attempt<'a>>,
    /// When the event was recorded.
    pub created_at: Time,
    /// When it is tried next; `null` where it is not.
    pub next_attempt_at: Option<Time>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is tried until it is answered with 2xx.
    Pending,
    /// It was.
    Delivered,
    /// It was given up; it can be sent again by hand.
    Exhausted,
}

/// What is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryRequest<'a> {
    /// Where the last attempt was sent; `null` before there was one.
    pub url: Option<&'a str>,
    /// Always `POST`.
    pub method: &'static str,
    /// The body; `null` where it is larger than 64 KiB.
    #[schema(value_type = Option<Object>)]
    pub body: Option<Value>,
    /// How many bytes the body has.
    pub body_bytes: usize,
}

/// What an attempt brought.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryResponse<'a> {
    /// The HTTP status; `null`: there was no answer.
    pub status: Option<u16>,
    /// The first 1,000 characters of the answer; `null`: there was none.
    pub body: Option<&'a str>,
    /// Why there was no answer; `null`: there was one.
    pub error: Option<&'a str>,
    /// How long it took.
    pub duration_ms: u64,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attempt<'a> {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started_at: Time,
    /// Where it was sent; `null`: it was not.
    pub url: Option<&'a str>,
    /// What came of it.
    pub response: DeliveryResponse<'a>,
}
