//! Letting those take turns who would get in each other's way.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

/// How many can have their turn at once, at most.
const LANES: usize = 64;

/// Those with the same key go one after the other, in the order in which they came. Keys share
/// lanes, so what is done in a turn should take a moment only.
#[derive(Debug)]
pub struct Turns([Mutex<()>; LANES]);

impl Turns {
    /// Nobody's turn yet.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { Mutex::const_new(()) }; LANES])
    }

    /// Waits for the turn of whoever has that key; it ends when the answer is dropped.
    pub async fn take(&self, key: &impl Hash) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.0[(hasher.finish() % LANES as u64) as usize].lock().await
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self::new()
    }
}
