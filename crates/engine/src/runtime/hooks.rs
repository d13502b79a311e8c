//! Which webhooks want to be told of what, remembered: an execution must not ask the store for it.
//!
//! The store is the truth. Whoever changes a webhook has it read again at once; other nodes look
//! every few seconds whether something was changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use stepwell_core::Topic;
use stepwell_core::ids::WorkspaceId;
use stepwell_store::webhooks::{WebhookRecord, WebhookStatus};
use stepwell_store::{Store, StoreError};

use super::background::Stop;
use super::engine::Engine;

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

#[derive(Default)]
struct Known {
    /// The store's count of changes when they were read.
    changes: u64,
    /// By workspace, oldest first.
    active: BTreeMap<WorkspaceId, Vec<Arc<WebhookRecord>>>,
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
        let mut active: BTreeMap<WorkspaceId, Vec<Arc<WebhookRecord>>> = BTreeMap::new();
        for webhook in store.list_webhooks(None).await?.into_iter().rev() {
            if webhook.status == WebhookStatus::Active {
                active.entry(webhook.workspace).or_default().push(Arc::new(webhook));
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
    pub(crate) fn listeners(
        &self,
        workspace: WorkspaceId,
        topic: Topic,
    ) -> Vec<Arc<WebhookRecord>> {
        let known = self.known();
        let webhooks = known.active.get(&workspace).into_iter().flatten();
        webhooks.filter(|webhook| webhook.topics.contains(topic)).cloned().collect()
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
