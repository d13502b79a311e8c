//! The application object; the services are its methods, in the files beside this one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use stepwell_core::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::keys::KeyCache;
use super::store_probe::StoreProbe;
use crate::memory::MemoryBudget;
use crate::runtime::engine::Engine;

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(super) engine: Arc<Engine>,
    pub(super) keys: Arc<KeyCache>,
    pub(super) probe: Arc<StoreProbe>,
    /// When the gauges were last read from the store.
    pub(super) gauges_read_at: Arc<Mutex<Option<Instant>>>,
}

impl App {
    /// Now, by the wall clock that the application was started with.
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// The budget of working memory, from which requests reserve what they need.
    pub fn memory(&self) -> &MemoryBudget {
        &self.engine.memory
    }

    /// The number of executions in memory, and of those in the queue as far as this node knows.
    pub fn load(&self) -> (usize, usize) {
        let queued = self.engine.queued.load(Ordering::Relaxed);
        (self.engine.registry.active(), queued)
    }
}
