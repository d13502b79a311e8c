//! The outbox.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{ReceiverId, SubjectId};

use super::{MemoryStore, Result, State};
use crate::Effects;
use crate::record::{DeliveryRecord, DeliveryStatus};
use crate::traits::{DeliveryAttempt, DeliveryStore, DueDeliveries, Health};

#[async_trait]
impl DeliveryStore for MemoryStore {
    async fn add_effects(&self, effects: Effects) -> Result<()> {
        self.writable()?.take_effects(effects);
        Ok(())
    }

    async fn due_deliveries(&self, due: DueDeliveries) -> Result<Vec<DeliveryRecord>> {
        let state = self.state();
        let mut of_receivers: BTreeMap<ReceiverId, Vec<&DeliveryRecord>> = BTreeMap::new();
        for (queue, head) in state.heads() {
            if head.next_attempt_at <= due.now && !due.under_way.contains(&queue) {
                of_receivers.entry(queue.0).or_default().push(head);
            }
        }
        for (receiver, heads) in &mut of_receivers {
            heads.sort_by_key(|delivery| (delivery.next_attempt_at, delivery.id));
            let busy = due.under_way.iter().filter(|(other, _)| other == receiver).count();
            heads.truncate(due.share.saturating_sub(busy));
        }
        let (before, behind): (Vec<_>, Vec<_>) =
            of_receivers.into_iter().partition(|(receiver, _)| Some(*receiver) <= due.after);
        let turns: Vec<_> = behind.into_iter().chain(before).map(|(_, heads)| heads).collect();
        let rounds = 0..turns.iter().map(Vec::len).max().unwrap_or(0);
        let chosen = rounds.flat_map(|round| turns.iter().filter_map(move |of| of.get(round)));
        Ok(chosen.take(due.limit).map(|delivery| (*delivery).clone()).collect())
    }

    async fn next_delivery(&self) -> Result<Option<Timestamp>> {
        Ok(self.state().heads().into_values().map(|delivery| delivery.next_attempt_at).min())
    }

    async fn record_attempts(&self, attempts: Vec<DeliveryAttempt>) -> Result<()> {
        let mut state = self.writable()?;
        for DeliveryAttempt { id, status, next_attempt_at, attempt, health } in attempts {
            let Some(delivery) = state.deliveries.get_mut(&id) else { continue };
            delivery.status = status;
            delivery.attempts = attempt.number;
            delivery.next_attempt_at = next_attempt_at;
            let webhook = delivery.destination.webhook();
            let webhook = webhook.and_then(|id| state.webhooks.get_mut(&id));
            match (webhook, health) {
                (Some(webhook), Health::Well) => webhook.failing_since = None,
                (Some(webhook), Health::Failing) => {
                    webhook.failing_since.get_or_insert(attempt.at);
                }
                (None, _) | (_, Health::Unknown) => {}
            }
            state.attempts.insert((id, attempt.number), attempt);
        }
        Ok(())
    }

    async fn list_deliveries(&self, subject: SubjectId) -> Result<Vec<DeliveryRecord>> {
        let state = self.state();
        let all = state.deliveries.values();
        let mut own: Vec<_> = all.filter(|one| one.subject == subject).cloned().collect();
        own.sort_by_key(|delivery| (delivery.sequence, delivery.id));
        Ok(own)
    }
}

impl State {
    /// Writes what a change causes.
    pub(super) fn take_effects(&mut self, effects: Effects) {
        let Effects { deliveries, audit } = effects;
        self.put_audit(audit);
        self.deliveries.extend(deliveries.into_iter().map(|delivery| (delivery.id, delivery)));
    }

    /// The pending delivery of each queue that comes before its others.
    fn heads(&self) -> BTreeMap<(ReceiverId, SubjectId), &DeliveryRecord> {
        let mut heads: BTreeMap<_, &DeliveryRecord> = BTreeMap::new();
        let pending = |one: &&DeliveryRecord| one.status == DeliveryStatus::Pending;
        for delivery in self.deliveries.values().filter(pending) {
            let head = heads.entry((delivery.receiver, delivery.subject)).or_insert(delivery);
            if (delivery.sequence, delivery.id) < (head.sequence, head.id) {
                *head = delivery;
            }
        }
        heads
    }
}
