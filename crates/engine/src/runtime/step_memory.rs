//! The memory budget as an attempt of a step sees it.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use stepwell_steps::{StepFailure, WorkingMemory, memory_shortage};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::memory::{MemoryBudget, MemoryShortage, PATIENCE, Reservation};

/// What one attempt has reserved.
#[derive(Debug)]
pub(crate) struct StepMemory {
    budget: MemoryBudget,
    // Taken out while it grows, nothing awaits under it.
    reserved: Mutex<Option<Reservation>>,
    /// Closed when the attempt has ended: then a thread that continues stops waiting.
    attempt: watch::Receiver<()>,
    runtime: Handle,
}

/// For a call on a thread that drives other executions as well: nothing beyond what a small call
/// takes, and no waiting.
#[derive(Debug)]
struct NoWaiting;

/// The memory of calls on a thread that drives other executions as well.
pub(crate) static NO_WAITING: LazyLock<Arc<dyn WorkingMemory>> =
    LazyLock::new(|| Arc::new(NoWaiting));

#[async_trait]
impl WorkingMemory for NoWaiting {
    async fn reserve_bytes(&self, bytes: usize) -> Result<(), StepFailure> {
        self.reserve_blocking(bytes)
    }

    fn reserve_blocking(&self, _: usize) -> Result<(), StepFailure> {
        Err(memory_shortage("a call that takes so much memory runs on a thread of its own"))
    }
}

/// Ends the waits of an attempt when it is dropped.
pub(crate) struct AttemptGuard {
    _alive: watch::Sender<()>,
}

impl StepMemory {
    /// For an attempt that may wait, with what is reserved for it.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(crate) fn new(budget: &MemoryBudget, reserved: Reservation) -> (Arc<Self>, AttemptGuard) {
        let (alive, attempt) = watch::channel(());
        let memory = Self {
            budget: budget.clone(),
            reserved: Mutex::new(Some(reserved)),
            attempt,
            runtime: Handle::current(),
        };
        (Arc::new(memory), AttemptGuard { _alive: alive })
    }

    /// What is reserved, for the caller to keep or give back.
    pub(crate) fn take(&self) -> Reservation {
        self.lock().take().unwrap_or_else(|| self.budget.empty())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Reservation>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn grow(&self, bytes: usize) -> Result<(), MemoryShortage> {
        let mut reserved = self.take();
        let mut attempt = self.attempt.clone();
        let grown = tokio::select! {
            biased;
            grown = reserved.grow_to(bytes, PATIENCE) => grown,
            // Nothing is ever sent.
            _ = attempt.changed() => Err(MemoryShortage { bytes, limit: self.budget.limit() }),
        };
        *self.lock() = Some(reserved);
        grown
    }
}

#[async_trait]
impl WorkingMemory for StepMemory {
    async fn reserve_bytes(&self, bytes: usize) -> Result<(), StepFailure> {
        self.grow(bytes).await.map_err(|shortage| memory_shortage(shortage.to_string()))
    }

    fn reserve_blocking(&self, bytes: usize) -> Result<(), StepFailure> {
        let mut reserved = self.take();
        let at_once = reserved.try_grow_to(bytes);
        *self.lock() = Some(reserved);
        if at_once { Ok(()) } else { self.runtime.block_on(self.reserve_bytes(bytes)) }
    }
}
