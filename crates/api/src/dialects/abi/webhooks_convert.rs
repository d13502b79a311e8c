//! Between the bodies of webhooks and the domain.

use std::cmp::Ordering;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::ids::{BadId, DeliveryId, WebhookId};
use stepwell_core::{Problem, Timestamp, Topic, Topics};
use stepwell_engine::app::{
    ChangeWebhook, DeliveriesQuery, DeliveryView, NewWebhook, RotateSecret, ShownWebhook,
};
use stepwell_store::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};
use stepwell_store::webhooks::{WebhookRecord, WebhookStatus};

use super::webhooks_wire as wire;
use super::wire::Pagination;
use crate::error::{ApiError, Kind};
use crate::json::Fields;
use crate::query::{MAX_LIMIT, Params, wrong};
use crate::respond::Time;

/// How long an old secret goes on signing where the request does not say.
const OVERLAP: u64 = 24 * 3600;

/// The largest body that is shown.
const MOST_SHOWN: usize = 64 << 10;

/// How far a name may be from an event's for that to be suggested.
const NEAR: usize = 8;

/// Reads a webhook's id in any form.
pub fn webhook_id(text: &str) -> Result<WebhookId, ApiError> {
    text.parse().map_err(|error: BadId| ApiError::new(Kind::NoObject, error.to_string()))
}

/// Reads a delivery's id in any form.
pub fn delivery_id(text: &str) -> Result<DeliveryId, ApiError> {
    text.parse().map_err(|error: BadId| ApiError::new(Kind::NoObject, error.to_string()))
}

/// Reads what asks for a webhook.
pub fn new_webhook(mut fields: Fields) -> Result<NewWebhook, ApiError> {
    let url = fields.text("url");
    let url = fields.require("url", url);
    let topics = topics(&mut fields);
    let topics = fields.require("events", topics);
    let secret = fields.text("secret");
    let description = fields.text("description");
    fields.finish()?;
    // Both were required above, so `finish` refused a request without them.
    let topics = topics.unwrap_or(Topics::Some(Vec::new()));
    Ok(NewWebhook { url: url.unwrap_or_default(), topics, secret, description })
}

/// Reads what asks for changes.
pub fn change_webhook(mut fields: Fields) -> Result<ChangeWebhook, ApiError> {
    let url = fields.text("url");
    let topics = topics(&mut fields);
    let description = fields.text("description");
    let active = match fields.text("status").as_deref() {
        None => None,
        Some("active") => Some(true),
        Some("inactive") => Some(false),
        Some(other) => {
            let problem = Problem::new("status", "must be `active` or `inactive`");
            fields.push(problem.expecting("active or inactive", shortened(other)));
            None
        }
    };
    if fields.value("secret").is_some() {
        let message = "is not changed here; POST to rotate_secret, so that both sign for a while";
        fields.push(Problem::new("secret", message));
    }
    fields.finish()?;
    Ok(ChangeWebhook { url, topics, description, active })
}

/// Reads what asks for another secret.
pub fn rotate_secret(mut fields: Fields) -> Result<RotateSecret, ApiError> {
    let secret = fields.text("secret");
    let overlap = match fields.value("overlap_seconds") {
        None => Some(OVERLAP),
        Some(value) => value.as_u64(),
    };
    if overlap.is_none() {
        let message = "must be a whole number of seconds, at least 0";
        fields.push(Problem::new("overlap_seconds", message));
    }
    fields.finish()?;
    Ok(RotateSecret { secret, overlap: Duration::from_secs(overlap.unwrap_or_default()) })
}

/// `events`: names of events, or a star.
fn topics(fields: &mut Fields) -> Option<Topics> {
    let names = fields.texts("events")?;
    match Topics::read(names.iter().map(String::as_str)) {
        Ok(topics) => Some(topics),
        Err(unknown) => {
            for place in unknown {
                fields.push(unknown_event(place, &names[place]));
            }
            // So that it is not missed as well.
            Some(Topics::Some(Vec::new()))
        }
    }
}

