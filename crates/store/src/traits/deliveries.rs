//! The outbox.

use std::collections::BTreeSet;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{DeliveryId, ReceiverId, SubjectId};

use super::Result;
use crate::Effects;
use crate::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};

/// The outbox.
///
/// Of the pending deliveries to one receiver about one subject only the first can be sent; a
/// *queue* is named by these two.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Writes what no change has caused.
    async fn add_effects(&self, effects: Effects) -> Result<()>;
    /// Pending deliveries that are due and first in their queue. Of each receiver the earliest;
    /// as a list first one of each receiver, in the order of their ids beginning behind `after`
    /// and going round, then a second of each, and so on.
    async fn due_deliveries(&self, due: DueDeliveries) -> Result<Vec<DeliveryRecord>>;
    /// The earliest `next_attempt_at` among deliveries that are first in their queue.
    async fn next_delivery(&self) -> Result<Option<Timestamp>>;
    /// Notes attempts, and whether their webhooks fail; one transaction. One whose delivery is
    /// gone is passed over.
    async fn record_attempts(&self, attempts: Vec<DeliveryAttempt>) -> Result<()>;
    /// All deliveries about a subject, in order of `sequence`, then of their ids.
    async fn list_deliveries(&self, subject: SubjectId) -> Result<Vec<DeliveryRecord>>;
}

/// Parameters of [`DeliveryStore::due_deliveries`].
#[derive(Debug, Clone)]
pub struct DueDeliveries {
    /// Those due at this moment.
    pub now: Timestamp,
    /// The queues of which a delivery is under way: no other one of theirs is given.
    pub under_way: BTreeSet<(ReceiverId, SubjectId)>,
    /// At most so many of one receiver, those under way counted.
    pub share: usize,
    /// The receiver before the one whose turn it is.
    pub after: Option<ReceiverId>,
    /// At most so many.
    pub limit: usize,
}

/// The result of one attempt to deliver.
#[derive(Debug, Clone)]
pub struct DeliveryAttempt {
    /// The delivery.
    pub id: DeliveryId,
    /// Where it stands now.
    pub status: DeliveryStatus,
    /// When it is tried next.
    pub next_attempt_at: Timestamp,
    /// What was done and what came back; its number is how many attempts were made now. It takes
    /// the place of one with the same number.
    pub attempt: AttemptRecord,
    /// What it says of the webhook.
    pub health: Health,
}

/// What an attempt says of its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers as it should.
    Well,
    /// It does not.
    Failing,
    /// Nothing: it was not asked.
    Unknown,
}
