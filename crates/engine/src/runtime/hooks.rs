//! Which webhooks want to be told of what, remembered: an execution must not ask the store for it.
//!
//! The store is the truth. Whoever changes a webhook has it read again at once; other nodes look
//! every few seconds whether something was changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use stepwell_core::cache::PoolUsage;
use stepwell_core::ids::{WebhookId, WorkspaceId};
use stepwell_core::{Topic, TopicFilter};
use stepwell_store::webhooks::WebhookStatus;
use stepwell_store::{Store, StoreError};

use super::background::Stop;
use super::engine::Engine;

/// The most webhooks of a workspace.
pub(crate) const MAX_WEBHOOKS: usize = 1000;

/// How often to look whether another node changed a webhook.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The active webhooks.
#[derive(Default)]
pub(crate) struct Hooks {
    /// Whether there is any: where there is none, nobody looks further.
    any: AtomicBool,
    // Held to copy a pointer; nothing awaits under it.
    known: RwLock<Arc<Known>>,
    /// Reading again takes turns, so that what was read last stays.
    reading: tokio::sync::Mutex<()>,
}

/// An active webhook: no more of it than every event needs, for there may be many.
struct Subscription {
    id: WebhookId,
    topics: TopicFilter,
}

/// A subscription with a list of topics, each once.
const SUBSCRIPTION_BYTES: usize = size_of::<Subscription>() + 32;

#[derive(Default)]
struct Known {
    /// The store's count of changes when they were read.
    changes: u64,
    /// By workspace, oldest first.
    active: BTreeMap<WorkspaceId, Vec<Subscription>>,
}

impl Hooks {
    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads them anew.
    pub(crate) async fn read(&self, store: &dyn Store) -> Result<(), StoreError> {
        let _turn = self.reading.lock().await;
        // Asked first: a change that comes between is seen next time.
        let changes = store.webhook_changes().await?;
        let mut active: BTreeMap<WorkspaceId, Vec<Subscription>> = BTreeMap::new();
        for webhook in store.list_webhooks(None).await?.into_iter().rev() {
            if webhook.status == WebhookStatus::Active {
                let subscription = Subscription { id: webhook.id, topics: webhook.topics };
                active.entry(webhook.workspace).or_default().push(subscription);
            }
        }
        let known = Arc::new(Known { changes, active });
        let any = !known.active.is_empty();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        self.any.store(any, Ordering::Release);
        Ok(())
    }

    /// Whether any webhook of the workspace wants to be told of any of these.
    pub(crate) fn want(&self, workspace: WorkspaceId, topics: &[Topic]) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let known = self.known();
        let Some(webhooks) = known.active.get(&workspace) else { return false };
        webhooks.iter().any(|webhook| topics.iter().any(|topic| webhook.topics.contains(*topic)))
    }

    /// The webhooks of the workspace that want to be told of it.
    pub(crate) fn listeners(&self, workspace: WorkspaceId, topic: Topic) -> Vec<WebhookId> {
        let known = self.known();
        let webhooks = known.active.get(&workspace).into_iter().flatten();
        webhooks
            .filter(|webhook| webhook.topics.contains(topic))
            .map(|webhook| webhook.id)
            .collect()
    }

    /// What they take, and what they would take if every workspace had as many as it may have.
    pub(crate) fn usage(&self) -> PoolUsage {
        let known = self.known();
        let workspace = size_of::<(WorkspaceId, Vec<Subscription>)>();
        let bytes = |webhooks: usize| workspace + webhooks * SUBSCRIPTION_BYTES;
        let used: usize = known.active.values().map(|webhooks| bytes(webhooks.capacity())).sum();
        let limit = known.active.len() * bytes(MAX_WEBHOOKS.next_power_of_two());
        PoolUsage { name: "webhooks", used: used as u64, limit: limit as u64 }
    }
}

/// The loop that looks whether other nodes changed webhooks, until it is told to stop.
pub(crate) async fn watch_webhooks(engine: Arc<Engine>, mut stop: Stop) {
    // Where there is no other node, nobody else can change them.
    while !engine.config.sole_node && stop.sleep(LOOK_EVERY).await {
        let read = match engine.store.webhook_changes().await {
            Ok(changes) if changes == engine.hooks.known().changes => Ok(()),
            Ok(_) => engine.hooks.read(&*engine.store).await,
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            tracing::warn!(%error, "webhooks cannot be read");
        }
    }
}
