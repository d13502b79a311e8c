//! The bodies of deliveries.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::respond::Time;

/// One event on its way to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery<'a> {
    /// Its id, which is sent as `webhook-id` at each attempt.
    #[schema(example = "msg_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// The webhook.
    pub webhook_id: Option<String>,
    /// The event.
    #[schema(example = "execution.completed")]
    pub event: &'a str,
    /// `pending`, `delivered`, or `exhausted`: given up.
    pub status: DeliveryState,
    /// What is sent.
    pub request: DeliveryRequest<'a>,
    /// What the last attempt brought; `null` before there was one.
    pub response: Option<DeliveryResponse<'a>>,
    /// The number of attempts.
    pub attempt_count: u32,
    /// All attempts.
    pub attempts: Vec<Attempt<'a>>,
    /// When the event was recorded.
    pub created_at: Time,
    /// When it is tried next; `null` where it is not.
    pub next_attempt_at: Option<Time>,
}

/// The status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is tried until the response is 2xx.
    Pending,
    /// It was.
    Delivered,
    /// It was given up; it can be sent again manually.
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
    /// The HTTP status; `null`: there was no response.
    pub status: Option<u16>,
    /// The first 1,000 characters of the response; `null`: there was none.
    pub body: Option<&'a str>,
    /// Why there was no response; `null`: there was one.
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