fn unknown_event(place: usize, name: &str) -> Problem {
    let name = shortened(name);
    let all = Topic::ALL.map(Topic::name);
    let near = |known: &'static str| (strsim::damerau_levenshtein(known, &name), known);
    let nearest = all.into_iter().map(near).min().filter(|(distance, _)| *distance <= NEAR);
    let hint = match nearest {
        Some((_, near)) => format!("did you mean `{near}`? The events are"),
        None => "the events are".to_owned(),
    };
    let all = all.join(", ");
    let message = format!("unknown event `{name}`; {hint} {all}; `*` means all");
    Problem::new(format!("events[{place}]"), message)
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// How a list of webhooks is to be filtered, sorted and cut.
#[derive(Debug, PartialEq, Eq)]
pub struct WebhookPage {
    page: usize,
    page_size: usize,
    by: WebhookOrder,
    descending: bool,
    status: Option<wire::WebhookState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WebhookOrder {
    CreatedAt,
    UpdatedAt,
    Url,
}

impl TryFrom<&Params> for WebhookPage {
    type Error = ApiError;

    fn try_from(params: &Params) -> Result<Self, ApiError> {
        let by = match params.one("sort_by")? {
            None | Some("created_at") => WebhookOrder::CreatedAt,
            Some("updated_at") => WebhookOrder::UpdatedAt,
            Some("url") => WebhookOrder::Url,
            Some(other) => {
                return Err(wrong("sort_by", "one of created_at, updated_at, url", other));
            }
        };
        let descending = match params.one("sort_order")? {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(other) => return Err(wrong("sort_order", "asc or desc", other)),
        };
        let status = match params.one("status")? {
            None => None,
            Some("active") => Some(wire::WebhookState::Active),
            Some("inactive") => Some(wire::WebhookState::Inactive),
            Some("disabled") => Some(wire::WebhookState::Disabled),
            Some(other) => {
                return Err(wrong("status", "one of active, inactive, disabled", other));
            }
        };
        let (page, page_size) = page_of(params)?;
        Ok(Self { page, page_size, by, descending, status })
    }
}

fn page_of(params: &Params) -> Result<(usize, usize), ApiError> {
    let page = params.page()?;
    Ok((page, params.number("page_size", 1..=MAX_LIMIT, 10)?))
}

impl WebhookPage {
    /// Sorts the list and cuts the page out of it. A workspace has few webhooks: they come whole.
    pub fn cut(&self, mut webhooks: Vec<WebhookRecord>) -> (Vec<WebhookRecord>, Pagination) {
        webhooks.retain(|webhook| self.status.is_none_or(|s| state(&webhook.status) == s));
        webhooks.sort_by(|a, b| {
            let order = self.by.compare(a, b).then(a.id.cmp(&b.id));
            if self.descending { order.reverse() } else { order }
        });
        let Self { page, page_size, .. } = *self;
        let pagination = Pagination::numbered(page, page_size, webhooks.len() as u64);
        let skipped = (page - 1).saturating_mul(page_size);
        (webhooks.into_iter().skip(skipped).take(page_size).collect(), pagination)
    }
}

impl WebhookOrder {
    fn compare(self, a: &WebhookRecord, b: &WebhookRecord) -> Ordering {
        match self {
            Self::CreatedAt => a.created_at.cmp(&b.created_at),
            Self::UpdatedAt => a.updated_at.cmp(&b.updated_at),
            Self::Url => a.url.cmp(&b.url),
        }
    }
}

/// Which page of deliveries is asked for.
pub struct DeliveryPage {
    page: usize,
    /// What to ask for.
    pub query: DeliveriesQuery,
}

impl TryFrom<&Params> for DeliveryPage {
    type Error = ApiError;

    fn try_from(params: &Params) -> Result<Self, ApiError> {
        let (page, limit) = page_of(params)?;
        let status = match params.one("status")? {
            None => None,
            Some("pending") => Some(DeliveryStatus::Pending),
            Some("delivered") => Some(DeliveryStatus::Delivered),
            Some("exhausted") => Some(DeliveryStatus::Exhausted),
            Some(other) => {
                return Err(wrong("status", "one of pending, delivered, exhausted", other));
            }
        };
        let skip = (page - 1).saturating_mul(limit);
        Ok(Self { page, query: DeliveriesQuery { status, skip, limit } })
    }
}

impl DeliveryPage {
    /// Where in the list it is.
    pub fn pagination(&self, total: u64) -> Pagination {
        Pagination::numbered(self.page, self.query.limit, total)
    }
}

const fn state(status: &WebhookStatus) -> wire::WebhookState {
    match status {
        WebhookStatus::Active => wire::WebhookState::Active,
        WebhookStatus::Inactive => wire::WebhookState::Inactive,
        WebhookStatus::Disabled { .. } => wire::WebhookState::Disabled,
    }
}

/// A webhook, seen at that moment.
pub fn webhook(record: &WebhookRecord, now: Timestamp) -> wire::Webhook<'_> {
    let WebhookRecord {
        id,
        workspace: _,
        url,
        topics,
        description,
        status,
        secret: _,
        previous_secret,
        created_at,
        updated_at,
        failing_since,
    } = record;
    let disabled_reason = match status {
        WebhookStatus::Disabled { reason } => Some(reason.as_str()),
        WebhookStatus::Active | WebhookStatus::Inactive => None,
    };
    let overlap = previous_secret.as_ref().map(|(_, until)| *until);
    wire::Webhook {
        id: id.abi(),
        url,
        events: topics.names(),
        description: description.as_deref(),
        status: state(status),
        disabled_reason,
        failing_since: failing_since.map(Time),
        previous_secret_expires_at: overlap.filter(|until| now < *until).map(Time),
        created_at: Time(*created_at),
        updated_at: Time(*updated_at),
    }
}

/// A webhook with the secret that was made for it.
pub fn shown(shown: &ShownWebhook, now: Timestamp) -> wire::ShownWebhook<'_> {
    wire::ShownWebhook { webhook: webhook(&shown.record, now), secret: shown.secret() }
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
    serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()))
}

impl<'a> From<&'a AttemptRecord> for wire::DeliveryResponse<'a> {
    fn from(attempt: &'a AttemptRecord) -> Self {
        let text = Some(attempt.response.as_str());
        let answered = attempt.response_status.is_some();
        Self {
            status: attempt.response_status,
            body: text.filter(|_| answered),
            error: text.filter(|_| !answered),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_events_are_told_with_the_nearest() {
        let body = json!({"url": "https://example.com", "events": [
            "execution.complete", "workflow.created", "bananas and other fruit"]});
        let error = new_webhook(Fields::of(body).unwrap()).unwrap_err();
        let all = Topic::ALL.map(Topic::name).join(", ");
        let told: Vec<_> =
            error.details().iter().map(|p| (p.path.as_str(), p.message.clone())).collect();
        assert_eq!(
            told,
            [
                (
                    "events[0]",
                    format!(
                        "unknown event `execution.complete`; did you mean `execution.completed`? The events are {all}; `*` means all"
                    )
                ),
                (
                    "events[2]",
                    format!(
                        "unknown event `bananas and other fruit`; the events are {all}; `*` means all"
                    )
                ),
            ]
        );
    }
}
