//! Webhooks: which events are sent to which receivers, when, and for how long it is tried.

mod clock_set;
mod events;
mod owners;
mod retries;
mod slow;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use stepwell_core::ids::{ExecutionId, ReceiverId, SubjectId, WebhookId, WorkspaceId};
use stepwell_core::{Topic, TopicFilter};
use stepwell_engine::app::{
    ChangeWebhook, CreateWorkflow, Deletion, DeliveryView, Expected, NewWebhook, RotateSecret,
    ShownWebhook, Start, WantedStatus,
};
use stepwell_engine::webhook::WebhookStatus;
use stepwell_engine::{AppError, Caller, EngineConfig, SystemClock};
use stepwell_store::Effects;
use stepwell_store::lists::{List, Order, Page, PageStart};
use stepwell_store::memory::MemoryStore;
use stepwell_store::objects::ObjectBatch;
use stepwell_store::record::{DeliveryRecord, DeliveryStatus, Destination};
use stepwell_store::traits::DeliveryFilter;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use uuid::Uuid;

use crate::receiver::{Call, Receiver};
use crate::support::{Bench, ManualClock, PATIENCE, config, deliveries_about};

fn all() -> List<DeliveryFilter, String> {
    let mut list = List::first_page(DeliveryFilter::default(), 100);
    list.window.count = true;
    list
}

impl Bench {
    async fn hook(&self, receiver: &Receiver, topics: TopicFilter) -> ShownWebhook {
        let url = receiver.url.clone();
        let new = NewWebhook { url, topics, secret: None, description: None };
        self.app.create_webhook(&self.caller, new).await.unwrap()
    }

    async fn static_text(&self) -> stepwell_core::ids::WorkflowId {
        self.steps(json!([{"id": "a", "type": "StaticTextInput", "input": "x"}])).await
    }

    async fn deliveries(&self, id: WebhookId) -> Vec<DeliveryView> {
        self.app.webhook_deliveries(&self.caller, id, all()).await.unwrap().items
    }

    /// Waits until a webhook's deliveries are as wanted.
    async fn until_deliveries(
        &self,
        id: WebhookId,
        wanted: impl Fn(&[DeliveryView]) -> bool,
    ) -> Vec<DeliveryView> {
        let looking = async {
            loop {
                let found = self.deliveries(id).await;
                if wanted(&found) {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("in time")
    }

    async fn status(&self, id: WebhookId) -> WebhookStatus {
        self.app.webhook(&self.caller, id).await.unwrap().record.document.status
    }
}

fn bodies(calls: &[Call]) -> Vec<Value> {
    calls.iter().map(|call| serde_json::from_str(&call.body).unwrap()).collect()
}

fn types(calls: &[Call]) -> Vec<String> {
    bodies(calls).iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect()
}

fn verify(secret: &str, call: &Call) -> bool {
    let headers = call.headers.iter().map(|(name, value)| {
        (name.parse::<http::HeaderName>().unwrap(), value.parse::<http::HeaderValue>().unwrap())
    });
    Webhook::new(secret).unwrap().verify(call.body.as_bytes(), &headers.collect()).is_ok()
}
