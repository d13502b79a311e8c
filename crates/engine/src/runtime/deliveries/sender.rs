//! Sending what is in the outbox.
//!
//! Receivers share the slots: each may have so many deliveries under way, fewer where many
//! receivers are slow at once, and they take turns. So however many events wait for a receiver
//! that does not answer, the others are sent theirs.

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

use super::attempt::{Asked, Verdict, attempt};
use super::health::look_after;
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::runtime::runner::panic_message;

/// The most deliveries under way at once.
const AT_ONCE: usize = 256;
/// The most of them to one receiver.
const SHARE: usize = 32;
/// How often to look, even if nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How soon to look again for what is new while something is under way: where much happens, each
/// look is for many events.
const BREATH: Duration = Duration::from_millis(5);
/// How long to leave the store alone when it cannot answer, and how soon to look again while
/// something is under way.
const STORE_PAUSE: Duration = Duration::from_secs(1);

type Queue = (ReceiverId, SubjectId);

/// The queues of which a delivery is under way: until what came of it is stored.
type Busy = BTreeSet<Queue>;

/// An attempt that ended, and the queue that it was of. No verdict: it panicked.
type Ended = (Queue, Option<WebhookId>, Option<Verdict>);

/// How long the queue of a delivery is left alone whose attempt panicked.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// The loop that sends deliveries until it is told to stop. What is under way then is sent again
/// after the next start, with the same id.
pub(crate) async fn send_deliveries(engine: Arc<Engine>, mut stop: Stop) {
    let mut sending = Sending::default();
    loop {
        let pause = sending.look(&engine).await;
        let breath = if sending.busy.is_empty() { Duration::ZERO } else { BREATH };
        let something_new = async {
            tokio::time::sleep(breath).await;
            engine.outbox_changed.notified().await;
        };
        tokio::select! {
            () = stop.stopped() => return sending.finish(&engine).await,
            () = tokio::time::sleep(pause) => {}
            () = something_new => {}
            () = sending.make_room(&engine) => {}
        }
    }
}

#[derive(Default)]
struct Sending {
    under_way: JoinSet<Ended>,
    /// What ended while the outcomes of others were being stored: it is stored together then.
    ended: Vec<Ended>,
    /// Outcomes that are being stored, one task at a time; it answers the queues that go on.
    storing: JoinSet<Vec<Queue>>,
    busy: Busy,
    /// The receiver that was served last.
    last: Option<ReceiverId>,
}

impl Sending {
    /// Starts what is due and has room, and answers how long to wait for more.
    async fn look(&mut self, engine: &Arc<Engine>) -> Duration {
        self.start_due(engine).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox cannot be read");
            STORE_PAUSE
        })
    }

    async fn start_due(&mut self, engine: &Arc<Engine>) -> Result<Duration, StoreError> {
        let limit = AT_ONCE.saturating_sub(self.busy.len());
        if limit == 0 {
            return Ok(LOOK_EVERY);
        }
        // Before the deliveries are read: where they are corrected meanwhile, they have longer.
        let now = engine.uncorrected_now();
        let due = DueDeliveries {
            now,
            under_way: self.busy.clone(),
            share: share(&self.busy),
            after: self.last,
            limit,
        };
        let mut webhooks: BTreeMap<WebhookId, Arc<Asked>> = BTreeMap::new();
        let OutboxDue { deliveries, next } = engine.store.due_deliveries(due).await?;
        for delivery in deliveries {
            let queue = (delivery.receiver, delivery.subject);
            self.busy.insert(queue);
            self.last = Some(delivery.receiver);
            let engine = engine.clone();
            let webhook = delivery.destination.webhook();
            // Those that start together ask once for their webhook.
            let asked = webhook.map(|id| webhooks.entry(id).or_default().clone());
            let asked = asked.unwrap_or_default();
            self.under_way.spawn(async move {
                let id = delivery.id;
                let attempt = AssertUnwindSafe(async {
                    faults::hit("send_delivery");
                    attempt(&engine, delivery, now, &asked).await
                });
                match attempt.catch_unwind().await {
                    Ok(verdict) => (queue, webhook, Some(verdict)),
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
            // Whoever ends makes room; those that are not due yet are looked for again soon.
            return Ok(STORE_PAUSE);
        }
        Ok(next.map_or(LOOK_EVERY, |at| at.since(now)).clamp(Duration::from_millis(5), LOOK_EVERY))
    }

    /// Begins to store what came of attempts, unless the outcomes of others still are being
    /// stored. Others start and end meanwhile.
    fn store_ended(&mut self, engine: &Arc<Engine>) {
        if self.storing.is_empty() && !self.ended.is_empty() {
            let ended = std::mem::take(&mut self.ended);
            let engine = engine.clone();
            self.storing.spawn(async move { store(&engine, ended).await });
        }
    }

    /// Has stored what came of attempts as they end; completes when some queues can go on.
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
                        // The loop is started again, with no queue held.
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

    /// What ended is stored: otherwise it would be sent again.
    async fn finish(mut self, engine: &Arc<Engine>) {
        while self.storing.join_next().await.is_some() {}
        self.store_ended(engine);
        while self.storing.join_next().await.is_some() {}
    }
}

/// Stores what came of attempts; answers the queues that can go on.
async fn store(engine: &Engine, ended: Vec<Ended>) -> Vec<Queue> {
    let mut failing: BTreeMap<WebhookId, bool> = BTreeMap::new();
    let mut attempts: Vec<DeliveryAttempt> = Vec::with_capacity(ended.len());
    let mut queues = Vec::with_capacity(ended.len());
    for (queue, webhook, verdict) in ended {
        queues.push(queue);
        let Some(Verdict { attempt, gone }) = verdict else { continue };
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
        look_after(engine, webhook, gone).await;
    }
    queues
}

/// How many deliveries one receiver may have under way, so that there is room for another one.
fn share(busy: &Busy) -> usize {
    let receivers: BTreeSet<_> = busy.iter().map(|(receiver, _)| receiver).collect();
    (AT_ONCE / (receivers.len() + 1)).clamp(1, SHARE)
}

#[cfg(test)]
mod tests {
    use stepwell_core::ids::WorkflowId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_more_are_slow_the_less_has_each() {
        for (receivers, expect) in [(0, 32), (1, 32), (7, 32), (8, 28), (31, 8), (255, 1), (999, 1)]
        {
            let subject = SubjectId::from(WorkflowId::from_uuid(Uuid::nil()));
            let of = |n| (ReceiverId::from_uuid(Uuid::from_u128(n)), subject);
            assert_eq!(share(&(0..receivers).map(of).collect()), expect, "{receivers}");
        }
    }
}
