//! Reservations for shared values, which last as long as the last reader.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{MemoryBudget, Reservation, SMALL};

/// A reservation that several owners share.
#[derive(Debug, Default)]
pub struct HeldMemory {
    // Short critical sections, nothing awaits under it.
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Its own reservation, if any.
    own: Option<Reservation>,
    /// The reservation of another owner for the same values.
    shared: Hold,
}

impl HeldMemory {
    /// A reservation to share.
    pub fn new(reservation: Reservation) -> Arc<Self> {
        let held = Self::default();
        held.absorb(reservation);
        Arc::new(held)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over a reservation.
    pub fn absorb(&self, reservation: Reservation) {
        if reservation.bytes() == 0 {
            return;
        }
        match &mut self.lock().own {
            Some(own) => own.absorb(reservation),
            none => *none = Some(reservation),
        }
    }

    /// Counts `bytes` in total, whatever is free.
    pub(crate) fn resize(&self, budget: &MemoryBudget, bytes: usize) {
        let mut held = self.lock();
        if bytes >= SMALL || held.own.is_some() {
            held.own.get_or_insert_with(|| budget.empty()).resize(bytes);
        }
    }

    /// Keeps the reservation of another owner for the same values.
    pub(crate) fn share(&self, hold: Hold) {
        self.lock().shared = hold;
    }

    fn is_reserved(&self) -> bool {
        let held = self.lock();
        held.own.is_some() || held.shared.is_some()
    }

    /// Returns its own reservation.
    pub(crate) fn take(&self) -> Option<Reservation> {
        self.lock().own.take()
    }
}

/// Keeps memory reserved as long as a reader of its values exists.
#[derive(Debug, Clone, Default)]
pub struct Hold {
    owner: Option<Arc<dyn Any + Send + Sync>>,
    is_small: bool,
}

impl Hold {
    /// Keeps the reservation of `owner`.
    pub fn new(owner: impl Any + Send + Sync) -> Self {
        Self { owner: Some(Arc::new(owner)), is_small: false }
    }

    /// Keeps the reservation of values; without one, they are known to be small.
    pub fn of(memory: &Arc<HeldMemory>) -> Self {
        if memory.is_reserved() {
            return Self::new(memory.clone());
        }
        Self { owner: None, is_small: true }
    }

    /// Whether it keeps anything.
    pub fn is_some(&self) -> bool {
        self.owner.is_some()
    }

    /// Whether the values together are smaller than [`SMALL`], so that nothing is reserved.
    pub fn is_small(&self) -> bool {
        self.is_small
    }
}
