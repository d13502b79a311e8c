//! Webhooks: subscriptions to events, and the history of their deliveries.

mod edit;
mod history;
mod requests;

use stepwell_core::Timestamp;
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::WebhookId;
use stepwell_store::audit::AuditRecord;
use stepwell_store::lists::List;
use stepwell_store::objects::{DeleteObject, ObjectBatch, ObjectFilter};
use stepwell_store::{Effects, StoreError};

use super::App;
use crate::caller::Verb;
use crate::egress::url_origin;
use crate::objects::{self, Document, Object};
use crate::runtime::engine::new_uuid;
use crate::webhook::{Webhook, WebhookStatus};
use crate::{AppError, Caller};

pub use requests::{
    ChangeWebhook, DeliveryView, NewWebhook, RotateSecret, ShownWebhook, WantedStatus, WebhookView,
};

/// The kind of object that scopes name.
const KIND: &str = "webhooks";

/// The most webhooks of a workspace.
const MOST: usize = crate::runtime::subscriptions::MAX_WEBHOOKS;

/// How often a change is repeated because another writer was faster.
const ATTEMPTS: usize = 16;

impl App {
    /// Creates a webhook. Scope `write:webhooks`.
    ///
    /// # Errors
    /// `InvalidRequest` naming the field; `Conflict` where the workspace has too many.
    pub async fn create_webhook(
        &self,
        caller: &Caller,
        new: NewWebhook,
    ) -> Result<ShownWebhook, AppError> {
        caller.require(Verb::Write, KIND)?;
        let NewWebhook { url, topics, secret, description } = new;
        self.check_url(&url)?;
        edit::check_topics(&topics)?;
        edit::check_description(description.as_deref())?;
        let (secret, made_secret) = edit::given_or_made(secret)?;
        let count = List::first_page(ObjectFilter::default(), 0).with_total();
        let found = self.engine.store.list_objects(Webhook::KIND, caller.workspace, count).await?;
        if found.total >= Some(MOST as u64) {
            let message = format!("a workspace has at most {MOST} webhooks; delete one first");
            return Err(AppError::Conflict(message));
        }
        let document = Webhook {
            url,
            topics,
            description: description.filter(|text| !text.is_empty()),
            status: WebhookStatus::Active,
            secret,
            previous_secrets: Vec::new(),
        };
        let (id, now) = (WebhookId::from_uuid(new_uuid()), self.engine.now());
        let record = Object::new(id, caller.workspace, now, document);
        let entry = self.webhook_audit(caller, AuditAction::WebhookCreated, &record);
        let batch = ObjectBatch::put(record.to_stored()?, Effects::with_audit(entry));
        self.engine.store.write_objects(batch).await?;
        self.webhooks_changed().await?;
        Ok(ShownWebhook { record, failing_since: None, made_secret })
    }

