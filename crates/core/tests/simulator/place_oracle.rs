//! What must be true of the places under the concurrency limits of steps in every journal.

use std::collections::BTreeMap;

use stepwell_core::definition::Plan;
use stepwell_core::execution::{Event, StepRunId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaceState {
    Awaited,
    Taken,
    /// The node that ran the attempt has stopped.
    Lost,
}

/// Reads the events about places, and panics where one breaks a rule.
#[derive(Default)]
pub struct PlaceOracle {
    /// The step runs whose attempt needs a place.
    places: BTreeMap<StepRunId, PlaceState>,
}

impl PlaceOracle {
    /// Reads an event that is not taken over from an earlier execution.
    pub fn read(&mut self, plan: &Plan, event: &Event, is_paused: bool) {
        let needs_place = |step: &StepRunId| plan[step.step].concurrency.is_some();
        match event {
            Event::PlaceAwaited { step, place } => {
                let planned = plan[step.step].concurrency.as_ref().expect("a step with a limit");
                assert_eq!(place.limit, planned.limit);
                match self.places.insert(step.clone(), PlaceState::Awaited) {
                    Some(before) => assert_eq!(before, PlaceState::Lost, "it waits once"),
                    None => assert!(!is_paused, "nothing starts while paused"),
                }
            }
            Event::PlaceTaken { step } => {
                assert!(!is_paused, "nothing starts while paused");
                let before = self.places.insert(step.clone(), PlaceState::Taken);
                assert_eq!(before, Some(PlaceState::Awaited), "by an attempt that waits");
            }
            Event::StepCompleted { step, .. } | Event::StepRetrying { step, .. }
                if needs_place(step) =>
            {
                let before = self.places.remove(step);
                assert_eq!(before, Some(PlaceState::Taken), "an attempt runs with its place");
            }
            Event::StepFailed { step, .. } => {
                let before = self.places.remove(step);
                assert_ne!(before, Some(PlaceState::Awaited), "only what runs can fail");
            }
            Event::StepCancelled { step } => drop(self.places.remove(step)),
            Event::Recovered => {
                let taken = self.places.values_mut().filter(|state| **state == PlaceState::Taken);
                taken.for_each(|state| *state = PlaceState::Lost);
            }
            _ => {}
        }
    }
}
