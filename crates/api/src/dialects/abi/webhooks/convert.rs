//! Between the bodies of webhooks and the domain.

use std::cmp::Ordering;
use std::time::Duration;

use stepwell_core::ids::WebhookId;
use stepwell_core::{Problem, Timestamp, Topic, TopicFilter};
use stepwell_engine::app::{
    ChangeWebhook, NewWebhook, RotateSecret, ShownWebhook, WantedStatus, WebhookView,
};
use stepwell_engine::objects::Object;
use stepwell_engine::webhook::{Webhook, WebhookStatus};

use super::wire;
use crate::error::{ApiError, shorten_text};
use crate::fields::{Fields, FromFields as _};
use crate::query::{Params, invalid_parameter};
use crate::respond::Time;

/// How long an old secret also signs if the request does not define it.
const OVERLAP: u64 = 24 * 3600;

/// How far a name may be from an event's for that to be suggested.
const NEAR: usize = 8;

/// Reads a new webhook.
pub fn new_webhook(mut fields: Fields) -> Result<NewWebhook, ApiError> {
    let wire::CreateWebhookRequest { url, events, secret, description } =
        wire::CreateWebhookRequest::read(&mut fields);
    let topics = read_topics(&mut fields, &events);
    fields.finish()?;
    Ok(NewWebhook { url, topics, secret, description })
}

/// Fields of a response that cannot be changed.
const READ_ONLY: [&str; 5] =
    ["disabled_reason", "failing_since", "previous_secret_expires_at", "created_at", "updated_at"];

/// Reads a change of that webhook. A response may be sent back: fields that cannot be changed are
/// ignored.
pub fn change_webhook(mut fields: Fields, id: WebhookId) -> Result<ChangeWebhook, ApiError> {
    let wire::UpdateWebhookRequest { url, events, description, status, secret } =
        wire::UpdateWebhookRequest::read(&mut fields);
    let topics = events.map(|events| read_topics(&mut fields, &events));
    let status = status.and_then(|status| wanted_status(&mut fields, &status));
    if fields.text("id").is_some_and(|sent| sent.parse() != Ok(id)) {
        fields.push(Problem::new("id", "is the id of another webhook; omit it"));
    }
    for name in READ_ONLY {
        fields.value(name);
    }
    fields.finish()?;
    Ok(ChangeWebhook { url, topics, description: description.or_empty(), status, secret })
}

fn wanted_status(fields: &mut Fields, status: &str) -> Option<WantedStatus> {
    match status {
        "active" => Some(WantedStatus::Active),
        "inactive" => Some(WantedStatus::Inactive),
        "disabled" => Some(WantedStatus::Disabled),
        other => {
            let problem = Problem::new("status", "must be `active` or `inactive`");
            fields.push(problem.with_expectation("active or inactive", shorten_text(other)));
            None
        }
    }
}

/// Reads a rotation of the secret.
pub fn rotate_secret(mut fields: Fields) -> Result<RotateSecret, ApiError> {
    let wire::RotateSecretRequest { secret, overlap_seconds } =
        wire::RotateSecretRequest::read(&mut fields);
    let overlap = overlap_seconds.map_or(Some(OVERLAP), |value| value.as_u64());
    if overlap.is_none() {
        let message = "must be a whole number of seconds, at least 0";
        fields.push(Problem::new("overlap_seconds", message));
    }
    fields.finish()?;
    Ok(RotateSecret { secret, overlap: Duration::from_secs(overlap.unwrap_or_default()) })
}

/// `events`: names of events, or a star.
fn read_topics(fields: &mut Fields, names: &[String]) -> TopicFilter {
    match TopicFilter::parse_names(names.iter().map(String::as_str)) {
        Ok(topics) => topics,
        Err(unknown) => {
            for place in unknown {
                fields.push(unknown_event(place, &names[place]));
            }
            TopicFilter::Some(Vec::new())
        }
    }
}

