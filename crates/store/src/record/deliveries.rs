//! The outbox.

use std::sync::Arc;

use stepwell_core::Timestamp;
use stepwell_core::ids::{DeliveryId, ReceiverId, SubjectId, WebhookId, WorkspaceId};

/// One event on its way to one destination.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRecord {
    /// Its id, the same at each attempt (`webhook-id`).
    pub id: DeliveryId,
    /// Where it goes.
    pub destination: Destination,
    /// The receiver: deliveries to different receivers never wait for one another.
    pub receiver: ReceiverId,
    /// The object of the event. Deliveries to one receiver about one subject arrive in the order
    /// of `sequence`, then of their ids.
    pub subject: SubjectId,
    /// The place in that order.
    pub sequence: u64,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The event: `execution.completed`.
    pub event: String,
    /// The body, JSON text; the same for all receivers of an event.
    pub body: Arc<str>,
    /// Its status.
    pub status: DeliveryStatus,
    /// The number of attempts.
    pub attempts: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it is tried next; meaningful while `Pending`.
    pub next_attempt_at: Timestamp,
    /// An attempt that fails from this moment on is the last.
    pub give_up_at: Timestamp,
    /// Whether it is about an execution that came with secrets, so that a response may hold one.
    pub sensitive: bool,
}

/// Where a delivery goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To the URL that an execution was given. Goes when the execution is purged.
    Url(String),
    /// To a webhook, at the URL that it has when it is sent.
    Webhook(WebhookId),
}

impl Destination {
    /// The webhook, if it is one.
    pub const fn webhook(&self) -> Option<WebhookId> {
        match self {
            Self::Url(_) => None,
            Self::Webhook(id) => Some(*id),
        }
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Where it was sent; `None`: it was not.
    pub url: Option<String>,
    /// The HTTP status of the response; `None`: there was none.
    pub response_status: Option<u16>,
    /// The beginning of the response's body, or why there was no response.
    pub response: String,
}

/// A delivery with its attempts, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryHistory {
    /// The delivery.
    pub record: DeliveryRecord,
    /// The attempts.
    pub attempts: Vec<AttemptRecord>,
}

/// The status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// To be tried at `next_attempt_at`.
    Pending,
    /// Final: the response was 2xx.
    Delivered,
    /// Final: given up.
    Exhausted,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Exhausted];
}
