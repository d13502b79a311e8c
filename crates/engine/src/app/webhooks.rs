//! Webhooks: subscriptions to events, and what became of their deliveries.

use std::time::Duration;

use stepwell_core::audit::Action;
use stepwell_core::ids::{DeliveryId, WebhookId};
use stepwell_core::{Timestamp, Topics};
use stepwell_store::Effects;
use stepwell_store::audit::AuditRecord;
use stepwell_store::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};
use stepwell_store::webhooks::{ListWebhookDeliveries, Redeliver, WebhookRecord, WebhookStatus};

use super::App;
use crate::caller::Verb;
use crate::egress::origin;
use crate::runtime::deliveries::{check_secret, new_secret};
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};

/// The kind of object that scopes name.
const KIND: &str = "webhooks";

/// The most webhooks of a workspace.
const MOST: usize = 1000;

/// The longest URL, in bytes.
const MAX_URL: usize = 2048;

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 500;

/// The longest time for which an old secret goes on signing.
const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);

/// Asks for a webhook.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where events are to be sent.
    pub url: String,
    /// Which; not empty.
    pub topics: Topics,
    /// `whsec_…`; `None`: one is made.
    pub secret: Option<String>,
    /// What people say of it.
    pub description: Option<String>,
}

/// Asks for changes of a webhook; `None` leaves things as they are.
#[derive(Debug, Clone, Default)]
pub struct ChangeWebhook {
    /// Where events are sent from now on.
    pub url: Option<String>,
    /// Which.
    pub topics: Option<Topics>,
    /// What people say of it; an empty one takes it away.
    pub description: Option<String>,
    /// Whether it is told of events. Switched on, it begins anew, whatever failed before.
    pub active: Option<bool>,
}

/// Asks for another secret.
#[derive(Debug, Clone, Default)]
pub struct RotateSecret {
    /// `whsec_…`; `None`: one is made.
    pub secret: Option<String>,
    /// How long the old one signs as well.
    pub overlap: Duration,
}

/// A webhook, at the only moment at which a secret that was made is known.
#[derive(Debug, Clone)]
pub struct ShownWebhook {
    /// What is stored.
    pub record: WebhookRecord,
    /// Whether the secret was made here, and so must be shown.
    pub made_secret: bool,
}

/// Asks for a page of the deliveries of a webhook.
#[derive(Debug, Clone, Copy)]
pub struct DeliveriesQuery {
    /// Only those that stand so.
    pub status: Option<DeliveryStatus>,
    /// How many of the newest to pass over.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

/// A delivery and what was tried.
#[derive(Debug, Clone)]
pub struct DeliveryView {
    /// The delivery.
    pub record: DeliveryRecord,
    /// The attempts, in order.
    pub attempts: Vec<AttemptRecord>,
}

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
        check_topics(&topics)?;
        check_description(description.as_deref())?;
        let (secret, made_secret) = given_or_made(secret)?;
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
            previous_secret: None,
            created_at: now,
            updated_at: now,
            failing_since: None,
        };
        let effects = Effects::noting(self.noted(caller, Action::WebhookCreated, &record));
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
        let mut record = before.clone();
        let ChangeWebhook { url, topics, description, active } = change;
        if let Some(url) = url {
            self.check_url(&url)?;
            record.url = url;
        }
        if let Some(topics) = topics {
            check_topics(&topics)?;
            record.topics = topics;
        }
        if let Some(description) = description {
            check_description(Some(&description))?;
            record.description = Some(description).filter(|text| !text.is_empty());
        }
        match active {
            Some(true) if record.status != WebhookStatus::Active => {
                record.status = WebhookStatus::Active;
                record.failing_since = None;
            }
            Some(false) => record.status = WebhookStatus::Inactive,
            _ => {}
        }
        let note = self.noted(caller, Action::WebhookUpdated, &record);
        self.store_webhook(record.clone(), note.changing(changed(&before, &record))).await
    }

    /// Gives a webhook another secret; for a while the old one signs as well. Scope
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
        let mut record = self.find_webhook(caller, Verb::Write, id).await?;
        let RotateSecret { secret, overlap } = rotate;
        if overlap > MAX_OVERLAP {
            let most = MAX_OVERLAP.as_secs();
            let message = format!("must be at most {most}, which is a week");
            return Err(AppError::invalid("overlap_seconds", message));
        }
        let (secret, made_secret) = given_or_made(secret)?;
        let old = std::mem::replace(&mut record.secret, secret);
        let until = self.engine.now().after(overlap);
        record.previous_secret = (!overlap.is_zero()).then_some((old, until));
        let note = self.noted(caller, Action::WebhookSecretRotated, &record).changing(["secret"]);
        let record = self.store_webhook(record, note).await?;
        Ok(ShownWebhook { record, made_secret })
    }

    /// Deletes a webhook; what is still to be sent to it is not sent. Scope `write:webhooks`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_webhook(&self, caller: &Caller, id: WebhookId) -> Result<(), AppError> {
        let record = self.find_webhook(caller, Verb::Write, id).await?;
        let effects = Effects::noting(self.noted(caller, Action::WebhookDeleted, &record));
        let deleted = self.engine.store.delete_webhook(id, effects).await;
        deleted.map_err(|error| missing(error, id))?;
        self.webhooks_changed().await
    }

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
        let note = self.noted(caller, Action::WebhookTested, &record);
        let note = note.with("delivery_id", delivery.id.abi());
        let effects = Effects::telling(vec![delivery.clone()]).and_noting(note);
        self.engine.store.add_effects(effects).await?;
        self.engine.outbox_changed.notify_one();
        Ok(DeliveryView { record: delivery, attempts: Vec::new() })
    }

    /// What was sent to a webhook, newest first, and how many there are. Scope `read:webhooks`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook_deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        query: DeliveriesQuery,
    ) -> Result<(Vec<DeliveryView>, u64), AppError> {
        let webhook = self.find_webhook(caller, Verb::Read, id).await?.id;
        let DeliveriesQuery { status, skip, limit } = query;
        let list = ListWebhookDeliveries { webhook, status, skip, limit };
        let page = self.engine.store.webhook_deliveries(list).await?;
        let ids = page.deliveries.iter().map(|delivery| delivery.id).collect();
        let attempts = self.engine.store.list_attempts(ids).await?;
        let both = page.deliveries.into_iter().zip(attempts);
        let views = both.map(|(record, attempts)| DeliveryView { record, attempts });
        Ok((views.collect(), page.total))
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
        caller.require_any(Verb::Execute, KIND)?;
        let not_found = || AppError::not_found("delivery", id.abi());
        let found = self.engine.store.find_delivery(id).await?;
        let found = found.filter(|delivery| delivery.workspace == caller.workspace);
        let webhook = found.and_then(|delivery| delivery.destination.webhook());
        let webhook = webhook.ok_or_else(not_found)?;
        let record = match self.find_webhook(caller, Verb::Execute, webhook).await {
            Err(AppError::NotFound { .. }) => return Err(not_found()),
            found => found?,
        };
        require_active(&record)?;
        let now = self.engine.now();
        let note = self.noted(caller, Action::WebhookRedelivered, &record);
        let effects = Effects::noting(note.with("delivery_id", id.abi()));
        let give_up_at = self.engine.config.give_up_at(now);
        let redeliver = Redeliver { id, now, give_up_at, effects };
        self.engine.store.redeliver(redeliver).await?;
        self.engine.outbox_changed.notify_one();
        let record = self.engine.store.find_delivery(id).await?.ok_or_else(not_found)?;
        let mut attempts = self.engine.store.list_attempts(vec![id]).await?;
        Ok(DeliveryView { record, attempts: attempts.pop().unwrap_or_default() })
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
        let found = found.ok_or_else(|| AppError::not_found("webhook", id.abi()))?;
        caller.require_on(verb, KIND, &[&id.abi(), &id.dataflow(), &id.to_string()])?;
        Ok(found)
    }

    async fn store_webhook(
        &self,
        record: WebhookRecord,
        note: AuditRecord,
    ) -> Result<WebhookRecord, AppError> {
        let record = WebhookRecord { updated_at: self.engine.now(), ..record };
        let stored = self.engine.store.update_webhook(record.clone(), Effects::noting(note)).await;
        stored.map_err(|error| missing(error, record.id))?;
        self.webhooks_changed().await?;
        Ok(record)
    }

    /// What is written down of something that is done to a webhook.
    fn noted(&self, caller: &Caller, action: Action, webhook: &WebhookRecord) -> AuditRecord {
        // What follows the origin of a URL may be a secret.
        self.engine.noted(caller, action, webhook.id).named(origin(&webhook.url))
    }

    /// What happens from now on is told to those that are stored now.
    async fn webhooks_changed(&self) -> Result<(), AppError> {
        Ok(self.engine.hooks.read(&*self.engine.store).await?)
    }

    fn check_url(&self, url: &str) -> Result<(), AppError> {
        if url.len() > MAX_URL {
            return Err(AppError::invalid("url", format!("must be at most {MAX_URL} bytes long")));
        }
        let checked = self.engine.egress.check_url(url);
        checked.map_err(|error| AppError::invalid("url", format!("is refused: {error}")))
    }
}

