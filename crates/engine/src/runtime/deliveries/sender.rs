//! Sends the deliveries in the outbox.
//!
//! Receivers share the slots: each may have a bounded number of deliveries in progress, fewer if many
//! receivers are slow at once, and they are served round-robin. So receivers that do not respond do
//! not delay the others.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use stepwell_core::faults;
use stepwell_core::ids::{ReceiverId, SubjectId, WebhookId};
use stepwell_store::StoreError;
use stepwell_store::traits::{DeliveryAttempt, DueDeliveries, Health, OutboxDue};
use tokio::task::JoinSet;

use super::attempt::{AttemptOutcome, SharedWebhook, attempt_delivery};
use super::health::disable_failing;
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::runtime::panic_message::panic_message;

/// The most deliveries in progress.
const AT_ONCE: usize = 256;
/// The most of them to one receiver.
const SHARE: usize = 32;
/// The longest pause without a notification.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The shortest time between two reads of the outbox while deliveries are in progress: with many
/// events, each read gets many of them.
const READ_INTERVAL: Duration = Duration::from_millis(5);
/// The pause after the store could not be read, and the longest one while deliveries are in
/// progress.
const STORE_PAUSE: Duration = Duration::from_secs(1);

type DeliveryQueue = (ReceiverId, SubjectId);

/// The queues with a delivery in progress, until its outcome is stored.
type BusyReceivers = BTreeSet<DeliveryQueue>;

/// An attempt that ended, with its queue. Without outcome: it panicked.
type DeliveryEnd = (DeliveryQueue, Option<WebhookId>, Option<AttemptOutcome>);

/// How long a queue pauses after an attempt that panicked.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// The loop that sends deliveries. Those in progress when it stops are sent again after the next
/// start, with the same id.
pub(crate) async fn send_deliveries(engine: Arc<Engine>, mut stop: Stop) {
    let mut sending = SendingDelivery::default();
    loop {
        let pause = sending.read_outbox(&engine).await;
        let interval = if sending.busy.is_empty() { Duration::ZERO } else { READ_INTERVAL };
        let next_read = async {
            tokio::time::sleep(interval).await;
            engine.outbox_changed.notified().await;
        };
        tokio::select! {
            () = stop.stopped() => return sending.finish(&engine).await,
            () = tokio::time::sleep(pause) => {}
            () = next_read => {}
            () = sending.make_room(&engine) => {}
        }
    }
}

#[derive(Default)]
struct SendingDelivery {
    under_way: JoinSet<DeliveryEnd>,
    /// Attempts that ended while the outcomes of others were being stored; they are stored together.
    ended: Vec<DeliveryEnd>,
    /// Outcomes that are being stored, in one task at a time, which returns the freed queues.
    storing: JoinSet<Vec<DeliveryQueue>>,
    busy: BusyReceivers,
    /// The last receiver that was served.
    last: Option<ReceiverId>,
}

