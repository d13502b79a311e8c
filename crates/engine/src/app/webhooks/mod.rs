//! Webhooks: subscriptions to events, and what became of their deliveries.

mod edit;
mod history;
mod requests;

use stepwell_core::Timestamp;
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::WebhookId;
use stepwell_store::audit::AuditRecord;
use stepwell_store::webhooks::{UpdateWebhook, WebhookRecord, WebhookStatus};
use stepwell_store::{Effects, StoreError};

use super::App;
use crate::caller::Verb;
use crate::egress::origin;
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};

pub use requests::{
    ChangeWebhook, DeliveriesQuery, DeliveryView, NewWebhook, RotateSecret, ShownWebhook,
    WantedStatus,
};

/// The kind of object that scopes name.
const KIND: &str = "webhooks";

/// The most webhooks of a workspace.
const MOST: usize = crate::runtime::hooks::MAX_WEBHOOKS;

/// How often a change is tried again because another one came between.
const ATTEMPTS: usize = 16;

impl App {
    /// Makes a webhook. Scope `write:webhooks`.
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
        if self.engine.store.list_webhooks(Some(caller.workspace)).await?.len() >= MOST {
            let message = format!("a workspace has at most {MOST} webhooks; delete one first");
            return Err(AppError::Conflict(message));
        }
        let now = self.engine.now();
        let record = WebhookRecord {
            id: WebhookId::from_uuid(new_uuid()),
            workspace: caller.workspace,
            url,
            topics,
            description: description.filter(|text| !text.is_empty()),
            status: WebhookStatus::Active,
            secret,
            previous_secrets: Vec::new(),
            created_at: now,
            updated_at: now,
            failing_since: None,
        };
        let effects =
            Effects::with_audit(self.webhook_audit(caller, AuditAction::WebhookCreated, &record));
        self.engine.store.create_webhook(record.clone(), effects).await?;
        self.webhooks_changed().await?;
        Ok(ShownWebhook { record, made_secret })
    }

    /// The webhooks of the caller's workspace, newest first. Scope `read:webhooks`.
    ///
    /// # Errors
    /// `Forbidden`.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<WebhookRecord>, AppError> {
        caller.require(Verb::Read, KIND)?;
        Ok(self.engine.store.list_webhooks(Some(caller.workspace)).await?)
    }

    /// A webhook. Scope `read:webhooks`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook(&self, caller: &Caller, id: WebhookId) -> Result<WebhookRecord, AppError> {
        self.find_webhook(caller, Verb::Read, id).await
    }

    /// Changes a webhook. Deliveries that are still to be sent go where it points then. Scope
    /// `write:webhooks`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidRequest` naming the field.
    pub async fn change_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        change: ChangeWebhook,
    ) -> Result<WebhookRecord, AppError> {
        let before = self.find_webhook(caller, Verb::Write, id).await?;
        if let Some(url) = &change.url {
            self.check_url(url)?;
        }
        if let Some(topics) = &change.topics {
            edit::check_topics(topics)?;
        }
        edit::check_description(change.description.as_deref())?;
        if let Some(secret) = &change.secret {
            edit::check(secret)?;
        }
        let edit = |before: &WebhookRecord, now| edit::changed(before, &change, now);
        self.edit_webhook(caller, before, AuditAction::WebhookUpdated, edit).await
    }

    /// Gives a webhook another secret; for a while the old ones sign as well. Scope
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
        let edit = |before: &WebhookRecord, now| Ok(edit::rotated(before, &secret, overlap, now));
        let action = AuditAction::WebhookSecretRotated;
        let record = self.edit_webhook(caller, before, action, edit).await?;
        Ok(ShownWebhook { record, made_secret })
    }

    /// Deletes a webhook; what is still to be sent to it is not sent. Scope `write:webhooks`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_webhook(&self, caller: &Caller, id: WebhookId) -> Result<(), AppError> {
        let record = self.find_webhook(caller, Verb::Write, id).await?;
        let effects =
            Effects::with_audit(self.webhook_audit(caller, AuditAction::WebhookDeleted, &record));
        let deleted = self.engine.store.delete_webhook(id, effects).await;
        deleted.map_err(|error| missing(error, id))?;
        self.webhooks_changed().await
    }

    async fn find_webhook(
        &self,
        caller: &Caller,
        verb: Verb,
        id: WebhookId,
    ) -> Result<WebhookRecord, AppError> {
        caller.require_any(verb, KIND)?;
        let found = self.engine.store.find_webhook(id).await?;
        let found = found.filter(|webhook| webhook.workspace == caller.workspace);
        let found = found.ok_or_else(|| not_found(id))?;
        caller.require_on(verb, KIND, &[&id.abi(), &id.dataflow(), &id.to_string()])?;
        Ok(found)
    }

    /// Makes a change over what is stored, again where another change came between. One that
    /// changes nothing is no change.
    async fn edit_webhook(
        &self,
        caller: &Caller,
        mut before: WebhookRecord,
        action: AuditAction,
        edit: impl Fn(&WebhookRecord, Timestamp) -> Result<WebhookRecord, AppError>,
    ) -> Result<WebhookRecord, AppError> {
        for _ in 0..ATTEMPTS {
            let now = self.engine.now();
            let after = edit(&before, now)?;
            if after == before {
                return Ok(before);
            }
            let note = self.webhook_audit(caller, action, &after);
            let note = note.changing(edit::changed_fields(&before, &after));
            let update = UpdateWebhook::of(&before, after, now, Effects::with_audit(note));
            let after = update.webhook.clone();
            match self.engine.store.update_webhook(update).await {
                Ok(()) => {
                    self.webhooks_changed().await?;
                    return Ok(after);
                }
                Err(StoreError::Outdated(_)) => {
                    let found = self.engine.store.find_webhook(before.id).await?;
                    before = found.ok_or_else(|| not_found(before.id))?;
                }
                Err(error) => return Err(missing(error, before.id)),
            }
        }
        Err(StoreError::Outdated("the webhook").into())
    }

    /// What is written down of something that is done to a webhook.
    fn webhook_audit(
        &self,
        caller: &Caller,
        action: AuditAction,
        webhook: &WebhookRecord,
    ) -> AuditRecord {
        // What follows the origin of a URL may be a secret.
        self.engine.audit_entry(caller, action, webhook.id).named(origin(&webhook.url))
    }

    /// What happens from now on is told to those that are stored now.
    async fn webhooks_changed(&self) -> Result<(), AppError> {
        Ok(self.engine.hooks.read(&*self.engine.store).await?)
    }

    fn check_url(&self, url: &str) -> Result<(), AppError> {
        let checked = self.engine.egress.check_url(url);
        checked.map_err(|error| AppError::invalid("url", format!("is refused: {error}")))
    }
}

fn not_found(id: WebhookId) -> AppError {
    AppError::not_found("webhook", id.abi())
}

fn missing(error: StoreError, id: WebhookId) -> AppError {
    match error {
        StoreError::Missing(_) => not_found(id),
        other => other.into(),
    }
}