    /// The webhooks of the caller's workspace, newest first. Scope `read:webhooks`.
    ///
    /// # Errors
    /// `Forbidden`.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<WebhookView>, AppError> {
        caller.require(Verb::Read, KIND)?;
        let store = &*self.engine.store;
        let found = objects::list_all::<Webhook>(store, caller.workspace).await?;
        let ids = found.iter().map(|webhook| webhook.id.into()).collect();
        let failing = store.failing_since(ids).await?;
        let both = found.into_iter().zip(failing);
        Ok(both.map(|(record, failing_since)| WebhookView { record, failing_since }).collect())
    }

    /// A webhook. Scope `read:webhooks`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook(&self, caller: &Caller, id: WebhookId) -> Result<WebhookView, AppError> {
        let record = self.find_webhook(caller, Verb::Read, id).await?;
        self.webhook_view(record).await
    }

    /// Changes a webhook. Pending deliveries are sent to its URL at that time. Scope
    /// `write:webhooks`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRequest` naming the field.
    pub async fn change_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        change: ChangeWebhook,
    ) -> Result<WebhookView, AppError> {
        let before = self.find_webhook(caller, Verb::Write, id).await?;
        if let Some(url) = &change.url {
            self.check_url(url)?;
        }
        if let Some(topics) = &change.topics {
            edit::check_topics(topics)?;
        }
        edit::check_description(change.description.as_deref())?;
        if let Some(secret) = &change.secret {
            edit::check_given_secret(secret)?;
        }
        let edit = |before: &Webhook, now| edit::changed_webhook(before, &change, now);
        let record = self.edit_webhook(caller, before, AuditAction::WebhookUpdated, edit).await?;
        self.webhook_view(record).await
    }

    /// Changes the secret of a webhook; for a while the earlier ones sign as well. Scope
    /// `write:webhooks`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRequest` naming the field.
    pub async fn rotate_secret(
        &self,
        caller: &Caller,
        id: WebhookId,
        rotate: RotateSecret,
    ) -> Result<ShownWebhook, AppError> {
        let before = self.find_webhook(caller, Verb::Write, id).await?;
        let RotateSecret { secret, overlap } = rotate;
        edit::check_overlap(overlap)?;
        let (secret, made_secret) = edit::given_or_made(secret)?;
        let edit = |before: &Webhook, now| Ok(edit::rotated_webhook(before, &secret, overlap, now));
        let action = AuditAction::WebhookSecretRotated;
        let record = self.edit_webhook(caller, before, action, edit).await?;
        let WebhookView { record, failing_since } = self.webhook_view(record).await?;
        Ok(ShownWebhook { record, failing_since, made_secret })
    }

    /// Deletes a webhook; its pending deliveries are not sent. Scope `write:webhooks`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_webhook(&self, caller: &Caller, id: WebhookId) -> Result<(), AppError> {
        let record = self.find_webhook(caller, Verb::Write, id).await?;
        let entry = self.webhook_audit(caller, AuditAction::WebhookDeleted, &record);
        let effects = Effects { recovered: vec![id.into()], ..Effects::with_audit(entry) };
        let delete = DeleteObject { kind: Webhook::KIND, id: id.into(), expected: None };
        let deleted = self.engine.store.write_objects(ObjectBatch::delete(delete, effects)).await;
        deleted.map_err(|error| missing_webhook(error, id))?;
        self.webhooks_changed().await
    }

    async fn webhook_view(&self, record: Object<Webhook>) -> Result<WebhookView, AppError> {
        let failing = self.engine.store.failing_since(vec![record.id.into()]).await?;
        Ok(WebhookView { record, failing_since: failing.into_iter().next().flatten() })
    }

    async fn find_webhook(
        &self,
        caller: &Caller,
        verb: Verb,
        id: WebhookId,
    ) -> Result<Object<Webhook>, AppError> {
        caller.require_any(verb, KIND)?;
        let found = objects::find_object::<Webhook>(&*self.engine.store, id).await?;
        let found = found.filter(|webhook| webhook.workspace == caller.workspace);
        let found = found.ok_or_else(|| not_found(id))?;
        caller.require_on(verb, KIND, &[&id.abi(), &id.dataflow(), &id.to_string()])?;
        Ok(found)
    }

    /// Changes a webhook; if another writer was faster, again over what it wrote. Writes nothing if
    /// nothing changes.
    async fn edit_webhook(
        &self,
        caller: &Caller,
        mut before: Object<Webhook>,
        action: AuditAction,
        edit: impl Fn(&Webhook, Timestamp) -> Result<Webhook, AppError>,
    ) -> Result<Object<Webhook>, AppError> {
        for _ in 0..ATTEMPTS {
            let now = self.engine.now();
            let document = edit(&before.document, now)?;
            if document == before.document {
                return Ok(before);
            }
            let after = before.next(now, document);
            let entry = self.webhook_audit(caller, action, &after);
            let entry = entry.changing(edit::changed_fields(&before.document, &after.document));
            let mut effects = Effects::with_audit(entry);
            if edit::forgets_failures(&before.document, &after.document) {
                effects.recovered.push(after.id.into());
            }
            let batch = ObjectBatch::put(after.to_stored()?, effects);
            match self.engine.store.write_objects(batch).await {
                Ok(()) => {
                    self.webhooks_changed().await?;
                    return Ok(after);
                }
                Err(StoreError::Outdated(_)) => {
                    let found = objects::find_object(&*self.engine.store, before.id).await?;
                    before = found.ok_or_else(|| not_found(before.id))?;
                }
                Err(error) => return Err(missing_webhook(error, before.id)),
            }
        }
        Err(StoreError::Outdated(Webhook::KIND).into())
    }

    /// The audit entry of an action on a webhook.
    fn webhook_audit(
        &self,
        caller: &Caller,
        action: AuditAction,
        webhook: &Object<Webhook>,
    ) -> AuditRecord {
        // What follows the origin of a URL may be a secret.
        self.engine.audit_entry(caller, action, webhook.id).named(url_origin(&webhook.document.url))
    }

    /// Events from now on are sent to the webhooks that are stored now.
    async fn webhooks_changed(&self) -> Result<(), AppError> {
        Ok(self.engine.subscriptions.read(&*self.engine.store).await?)
    }

    fn check_url(&self, url: &str) -> Result<(), AppError> {
        let checked = self.engine.egress.check_url(url);
        checked.map_err(|error| AppError::invalid("url", format!("is refused: {error}")))
    }
}

fn not_found(id: WebhookId) -> AppError {
    AppError::not_found("webhook", id.abi())
}

fn missing_webhook(error: StoreError, id: WebhookId) -> AppError {
    match error {
        StoreError::Missing(_) => not_found(id),
        other => other.into(),
    }
}
