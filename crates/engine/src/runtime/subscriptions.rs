//! Cache of webhook subscriptions: an execution must not query the store for them.
//!
//! The store is the truth. The node that changes a webhook reads the changes at once; other nodes
//! read them every few seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use stepwell_core::cache::PoolUsage;
use stepwell_core::ids::{WebhookId, WorkspaceId};
use stepwell_core::{Topic, TopicFilter};
use stepwell_store::objects::ObjectChanges;
use stepwell_store::{Store, StoreError};

use super::background::Stop;
use super::engine::Engine;
use crate::objects::{Document, Object};
use crate::webhook::{Webhook, WebhookStatus};

/// The most webhooks of a workspace.
pub(crate) const MAX_WEBHOOKS: usize = 1000;

/// How often to read what other nodes changed.
const READ_EVERY: Duration = Duration::from_secs(2);

/// The subscriptions of active webhooks.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// Whether there are any: without one, an event costs no more than reading this.
    any: AtomicBool,
    // Held to copy a pointer; nothing awaits while it is held.
    known: RwLock<Arc<Known>>,
    /// Serialises reads, so that the latest one stays.
    reading: tokio::sync::Mutex<()>,
}

/// An active webhook. There can be many, so this is only what every event needs.
#[derive(Clone)]
struct Subscription {
    id: WebhookId,
    topics: TopicFilter,
}

/// A subscription with a list of topics, each once.
const SUBSCRIPTION_BYTES: usize = size_of::<Subscription>() + 32;

#[derive(Default, Clone)]
struct Known {
    /// The revision of the objects that were read.
    revision: u64,
    /// By workspace, oldest first.
    active: BTreeMap<WorkspaceId, Arc<Vec<Subscription>>>,
    /// Webhooks that the server has disabled.
    disabled: BTreeSet<WebhookId>,
}

impl Known {
    fn apply(&mut self, changes: ObjectChanges) -> Result<(), StoreError> {
        let ObjectChanges { revision, all, puts, deleted } = changes;
        if all {
            *self = Self::default();
        }
        self.revision = revision;
        let changed = puts.iter().map(|object| object.id).chain(deleted);
        let changed: BTreeSet<_> = changed.map(|id| WebhookId::from_uuid(id.uuid())).collect();
        self.remove(&changed);
        for object in puts {
            let Object { id, workspace, document, .. } = Object::<Webhook>::from_stored(object)?;
            match document.status {
                WebhookStatus::Active => {
                    let of_workspace = Arc::make_mut(self.active.entry(workspace).or_default());
                    let place = of_workspace.partition_point(|other| other.id < id);
                    of_workspace.insert(place, Subscription { id, topics: document.topics });
                }
                WebhookStatus::Inactive => {}
                WebhookStatus::Disabled { .. } => drop(self.disabled.insert(id)),
            }
        }
        Ok(())
    }

    fn remove(&mut self, ids: &BTreeSet<WebhookId>) {
        self.disabled.retain(|id| !ids.contains(id));
        self.active.retain(|_, of_workspace| {
            if of_workspace.iter().any(|webhook| ids.contains(&webhook.id)) {
                Arc::make_mut(of_workspace).retain(|webhook| !ids.contains(&webhook.id));
            }
            !of_workspace.is_empty()
        });
    }
}

impl Subscriptions {
    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads what has changed since the last time.
    pub(crate) async fn read(&self, store: &dyn Store) -> Result<(), StoreError> {
        let _guard = self.reading.lock().await;
        let mut known = (*self.known()).clone();
        known.apply(store.object_changes(Webhook::KIND, known.revision).await?)?;
        let any = !known.active.is_empty();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        self.any.store(any, Ordering::Release);
        Ok(())
    }

    /// Whether any webhook of the workspace subscribes to any of these.
    pub(crate) fn want(&self, workspace: WorkspaceId, topics: &[Topic]) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let known = self.known();
        let Some(webhooks) = known.active.get(&workspace) else { return false };
        webhooks.iter().any(|webhook| topics.iter().any(|topic| webhook.topics.contains(*topic)))
    }

    /// The webhooks of the workspace that subscribe to the topic.
    pub(crate) fn listeners(&self, workspace: WorkspaceId, topic: Topic) -> Vec<WebhookId> {
        let known = self.known();
        let webhooks = known.active.get(&workspace).into_iter().flat_map(|found| found.iter());
        webhooks
            .filter(|webhook| webhook.topics.contains(topic))
            .map(|webhook| webhook.id)
            .collect()
    }

    /// How many webhooks the server has disabled, in all workspaces.
    pub(crate) fn disabled(&self) -> usize {
        self.known().disabled.len()
    }

    /// The memory of the subscriptions, and the memory if every workspace had the most webhooks.
    pub(crate) fn usage(&self) -> PoolUsage {
        let known = self.known();
        let workspace = size_of::<(WorkspaceId, Arc<Vec<Subscription>>)>();
        let bytes = |webhooks: usize| workspace + webhooks * SUBSCRIPTION_BYTES;
        let used: usize = known.active.values().map(|webhooks| bytes(webhooks.capacity())).sum();
        let limit = known.active.len() * bytes(MAX_WEBHOOKS.next_power_of_two());
        PoolUsage::new("webhooks", used as u64, limit as u64)
    }
}

