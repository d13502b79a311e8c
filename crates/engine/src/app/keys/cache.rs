//! Recently used keys, and when they were last used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_core::Timestamp;
use stepwell_core::cache::{ByteCache, PoolUsage};
use stepwell_core::ids::KeyId;
use stepwell_store::audit::Actor;

use crate::api_key::ApiKey;
use crate::objects::Object;
use crate::{Caller, Scope};

/// The most memory for cached keys, in bytes.
const CACHE_BYTES: u64 = 8 << 20;
/// A scope of a key, with the name of the object that it is limited to.
const SCOPE_BYTES: usize = size_of::<Scope>() + 256;
/// The most keys whose last use is kept until it is stored; that of others is not stored.
const MAX_USES: usize = 1 << 16;
/// The last use of a key, in a table that is half full.
const USE_BYTES: usize = 2 * size_of::<(KeyId, Timestamp)>();

/// Recently used keys by the hash of their secret, and their last use.
pub(in crate::app) struct KeyCache {
    keys: ByteCache<[u8; 32], Arc<CachedKey>>,
    /// How often the cache was cleared.
    generation: AtomicU64,
    // A short critical section, nothing awaits under it.
    uses: Mutex<HashMap<KeyId, Timestamp>>,
}

/// The caller that a key authenticates.
pub(super) struct CachedKey {
    pub(super) caller: Caller,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) read_at: Timestamp,
}

impl CachedKey {
    /// Roughly how many bytes it takes.
    fn memory_bytes(&self) -> usize {
        let name = match &self.caller.actor {
            Actor::Key { name, .. } => name.len(),
            _ => 0,
        };
        size_of::<Self>() + name + self.caller.scopes.len() * SCOPE_BYTES
    }
}

impl KeyCache {
    pub(in crate::app) fn new() -> Self {
        Self {
            keys: ByteCache::new("keys", CACHE_BYTES, 512),
            generation: AtomicU64::new(0),
            uses: Mutex::default(),
        }
    }

    /// The memory of cached keys and their last uses.
    pub(in crate::app) fn usage(&self) -> [PoolUsage; 2] {
        let used = self.uses.lock().unwrap_or_else(PoisonError::into_inner).len() * USE_BYTES;
        let limit = (MAX_USES * USE_BYTES) as u64;
        [self.keys.pool_usage(), PoolUsage::new("key_uses", used as u64, limit)]
    }

    pub(super) fn get(&self, hash: &[u8; 32]) -> Option<Arc<CachedKey>> {
        self.keys.get(hash)
    }

    /// Records that a key was used.
    pub(super) fn record_use(&self, id: KeyId, now: Timestamp) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MAX_USES || uses.contains_key(&id) {
            uses.insert(id, now);
        }
    }

    /// Removes all keys, so that a change has immediate effect. Their last uses are kept.
    pub(in crate::app) fn clear(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.keys.clear();
    }

    /// To be read before a key is read from the store, for [`KeyCache::insert`].
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Adds a key that was read in this generation. If the cache was cleared since, the key may be
    /// outdated and is removed again.
    pub(super) fn insert(&self, hash: [u8; 32], key: Arc<CachedKey>, generation: u64) {
        let bytes = key.memory_bytes();
        self.keys.insert(hash, key, bytes as u64);
        if self.generation() != generation {
            self.keys.clear();
        }
    }

    /// Fills in the last uses that are not stored yet.
    pub(super) fn with_last_use(&self, mut keys: Vec<Object<ApiKey>>) -> Vec<Object<ApiKey>> {
        let uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &mut keys {
            let stored = &mut key.document.last_used_at;
            *stored = (*stored).max(uses.get(&key.id).copied());
        }
        keys
    }

    pub(super) fn take_uses(&self) -> Vec<(KeyId, Timestamp)> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_read_before_a_change_is_not_cached() {
        let cache = KeyCache::new();
        let key = || {
            let read_at = Timestamp::from_millis(0);
            Arc::new(CachedKey { caller: Caller::internal(), expires_at: None, read_at })
        };
        cache.insert([1; 32], key(), cache.generation());
        assert!(cache.get(&[1; 32]).is_some());
        let before = cache.generation();
        // It is revoked after it was read.
        cache.clear();
        cache.insert([1; 32], key(), before);
        assert!(cache.get(&[1; 32]).is_none());
    }
}
