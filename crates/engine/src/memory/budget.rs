//! The weighted semaphore.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, counter, describe_counter};
use stepwell_core::cache::PoolUsage;
use tokio::sync::oneshot;

use super::SMALL;
use crate::AppError;

/// How long requests and steps wait for memory.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The time after which a refused request should be retried.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Not enough memory was free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server has no free working memory for {bytes} bytes more; try again later, make the \
     input smaller, or raise `engine.memory_budget_bytes` (now {limit})"
)]
pub struct MemoryShortage {
    /// The number of bytes that were needed.
    pub bytes: usize,
    /// The whole budget.
    pub limit: usize,
}

impl From<MemoryShortage> for AppError {
    fn from(shortage: MemoryShortage) -> Self {
        Self::Unavailable { reason: shortage.to_string(), retry_after: RETRY_AFTER }
    }
}

/// The memory budget of request bodies, values and responses together. Cheap to clone.
#[derive(Clone)]
pub struct MemoryBudget(Arc<Shared>);

struct Shared {
    limit: usize,
    refused: Counter,
    // A short critical section, nothing awaits under it.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// May exceed the limit: see [`Reservation::resize`].
    used: usize,
    /// Waiters that already hold a reservation; the one that holds most is first.
    growing: VecDeque<BudgetWaiter>,
    /// All other waiters, in the order of their requests.
    waiting: VecDeque<BudgetWaiter>,
    /// The number of the next waiter.
    next: u64,
}

struct BudgetWaiter {
    number: u64,
    bytes: usize,
    /// The bytes that it already has.
    held: usize,
    grant: oneshot::Sender<Grant>,
}

/// Bytes on their way to a waiter; released if it is gone.
struct Grant {
    bytes: usize,
    budget: MemoryBudget,
}

impl Drop for Grant {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.release(self.bytes);
        }
    }
}

impl State {
    /// Grants free bytes, in order.
    fn serve(&mut self, budget: &MemoryBudget) {
        loop {
            let queue = if self.growing.is_empty() { &mut self.waiting } else { &mut self.growing };
            let limit = budget.0.limit;
            let fits = |waiter: &mut BudgetWaiter| self.used.saturating_add(waiter.bytes) <= limit;
            let Some(waiter) = queue.pop_front_if(fits) else { return };
            let grant = Grant { bytes: waiter.bytes, budget: budget.clone() };
            match waiter.grant.send(grant) {
                Ok(()) => self.used += waiter.bytes,
                // The waiter is gone: the drop must not release what was not taken.
                Err(mut grant) => grant.bytes = 0,
            }
        }
    }

    /// Adds a waiter that holds a reservation. If these hold so much together that the first could
    /// not be served even if all others released theirs, the ones that hold least are refused: their
    /// wait ends when they are dropped.
    fn queue_growing(&mut self, waiter: BudgetWaiter, limit: usize) {
        let place = self.growing.partition_point(|other| other.held >= waiter.held);
        self.growing.insert(place, waiter);
        let mut stuck = self.growing.iter().map(|waiter| waiter.held).sum::<usize>();
        while let Some(first) = self.growing.front()
            && stuck.saturating_add(first.bytes) > limit
            && let Some(refused) = self.growing.pop_back()
        {
            stuck -= refused.held;
        }
    }
}

/// Removes a waiter from its queue, however its wait ends.
struct QueuedRequest<'a> {
    budget: &'a MemoryBudget,
    number: u64,
    grows: bool,
}

