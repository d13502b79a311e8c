//! One attempt to send a delivery.

use std::time::Duration;

use rand::RngExt;
use stepwell_core::Timestamp;
use stepwell_core::ids::ExecutionId;
use stepwell_steps::OutboundRequest;
use stepwell_store::record::{AttemptRecord, DeliveryRecord, DeliveryStatus, Destination};
use stepwell_store::traits::{DeliveryAttempt, Health};
use tokio::sync::OnceCell;

use super::outbox::{EXECUTION_STATUS, TASK_STATUS};
use super::signature;
use crate::egress::DeliveryResponse;
use crate::objects;
use crate::runtime::engine::Engine;
use crate::webhook::{Webhook, WebhookStatus};

/// How long a receiver may take to respond.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pause after the first failed attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How many bytes of a response are read: mostly all, so that the connection can be reused.
const MOST_READ: usize = 64 << 10;
/// How many characters of a response are stored.
const MOST_KEPT: usize = 1000;
/// Replaces a response that must not be stored.
const NOT_KEPT: &str = "[not stored: it may hold a secret of the execution]";
/// The status by which a receiver unsubscribes.
const GONE: u16 = 410;

/// The outcome of an attempt.
pub(super) struct AttemptOutcome {
    /// The record of the attempt.
    pub(super) attempt: DeliveryAttempt,
    /// Whether the receiver has unsubscribed.
    pub(super) gone: bool,
}

/// A webhook, read from the store once for all attempts that start together.
pub(super) type SharedWebhook = OnceCell<Result<Option<Webhook>, String>>;

/// The URL of a delivery, and the secrets that sign it.
struct ReceiverAddress {
    url: String,
    /// `webhook-id`.
    id: String,
    secrets: Vec<String>,
}

/// Why a delivery is not sent.
enum NotSent {
    /// Its receiver is gone.
    Never(String),
    /// It cannot be sent now.
    Now(String),
}

/// Sends a delivery, unless its receiver is gone. `now` is the time at which it was read: how long
/// it may still be tried is measured from there by the monotonic clock.
pub(super) async fn attempt_delivery(
    engine: &Engine,
    delivery: DeliveryRecord,
    now: Timestamp,
    webhook: &SharedWebhook,
) -> AttemptOutcome {
    let (at, begun) = engine.clocks();
    let left = delivery.give_up_at.since(now);
    let number = delivery.attempts.saturating_add(1);
    let mut made = AttemptRecord {
        number,
        at,
        micros: 0,
        url: None,
        response_status: None,
        response: String::new(),
    };
    let mut retry_after = Duration::ZERO;
    let (good, health) = match receiver_address(engine, &delivery, at, webhook).await {
        Err(NotSent::Never(why)) => {
            made.response = why;
            let attempt = DeliveryAttempt {
                id: delivery.id,
                status: DeliveryStatus::Exhausted,
                next_attempt_at: at,
                attempt: made,
                health: Health::Unknown,
            };
            return record_verdict(engine, attempt);
        }
        Err(NotSent::Now(why)) => {
            made.response = why;
            (false, Health::Unknown)
        }
        Ok(address) => {
            let (good, pause) = send_delivery(engine, &delivery, &address, &mut made).await;
            retry_after = pause.unwrap_or_default();
            made.url = Some(address.url);
            (good, if good { Health::Well } else { Health::Failing })
        }
    };
    let now = engine.uncorrected_now();
    let took = engine.clock.elapsed().saturating_sub(begun);
    made.micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let pause = pause_after(number).max(retry_after);
    let status = match good {
        true => DeliveryStatus::Delivered,
        false if took >= left || made.response_status == Some(GONE) => {
            tracing::warn!(delivery = %delivery.id, reason = failure_reason(&made), "a delivery is given up");
            DeliveryStatus::Exhausted
        }
        false => DeliveryStatus::Pending,
    };
    let next_attempt_at = if status == DeliveryStatus::Pending { now.after(pause) } else { now };
    let attempt =
        DeliveryAttempt { id: delivery.id, status, next_attempt_at, attempt: made, health };
    record_verdict(engine, attempt)
}

fn record_verdict(engine: &Engine, attempt: DeliveryAttempt) -> AttemptOutcome {
    engine.metrics.delivery_attempted(attempt.status);
    let gone = attempt.attempt.response_status == Some(GONE);
    AttemptOutcome { attempt, gone }
}

fn failure_reason(made: &AttemptRecord) -> String {
    made.response_status.map_or_else(|| made.response.clone(), |status| status.to_string())
}

