//! A keyed mutex.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

/// The number of locks that all keys share.
const LANES: usize = 64;

/// Keyed mutex: serialises work with the same key on this node, in the order of the calls. Keys
/// share locks, so a lock should be held for a short time only.
#[derive(Debug)]
pub struct KeyedMutex([Mutex<()>; LANES]);

impl KeyedMutex {
    /// Nothing is locked.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { Mutex::const_new(()) }; LANES])
    }

    /// Waits until the key is free and locks it until the guard is dropped.
    pub async fn lock(&self, key: &impl Hash) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.0[(hasher.finish() % LANES as u64) as usize].lock().await
    }
}

impl Default for KeyedMutex {
    fn default() -> Self {
        Self::new()
    }
}