impl Drop for QueuedRequest<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        let queue = if self.grows { &mut state.growing } else { &mut state.waiting };
        let before = queue.len();
        queue.retain(|waiter| waiter.number != self.number);
        // Others may have waited behind it.
        if queue.len() < before {
            state.serve(self.budget);
        }
    }
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(limit: usize) -> Self {
        describe_counter!(
            "stepwell_memory_refused_total",
            "Requests and steps that found no free working memory in time"
        );
        let refused = counter!("stepwell_memory_refused_total");
        Self(Arc::new(Shared { limit, refused, state: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of reserved bytes.
    pub fn used(&self) -> usize {
        self.lock().used
    }

    /// The reserved bytes and the limit.
    pub(crate) fn usage(&self) -> PoolUsage {
        PoolUsage::new("working", self.used() as u64, self.limit() as u64)
    }

    /// Whether nothing is free.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.used() >= self.0.limit
    }

    /// The size of the budget, in bytes.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// An empty reservation, which can grow.
    pub fn empty(&self) -> Reservation {
        self.empty_with_held(0)
    }

    /// An empty reservation for work that has `held` bytes reserved elsewhere, which it releases when
    /// it is done: it waits like a reservation that grows.
    pub fn empty_with_held(&self, held: usize) -> Reservation {
        let held_elsewhere = if held < SMALL { 0 } else { held };
        Reservation { bytes: 0, held_elsewhere, budget: self.clone() }
    }

    /// Reserves bytes, waiting for at most `patience`. More than the whole budget takes all of it; less
    /// than [`SMALL`] takes nothing.
    ///
    /// # Errors
    /// They were not free in time.
    pub async fn reserve(
        &self,
        bytes: usize,
        patience: Duration,
    ) -> Result<Reservation, MemoryShortage> {
        let mut reservation = self.empty();
        reservation.grow_to(bytes, patience).await?;
        Ok(reservation)
    }

    /// Takes bytes if they are free and no waiter needs them.
    fn try_take(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        let queued = !state.growing.is_empty() || !state.waiting.is_empty();
        let fits = state.used.saturating_add(bytes) <= self.0.limit;
        if fits && !queued {
            state.used += bytes;
        }
        fits && !queued
    }

    async fn take(&self, bytes: usize, held: usize, patience: Duration) -> bool {
        if self.try_take(bytes) {
            return true;
        }
        let grows = held > 0;
        let (grant, granted) = oneshot::channel();
        let number = {
            let mut state = self.lock();
            if patience.is_zero() {
                return false;
            }
            let number = state.next;
            state.next += 1;
            let waiter = BudgetWaiter { number, bytes, held, grant };
            if grows {
                state.queue_growing(waiter, self.0.limit);
            } else {
                state.waiting.push_back(waiter);
            }
            // Bytes may have been released meanwhile, or it may precede other waiters.
            state.serve(self);
            number
        };
        let _queued = QueuedRequest { budget: self, number, grows };
        match tokio::time::timeout(patience, granted).await {
            // From now on the reservation releases it.
            Ok(Ok(mut grant)) => {
                grant.bytes = 0;
                true
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    fn release(&self, bytes: usize) {
        let mut state = self.lock();
        state.used = state.used.saturating_sub(bytes);
        state.serve(self);
    }

    /// Counts and returns the error that bytes were not free in time.
    pub(crate) fn shortage(&self, bytes: usize) -> MemoryShortage {
        self.0.refused.increment(1);
        MemoryShortage { bytes, limit: self.0.limit }
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBudget").field("limit", &self.0.limit).finish_non_exhaustive()
    }
}

/// Reserved memory; released when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    bytes: usize,
    /// The bytes that its owner has reserved elsewhere.
    held_elsewhere: usize,
    budget: MemoryBudget,
}

impl Reservation {
    /// The number of bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows to `bytes` in total, waiting for at most `patience`; unchanged if it has more. More than
    /// the whole budget takes all of it; less than [`SMALL`] takes nothing.
    ///
    /// # Errors
    /// They were not free in time, or growing reservations would wait for each other and this one
    /// holds least.
    pub async fn grow_to(
        &mut self,
        bytes: usize,
        patience: Duration,
    ) -> Result<(), MemoryShortage> {
        let missing = self.missing(bytes);
        if missing > 0
            && !self.budget.take(missing, self.bytes + self.held_elsewhere, patience).await
        {
            return Err(self.budget.shortage(missing));
        }
        self.bytes += missing;
        Ok(())
    }

    /// As [`Reservation::grow_to`], without waiting.
    pub fn try_grow_to(&mut self, bytes: usize) -> bool {
        let missing = self.missing(bytes);
        let taken = missing == 0 || self.budget.try_take(missing);
        self.bytes += if taken { missing } else { 0 };
        taken
    }

    fn missing(&self, bytes: usize) -> usize {
        let wanted = if bytes < SMALL { 0 } else { bytes.min(self.budget.0.limit) };
        wanted.saturating_sub(self.bytes)
    }

    /// Releases all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let bytes = if bytes < SMALL { 0 } else { bytes };
        if bytes < self.bytes {
            let freed = self.bytes - bytes;
            self.bytes = bytes;
            self.budget.release(freed);
        }
    }

    /// Counts memory that is already in use, whatever is free. If that exceeds the budget, all others
    /// wait until enough is released.
    pub fn resize(&mut self, bytes: usize) {
        self.shrink_to(bytes);
        let bytes = if bytes < SMALL { 0 } else { bytes };
        if bytes > self.bytes {
            self.budget.lock().used += bytes - self.bytes;
            self.bytes = bytes;
        }
    }

    /// Takes over the bytes of another reservation.
    pub fn absorb(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.release(self.bytes);
        }
    }
}
