//! Deliveries of events to webhooks.

use std::sync::Arc;

use stepwell_core::ids::{DeliveryId, EventId, SubjectId, WebhookId, WorkspaceId};
use stepwell_core::{Timestamp, Topic};
use stepwell_store::record::{DeliveryRecord, DeliveryStatus, Destination};

use crate::payload::{Event, TEST_EVENT_NAME};
use crate::runtime::engine::{Engine, new_uuid};

/// The object and the time of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventContext {
    /// The workspace of the object.
    pub(crate) workspace: WorkspaceId,
    /// The object.
    pub(crate) subject: SubjectId,
    /// The position among the events of the object.
    pub(crate) sequence: u64,
    /// When.
    pub(crate) at: Timestamp,
    /// Whether it is an execution with secrets.
    pub(crate) sensitive: bool,
}

impl EventContext {
    /// An event of an object without a journal: its position is the time.
    pub(crate) fn new(
        workspace: WorkspaceId,
        subject: impl Into<SubjectId>,
        at: Timestamp,
    ) -> Self {
        let sequence = u64::try_from(at.as_micros()).unwrap_or_default();
        Self { workspace, subject: subject.into(), sequence, at, sensitive: false }
    }
}

impl Engine {
    /// The deliveries of an event to all subscribed webhooks, to be written in the transaction of the
    /// event. `data` is rendered only if there is one.
    pub(crate) fn build_webhook_deliveries(
        &self,
        topic: Topic,
        context: EventContext,
        data: impl FnOnce() -> String,
    ) -> Vec<DeliveryRecord> {
        let webhooks = self.subscriptions.listeners(context.workspace, topic);
        if webhooks.is_empty() {
            return Vec::new();
        }
        let body: Arc<str> = self.event_body(topic.name(), context.at, data()).into();
        let to_webhook = |id| self.new_delivery(id, topic.name(), context, body.clone());
        webhooks.into_iter().map(to_webhook).collect()
    }

    /// A test delivery for a webhook.
    pub(crate) fn test_delivery(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
    ) -> DeliveryRecord {
        let at = self.now();
        let body = self.event_body(TEST_EVENT_NAME, at, self.payloads.render_test(webhook));
        // Its own subject, so that it does not wait for other tests.
        let subject = SubjectId::from_uuid(new_uuid());
        self.new_delivery(
            webhook,
            TEST_EVENT_NAME,
            EventContext::new(workspace, subject, at),
            body.into(),
        )
    }

    /// Renders the body of an event.
    pub(super) fn event_body(&self, name: &str, at: Timestamp, data: String) -> String {
        self.payloads.render_event(Event { id: EventId::from_uuid(new_uuid()), name, at, data })
    }

    fn new_delivery(
        &self,
        webhook: WebhookId,
        event: &str,
        context: EventContext,
        body: Arc<str>,
    ) -> DeliveryRecord {
        let EventContext { workspace, subject, sequence, at, sensitive } = context;
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
            give_up_at: self.config().give_up_at(at),
            sensitive,
        }
    }
}
