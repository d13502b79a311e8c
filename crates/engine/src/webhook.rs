//! Webhooks as configured objects.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use stepwell_core::audit::ObjectKind;
use stepwell_core::ids::{WebhookId, WorkspaceId};
use stepwell_core::{Timestamp, TopicFilter};
use stepwell_store::objects::{IndexFields, Kind};

use crate::objects::Document;

/// A webhook: a subscription to events. Its secrets are shown once, when they are generated.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where events are sent.
    pub url: String,
    /// Which events.
    #[serde(serialize_with = "write_topics", deserialize_with = "read_topics")]
    pub topics: TopicFilter,
    /// The user's description.
    pub description: Option<String>,
    /// Whether events are sent.
    pub status: WebhookStatus,
    /// The secret that signs its deliveries: `whsec_…`.
    pub secret: String,
    /// Earlier secrets, the newest first; each signs as well until its time.
    pub previous_secrets: Vec<(String, Timestamp)>,
}

/// Without the secrets.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url, topics, description, status, secret: _, previous_secrets } = self;
        let until: Vec<_> = previous_secrets.iter().map(|(_, until)| until).collect();
        f.debug_struct("Webhook")
            .field("url", url)
            .field("topics", topics)
            .field("description", description)
            .field("status", status)
            .field("previous_secrets_until", &until)
            .finish_non_exhaustive()
    }
}

/// Whether events are sent to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// They are.
    Active,
    /// Its owner has disabled it.
    Inactive,
    /// The server has disabled it.
    Disabled {
        /// Why.
        reason: String,
    },
}

impl WebhookStatus {
    /// The value of the index field `status`.
    const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Disabled { .. } => "disabled",
        }
    }
}

impl Document for Webhook {
    type Id = WebhookId;
    const KIND: Kind = ObjectKind::Webhook.name();

    fn index(&self, _: WorkspaceId) -> IndexFields {
        IndexFields { status: Some(self.status.name().to_owned()), ..IndexFields::default() }
    }
}

fn write_topics<S: Serializer>(topics: &TopicFilter, serializer: S) -> Result<S::Ok, S::Error> {
    topics.names().serialize(serializer)
}

fn read_topics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TopicFilter, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    TopicFilter::parse_names(names.iter().map(String::as_str))
        .map_err(|_| de::Error::custom(format!("unknown events: {names:?}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_core::Topic;

    use super::*;

    #[test]
    fn documents_read_back() {
        let topics = TopicFilter::Some(vec![Topic::ScheduleTriggered, Topic::WorkflowCreated]);
        for (status, topics) in [
            (WebhookStatus::Active, TopicFilter::Every),
            (WebhookStatus::Inactive, TopicFilter::Some(Vec::new())),
            (WebhookStatus::Disabled { reason: "it failed".to_owned() }, topics),
        ] {
            let webhook = Webhook {
                url: "https://example.com/\u{fc}?a=1".to_owned(),
                topics,
                description: Some("\u{1f680}".to_owned()),
                status,
                secret: "whsec_bmV3".to_owned(),
                previous_secrets: vec![("whsec_b2xk".to_owned(), Timestamp::from_micros(99))],
            };
            let document = json!(webhook);
            assert_eq!(document["previous_secrets"], json!([["whsec_b2xk", 99]]));
            assert_eq!(serde_json::from_value::<Webhook>(document).unwrap(), webhook);
            assert!(!format!("{webhook:?}").contains("whsec"));
        }
        let unknown = json!({"url": "u", "topics": ["no"], "description": null, "secret": "s",
            "status": "active", "previous_secrets": []});
        assert!(serde_json::from_value::<Webhook>(unknown).is_err());
    }
}