/// The present URL and secrets of a delivery.
async fn receiver_address(
    engine: &Engine,
    delivery: &DeliveryRecord,
    now: Timestamp,
    webhook: &SharedWebhook,
) -> Result<ReceiverAddress, NotSent> {
    let later = |error: String| NotSent::Now(format!("not sent: {error}"));
    match &delivery.destination {
        Destination::Url(url) => {
            let secret = engine.signing_secret(delivery.workspace).await;
            let secret = secret.map_err(|error| later(error.to_string()))?;
            // In the format of the dialect.
            let id = match delivery.event.as_str() {
                EXECUTION_STATUS | TASK_STATUS => delivery.id.dataflow(),
                _ => delivery.id.abi(),
            };
            Ok(ReceiverAddress { url: url.clone(), id, secrets: vec![secret] })
        }
        Destination::Webhook(id) => {
            let find = || async {
                let found = objects::find_object::<Webhook>(&*engine.store, *id).await;
                let found = found.map_err(|error| error.to_string())?;
                Ok(found.map(|webhook| webhook.document))
            };
            let found = webhook.get_or_init(find).await.as_ref();
            let found = found.map_err(|error| later(error.clone()))?.as_ref();
            let webhook =
                found.ok_or_else(|| NotSent::Never("not sent: the webhook was deleted".into()))?;
            match webhook.status {
                WebhookStatus::Active => {}
                WebhookStatus::Inactive => {
                    return Err(NotSent::Never("not sent: the webhook is inactive".into()));
                }
                WebhookStatus::Disabled { .. } => {
                    return Err(NotSent::Never("not sent: the webhook is disabled".into()));
                }
            }
            let secrets = valid_secrets(webhook, now);
            Ok(ReceiverAddress { url: webhook.url.clone(), id: delivery.id.abi(), secrets })
        }
    }
}

/// The newest first, as the specification requires.
fn valid_secrets(webhook: &Webhook, now: Timestamp) -> Vec<String> {
    let old = webhook.previous_secrets.iter().filter(|(_, until)| now < *until);
    std::iter::once(&webhook.secret).chain(old.map(|(secret, _)| secret)).cloned().collect()
}

/// Sends the delivery and records the response; returns whether that is success, and the pause that
/// the receiver requests.
async fn send_delivery(
    engine: &Engine,
    delivery: &DeliveryRecord,
    address: &ReceiverAddress,
    made: &mut AttemptRecord,
) -> (bool, Option<Duration>) {
    let (id, body) = (address.id.clone(), &delivery.body);
    let headers = match signature::signature_headers(&address.secrets, id, made.at, body) {
        Ok(headers) => headers,
        Err(error) => {
            made.response = format!("not signed: {error}");
            return (false, None);
        }
    };
    let request = OutboundRequest {
        method: "POST".into(),
        url: address.url.clone(),
        headers,
        body: Some(body.as_bytes().to_vec()),
        max_redirects: 0,
        timeout: Some(PATIENCE),
        max_response_bytes: None,
    };
    match engine.egress.deliver(request, MOST_READ).await {
        Ok(DeliveryResponse { status, beginning, retry_after }) => {
            made.response_status = Some(status);
            made.response = stored_response(engine, delivery, &beginning);
            ((200..300).contains(&status), retry_after)
        }
        Err(error) => {
            made.response = error.to_string();
            (false, None)
        }
    }
}

/// The part of a response that is stored: its beginning, without the secrets of the execution that
/// the delivery is about; nothing if these are no longer known or one may be truncated.
fn stored_response(engine: &Engine, delivery: &DeliveryRecord, beginning: &[u8]) -> String {
    if beginning.is_empty() {
        return String::new();
    }
    let redacted = if delivery.sensitive {
        let execution = ExecutionId::from_uuid(delivery.subject.uuid());
        match engine.find_redact(execution) {
            Some(redact) if beginning.len() < MOST_READ => redact.redact_bytes(beginning),
            _ => return NOT_KEPT.to_owned(),
        }
    } else {
        None
    };
    let text = String::from_utf8_lossy(redacted.as_deref().unwrap_or(beginning));
    text.chars().take(MOST_KEPT).collect()
}

/// Exponential backoff, bounded, with a jitter of a fifth.
fn pause_after(attempts: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    doubled.min(LONGEST_PAUSE).mul_f64(rand::rng().random_range(0.8..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_increase_to_an_hour() {
        for (attempts, longest) in [(1, 1), (2, 2), (5, 16), (12, 2048), (13, 3600), (400, 3600)] {
            let pause = pause_after(attempts).as_secs_f64();
            let longest = f64::from(longest);
            assert!(pause <= longest && pause >= longest * 0.8, "{attempts}: {pause}");
        }
    }
}
