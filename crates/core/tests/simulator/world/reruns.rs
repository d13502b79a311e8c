//! Reruns of ended executions, from a random place.

use std::collections::BTreeSet;

use serde_json::json;
use stepwell_core::execution::{
    AcceptanceInput, Event, RerunError, RerunFrom, ReusedOutcome, ReusedStep, Status, StepIndex,
    StepRunId,
};

use super::{World, checks};
use crate::rng::Rng;

impl World {
    /// A world in which the ended execution is run again, from a place of its own choice.
    pub(super) fn start_rerun(&mut self) -> Option<(Self, AcceptanceInput)> {
        let ended = self.replayed();
        let from = match self.rng.chance(40) {
            true => RerunFrom::Failed,
            false => self.random_place(),
        };
        let rerun = match ended.prepare_rerun(&self.journal, from.clone()) {
            Ok(rerun) => rerun,
            Err(RerunError::NothingFailed) => {
                assert_eq!(ended.status(), Status::Completed);
                return None;
            }
            // A step that was not reached, in a block.
            Err(RerunError::NoSuchIteration(_)) => return None,
            Err(other) => panic!("{other}"),
        };
        checks::check_reused(&ended, &rerun);
        self.check_selection(&from, &rerun.steps);
        let state = self.journal.iter().find_map(|recorded| match &recorded.event {
            Event::Accepted { state, .. } => Some(state.clone()),
            _ => None,
        });
        let mut world = Self::new(self.plan.clone(), Rng::new(self.rng.next()));
        world.now = self.now;
        let completed =
            |reused: &&ReusedStep| matches!(reused.how, ReusedOutcome::Completed { .. });
        let whole = rerun.steps.iter().filter(completed).map(|reused| reused.step.clone());
        let inside = rerun.events.iter().filter_map(|event| match event {
            Event::StepCompleted { step, .. } => Some(step.clone()),
            _ => None,
        });
        world.recorded = whole.chain(inside).collect();
        if let RerunFrom::Step { id, .. } = &from {
            let is_kept = |step: &StepRunId| step.display_in(&self.plan).to_string() == *id;
            assert!(!world.recorded.iter().any(is_kept), "the chosen step is run: {id}");
        }
        world.given.clone_from(&rerun.given);
        let accepted = AcceptanceInput {
            input: ended.input,
            state: state.flatten(),
            rerun: Some(Box::new(rerun)),
            variables: ended.variables,
            ..AcceptanceInput::default()
        };
        Some((world, accepted))
    }

    /// A step outside of blocks, or any step run that the journal has, or an iteration.
    fn random_place(&mut self) -> RerunFrom {
        let of_journal: Vec<&Event> = self.journal.iter().map(|recorded| &recorded.event).collect();
        let runs = of_journal.iter().filter_map(|event| event.step_run());
        let runs = runs.filter(|step| !self.plan.is_handler(step.step));
        let mut places: Vec<String> =
            runs.map(|step| step.display_in(&self.plan).to_string()).collect();
        places.extend(of_journal.iter().filter_map(|event| match event {
            Event::BodyStarted { step, index, .. } if !self.plan.is_handler(step.step) => {
                let block = self.plan[step.step].block.as_ref()?;
                let written = step.display_in(&self.plan);
                block.is_repeating().then(|| format!("{written}[{index}]"))
            }
            _ => None,
        }));
        let top = &self.plan.top.steps;
        places.extend(top.iter().map(|step| self.plan[*step].id.clone()));
        let id = places[self.rng.below(places.len())].clone();
        let is_block = self
            .plan
            .steps
            .iter()
            .any(|step| step.block.is_some() && id.rsplit('.').next() == Some(&step.id));
        let input = self.rng.chance(50).then(|| json!({"given": 1}));
        RerunFrom::Step { input: input.filter(|_| !is_block && !id.ends_with(']')), id }
    }

    /// Outside of blocks: what is run again, and what follows from it, is not reused.
    fn check_selection(&self, from: &RerunFrom, steps: &[ReusedStep]) {
        let is_whole = |reused: &&ReusedStep| reused.step.path.is_empty();
        let reused: BTreeSet<StepIndex> =
            steps.iter().filter(is_whole).map(|reused| reused.step.step).collect();
        for &step in &self.plan.top.steps {
            let planned = &self.plan[step];
            let chosen = matches!(from, RerunFrom::Step { id, .. } if *id == planned.id);
            assert!(!(chosen && reused.contains(&step)), "the chosen step is run");
            let follows = |next: &StepIndex| reused.contains(next);
            assert!(
                reused.contains(&step) || !planned.dependents.iter().any(follows),
                "what follows from a step that is run is run"
            );
        }
    }
}
