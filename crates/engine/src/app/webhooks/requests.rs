//! Parameters and results of the services of webhooks.

use std::time::Duration;

use stepwell_core::{Timestamp, TopicFilter};
use stepwell_store::record::DeliveryHistory;

use crate::objects::Object;
use crate::webhook::Webhook;

/// A webhook to create.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where events are sent.
    pub url: String,
    /// Which; not empty.
    pub topics: TopicFilter,
    /// `whsec_…`; `None`: one is generated.
    pub secret: Option<String>,
    /// The description.
    pub description: Option<String>,
}

/// Changes of a webhook; `None`: unchanged.
#[derive(Debug, Clone, Default)]
pub struct ChangeWebhook {
    /// Where events are sent from now on. What failed before is forgotten where it is another.
    pub url: Option<String>,
    /// Which.
    pub topics: Option<TopicFilter>,
    /// The description; an empty one removes it.
    pub description: Option<String>,
    /// Whether events are sent.
    pub status: Option<WantedStatus>,
    /// Signs from now on; the one before signs as well for a day.
    pub secret: Option<String>,
}

/// The requested status of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedStatus {
    /// Events are sent. When it is enabled, earlier failures are forgotten.
    Active,
    /// No events are sent.
    Inactive,
    /// As the server has set it; rejected unless the server has disabled it.
    Disabled,
}

/// A change of the secret.
#[derive(Debug, Clone, Default)]
pub struct RotateSecret {
    /// `whsec_…`; `None`: one is generated.
    pub secret: Option<String>,
    /// How long earlier ones sign as well; zero: no longer.
    pub overlap: Duration,
}

/// A webhook as it is shown.
#[derive(Debug, Clone)]
pub struct WebhookView {
    /// The webhook.
    pub record: Object<Webhook>,
    /// The first failed attempt since the last success.
    pub failing_since: Option<Timestamp>,
}

/// A webhook in the only response that shows a generated secret.
#[derive(Debug, Clone)]
pub struct ShownWebhook {
    /// The webhook.
    pub record: Object<Webhook>,
    /// The first failed attempt since the last success.
    pub failing_since: Option<Timestamp>,
    /// Whether the secret was generated here, and so must be shown.
    pub made_secret: bool,
}

impl ShownWebhook {
    /// The secret, if it must be shown.
    pub fn secret(&self) -> Option<&str> {
        self.made_secret.then_some(self.record.document.secret.as_str())
    }
}

/// A delivery with its attempts.
pub type DeliveryView = DeliveryHistory;
