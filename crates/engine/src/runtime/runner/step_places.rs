//! The places of an execution's attempts under the concurrency limits of its steps.

use std::collections::HashMap;

use stepwell_core::execution::{AttemptId, Event, RecordedEvent, StepRunId, TransitionInput};
use tokio_util::task::AbortOnDropHandle;

use super::Runner;
use crate::runtime::registry::Message;
use crate::runtime::step_concurrency::{DemandedPlace, PlaceDemand, StepKey, StepPlace};

/// The place of an attempt; dropping it gives it up.
pub(super) enum AttemptPlace {
    /// The attempt runs in it.
    Taken(#[expect(dead_code, reason = "held until it is dropped")] StepPlace),
    /// The attempt waits for it.
    Awaited(#[expect(dead_code, reason = "held until it is dropped")] AbortOnDropHandle<()>),
}

/// The places by step run.
pub(super) type AttemptPlaces = HashMap<StepRunId, AttemptPlace>;

impl Runner {
    /// Whether there is something to do that no timer or message triggers.
    pub(super) fn needs_recovery(&self) -> bool {
        self.execution.is_busy()
            || self.execution.has_evaluation_pending()
            || self.execution.place_waits().next().is_some()
    }

    /// Demands a place for an attempt that waits for one.
    pub(super) fn demand_place(&mut self, attempt: AttemptId) {
        let is_demanded = self.places.contains_key(&attempt.step_run);
        if is_demanded || !self.execution.awaits_place_for(&attempt) {
            return;
        }
        let run = self.execution.steps.run(&attempt.step_run);
        let Some(place) = run.place.as_deref().cloned() else { return };
        let key = StepKey {
            workflow: self.record.workflow,
            step: self.execution.origin.plan[attempt.step_run.step].id.clone(),
            key: place.key,
        };
        let (execution, step_run) = (self.record.id, attempt.step_run.clone());
        let demand = PlaceDemand { execution, step_run, limit: place.limit };
        match self.engine.step_concurrency.demand(key, demand) {
            DemandedPlace::Taken(place) => self.place_taken(attempt, place),
            DemandedPlace::Awaited(place) => {
                let (sender, step_run) = (self.sender.clone(), attempt.step_run.clone());
                let task = tokio::spawn(async move {
                    if let Ok(place) = place.await {
                        // A runner that has ended gives the place up.
                        let _ = sender.send(Message::PlaceTaken { attempt, place }).await;
                    }
                });
                let task = AbortOnDropHandle::new(task);
                self.places.insert(step_run, AttemptPlace::Awaited(task));
            }
        }
    }

    /// Runs an attempt in its place; if it does not wait for it any more, the place is given up.
    pub(super) fn place_taken(&mut self, attempt: AttemptId, place: StepPlace) {
        let step_run = attempt.step_run.clone();
        if self.apply_input(TransitionInput::PlaceTaken(attempt.clone())).is_none() {
            self.places.insert(step_run, AttemptPlace::Taken(place));
        } else if self.execution.awaits_place_for(&attempt) {
            // It is paused, and demands a place again when it is resumed.
            self.places.remove(&step_run);
        }
    }

    /// Gives up the places of attempts that have ended. Those that are cancelled follow when they
    /// are stopped.
    pub(super) fn release_places(&mut self, events: &[RecordedEvent]) {
        if self.places.is_empty() {
            return;
        }
        for recorded in events {
            if let Event::StepCompleted { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepRetrying { step, .. } = &recorded.event
            {
                self.places.remove(step);
            }
        }
    }
}