impl SendingDelivery {
    /// Starts due deliveries for which there is room, and returns the pause until the next read.
    async fn read_outbox(&mut self, engine: &Arc<Engine>) -> Duration {
        self.start_due(engine).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox cannot be read");
            STORE_PAUSE
        })
    }

    async fn start_due(&mut self, engine: &Arc<Engine>) -> Result<Duration, StoreError> {
        let limit = AT_ONCE.saturating_sub(self.busy.len());
        if limit == 0 {
            return Ok(LONGEST_PAUSE);
        }
        // Before the deliveries are read: if their times are corrected meanwhile, they have longer.
        let now = engine.uncorrected_now();
        let due = DueDeliveries {
            now,
            under_way: self.busy.clone(),
            share: fair_share(&self.busy),
            after: self.last,
            limit,
        };
        let mut webhooks: BTreeMap<WebhookId, Arc<SharedWebhook>> = BTreeMap::new();
        let OutboxDue { deliveries, next } = engine.store.due_deliveries(due).await?;
        for delivery in deliveries {
            let queue = (delivery.receiver, delivery.subject);
            self.busy.insert(queue);
            self.last = Some(delivery.receiver);
            let engine = engine.clone();
            let webhook = delivery.destination.webhook();
            // Attempts that start together share their webhook.
            let shared = webhook.map(|id| webhooks.entry(id).or_default().clone());
            let shared = shared.unwrap_or_default();
            self.under_way.spawn(async move {
                let id = delivery.id;
                let attempt = AssertUnwindSafe(async {
                    faults::hit("send_delivery");
                    attempt_delivery(&engine, delivery, now, &shared).await
                });
                match attempt.catch_unwind().await {
                    Ok(outcome) => (queue, webhook, Some(outcome)),
                    Err(panic) => {
                        let message = panic_message(&*panic).to_owned();
                        tracing::error!(%id, message, "a panic while a delivery was sent");
                        tokio::time::sleep(AFTER_PANIC).await;
                        (queue, webhook, None)
                    }
                }
            });
        }
        if !self.busy.is_empty() {
            // The end of an attempt makes room; deliveries that are not due yet are read again soon.
            return Ok(STORE_PAUSE);
        }
        Ok(next
            .map_or(LONGEST_PAUSE, |at| at.since(now))
            .clamp(Duration::from_millis(5), LONGEST_PAUSE))
    }

    /// Starts to store the outcomes of attempts, unless others are still being stored. Attempts start
    /// and end meanwhile.
    fn store_ended(&mut self, engine: &Arc<Engine>) {
        if self.storing.is_empty() && !self.ended.is_empty() {
            let ended = std::mem::take(&mut self.ended);
            let engine = engine.clone();
            self.storing.spawn(async move { store_outcomes(&engine, ended).await });
        }
    }

    /// Stores the outcomes of attempts as they end; completes when queues are freed.
    async fn make_room(&mut self, engine: &Arc<Engine>) {
        loop {
            tokio::select! {
                Some(first) = self.under_way.join_next(), if !self.under_way.is_empty() => {
                    self.ended.extend(first.ok());
                    while let Some(more) = self.under_way.try_join_next() {
                        self.ended.extend(more.ok());
                    }
                    self.store_ended(engine);
                }
                Some(stored) = self.storing.join_next(), if !self.storing.is_empty() => {
                    let stored = stored.unwrap_or_else(|failed| match failed.try_into_panic() {
                        // The loop is restarted, with all queues free.
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_) => Vec::new(),
                    });
                    for queue in stored {
                        self.busy.remove(&queue);
                    }
                    return self.store_ended(engine);
                }
                else => std::future::pending().await,
            }
        }
    }

    /// Stores the outcomes of attempts that have ended: otherwise they would be sent again.
    async fn finish(mut self, engine: &Arc<Engine>) {
        while self.storing.join_next().await.is_some() {}
        self.store_ended(engine);
        while self.storing.join_next().await.is_some() {}
    }
}

/// Stores the outcomes of attempts and returns the queues that are free.
async fn store_outcomes(engine: &Engine, ended: Vec<DeliveryEnd>) -> Vec<DeliveryQueue> {
    let mut failing: BTreeMap<WebhookId, bool> = BTreeMap::new();
    let mut attempts: Vec<DeliveryAttempt> = Vec::with_capacity(ended.len());
    let mut queues = Vec::with_capacity(ended.len());
    for (queue, webhook, outcome) in ended {
        queues.push(queue);
        let Some(AttemptOutcome { attempt, gone }) = outcome else { continue };
        if let (Some(webhook), Health::Failing) = (webhook, attempt.health) {
            *failing.entry(webhook).or_default() |= gone;
        }
        attempts.push(attempt);
    }
    faults::hit("store_outcomes");
    while let Err(error) = engine.store.record_attempts(attempts.clone()).await {
        tracing::warn!(%error, "the outcome of deliveries cannot be stored; trying again");
        if engine.background.is_stopping() {
            return Vec::new();
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
    for (webhook, gone) in failing {
        disable_failing(engine, webhook, gone).await;
    }
    queues
}

/// How many deliveries one receiver may have in progress, so that there is room for another one.
fn fair_share(busy: &BusyReceivers) -> usize {
    let receivers: BTreeSet<_> = busy.iter().map(|(receiver, _)| receiver).collect();
    (AT_ONCE / (receivers.len() + 1)).clamp(1, SHARE)
}

#[cfg(test)]
mod tests {
    use stepwell_core::ids::WorkflowId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_share_of_a_receiver_decreases_with_their_number() {
        for (receivers, expect) in [(0, 32), (1, 32), (7, 32), (8, 28), (31, 8), (255, 1), (999, 1)]
        {
            let subject = SubjectId::from(WorkflowId::from_uuid(Uuid::nil()));
            let of = |n| (ReceiverId::from_uuid(Uuid::from_u128(n)), subject);
            assert_eq!(fair_share(&(0..receivers).map(of).collect()), expect, "{receivers}");
        }
    }
}
