//! The outbox.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{DeliveryId, ReceiverId, SubjectId};

use super::lists::cut_page;
use super::{MemoryStore, Result, State};
use crate::lists::{List, Page};
use crate::outbox::fair_order;
use crate::record::{DeliveryHistory, DeliveryRecord, DeliveryStatus};
use crate::traits::{
    DeliveriesOf, DeliveryAttempt, DeliveryFilter, DeliveryStore, DueDeliveries, Health, OutboxDue,
    Redeliver,
};
use crate::{Effects, StoreError};

#[async_trait]
impl DeliveryStore for MemoryStore {
    async fn due_deliveries(&self, due: DueDeliveries) -> Result<OutboxDue> {
        let state = self.state();
        let heads = state.heads();
        let mut of_receivers: BTreeMap<ReceiverId, Vec<&DeliveryRecord>> = BTreeMap::new();
        for (queue, head) in &heads {
            if head.next_attempt_at <= due.now && !due.under_way.contains(queue) {
                of_receivers.entry(queue.0).or_default().push(head);
            }
        }
        for (receiver, heads) in &mut of_receivers {
            heads.sort_by_key(|delivery| (delivery.next_attempt_at, delivery.id));
            heads.truncate(due.room(due.busy_subjects(*receiver).len()));
        }
        let chosen = fair_order(&due, of_receivers.into_iter().collect());
        let next = heads.values().map(|delivery| delivery.next_attempt_at).min();
        Ok(OutboxDue {
            next: next.filter(|_| chosen.is_empty()),
            deliveries: chosen.into_iter().cloned().collect(),
        })
    }

    async fn record_attempts(&self, attempts: Vec<DeliveryAttempt>) -> Result<()> {
        let mut state = self.writable()?;
        for DeliveryAttempt { id, status, next_attempt_at, attempt, health } in attempts {
            let Some(delivery) = state.deliveries.get_mut(&id) else { continue };
            delivery.status = status;
            delivery.attempts = attempt.number;
            delivery.next_attempt_at = next_attempt_at;
            let receiver = delivery.receiver;
            match (delivery.destination.webhook(), health) {
                (Some(_), Health::Well) => drop(state.failing.remove(&receiver)),
                (Some(_), Health::Failing) => {
                    state.failing.entry(receiver).or_insert(attempt.at);
                }
                (None, _) | (_, Health::Unknown) => {}
            }
            state.attempts.insert((id, attempt.number), attempt);
        }
        Ok(())
    }

    async fn find_delivery(&self, id: DeliveryId) -> Result<Option<DeliveryHistory>> {
        let state = self.state();
        Ok(state.deliveries.get(&id).map(|delivery| state.history(delivery)))
    }

    async fn list_deliveries(
        &self,
        of: DeliveriesOf,
        list: List<DeliveryFilter>,
    ) -> Result<Page<DeliveryHistory, DeliveryId>> {
        let DeliveryFilter { status, event } = &list.filter;
        let is_listed = |delivery: &&DeliveryRecord| {
            let is_of = match of {
                DeliveriesOf::Webhook(webhook) => delivery.destination.webhook() == Some(webhook),
                DeliveriesOf::Subject(subject) => delivery.subject == subject,
            };
            is_of
                && status.is_none_or(|status| delivery.status == status)
                && event.as_ref().is_none_or(|event| delivery.event == *event)
        };
        let state = self.state();
        let found = state.deliveries.values().filter(is_listed);
        let found: Vec<_> = found.map(|delivery| state.history(delivery)).collect();
        Ok(cut_page(&list, found.iter().collect()))
    }

    async fn redeliver(&self, redeliver: Redeliver) -> Result<()> {
        let Redeliver { id, now, give_up_at, effects } = redeliver;
        let mut state = self.writable()?;
        let found = state.deliveries.get_mut(&id).ok_or(StoreError::Missing("the delivery"))?;
        found.status = DeliveryStatus::Pending;
        found.next_attempt_at = now;
        found.give_up_at = give_up_at;
        state.take_effects(effects);
        Ok(())
    }

    async fn failing_since(&self, receivers: Vec<ReceiverId>) -> Result<Vec<Option<Timestamp>>> {
        let state = self.state();
        Ok(receivers.iter().map(|receiver| state.failing.get(receiver).copied()).collect())
    }
}

impl State {
    /// Writes the effects of a change.
    pub(super) fn take_effects(&mut self, effects: Effects) {
        let Effects { deliveries, audit, recovered } = effects;
        self.put_audit(audit);
        self.deliveries.extend(deliveries.into_iter().map(|delivery| (delivery.id, delivery)));
        for receiver in recovered {
            self.failing.remove(&receiver);
        }
    }

    fn history(&self, delivery: &DeliveryRecord) -> DeliveryHistory {
        let attempts = self.attempts.range((delivery.id, 0)..=(delivery.id, u32::MAX));
        let attempts = attempts.map(|(_, attempt)| attempt.clone()).collect();
        DeliveryHistory { record: delivery.clone(), attempts }
    }

    /// The first pending delivery of each queue.
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
