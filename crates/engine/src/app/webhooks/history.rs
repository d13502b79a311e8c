//! What was sent to webhooks, and sending it again.

use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{DeliveryId, WebhookId};
use stepwell_store::Effects;
use stepwell_store::record::DeliveryRecord;
use stepwell_store::webhooks::{ListWebhookDeliveries, Redeliver, WebhookRecord, WebhookStatus};

use super::{DeliveriesQuery, DeliveryView, KIND};
use crate::app::{App, Page, cursor};
use crate::caller::Verb;
use crate::{AppError, Caller};

impl App {
    /// Sends a webhook an event that says that it is a test. Scope `execute:webhooks`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where it is not active.
    pub async fn test_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
    ) -> Result<DeliveryView, AppError> {
        let record = self.find_webhook(caller, Verb::Execute, id).await?;
        require_active(&record)?;
        let delivery = self.engine.test_delivery(record.workspace, id);
        let note = self.webhook_audit(caller, AuditAction::WebhookTested, &record);
        let note = note.with("delivery_id", delivery.id.abi());
        let effects = Effects::with_deliveries(vec![delivery.clone()]).and_audit(note);
        self.engine.store.add_effects(effects).await?;
        self.engine.notify_outbox();
        Ok(DeliveryView { record: delivery, attempts: Vec::new() })
    }

    /// What was sent to a webhook, and how many there are. Scope `read:webhooks`.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` for a limit or cursor that is wrong.
    pub async fn webhook_deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        query: DeliveriesQuery,
    ) -> Result<Page<DeliveryView>, AppError> {
        let webhook = self.find_webhook(caller, Verb::Read, id).await?.id;
        let DeliveriesQuery { status, event, order, at, limit } = query;
        let limit = cursor::check_limit(limit)?;
        let begin = cursor::begin(at, limit, |cursor| cursor.parse().ok())?;
        let list = ListWebhookDeliveries { webhook, status, event, order, begin, limit: limit + 1 };
        let found = self.engine.store.webhook_deliveries(list).await?;
        let page = cursor::listed(found, limit, |delivery| delivery.id.abi());
        let Page { items, next_cursor, total } = page;
        let ids = items.iter().map(|delivery| delivery.id).collect();
        let attempts = self.engine.store.list_attempts(ids).await?;
        let both = items.into_iter().zip(attempts);
        let items = both.map(|(record, attempts)| DeliveryView { record, attempts }).collect();
        Ok(Page { items, next_cursor, total })
    }

    /// A delivery to a webhook. Scope `read:webhooks`.
    ///
    /// # Errors
    /// `NotFound`, also where its webhook was deleted.
    pub async fn webhook_delivery(
        &self,
        caller: &Caller,
        id: DeliveryId,
    ) -> Result<DeliveryView, AppError> {
        let (record, _) = self.find_delivery(caller, Verb::Read, id).await?;
        self.with_attempts(record).await
    }

    /// Sends a delivery again, with the same id and body, and tries for as long as the first
    /// time. Scope `execute:webhooks`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where the webhook is not active.
    pub async fn redeliver(
        &self,
        caller: &Caller,
        id: DeliveryId,
    ) -> Result<DeliveryView, AppError> {
        let (_, webhook) = self.find_delivery(caller, Verb::Execute, id).await?;
        require_active(&webhook)?;
        let now = self.engine.now();
        let note = self.webhook_audit(caller, AuditAction::WebhookRedelivered, &webhook);
        let effects = Effects::with_audit(note.with("delivery_id", id.abi()));
        let give_up_at = self.engine.config.give_up_at(now);
        let redeliver = Redeliver { id, now, give_up_at, effects };
        self.engine.store.redeliver(redeliver).await?;
        self.engine.notify_outbox();
        let record = self.engine.store.find_delivery(id).await?;
        self.with_attempts(record.ok_or_else(|| not_found(id))?).await
    }

    /// A delivery to a webhook that is still there.
    async fn find_delivery(
        &self,
        caller: &Caller,
        verb: Verb,
        id: DeliveryId,
    ) -> Result<(DeliveryRecord, WebhookRecord), AppError> {
        caller.require_any(verb, KIND)?;
        let found = self.engine.store.find_delivery(id).await?;
        let found = found.filter(|delivery| delivery.workspace == caller.workspace);
        let record = found.ok_or_else(|| not_found(id))?;
        let webhook = record.destination.webhook().ok_or_else(|| not_found(id))?;
        match self.find_webhook(caller, verb, webhook).await {
            Ok(webhook) => Ok((record, webhook)),
            Err(AppError::NotFound { .. }) => Err(not_found(id)),
            Err(error) => Err(error),
        }
    }

    async fn with_attempts(&self, record: DeliveryRecord) -> Result<DeliveryView, AppError> {
        let mut attempts = self.engine.store.list_attempts(vec![record.id]).await?;
        Ok(DeliveryView { record, attempts: attempts.pop().unwrap_or_default() })
    }
}

fn not_found(id: DeliveryId) -> AppError {
    AppError::not_found("delivery", id.abi())
}

fn require_active(webhook: &WebhookRecord) -> Result<(), AppError> {
    let why = match &webhook.status {
        WebhookStatus::Active => return Ok(()),
        WebhookStatus::Inactive => "is inactive".to_owned(),
        WebhookStatus::Disabled { reason } => format!("is disabled: {reason}"),
    };
    Err(AppError::Conflict(format!("the webhook {why}; set its status to active first")))
}