fn unknown_event(place: usize, name: &str) -> Problem {
    let name = shorten_text(name);
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

/// Which webhooks are listed.
#[derive(Debug, PartialEq, Eq)]
pub struct WebhookFilter {
    status: Option<wire::WebhookState>,
    event: Option<Topic>,
}

impl WebhookFilter {
    /// Reads `status` and `event`.
    ///
    /// # Errors
    /// `InvalidRequest` naming the parameter.
    pub fn read(params: &Params) -> Result<Self, ApiError> {
        let status = match params.one("status")? {
            None => None,
            Some("active") => Some(wire::WebhookState::Active),
            Some("inactive") => Some(wire::WebhookState::Inactive),
            Some("disabled") => Some(wire::WebhookState::Disabled),
            Some(other) => {
                return Err(invalid_parameter(
                    "status",
                    "one of active, inactive, disabled",
                    other,
                ));
            }
        };
        let event = match params.one("event")? {
            None => None,
            Some(name) => {
                Some(name.parse().map_err(|_| invalid_parameter("event", &one_of(&[]), name))?)
            }
        };
        Ok(Self { status, event })
    }

    /// Whether the webhook is on the list.
    pub fn selects(&self, webhook: &WebhookView) -> bool {
        let document = &webhook.record.document;
        self.status.is_none_or(|wanted| webhook_state(&document.status) == wanted)
            && self.event.is_none_or(|wanted| document.topics.contains(wanted))
    }
}

/// What webhooks can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOrder {
    CreatedAt,
    UpdatedAt,
    Url,
}

/// The names of events, and of what else there is.
pub fn one_of(more: &[&str]) -> String {
    format!("one of {}", [&Topic::ALL.map(Topic::name), more].concat().join(", "))
}

impl WebhookOrder {
    /// By their names.
    pub const ALL: [(&str, Self); 3] =
        [("created_at", Self::CreatedAt), ("updated_at", Self::UpdatedAt), ("url", Self::Url)];

    /// No two webhooks are equal.
    pub fn compare(self, a: &WebhookView, b: &WebhookView) -> Ordering {
        let (a, b) = (&a.record, &b.record);
        let order = match self {
            Self::CreatedAt => a.created_at.cmp(&b.created_at),
            Self::UpdatedAt => a.updated_at.cmp(&b.updated_at),
            Self::Url => a.document.url.cmp(&b.document.url),
        };
        order.then(a.id.cmp(&b.id))
    }
}

const fn webhook_state(status: &WebhookStatus) -> wire::WebhookState {
    match status {
        WebhookStatus::Active => wire::WebhookState::Active,
        WebhookStatus::Inactive => wire::WebhookState::Inactive,
        WebhookStatus::Disabled { .. } => wire::WebhookState::Disabled,
    }
}

/// A webhook, seen at that moment.
pub fn webhook_body(view: &WebhookView, now: Timestamp) -> wire::Webhook<'_> {
    let WebhookView { record, failing_since } = view;
    from_parts(record, *failing_since, now)
}

fn from_parts(
    record: &Object<Webhook>,
    failing_since: Option<Timestamp>,
    now: Timestamp,
) -> wire::Webhook<'_> {
    let Object { id, workspace: _, version: _, created_at, updated_at, document } = record;
    let Webhook { url, topics, description, status, secret: _, previous_secrets } = document;
    let disabled_reason = match status {
        WebhookStatus::Disabled { reason } => Some(reason.as_str()),
        WebhookStatus::Active | WebhookStatus::Inactive => None,
    };
    let overlap = previous_secrets.iter().map(|(_, until)| *until).max();
    wire::Webhook {
        id: id.abi(),
        url,
        events: topics.names(),
        description: description.as_deref(),
        status: webhook_state(status),
        disabled_reason,
        failing_since: failing_since.map(Time),
        previous_secret_expires_at: overlap.filter(|until| now < *until).map(Time),
        created_at: Time(*created_at),
        updated_at: Time(*updated_at),
    }
}

/// A webhook with the secret that was generated for it.
pub fn shown_body(shown: &ShownWebhook, now: Timestamp) -> wire::ShownWebhook<'_> {
    let ShownWebhook { record, failing_since, made_secret: _ } = shown;
    let webhook = from_parts(record, *failing_since, now);
    wire::ShownWebhook { webhook, secret: shown.secret() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_events_are_reported_with_the_nearest() {
        let body = json!({"url": "https://example.com", "events": [
            "execution.complete", "workflow.created", "bananas and other fruit"]});
        let error = new_webhook(Fields::of(body).unwrap()).unwrap_err();
        let all = Topic::ALL.map(Topic::name).join(", ");
        let problems: Vec<_> =
            error.details().iter().map(|p| (p.path.as_str(), p.message.clone())).collect();
        assert_eq!(
            problems,
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
