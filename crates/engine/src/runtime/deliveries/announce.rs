//! Putting events for webhooks in the outbox.

use std::sync::Arc;

use stepwell_core::ids::{DeliveryId, EventId, SubjectId, WebhookId, WorkspaceId};
use stepwell_core::{Timestamp, Topic};
use stepwell_store::record::{DeliveryRecord, DeliveryStatus, Destination};

use crate::runtime::engine::{Engine, new_uuid};
use crate::tell::{Event, TEST_EVENT};

/// To what something happened, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Happened {
    /// Whose it is.
    pub(crate) workspace: WorkspaceId,
    /// To what.
    pub(crate) subject: SubjectId,
    /// The place among what happened to that.
    pub(crate) sequence: u64,
    /// When.
    pub(crate) at: Timestamp,
    /// Whether it is an execution that came with secrets.
    pub(crate) sensitive: bool,
}

impl Happened {
    /// To an object that has no journal: the time is its place.
    pub(crate) fn to(workspace: WorkspaceId, subject: impl Into<SubjectId>, at: Timestamp) -> Self {
        let sequence = u64::try_from(at.as_micros()).unwrap_or_default();
        Self { workspace, subject: subject.into(), sequence, at, sensitive: false }
    }
}

impl Engine {
    /// The deliveries that tell all webhooks of it that want to know. `data` is asked for only
    /// where there is one. They belong in the transaction of what happened; after it
    /// `outbox_changed` is to be notified.
    pub(crate) fn announce(
        &self,
        topic: Topic,
        happened: Happened,
        data: impl FnOnce() -> String,
    ) -> Vec<DeliveryRecord> {
        let webhooks = self.hooks.listeners(happened.workspace, topic);
        if webhooks.is_empty() {
            return Vec::new();
        }
        let body: Arc<str> = self.body(topic.name(), happened.at, data()).into();
        let to = |id| self.delivery(id, topic.name(), happened, body.clone());
        webhooks.into_iter().map(to).collect()
    }

    /// A delivery that only tests a webhook.
    pub(crate) fn test_delivery(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
    ) -> DeliveryRecord {
        let at = self.now();
        let body = self.body(TEST_EVENT, at, self.tell.test(webhook));
        // A subject of its own: it waits for no other test.
        let subject = SubjectId::from_uuid(new_uuid());
        self.delivery(webhook, TEST_EVENT, Happened::to(workspace, subject, at), body.into())
    }

    /// The body of an event that just happened.
    pub(super) fn body(&self, name: &str, at: Timestamp, data: String) -> String {
        self.tell.event(Event { id: EventId::from_uuid(new_uuid()), name, at, data })
    }

    fn delivery(
        &self,
        webhook: WebhookId,
        event: &str,
        happened: Happened,
        body: Arc<str>,
    ) -> DeliveryRecord {
        let Happened { workspace, subject, sequence, at, sensitive } = happened;
        DeliveryRecord {
            id: DeliveryId::from_uuid(new_uuid()),
            destination: Destination::Webhook(webhook),
            receiver: webhook.into(),
            subject,
            sequence,
            workspace,
            event: event.to_owned(),
            body,
            status: DeliveryStatus::Pending,
            attempts: 0,
            created_at: at,
            next_attempt_at: at,
            give_up_at: self.config.give_up_at(at),
            sensitive,
        }
    }
}
