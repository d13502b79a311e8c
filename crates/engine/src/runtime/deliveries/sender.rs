//! Sending what is in the outbox.
//!
//! Receivers share the slots: each may have so many deliveries under way, fewer where many
//! receivers are slow at once, and they take turns. So however many events wait for a receiver
//! that does not answer, the others are sent theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stepwell_core::ids::{ReceiverId, SubjectId, WebhookId};
use stepwell_store::StoreError;
use stepwell_store::traits::{DeliveryAttempt, DueDeliveries, Health};
use tokio::task::JoinSet;

use super::attempt::{Verdict, attempt};
use super::health::look_after;
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;

/// The most deliveries under way at once.
const AT_ONCE: usize = 256;
/// The most of them to one receiver.
const SHARE: usize = 32;
/// How often to look, even if nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long to leave the store alone when it cannot answer, and how soon to look again while
/// something is under way.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The queues of which a delivery is under way.
type Busy = BTreeSet<(ReceiverId, SubjectId)>;

/// An attempt that ended, and the queue that it was of.
type Ended = ((ReceiverId, SubjectId), Option<WebhookId>, Verdict);

/// The loop that sends deliveries until it is told to stop. What is under way then is sent again
/// after the next start, with the same id.
pub(crate) async fn send_deliveries(engine: Arc<Engine>, mut stop: Stop) {
    let mut sending = Sending { under_way: JoinSet::new(), busy: Busy::new(), last: None };
    loop {
        let pause = match sending.start_due(&engine).await {
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
            Some(first) = sending.under_way.join_next(), if !sending.under_way.is_empty() => {
                let mut ended: Vec<_> = first.ok().into_iter().collect();
                while let Some(more) = sending.under_way.try_join_next() {
                    ended.extend(more.ok());
                }
                sending.note(&engine, ended).await;
            }
        }
    }
}

struct Sending {
    under_way: JoinSet<Ended>,
    busy: Busy,
    /// The receiver that was served last.
    last: Option<ReceiverId>,
}

impl Sending {
    /// Starts what is due and has room, and answers how long to wait for more.
    async fn start_due(&mut self, engine: &Arc<Engine>) -> Result<Duration, StoreError> {
        let limit = AT_ONCE.saturating_sub(self.under_way.len());
        if limit == 0 {
            return Ok(LOOK_EVERY);
        }
        let now = engine.now();
        let due = DueDeliveries {
            now,
            under_way: self.busy.clone(),
            share: share(&self.busy),
            after: self.last,
            limit,
        };
        for delivery in engine.store.due_deliveries(due).await? {
            let queue = (delivery.receiver, delivery.subject);
            self.busy.insert(queue);
            self.last = Some(delivery.receiver);
            let engine = engine.clone();
            let webhook = delivery.destination.webhook();
            self.under_way.spawn(async move { (queue, webhook, attempt(&engine, delivery).await) });
        }
        if !self.busy.is_empty() {
            // Whoever ends makes room; those that are not due yet are looked for again soon.
            return Ok(STORE_PAUSE);
        }
        let next = engine.store.next_delivery().await?;
        Ok(next.map_or(LOOK_EVERY, |at| at.since(now)).clamp(Duration::from_millis(5), LOOK_EVERY))
    }

    async fn note(&mut self, engine: &Engine, ended: Vec<Ended>) {
        let mut failing: BTreeMap<WebhookId, bool> = BTreeMap::new();
        let mut attempts: Vec<DeliveryAttempt> = Vec::with_capacity(ended.len());
        let mut queues = Vec::with_capacity(ended.len());
        for (queue, webhook, Verdict { attempt, gone }) in ended {
            if let (Some(webhook), Health::Failing) = (webhook, attempt.health) {
                *failing.entry(webhook).or_default() |= gone;
            }
            attempts.push(attempt);
            queues.push(queue);
        }
        while let Err(error) = engine.store.record_attempts(attempts.clone()).await {
            tracing::warn!(%error, "the outcome of deliveries cannot be stored; trying again");
            if engine.background.is_stopping() {
                return;
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
        for queue in queues {
            self.busy.remove(&queue);
        }
        for (webhook, gone) in failing {
            look_after(engine, webhook, gone).await;
        }
    }
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
