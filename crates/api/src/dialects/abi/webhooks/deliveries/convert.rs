//! Between the deliveries of webhooks and their bodies.

use serde_json::Value;
use stepwell_core::Topic;
use stepwell_core::ids::WebhookId;
use stepwell_engine::app::DeliveryView;
use stepwell_engine::payload::TEST_EVENT_NAME;
use stepwell_store::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};
use stepwell_store::traits::DeliveryFilter;

use super::super::convert::one_of;
use super::wire;
use crate::error::ApiError;
use crate::query::{Params, invalid_parameter};
use crate::respond::Time;

/// The largest body that is shown.
const MOST_SHOWN: usize = 64 << 10;

/// Which deliveries are requested.
pub fn read_filter(params: &Params) -> Result<DeliveryFilter, ApiError> {
    let status = match params.one("status")? {
        None => None,
        Some("pending") => Some(DeliveryStatus::Pending),
        Some("delivered") => Some(DeliveryStatus::Delivered),
        Some("exhausted") => Some(DeliveryStatus::Exhausted),
        Some(other) => {
            return Err(invalid_parameter("status", "one of pending, delivered, exhausted", other));
        }
    };
    let event = params.one("event")?;
    let is_event = |name: &&str| *name == TEST_EVENT_NAME || name.parse::<Topic>().is_ok();
    if let Some(unknown) = event.filter(|name| !is_event(name)) {
        return Err(invalid_parameter("event", &one_of(&[TEST_EVENT_NAME]), unknown));
    }
    Ok(DeliveryFilter { status, event: event.map(str::to_owned) })
}

impl<'a> From<&'a DeliveryView> for wire::Delivery<'a> {
    fn from(view: &'a DeliveryView) -> Self {
        let DeliveryView { record, attempts } = view;
        let DeliveryRecord {
            id,
            destination,
            receiver: _,
            subject: _,
            sequence: _,
            workspace: _,
            event,
            body,
            status,
            attempts: attempt_count,
            created_at,
            next_attempt_at,
            give_up_at: _,
            sensitive: _,
        } = record;
        let pending = *status == DeliveryStatus::Pending;
        let last = attempts.last();
        Self {
            id: id.abi(),
            webhook_id: destination.webhook().map(WebhookId::abi),
            event,
            status: match status {
                DeliveryStatus::Pending => wire::DeliveryState::Pending,
                DeliveryStatus::Delivered => wire::DeliveryState::Delivered,
                DeliveryStatus::Exhausted => wire::DeliveryState::Exhausted,
            },
            request: wire::DeliveryRequest {
                url: last.and_then(|attempt| attempt.url.as_deref()),
                method: "POST",
                body: (body.len() <= MOST_SHOWN).then(|| shown_body(body)),
                body_bytes: body.len(),
            },
            response: last.map(Into::into),
            attempt_count: *attempt_count,
            attempts: attempts.iter().map(Into::into).collect(),
            created_at: Time(*created_at),
            next_attempt_at: pending.then_some(Time(*next_attempt_at)),
        }
    }
}

/// As JSON; one that is too deep to be read as text.
fn shown_body(body: &str) -> Value {
    stepwell_core::json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()))
}

impl<'a> From<&'a AttemptRecord> for wire::DeliveryResponse<'a> {
    fn from(attempt: &'a AttemptRecord) -> Self {
        let text = Some(attempt.response.as_str());
        let has_response = attempt.response_status.is_some();
        Self {
            status: attempt.response_status,
            body: text.filter(|_| has_response),
            error: text.filter(|_| !has_response),
            duration_ms: attempt.micros / 1000,
        }
    }
}

impl<'a> From<&'a AttemptRecord> for wire::Attempt<'a> {
    fn from(attempt: &'a AttemptRecord) -> Self {
        Self {
            number: attempt.number,
            started_at: Time(attempt.at),
            url: attempt.url.as_deref(),
            response: attempt.into(),
        }
    }
}
