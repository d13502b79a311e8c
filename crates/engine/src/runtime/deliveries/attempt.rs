//! One attempt to deliver.

use std::time::Duration;

use rand::RngExt;
use stepwell_core::Timestamp;
use stepwell_core::ids::ExecutionId;
use stepwell_steps::OutboundRequest;
use stepwell_store::record::{AttemptRecord, DeliveryRecord, DeliveryStatus, Destination};
use stepwell_store::traits::{DeliveryAttempt, Health};
use tokio::sync::OnceCell;

use super::outbox::STATUS;
use super::signature;
use crate::egress::DeliveryResponse;
use crate::objects;
use crate::runtime::engine::Engine;
use crate::webhook::{Webhook, WebhookStatus};

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pause after the first failed attempt; each one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How much of an answer is read: so much that a connection can be used again, as a rule.
const MOST_READ: usize = 64 << 10;
/// How much of an answer is kept, in characters.
const MOST_KEPT: usize = 1000;
/// In place of a response that is not kept.
const NOT_KEPT: &str = "[not stored: it may hold a secret of the execution]";
/// The status by which a receiver says that it wants nothing any more.
const GONE: u16 = 410;

/// What came of an attempt.
pub(super) struct Verdict {
    /// What is stored of it.
    pub(super) attempt: DeliveryAttempt,
    /// Whether the receiver wants nothing any more.
    pub(super) gone: bool,
}

/// What the store says of a webhook, asked once for the attempts that start together.
pub(super) type Asked = OnceCell<Result<Option<Webhook>, String>>;

/// Where a delivery goes, and what signs it.
struct Address {
    url: String,
    /// `webhook-id`.
    id: String,
    secrets: Vec<String>,
}

/// Why a delivery is not sent.
enum NotSent {
    /// Nobody is there any more.
    Never(String),
    /// Something is in the way now.
    Yet(String),
}

/// Sends a delivery, unless its receiver is gone. `now` is the moment at which it was read:
/// how long it may still be tried is measured from there by the monotonic clock.
pub(super) async fn attempt(
    engine: &Engine,
    delivery: DeliveryRecord,
    now: Timestamp,
    asked: &Asked,
) -> Verdict {
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
    let (good, health) = match address(engine, &delivery, at, asked).await {
        Err(NotSent::Never(why)) => {
            made.response = why;
            return verdict(
                engine,
                &delivery,
                (DeliveryStatus::Exhausted, at),
                made,
                Health::Unknown,
            );
        }
        Err(NotSent::Yet(why)) => {
            made.response = why;
            (false, Health::Unknown)
        }
        Ok(address) => {
            let (good, asked) = send(engine, &delivery, &address, &mut made).await;
            retry_after = asked.unwrap_or_default();
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
            tracing::warn!(delivery = %delivery.id, reason = reason(&made), "a delivery is given up");
            DeliveryStatus::Exhausted
        }
        false => DeliveryStatus::Pending,
    };
    let next = if status == DeliveryStatus::Pending { now.after(pause) } else { now };
    verdict(engine, &delivery, (status, next), made, health)
}

fn verdict(
    engine: &Engine,
    delivery: &DeliveryRecord,
    (status, next_attempt_at): (DeliveryStatus, Timestamp),
    attempt: AttemptRecord,
    health: Health,
) -> Verdict {
    engine.metrics.delivery_attempted(status);
    let gone = attempt.response_status == Some(GONE);
    let attempt = DeliveryAttempt { id: delivery.id, status, next_attempt_at, attempt, health };
    Verdict { attempt, gone }
}

fn reason(made: &AttemptRecord) -> String {
    made.response_status.map_or_else(|| made.response.clone(), |status| status.to_string())
}

/// Where the delivery goes now.
async fn address(
    engine: &Engine,
    delivery: &DeliveryRecord,
    now: Timestamp,
    asked: &Asked,
) -> Result<Address, NotSent> {
    let later = |error: String| NotSent::Yet(format!("not sent: {error}"));
    match &delivery.destination {
        Destination::Url(url) => {
            let secret = engine.signing_secret(delivery.workspace).await;
            let secret = secret.map_err(|error| later(error.to_string()))?;
            // Each as its dialect writes ids.
            let id = match delivery.event.as_str() {
                STATUS => delivery.id.dataflow(),
                _ => delivery.id.abi(),
            };
            Ok(Address { url: url.clone(), id, secrets: vec![secret] })
        }
        Destination::Webhook(id) => {
            let find = || async {
                let found = objects::find::<Webhook>(&*engine.store, *id).await;
                let found = found.map_err(|error| error.to_string())?;
                Ok(found.map(|webhook| webhook.document))
            };
            let found = asked.get_or_init(find).await.as_ref();
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
            let secrets = secrets(webhook, now);
            Ok(Address { url: webhook.url.clone(), id: delivery.id.abi(), secrets })
        }
    }
}

/// The newest first, as the specification has it.
fn secrets(webhook: &Webhook, now: Timestamp) -> Vec<String> {
    let old = webhook.previous_secrets.iter().filter(|(_, until)| now < *until);
    std::iter::once(&webhook.secret).chain(old.map(|(secret, _)| secret)).cloned().collect()
}

/// Sends it and notes the response; returns whether that is success, and the pause that the
/// receiver asks for.
async fn send(
    engine: &Engine,
    delivery: &DeliveryRecord,
    address: &Address,
    made: &mut AttemptRecord,
) -> (bool, Option<Duration>) {
    let (id, body) = (address.id.clone(), &delivery.body);
    let headers = match signature::headers(&address.secrets, id, made.at, body) {
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
            made.response = kept(engine, delivery, &beginning);
            ((200..300).contains(&status), retry_after)
        }
        Err(error) => {
            made.response = error.to_string();
            (false, None)
        }
    }
}

/// What is stored of a response: its beginning, without the secrets of the execution that the
/// delivery is about. Where these are not known any more, or one may have been cut, nothing.
fn kept(engine: &Engine, delivery: &DeliveryRecord, beginning: &[u8]) -> String {
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

/// Exponential, bounded, and up to a fifth shorter by chance.
fn pause_after(attempts: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    doubled.min(LONGEST_PAUSE).mul_f64(rand::rng().random_range(0.8..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        for (attempts, longest) in [(1, 1), (2, 2), (5, 16), (12, 2048), (13, 3600), (400, 3600)] {
            let pause = pause_after(attempts).as_secs_f64();
            let longest = f64::from(longest);
            assert!(pause <= longest && pause >= longest * 0.8, "{attempts}: {pause}");
        }
    }
}
