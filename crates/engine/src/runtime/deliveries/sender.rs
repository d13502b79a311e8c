//! Sending what is in the outbox.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use stepwell_core::ids::{DeliveryId, ExecutionId};
use stepwell_steps::{Outbound, OutboundRequest};
use stepwell_store::record::{DeliveryRecord, DeliveryStatus};
use stepwell_store::traits::{DeliveryAttempt, DueDeliveries};
use tokio::task::JoinSet;

use super::signature;
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;

/// The most deliveries under way at once.
const AT_ONCE: usize = 64;
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pause after the first failed attempt; each one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How often to look, even if nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long to leave the store alone when it cannot answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The loop that sends deliveries until it is told to stop. What is under way then is sent again
/// after the next start, with the same id.
pub(crate) async fn send_deliveries(engine: Arc<Engine>, mut stop: Stop) {
    let mut under_way: JoinSet<(ExecutionId, DeliveryAttempt)> = JoinSet::new();
    let mut busy: HashSet<ExecutionId> = HashSet::new();
    loop {
        let pause = match start_due(&engine, &mut under_way, &mut busy).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read");
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep(pause) => {}
            () = engine.outbox_changed.notified() => {}
            Some(first) = under_way.join_next(), if !under_way.is_empty() => {
                let mut ended: Vec<_> = first.ok().into_iter().collect();
                while let Some(more) = under_way.try_join_next() {
                    ended.extend(more.ok());
                }
                note(&engine, ended, &mut busy).await;
            }
        }
    }
}

/// Starts what is due and has room, and answers how long to wait for more.
async fn start_due(
    engine: &Arc<Engine>,
    under_way: &mut JoinSet<(ExecutionId, DeliveryAttempt)>,
    busy: &mut HashSet<ExecutionId>,
) -> Result<Duration, stepwell_store::StoreError> {
    let room = AT_ONCE.saturating_sub(under_way.len());
    if room == 0 {
        return Ok(LOOK_EVERY);
    }
    let now = engine.now();
    let except = busy.iter().copied().collect();
    let due = engine.store.due_deliveries(DueDeliveries { now, except, limit: room }).await?;
    let full = due.len() == room;
    for delivery in due {
        busy.insert(delivery.execution);
        let engine = engine.clone();
        under_way.spawn(async move { (delivery.execution, attempt(&engine, delivery).await) });
    }
    if full || !busy.is_empty() {
        // Whoever ends makes room; those that are not due yet are looked for again soon.
        return Ok(STORE_PAUSE);
    }
    let next = engine.store.next_delivery().await?;
    Ok(next.map_or(LOOK_EVERY, |at| at.since(now)).clamp(Duration::from_millis(5), LOOK_EVERY))
}

async fn note(
    engine: &Engine,
    ended: Vec<(ExecutionId, DeliveryAttempt)>,
    busy: &mut HashSet<ExecutionId>,
) {
    let (executions, attempts): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
    while let Err(error) = engine.store.record_attempts(attempts.clone()).await {
        tracing::warn!(%error, "the outcome of deliveries cannot be stored; trying again");
        if engine.background.is_stopping() {
            return;
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
    for execution in executions {
        busy.remove(&execution);
    }
}

async fn attempt(engine: &Engine, delivery: DeliveryRecord) -> DeliveryAttempt {
    let result = send(engine, &delivery).await;
    let attempts = delivery.attempts + 1;
    let now = engine.now();
    let retry_for = Duration::from_secs(engine.config.delivery_retry_seconds);
    let (status, last_result, pause) = match result {
        Ok(status) => (DeliveryStatus::Delivered, status, Duration::ZERO),
        Err(reason) if now >= delivery.created_at.after(retry_for) => {
            tracing::warn!(url = delivery.url, reason, "a delivery is given up");
            (DeliveryStatus::Exhausted, reason, Duration::ZERO)
        }
        Err(reason) => (DeliveryStatus::Pending, reason, pause_after(attempts)),
    };
    metrics::counter!("stepwell_deliveries_total", "status" => match status {
        DeliveryStatus::Pending => "retry",
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Exhausted => "exhausted",
    })
    .increment(1);
    DeliveryAttempt {
        id: delivery.id,
        status,
        attempts,
        next_attempt_at: now.after(pause),
        last_result,
    }
}

async fn send(engine: &Engine, delivery: &DeliveryRecord) -> Result<String, String> {
    let secret = engine.signing_secret(delivery.workspace).await.map_err(|e| e.to_string())?;
    let DeliveryRecord { id, url, body, .. } = delivery;
    let headers =
        signature::headers(&secret, DeliveryId::from_uuid(id.uuid()), engine.now(), body)?;
    let request = OutboundRequest {
        method: "POST".into(),
        url: url.clone(),
        headers,
        body: Some(body.clone().into_bytes()),
        max_redirects: 0,
        timeout: Some(PATIENCE),
        max_response_bytes: Some(64 << 10),
    };
    match engine.egress.send(request).await {
        Ok(response) if (200..300).contains(&response.status) => Ok(response.status.to_string()),
        Ok(response) => Err(response.status.to_string()),
        Err(error) => Err(error.to_string()),
    }
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
