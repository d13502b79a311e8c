//! Places under the concurrency limits of steps: an attempt waits for its place before it runs. The
//! runtime knows which places are free.

use super::actions::attempt_command;
use super::advance::Transition;
use super::event::Event;
use super::input::{Command, TransitionError};
use super::state::Execution;
use super::step_run::StepState;
use super::step_run_id::{AttemptId, StepRunId};
use crate::definition::concurrency::ConcurrencyPlace;

impl Transition<'_> {
    /// Lets an attempt that has started wait for its place.
    pub(super) fn await_place(&mut self, attempt: AttemptId, place: ConcurrencyPlace) {
        let step = attempt.step_run.clone();
        self.record_event(Event::PlaceAwaited { step, place });
        self.push_command(Command::TakePlace(attempt));
    }

    /// Runs an attempt that has its place now.
    pub(super) fn take_place(&mut self, attempt: &AttemptId) -> Result<(), TransitionError> {
        if !self.execution.awaits_place_for(attempt) {
            return Err(TransitionError::Stale);
        }
        let step = attempt.step_run.clone();
        let action = self.execution.origin.plan[step.step].action;
        self.record_event(Event::PlaceTaken { step });
        self.push_command(attempt_command(action, attempt.clone()));
        Ok(())
    }

    /// Demands the places that attempts wait for again.
    pub(super) fn demand_places(&mut self) {
        let waiting: Vec<StepRunId> = self.execution.place_waits().map(|(id, _)| id).collect();
        for step_run in waiting {
            let attempt = self.execution.steps.run(&step_run).attempts;
            self.push_command(Command::TakePlace(AttemptId { step_run, attempt }));
        }
    }
}

impl Execution {
    /// The step runs that wait for a place under the concurrency limit of their step.
    pub fn place_waits(&self) -> impl Iterator<Item = (StepRunId, &ConcurrencyPlace)> {
        self.steps.iter_current().filter_map(|(id, run)| match &run.state {
            StepState::AwaitingPlace(place) => Some((id, &**place)),
            _ => None,
        })
    }

    /// Whether exactly this attempt waits for a place.
    pub fn awaits_place_for(&self, attempt: &AttemptId) -> bool {
        let run = self.steps.get(&attempt.step_run);
        run.is_some_and(|run| {
            run.attempts == attempt.attempt && matches!(run.state, StepState::AwaitingPlace(_))
        })
    }
}
