//! Webhooks, and what is asked of a store about them and their deliveries.

use std::time::Duration;

use async_trait::async_trait;
use stepwell_core::ids::{DeliveryId, WebhookId, WorkspaceId};
use stepwell_core::{Timestamp, TopicFilter};

use crate::lists::{Begin, Listed, Order};
use crate::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};
use crate::{Effects, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// A webhook: a subscription to events. Its secrets are shown once, when they are made.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Where events are sent.
    pub url: String,
    /// Which events.
    pub topics: TopicFilter,
    /// What people say of it.
    pub description: Option<String>,
    /// Whether it is told of events.
    pub status: WebhookStatus,
    /// What signs its deliveries: `whsec_…`.
    pub secret: String,
    /// The secrets before that, the newest first; each signs as well until that moment.
    pub previous_secrets: Vec<(String, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The first failed attempt since the last one that was answered with success; `None`: the
    /// last one was, or there was none.
    pub failing_since: Option<Timestamp>,
}

/// Without the secrets.
impl std::fmt::Debug for WebhookRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            id,
            workspace,
            url,
            topics,
            description,
            status,
            secret: _,
            previous_secrets,
            created_at,
            updated_at,
            failing_since,
        } = self;
        let until: Vec<_> = previous_secrets.iter().map(|(_, until)| until).collect();
        f.debug_struct("WebhookRecord")
            .field("id", id)
            .field("workspace", workspace)
            .field("url", url)
            .field("topics", topics)
            .field("description", description)
            .field("status", status)
            .field("previous_secrets_until", &until)
            .field("created_at", created_at)
            .field("updated_at", updated_at)
            .field("failing_since", failing_since)
            .finish_non_exhaustive()
    }
}

/// Whether a webhook is told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookStatus {
    /// It is.
    Active,
    /// Its owner has switched it off.
    Inactive,
    /// The server has switched it off.
    Disabled {
        /// Why.
        reason: String,
    },
}

/// Webhooks and the history of their deliveries.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Adds a webhook.
    async fn create_webhook(&self, webhook: WebhookRecord, effects: Effects) -> Result<()>;
    /// Writes a webhook over what was read. `Missing` where it is not there, `Outdated` where it
    /// was changed since.
    async fn update_webhook(&self, update: UpdateWebhook) -> Result<()>;
    /// Deletes a webhook; `Missing` where it is not there. Its deliveries stay until they are old.
    async fn delete_webhook(&self, id: WebhookId, effects: Effects) -> Result<()>;
    /// A webhook.
    async fn find_webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>>;
    /// The webhooks of a workspace, newest first; of all workspaces where `None`.
    async fn list_webhooks(&self, workspace: Option<WorkspaceId>) -> Result<Vec<WebhookRecord>>;
    /// How often webhooks were created, updated and deleted: whoever remembers them asks this to
    /// see whether they still are what they were.
    async fn webhook_changes(&self) -> Result<u64>;
    /// A page of a webhook's deliveries, by their ids, and how many there are on all pages, both
    /// of the same moment.
    async fn webhook_deliveries(
        &self,
        list: ListWebhookDeliveries,
    ) -> Result<Listed<DeliveryRecord>>;
    /// A delivery, to wherever it goes.
    async fn find_delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRecord>>;
    /// The attempts of each of these deliveries, in order; none where there is no such delivery.
    async fn list_attempts(&self, deliveries: Vec<DeliveryId>) -> Result<Vec<Vec<AttemptRecord>>>;
    /// Sends a delivery again; `Missing` where it is not there.
    async fn redeliver(&self, redeliver: Redeliver) -> Result<()>;
}

/// Parameters of [`WebhookStore::update_webhook`].
#[derive(Debug, Clone)]
pub struct UpdateWebhook {
    /// As it is to be. Workspace and `created_at` stay as they were. `failing_since` can only be
    /// taken away: what attempts have noted since it was read is not written over.
    pub webhook: WebhookRecord,
    /// Its `updated_at` when it was read; the new one must be another.
    pub expected: Timestamp,
    /// What it causes.
    pub effects: Effects,
}

impl UpdateWebhook {
    /// A change, made now, of what was read before; each has an `updated_at` of its own.
    pub fn of(
        before: &WebhookRecord,
        after: WebhookRecord,
        now: Timestamp,
        effects: Effects,
    ) -> Self {
        let updated_at = now.max(before.updated_at.after(Duration::from_micros(1)));
        let webhook = WebhookRecord { updated_at, ..after };
        Self { webhook, expected: before.updated_at, effects }
    }
}

/// Parameters of [`WebhookStore::webhook_deliveries`].
#[derive(Debug, Clone)]
pub struct ListWebhookDeliveries {
    /// The webhook.
    pub webhook: WebhookId,
    /// Only those that stand so.
    pub status: Option<DeliveryStatus>,
    /// Only those that tell of this.
    pub event: Option<String>,
    /// Which come first.
    pub order: Order,
    /// Where the page begins.
    pub begin: Begin<DeliveryId>,
    /// At most so many.
    pub limit: usize,
}

impl ListWebhookDeliveries {
    /// The newest of a webhook.
    pub const fn newest(webhook: WebhookId, limit: usize) -> Self {
        let begin = Begin::Skip(0);
        Self { webhook, status: None, event: None, order: Order::Descending, begin, limit }
    }
}

/// Parameters of [`WebhookStore::redeliver`].
#[derive(Debug, Clone)]
pub struct Redeliver {
    /// The delivery.
    pub id: DeliveryId,
    /// When it is tried next.
    pub now: Timestamp,
    /// Until when it is tried.
    pub give_up_at: Timestamp,
    /// What it causes.
    pub effects: Effects,
}
