//! Deliveries to webhooks, and sending them again.

use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{DeliveryId, WebhookId};
use stepwell_store::Effects;
use stepwell_store::lists::{List, Page};
use stepwell_store::objects::ObjectBatch;
use stepwell_store::traits::{DeliveriesOf, DeliveryFilter, Redeliver};

use super::{DeliveryView, KIND};
use crate::app::App;
use crate::app::cursor::{decode_list, encode_page};
use crate::caller::Verb;
use crate::objects::Object;
use crate::webhook::{Webhook, WebhookStatus};
use crate::{AppError, Caller};

impl App {
    /// Sends a test event to a webhook. Scope `execute:webhooks`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where it is not active.
    pub async fn test_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
    ) -> Result<DeliveryView, AppError> {
        let webhook = self.find_webhook(caller, Verb::Execute, id).await?;
        require_active(&webhook)?;
        let delivery = self.engine.test_delivery(webhook.workspace, id);
        let entry = self.webhook_audit(caller, AuditAction::WebhookTested, &webhook);
        let entry = entry.with("delivery_id", delivery.id.abi());
        let effects = Effects::with_deliveries(vec![delivery.clone()]).and_audit(entry);
        self.engine.store.write_objects(ObjectBatch::effects(effects)).await?;
        self.engine.notify_outbox();
        Ok(DeliveryView { record: delivery, attempts: Vec::new() })
    }

    /// A page of what was sent to a webhook. Scope `read:webhooks`.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` for a limit or cursor that is wrong.
    pub async fn webhook_deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        list: List<DeliveryFilter, String>,
    ) -> Result<Page<DeliveryView>, AppError> {
        let webhook = self.find_webhook(caller, Verb::Read, id).await?.id;
        let (of, list) = (DeliveriesOf::Webhook(webhook), decode_list(list)?);
        Ok(encode_page(self.engine.store.list_deliveries(of, list).await?, ()))
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
        Ok(self.find_delivery(caller, Verb::Read, id).await?.0)
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
        let entry = self.webhook_audit(caller, AuditAction::WebhookRedelivered, &webhook);
        let effects = Effects::with_audit(entry.with("delivery_id", id.abi()));
        let give_up_at = self.engine.config().give_up_at(now);
        let redeliver = Redeliver { id, now, give_up_at, effects };
        self.engine.store.redeliver(redeliver).await?;
        self.engine.notify_outbox();
        self.engine.store.find_delivery(id).await?.ok_or_else(|| not_found(id))
    }

    /// A delivery to a webhook that still exists.
    async fn find_delivery(
        &self,
        caller: &Caller,
        verb: Verb,
        id: DeliveryId,
    ) -> Result<(DeliveryView, Object<Webhook>), AppError> {
        caller.require_any(verb, KIND)?;
        let found = self.engine.store.find_delivery(id).await?;
        let found = found.filter(|delivery| delivery.record.workspace == caller.workspace);
        let delivery = found.ok_or_else(|| not_found(id))?;
        let webhook = delivery.record.destination.webhook().ok_or_else(|| not_found(id))?;
        match self.find_webhook(caller, verb, webhook).await {
            Ok(webhook) => Ok((delivery, webhook)),
            Err(AppError::NotFound { .. }) => Err(not_found(id)),
            Err(error) => Err(error),
        }
    }
}

fn not_found(id: DeliveryId) -> AppError {
    AppError::not_found("delivery", id.abi())
}

fn require_active(webhook: &Object<Webhook>) -> Result<(), AppError> {
    let why = match &webhook.document.status {
        WebhookStatus::Active => return Ok(()),
        WebhookStatus::Inactive => "is inactive".to_owned(),
        WebhookStatus::Disabled { reason } => format!("is disabled: {reason}"),
    };
    Err(AppError::Conflict(format!("the webhook {why}; set its status to active first")))
}
