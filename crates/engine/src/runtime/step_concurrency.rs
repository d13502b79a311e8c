//! The places under the concurrency limits of steps, on this node: a counting semaphore for each key,
//! first in, first out. Attempts that wait are journaled and demand their places again after a
//! restart, so nothing is stored here.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_core::execution::StepRunId;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::traits::WorkflowPlaces;
use tokio::sync::oneshot;

use crate::concurrency::MAX_POSITION;

/// Which attempts share places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StepKey {
    pub(crate) workflow: WorkflowId,
    /// The id of the step.
    pub(crate) step: String,
    /// Its concurrency key.
    pub(crate) key: String,
}

/// The step run that needs a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlaceDemand {
    pub(crate) execution: ExecutionId,
    pub(crate) step_run: StepRunId,
    /// The number of places that there may be for it.
    pub(crate) limit: u32,
}

/// A step run that waits for a place.
struct WaitingStepRun {
    demand: PlaceDemand,
    sender: oneshot::Sender<StepPlace>,
}

impl WaitingStepRun {
    /// Whether it still waits.
    fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }
}

/// The use of the places of a key.
#[derive(Default)]
struct KeyUse {
    taken: u32,
    /// Those that wait, the first first.
    waiting: VecDeque<WaitingStepRun>,
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

    /// Takes a place, or waits for one.
    pub(crate) fn demand(self: &Arc<Self>, key: StepKey, demand: PlaceDemand) -> DemandedPlace {
        let mut keys = self.lock();
        let found = keys.entry(key.clone()).or_default();
        if found.taken < demand.limit && found.waiting.is_empty() {
            found.taken += 1;
            return DemandedPlace::Taken(StepPlace { owner: self.clone(), key });
        }
        // Those that gave up.
        found.waiting.retain(WaitingStepRun::is_open);
        let (sender, receiver) = oneshot::channel();
        found.waiting.push_back(WaitingStepRun { demand, sender });
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
        while found.waiting.front().is_some_and(|first| !first.is_open()) {
            found.waiting.pop_front();
        }
        if found.taken >= found.waiting.front()?.demand.limit {
            return None;
        }
        found.taken += 1;
        found.waiting.pop_front().map(|first| first.sender)
    }

    /// The positions of the step runs of an execution that wait for a place with the key, from 1,
    /// as far as they are among the first [`MAX_POSITION`].
    pub(crate) fn positions(
        &self,
        key: &StepKey,
        execution: ExecutionId,
    ) -> HashMap<StepRunId, u64> {
        let keys = self.lock();
        let waiting = keys.get(key).map(|found| &found.waiting).into_iter().flatten();
        let open = waiting.filter(|waiting| waiting.is_open()).take(MAX_POSITION);
        (1..)
            .zip(open)
            .filter(|(_, waiting)| waiting.demand.execution == execution)
            .map(|(position, waiting)| (waiting.demand.step_run.clone(), position))
            .collect()
    }

    /// The places that are taken and waited for, by workflow.
    pub(crate) fn count_places(&self) -> Vec<WorkflowPlaces> {
        let mut counts: BTreeMap<WorkflowId, (u64, u64)> = BTreeMap::new();
        for (key, found) in self.lock().iter() {
            let (taken, waiting) = counts.entry(key.workflow).or_default();
            *taken += u64::from(found.taken);
            *waiting += found.waiting.iter().filter(|waiting| waiting.is_open()).count() as u64;
        }
        counts
            .into_iter()
            .map(|(workflow, (taken, waiting))| WorkflowPlaces { workflow, taken, waiting })
            .collect()
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

    fn execution(number: u128) -> ExecutionId {
        ExecutionId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn demand(number: u128, limit: u32) -> PlaceDemand {
        PlaceDemand { execution: execution(number), step_run: 0.into(), limit }
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
        let demand = |text, number| places.demand(key(text), demand(number, 2));
        let (one, two) = (taken(demand("a", 1)), taken(demand("a", 2)));
        let _other = taken(demand("b", 3));
        let (mut three, four, mut five) =
            (awaited(demand("a", 3)), awaited(demand("a", 4)), awaited(demand("a", 5)));
        let position = |number| {
            places.positions(&key("a"), execution(number)).get(&StepRunId::from(0)).copied()
        };
        assert_eq!([2, 3, 4, 5].map(position), [None, Some(1), Some(2), Some(3)]);
        let counted =
            |taken, waiting| [WorkflowPlaces { workflow: key("").workflow, taken, waiting }];
        assert_eq!(places.count_places(), counted(3, 3));
        assert!(three.try_recv().is_err());
        drop(one);
        let three = three.try_recv().expect("the first that waits");
        // One that gave up is skipped.
        drop(four);
        assert_eq!((position(4), position(5)), (None, Some(1)));
        assert_eq!(places.count_places(), counted(3, 1));
        assert!(five.try_recv().is_err());
        drop(two);
        let five = five.try_recv().expect("the next that waits");
        drop((three, five));
        assert_eq!(places.lock().len(), 1, "a key that is not used takes no memory");
    }

    #[test]
    fn a_place_that_is_not_received_is_free_again() {
        let places = Arc::new(StepConcurrency::default());
        let one = taken(places.demand(key("a"), demand(1, 1)));
        let two = awaited(places.demand(key("a"), demand(2, 1)));
        drop(one);
        // It was sent and not received.
        drop(two);
        drop(taken(places.demand(key("a"), demand(3, 1))));
        assert!(places.lock().is_empty());
    }
}
