//! Webhooks and the history of their deliveries.

use async_trait::async_trait;
use stepwell_core::ids::{DeliveryId, WebhookId, WorkspaceId};

use super::lists::Cut;
use super::{MemoryStore, Result};
use crate::lists::Listed;
use crate::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};
use crate::webhooks::{
    ListWebhookDeliveries, Redeliver, UpdateWebhook, WebhookRecord, WebhookStore,
};
use crate::{Effects, StoreError};

const MISSING: StoreError = StoreError::Missing("the webhook");

#[async_trait]
impl WebhookStore for MemoryStore {
    async fn create_webhook(&self, webhook: WebhookRecord, effects: Effects) -> Result<()> {
        let mut state = self.writable()?;
        if state.webhooks.contains_key(&webhook.id) {
            return Err(StoreError::Corrupt(format!("webhook {} is already there", webhook.id)));
        }
        state.webhook_changes += 1;
        state.webhooks.insert(webhook.id, webhook);
        state.take_effects(effects);
        Ok(())
    }

    async fn update_webhook(&self, update: UpdateWebhook) -> Result<()> {
        let UpdateWebhook { webhook, expected, effects } = update;
        let mut state = self.writable()?;
        let found = state.webhooks.get_mut(&webhook.id).ok_or(MISSING)?;
        if found.updated_at != expected {
            return Err(StoreError::Outdated("the webhook"));
        }
        let (workspace, created_at) = (found.workspace, found.created_at);
        let failing_since = webhook.failing_since.and(found.failing_since);
        *found = WebhookRecord { workspace, created_at, failing_since, ..webhook };
        state.webhook_changes += 1;
        state.take_effects(effects);
        Ok(())
    }

    async fn delete_webhook(&self, id: WebhookId, effects: Effects) -> Result<()> {
        let mut state = self.writable()?;
        state.webhooks.remove(&id).ok_or(MISSING)?;
        state.webhook_changes += 1;
        state.take_effects(effects);
        Ok(())
    }

    async fn find_webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>> {
        Ok(self.state().webhooks.get(&id).cloned())
    }

    async fn list_webhooks(&self, workspace: Option<WorkspaceId>) -> Result<Vec<WebhookRecord>> {
        let state = self.state();
        let newest_first = state.webhooks.values().rev();
        let wanted =
            |webhook: &&WebhookRecord| workspace.is_none_or(|wanted| webhook.workspace == wanted);
        Ok(newest_first.filter(wanted).cloned().collect())
    }

    async fn webhook_changes(&self) -> Result<u64> {
        Ok(self.state().webhook_changes)
    }

    async fn webhook_deliveries(
        &self,
        list: ListWebhookDeliveries,
    ) -> Result<Listed<DeliveryRecord>> {
        let ListWebhookDeliveries { webhook, status, event, order, begin, limit } = list;
        let wanted = |delivery: &&DeliveryRecord| {
            delivery.destination.webhook() == Some(webhook)
                && status.is_none_or(|status| delivery.status == status)
                && event.as_ref().is_none_or(|event| delivery.event == *event)
        };
        let state = self.state();
        let found = state.deliveries.values().filter(wanted).collect();
        let cut = Cut { order, begin, limit, count: true };
        Ok(cut.of(found, |delivery, place| delivery.id.cmp(place)))
    }

    async fn find_delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRecord>> {
        Ok(self.state().deliveries.get(&id).cloned())
    }

    async fn list_attempts(&self, deliveries: Vec<DeliveryId>) -> Result<Vec<Vec<AttemptRecord>>> {
        let state = self.state();
        let of = |id: DeliveryId| state.attempts.range((id, 0)..=(id, u32::MAX));
        let each = deliveries.into_iter();
        Ok(each.map(|id| of(id).map(|(_, attempt)| attempt.clone()).collect()).collect())
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
}