/// The names of the fields in which they differ.
fn changed(before: &WebhookRecord, after: &WebhookRecord) -> impl Iterator<Item = &'static str> {
    let fields = [
        ("url", before.url != after.url),
        ("events", before.topics != after.topics),
        ("description", before.description != after.description),
        ("status", before.status != after.status),
    ];
    fields.into_iter().filter_map(|(name, differs)| differs.then_some(name))
}

fn missing(error: stepwell_store::StoreError, id: WebhookId) -> AppError {
    match error {
        stepwell_store::StoreError::Missing(_) => AppError::not_found("webhook", id.abi()),
        other => other.into(),
    }
}

fn check_topics(topics: &Topics) -> Result<(), AppError> {
    match topics {
        Topics::Some(topics) if topics.is_empty() => {
            Err(AppError::invalid("events", "must name at least one event, or be [\"*\"]"))
        }
        _ => Ok(()),
    }
}

fn check_description(description: Option<&str>) -> Result<(), AppError> {
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        let message = format!("must have at most {MAX_DESCRIPTION} characters");
        return Err(AppError::invalid("description", message));
    }
    Ok(())
}

/// The secret, and whether it was made here.
fn given_or_made(secret: Option<String>) -> Result<(String, bool), AppError> {
    match secret {
        Some(secret) => {
            check_secret(&secret).map_err(|problem| AppError::invalid("secret", problem))?;
            Ok((secret, false))
        }
        None => Ok((new_secret(), true)),
    }
}

fn require_active(webhook: &WebhookRecord) -> Result<(), AppError> {
    let why = match &webhook.status {
        WebhookStatus::Active => return Ok(()),
        WebhookStatus::Inactive => "is inactive".to_owned(),
        WebhookStatus::Disabled { reason } => format!("is disabled: {reason}"),
    };
    Err(AppError::Conflict(format!("the webhook {why}; set its status to active first")))
}

impl ShownWebhook {
    /// The secret, where it must be shown.
    pub fn secret(&self) -> Option<&str> {
        self.made_secret.then_some(self.record.secret.as_str())
    }

    /// Until when the secret before signs as well.
    pub fn overlap_until(&self) -> Option<Timestamp> {
        self.record.previous_secret.as_ref().map(|(_, until)| *until)
    }
}