/// The loop that reads what other nodes changed, until it is stopped.
pub(crate) async fn watch_webhooks(engine: Arc<Engine>, mut stop: Stop) {
    // A sole node reads its own changes at once.
    while !engine.config().sole_node && stop.sleep(READ_EVERY).await {
        if let Err(error) = engine.subscriptions.read(&*engine.store).await {
            tracing::warn!(%error, "webhooks cannot be read");
        }
    }
}

#[cfg(test)]
mod tests {
    use stepwell_core::Timestamp;
    use stepwell_store::memory::MemoryStore;
    use stepwell_store::objects::{DeleteObject, ObjectBatch};
    use stepwell_store::{Effects, ObjectStore};
    use uuid::Uuid;

    use super::*;

    fn webhook(n: u128, version: u64, status: WebhookStatus) -> Object<Webhook> {
        let document = Webhook {
            url: "https://example.com".to_owned(),
            topics: TopicFilter::Some(vec![Topic::ExecutionCompleted]),
            description: None,
            status,
            secret: "whsec_".to_owned(),
            previous_secrets: Vec::new(),
        };
        let (id, now) = (WebhookId::from_uuid(Uuid::from_u128(n)), Timestamp::from_micros(0));
        Object { version, ..Object::new(id, WorkspaceId::DEFAULT, now, document) }
    }

    #[tokio::test]
    async fn subscriptions_follow_the_changes() {
        let store = MemoryStore::new();
        let subscriptions = Subscriptions::default();
        let put = async |webhook: Object<Webhook>| {
            let batch = ObjectBatch::put(webhook.to_stored().unwrap(), Effects::default());
            store.write_objects(batch).await.unwrap();
            subscriptions.read(&store).await.unwrap();
        };
        let delete = async |n| {
            let id = WebhookId::from_uuid(Uuid::from_u128(n)).into();
            let delete = DeleteObject { kind: Webhook::KIND, id, expected: None };
            store.write_objects(ObjectBatch::delete(delete, Effects::default())).await.unwrap();
            subscriptions.read(&store).await.unwrap();
        };
        let listening = || {
            let found = subscriptions.listeners(WorkspaceId::DEFAULT, Topic::ExecutionCompleted);
            let want = subscriptions.want(WorkspaceId::DEFAULT, &[Topic::ExecutionCompleted]);
            assert_eq!(want, !found.is_empty());
            found.iter().map(|id| id.uuid().as_u128()).collect::<Vec<_>>()
        };
        let disabled = || WebhookStatus::Disabled { reason: "it failed".to_owned() };
        assert_eq!(listening(), [0_u128; 0]);
        put(webhook(2, 1, WebhookStatus::Active)).await;
        put(webhook(1, 1, WebhookStatus::Active)).await;
        put(webhook(3, 1, WebhookStatus::Inactive)).await;
        assert_eq!((listening(), subscriptions.disabled()), (vec![1, 2], 0));
        put(webhook(2, 2, disabled())).await;
        put(webhook(3, 2, WebhookStatus::Active)).await;
        assert_eq!((listening(), subscriptions.disabled()), (vec![1, 3], 1));
        assert!(!subscriptions.want(WorkspaceId::DEFAULT, &[Topic::StepCompleted]));
        put(webhook(2, 3, WebhookStatus::Active)).await;
        put(webhook(1, 2, WebhookStatus::Active)).await;
        assert_eq!((listening(), subscriptions.disabled()), (vec![1, 2, 3], 0));
        delete(1).await;
        delete(3).await;
        put(webhook(2, 4, disabled())).await;
        assert_eq!((listening(), subscriptions.disabled()), (vec![], 1));
        delete(2).await;
        assert_eq!(subscriptions.disabled(), 0);
        let new = Subscriptions::default();
        new.read(&store).await.unwrap();
        assert_eq!(new.known().active.len(), 0);
    }
}
