//! The outbox.

use std::collections::BTreeSet;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{DeliveryId, ReceiverId, SubjectId, WebhookId};

use crate::effects::Effects;
use crate::error::Result;
use crate::lists::{List, ListFilter, Page};
use crate::record::{AttemptRecord, DeliveryHistory, DeliveryRecord, DeliveryStatus};

/// The outbox.
///
/// Of the pending deliveries to one receiver about one subject only the first can be sent; a
/// *queue* is identified by these two. Deliveries are added as effects of changes.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Pending deliveries that are due and first in their queue, in [fair
    /// order](crate::outbox::fair_order).
    async fn due_deliveries(&self, due: DueDeliveries) -> Result<OutboxDue>;
    /// Stores attempts, and whether their webhooks fail; one transaction. Attempts of deliveries
    /// that no longer exist are ignored.
    async fn record_attempts(&self, attempts: Vec<DeliveryAttempt>) -> Result<()>;
    /// A delivery to any destination.
    async fn find_delivery(&self, id: DeliveryId) -> Result<Option<DeliveryHistory>>;
    /// A page of deliveries in the order of their ids, and how many there are on all pages, both
    /// of the same moment.
    async fn list_deliveries(
        &self,
        of: DeliveriesOf,
        list: List<DeliveryFilter>,
    ) -> Result<Page<DeliveryHistory, DeliveryId>>;
    /// Sends a delivery again; `Missing` if it does not exist.
    async fn redeliver(&self, redeliver: Redeliver) -> Result<()>;
    /// The first failed attempt of each receiver since its last success; `None` if the last one
    /// succeeded. RecordedEvent for webhooks only.
    async fn failing_since(&self, receivers: Vec<ReceiverId>) -> Result<Vec<Option<Timestamp>>>;
}

/// Parameters of [`DeliveryStore::due_deliveries`].
#[derive(Debug, Clone)]
pub struct DueDeliveries {
    /// Only those that are due at this time.
    pub now: Timestamp,
    /// Queues that have a delivery in progress: none of theirs is returned.
    pub under_way: BTreeSet<(ReceiverId, SubjectId)>,
    /// The maximum number for one receiver, including those in progress.
    pub share: usize,
    /// The receiver that was served last: the next ones come first.
    pub after: Option<ReceiverId>,
    /// The maximum number of deliveries.
    pub limit: usize,
}

/// What [`DeliveryStore::due_deliveries`] reads.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutboxDue {
    /// The deliveries to send.
    pub deliveries: Vec<DeliveryRecord>,
    /// Without any: the earliest `next_attempt_at` of deliveries that are first in their queue.
    pub next: Option<Timestamp>,
}

/// The result of one attempt to deliver.
#[derive(Debug, Clone)]
pub struct DeliveryAttempt {
    /// The delivery.
    pub id: DeliveryId,
    /// Its status now.
    pub status: DeliveryStatus,
    /// The time of the next attempt.
    pub next_attempt_at: Timestamp,
    /// The attempt and its response; its number is the number of attempts until now. It replaces
    /// one with the same number.
    pub attempt: AttemptRecord,
    /// What it reveals about the webhook.
    pub health: Health,
}

/// What an attempt reveals about its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It responds with success.
    Well,
    /// It does not.
    Failing,
    /// Nothing: no request was sent.
    Unknown,
}

/// Which deliveries are listed.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Only those with this status.
    pub status: Option<DeliveryStatus>,
    /// Only those of this event.
    pub event: Option<String>,
}

impl ListFilter for DeliveryFilter {
    type Item = DeliveryHistory;
    type SortKey = ();
    type Cursor = DeliveryId;

    fn cursor_of(delivery: &DeliveryHistory, (): ()) -> DeliveryId {
        delivery.record.id
    }
}

/// Whose deliveries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveriesOf {
    /// Those to a webhook.
    Webhook(WebhookId),
    /// Those about an object, to all receivers.
    Subject(SubjectId),
}

/// Parameters of [`DeliveryStore::redeliver`].
#[derive(Debug, Clone)]
pub struct Redeliver {
    /// The delivery.
    pub id: DeliveryId,
    /// The time of the next attempt.
    pub now: Timestamp,
    /// An attempt that fails from this time on is the last.
    pub give_up_at: Timestamp,
    /// Its effects.
    pub effects: Effects,
}
