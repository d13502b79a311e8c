//! The outbox.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::ExecutionId;

use super::{MemoryStore, Result, State};
use crate::record::{DeliveryRecord, DeliveryStatus};
use crate::traits::{DeliveryAttempt, DeliveryStore, DueDeliveries};

#[async_trait]
impl DeliveryStore for MemoryStore {
    async fn due_deliveries(&self, due: DueDeliveries) -> Result<Vec<DeliveryRecord>> {
        let state = self.state();
        let ready = |delivery: &&DeliveryRecord| {
            delivery.next_attempt_at <= due.now && !due.except.contains(&delivery.execution)
        };
        let mut heads: Vec<_> = state.heads().into_values().filter(ready).cloned().collect();
        heads.sort_by_key(|delivery| (delivery.next_attempt_at, delivery.id));
        heads.truncate(due.limit);
        Ok(heads)
    }

    async fn next_delivery(&self) -> Result<Option<Timestamp>> {
        Ok(self.state().heads().into_values().map(|delivery| delivery.next_attempt_at).min())
    }

    async fn record_attempts(&self, attempts: Vec<DeliveryAttempt>) -> Result<()> {
        let mut state = self.state();
        for attempt in attempts {
            if let Some(delivery) = state.deliveries.get_mut(&attempt.id) {
                delivery.status = attempt.status;
                delivery.attempts = attempt.attempts;
                delivery.next_attempt_at = attempt.next_attempt_at;
                delivery.last_result = Some(attempt.last_result);
            }
        }
        Ok(())
    }

    async fn list_deliveries(&self, execution: ExecutionId) -> Result<Vec<DeliveryRecord>> {
        let state = self.state();
        let all = state.deliveries.values();
        let mut own: Vec<_> = all.filter(|one| one.execution == execution).cloned().collect();
        own.sort_by_key(|delivery| (delivery.sequence, delivery.id));
        Ok(own)
    }
}

impl State {
    /// The pending delivery of each execution that comes before its others.
    fn heads(&self) -> BTreeMap<ExecutionId, &DeliveryRecord> {
        let mut heads: BTreeMap<ExecutionId, &DeliveryRecord> = BTreeMap::new();
        let pending = |one: &&DeliveryRecord| one.status == DeliveryStatus::Pending;
        for delivery in self.deliveries.values().filter(pending) {
            let head = heads.entry(delivery.execution).or_insert(delivery);
            if (delivery.sequence, delivery.id) < (head.sequence, head.id) {
                *head = delivery;
            }
        }
        heads
    }
}
