//! Stores when keys were last used.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use stepwell_core::Timestamp;
use stepwell_core::ids::KeyId;
use stepwell_store::{Effects, StoreError};

use crate::api_key::ApiKey;
use crate::app::App;
use crate::objects::{self, Object};
use crate::runtime::background::Stop;

/// How often the last use of keys is stored.
const STORE_EVERY: Duration = Duration::from_secs(60);
/// The most keys whose last use is written at the same time.
const STORED_AT_ONCE: usize = 64;

/// The loop that stores when keys were last used.
pub(in crate::app) async fn store_key_use(app: App, mut stop: Stop) {
    loop {
        let continues = stop.sleep(STORE_EVERY).await;
        let uses = stream::iter(app.keys.take_uses());
        // Concurrent writes share transactions.
        let stored = uses.map(|(id, at)| app.store_last_use(id, at));
        let mut stored = stored.buffer_unordered(STORED_AT_ONCE);
        while let Some(result) = stored.next().await {
            if let Err(error) = result {
                tracing::warn!(%error, "the last use of a key cannot be stored");
            }
        }
        if !continues {
            return;
        }
    }
}

impl App {
    /// Stores when a key was last used, unless a later use is stored or the key is gone.
    async fn store_last_use(&self, id: KeyId, at: Timestamp) -> Result<(), StoreError> {
        let edit = |before: &Object<ApiKey>| {
            if before.document.last_used_at >= Some(at) {
                return None;
            }
            let document = ApiKey { last_used_at: Some(at), ..before.document.clone() };
            Some((before.next(self.engine.now(), document), Effects::default()))
        };
        objects::edit(&*self.engine.store, id, edit).await.map(drop)
    }
}
