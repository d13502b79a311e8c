//! What is asked about webhooks, and what is answered.

use std::time::Duration;

use stepwell_core::TopicFilter;
use stepwell_store::lists::Order;
use stepwell_store::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};
use stepwell_store::webhooks::WebhookRecord;

use crate::app::PagePosition;

/// Asks for a webhook.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where events are to be sent.
    pub url: String,
    /// Which; not empty.
    pub topics: TopicFilter,
    /// `whsec_…`; `None`: one is made.
    pub secret: Option<String>,
    /// What people say of it.
    pub description: Option<String>,
}

/// Asks for changes of a webhook; `None` leaves things as they are.
#[derive(Debug, Clone, Default)]
pub struct ChangeWebhook {
    /// Where events are sent from now on. What failed before is forgotten where it is another.
    pub url: Option<String>,
    /// Which.
    pub topics: Option<TopicFilter>,
    /// What people say of it; an empty one takes it away.
    pub description: Option<String>,
    /// Whether it is told of events.
    pub status: Option<WantedStatus>,
    /// Signs from now on; the one before signs as well for a day.
    pub secret: Option<String>,
}

/// What the status of a webhook is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedStatus {
    /// It is told of events. Switched on, it begins anew, whatever failed before.
    Active,
    /// It is not.
    Inactive,
    /// As the server has left it; refused where the server has not disabled it.
    Disabled,
}

/// Asks for another secret.
#[derive(Debug, Clone, Default)]
pub struct RotateSecret {
    /// `whsec_…`; `None`: one is made.
    pub secret: Option<String>,
    /// How long the old ones sign as well; zero: not at all, from now on.
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

impl ShownWebhook {
    /// The secret, where it must be shown.
    pub fn secret(&self) -> Option<&str> {
        self.made_secret.then_some(self.record.secret.as_str())
    }
}

/// Asks for a page of the deliveries of a webhook.
#[derive(Debug, Clone, Default)]
pub struct DeliveriesQuery {
    /// Only those that stand so.
    pub status: Option<DeliveryStatus>,
    /// Only those that tell of this.
    pub event: Option<String>,
    /// Which come first.
    pub order: Order,
    /// Which page.
    pub at: PagePosition,
    /// At most so many, 1 to 100.
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
