//! The places under the concurrency limits of steps, on this node: a counting semaphore for each key,
//! first in, first out. Attempts that wait are journaled and demand their places again after a
//! restart, so nothing is stored here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_core::ids::WorkflowId;
use tokio::sync::oneshot;

/// Which attempts share places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StepKey {
    pub(crate) workflow: WorkflowId,
    /// The id of the step.
    pub(crate) step: String,
    /// Its concurrency key.
    pub(crate) key: String,
}

/// The use of the places of a key.
#[derive(Default)]
struct KeyUse {
    taken: u32,
    /// Those that wait, the first first, with the number of places that there may be for them.
    waiting: VecDeque<(u32, oneshot::Sender<StepPlace>)>,
}

/// All places that are taken or waited for. Attempts are in memory while they need a place, so
/// `engine.max_active` and the steps of an execution bound it.
#[derive(Default)]
pub(crate) struct StepConcurrency {
    // Lookups only under it, nothing awaits.
    keys: Mutex<HashMap<StepKey, KeyUse>>,
}

/// A place; it is free again when this is dropped.
pub(crate) struct StepPlace {
    owner: Arc<StepConcurrency>,
    key: StepKey,
}

impl std::fmt::Debug for StepPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.key.fmt(formatter)
    }
}

/// A demanded place.
pub(crate) enum DemandedPlace {
    /// It was free.
    Taken(StepPlace),
    /// It comes when it is free and the earlier demands are met.
    Awaited(oneshot::Receiver<StepPlace>),
}

impl StepConcurrency {
    fn lock(&self) -> MutexGuard<'_, HashMap<StepKey, KeyUse>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one of `limit` places, or waits for one.
    pub(crate) fn demand(self: &Arc<Self>, key: StepKey, limit: u32) -> DemandedPlace {
        let mut keys = self.lock();
        let found = keys.entry(key.clone()).or_default();
        if found.taken < limit && found.waiting.is_empty() {
            found.taken += 1;
            return DemandedPlace::Taken(StepPlace { owner: self.clone(), key });
        }
        // Those that gave up.
        found.waiting.retain(|(_, sender)| !sender.is_closed());
        let (sender, receiver) = oneshot::channel();
        found.waiting.push_back((limit, sender));
        drop(keys);
        // All that were before may have given up.
        self.grant(&key);
        DemandedPlace::Awaited(receiver)
    }

    /// Gives free places to the first that wait.
    fn grant(self: &Arc<Self>, key: &StepKey) {
        while let Some(sender) = self.reserve_next(key) {
            let place = StepPlace { owner: self.clone(), key: key.clone() };
            // A receiver that has gone returns the place by dropping it.
            drop(sender.send(place));
        }
    }

    /// Takes a place for the first that waits; `None`: none is free, or none waits.
    fn reserve_next(&self, key: &StepKey) -> Option<oneshot::Sender<StepPlace>> {
        let mut keys = self.lock();
        let found = keys.get_mut(key)?;
        while found.waiting.front().is_some_and(|(_, sender)| sender.is_closed()) {
            found.waiting.pop_front();
        }
        let (limit, _) = found.waiting.front()?;
        if found.taken >= *limit {
            return None;
        }
        found.taken += 1;
        found.waiting.pop_front().map(|(_, sender)| sender)
    }
}

impl Drop for StepPlace {
    fn drop(&mut self) {
        let mut keys = self.owner.lock();
        if let Some(found) = keys.get_mut(&self.key) {
            found.taken = found.taken.saturating_sub(1);
            if found.taken == 0 && found.waiting.is_empty() {
                keys.remove(&self.key);
                return;
            }
        }
        drop(keys);
        self.owner.grant(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> StepKey {
        let workflow = WorkflowId::from_uuid(uuid::Uuid::from_u128(1));
        StepKey { workflow, step: "s".to_owned(), key: text.to_owned() }
    }

    fn taken(demanded: DemandedPlace) -> StepPlace {
        match demanded {
            DemandedPlace::Taken(place) => place,
            DemandedPlace::Awaited(_) => panic!("no place was free"),
        }
    }

    fn awaited(demanded: DemandedPlace) -> oneshot::Receiver<StepPlace> {
        match demanded {
            DemandedPlace::Taken(_) => panic!("a place was free"),
            DemandedPlace::Awaited(receiver) => receiver,
        }
    }

    #[test]
    fn places_are_given_in_order() {
        let places = Arc::new(StepConcurrency::default());
        let demand = |text| places.demand(key(text), 2);
        let (one, two) = (taken(demand("a")), taken(demand("a")));
        let _other = taken(demand("b"));
        let (mut three, four, mut five) =
            (awaited(demand("a")), awaited(demand("a")), awaited(demand("a")));
        assert!(three.try_recv().is_err());
        drop(one);
        let three = three.try_recv().expect("the first that waits");
        // One that gave up is skipped.
        drop(four);
        assert!(five.try_recv().is_err());
        drop(two);
        let five = five.try_recv().expect("the next that waits");
        drop((three, five));
        assert_eq!(places.lock().len(), 1, "a key that is not used takes no memory");
    }

    #[test]
    fn a_place_that_is_not_received_is_free_again() {
        let places = Arc::new(StepConcurrency::default());
        let one = taken(places.demand(key("a"), 1));
        let two = awaited(places.demand(key("a"), 1));
        drop(one);
        // It was sent and not received.
        drop(two);
        drop(taken(places.demand(key("a"), 1)));
        assert!(places.lock().is_empty());
    }
}
