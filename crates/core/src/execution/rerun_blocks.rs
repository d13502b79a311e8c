//! Reruns from inside blocks: which step runs and bodies of a block are run again, and which are
//! kept. What is kept is a part of the journal, which the rerun applies before it starts.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::block_run::{BodyResult, BodyRunId, BodyRunKey};
use super::event::{Event, RecordedEvent};
use super::item_files::kept_file_results;
use super::rerun_source::{event_subject, with_taken_over};
use super::step_run_id::StepRunId;
use crate::definition::Plan;
use crate::definition::blocks::BodyRole;
use crate::definition::plan_block::PlanBlockKind;

/// How a step run or body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It completed, was skipped, or failed in a way that the definition handles.
    Kept,
    /// It failed.
    Failed,
    /// It was cancelled or has not ended.
    Unfinished,
}

/// What is run again of an ended execution.
pub(super) struct RerunSelection<'a> {
    plan: &'a Plan,
    /// The events, those that the execution itself took over first.
    events: Vec<&'a Event>,
    outcomes: BTreeMap<StepRunId, Outcome>,
    /// Step runs that were cancelled because the join that they led to had enough.
    unneeded: BTreeSet<StepRunId>,
    bodies: BTreeMap<StepRunId, BTreeMap<BodyRunKey, Outcome>>,
    /// Step runs that are run again, with all that is inside them.
    cleared: BTreeSet<StepRunId>,
    /// Bodies that are run again as a whole.
    cleared_bodies: BTreeSet<(StepRunId, BodyRunKey)>,
    /// Block runs that continue.
    reopened: BTreeSet<StepRunId>,
    /// Bodies that continue.
    reopened_bodies: BTreeSet<(StepRunId, BodyRunKey)>,
}

impl<'a> RerunSelection<'a> {
    /// Reads the journal of an ended execution.
    pub(super) fn new(plan: &'a Plan, journal: &'a [RecordedEvent]) -> Self {
        let mut selection = Self {
            plan,
            events: journal
                .iter()
                .flat_map(|recorded| with_taken_over(&recorded.event))
                .filter(|event| event_subject(event).is_none_or(|id| !plan.is_handler(id.step)))
                .collect(),
            outcomes: BTreeMap::new(),
            unneeded: BTreeSet::new(),
            bodies: BTreeMap::new(),
            cleared: BTreeSet::new(),
            cleared_bodies: BTreeSet::new(),
            reopened: BTreeSet::new(),
            reopened_bodies: BTreeSet::new(),
        };
        for event in selection.events.clone() {
            selection.read_event(event);
        }
        selection.keep_cancelled_rests();
        selection
    }

    fn read_event(&mut self, event: &Event) {
        let (step, outcome) = match event {
            Event::Accepted { rerun: Some(rerun), .. } => {
                let kept = rerun.steps.iter().map(|kept| (kept.step.clone(), Outcome::Kept));
                return self.outcomes.extend(kept);
            }
            Event::StepStarted { step, .. } | Event::StepCancelled { step } => {
                (step, Outcome::Unfinished)
            }
            Event::StepFailed { step, handled: false, .. } => (step, Outcome::Failed),
            Event::StepCompleted { step, .. }
            | Event::StepFailed { step, handled: true, .. }
            | Event::StepSkipped { step, .. } => (step, Outcome::Kept),
            Event::BodyStarted { step, body, index } => {
                let key = BodyRunKey { body: *body, index: *index };
                return self.set_body(step, key, Outcome::Unfinished);
            }
            Event::BodyEnded { step, body, index, error, .. } => {
                let key = BodyRunKey { body: *body, index: *index };
                let outcome = if error.is_some() { Outcome::Failed } else { Outcome::Kept };
                return self.set_body(step, key, outcome);
            }
            // Those of a map that was taken over as a whole are only for its file.
            Event::ItemsEnded { step, .. } if !self.outcomes.contains_key(step) => return,
            Event::ItemsEnded { step, index, results } => {
                for (index, result) in (*index..).zip(results) {
                    let outcome = match result {
                        BodyResult::Completed(_) => Outcome::Kept,
                        BodyResult::Failed(_) => Outcome::Failed,
                    };
                    self.set_body(step, BodyRunKey { body: 0, index }, outcome);
                }
                return;
            }
            _ => return,
        };
        self.outcomes.insert(step.clone(), outcome);
    }

    /// What was cancelled because a join had enough is not needed by a rerun either.
    fn keep_cancelled_rests(&mut self) {
        let with_rest = self.plan.indexed_steps().filter(|(_, s)| !s.cancelled_rest.is_empty());
        for (join, planned) in with_rest {
            let runs = self.outcomes.keys().filter(|id| id.step == join).cloned();
            for run in runs.collect::<Vec<StepRunId>>() {
                for step in &planned.cancelled_rest {
                    let other = run.sibling(*step);
                    if self.outcomes.get(&other) == Some(&Outcome::Unfinished) {
                        self.outcomes.insert(other.clone(), Outcome::Kept);
                        self.unneeded.insert(other);
                    }
                }
            }
        }
    }

    /// Whether a step run was cancelled because the join that it led to had enough.
    pub(super) fn is_unneeded(&self, id: &StepRunId) -> bool {
        self.unneeded.contains(id)
    }

    fn set_body(&mut self, block: &StepRunId, key: BodyRunKey, outcome: Outcome) {
        self.bodies.entry(block.clone()).or_default().insert(key, outcome);
    }

    /// Whether a body of a block has begun.
    pub(super) fn has_begun(&self, body: &BodyRunId) -> bool {
        self.bodies.get(&body.block).is_some_and(|bodies| bodies.contains_key(&body.key))
    }

    /// The runs of maps that completed although items failed.
    pub(super) fn maps_with_failures(&self) -> Vec<StepRunId> {
        let with_failures = self.bodies.iter().filter(|(id, bodies)| {
            self.is_map(id)
                && self.outcomes.get(id) == Some(&Outcome::Kept)
                && bodies.values().any(|outcome| *outcome == Outcome::Failed)
        });
        with_failures.map(|(id, _)| id.clone()).collect()
    }

    fn is_map(&self, id: &StepRunId) -> bool {
        let block = self.plan.step(id.step).and_then(|step| step.block.as_deref());
        block.is_some_and(|block| matches!(block.kind, PlanBlockKind::Map(_)))
    }

    /// Runs again what is broken outside of blocks; blocks continue.
    pub(super) fn repeat_broken(&mut self, top: impl Iterator<Item = StepRunId>) {
        for id in top {
            self.repeat_if_broken(&id);
        }
    }

    /// Runs a step again, with all that depends on it; the blocks around it continue.
    pub(super) fn repeat_step(&mut self, id: &StepRunId) {
        self.clear_run(id);
        self.reopen_around(id);
    }

    /// Runs a body of a block again; the blocks around it continue.
    pub(super) fn repeat_body(&mut self, body: &BodyRunId) {
        self.cleared_bodies.insert((body.block.clone(), body.key));
        self.reopen_block_of(body);
    }

    /// Continues a block with its broken bodies, and the blocks around it.
    pub(super) fn repeat_bodies(&mut self, block: &StepRunId) {
        self.reopen(block);
        self.reopen_around(block);
    }

    fn repeat_if_broken(&mut self, id: &StepRunId) {
        let outcome = self.outcomes.get(id).copied();
        let is_selected = self.reopened.contains(id) || self.cleared.contains(id);
        if outcome == Some(Outcome::Kept) || is_selected {
            return;
        }
        if outcome.is_none() {
            // It was not reached, but a step that depends on it may have started without it.
            return self.clear_dependents(id);
        }
        match self.bodies.contains_key(id) {
            true => self.reopen(id),
            false => self.clear_run(id),
        }
        self.clear_dependents(id);
    }

    /// A block continues with the bodies that are broken.
    fn reopen(&mut self, block: &StepRunId) {
        if !self.reopened.insert(block.clone()) {
            return;
        }
        let bodies = self.bodies.get(block).cloned().unwrap_or_default();
        for (key, outcome) in bodies {
            match outcome {
                _ if self.is_superseded(block, key) => {
                    self.cleared_bodies.insert((block.clone(), key));
                }
                Outcome::Kept => {}
                Outcome::Failed | Outcome::Unfinished => self.reopen_body(block, key),
            }
        }
    }

    /// Whether a body of a `Try` follows from another one that is run again.
    fn is_superseded(&self, block: &StepRunId, key: BodyRunKey) -> bool {
        let planned = self.plan.step(block.step).and_then(|step| step.block.as_deref());
        let is_try = planned.is_some_and(|block| matches!(block.kind, PlanBlockKind::Try));
        let guarded = BodyRunKey { body: 0, index: 0 };
        let bodies = self.bodies.get(block);
        let of_guarded = bodies.and_then(|bodies| bodies.get(&guarded));
        let is_repeated = of_guarded.is_some_and(|outcome| *outcome != Outcome::Kept);
        is_try && key != guarded && is_repeated
    }

    fn reopen_body(&mut self, block: &StepRunId, key: BodyRunKey) {
        self.reopened_bodies.insert((block.clone(), key));
        let body = BodyRunId { block: block.clone(), key };
        let path = body.path(self.plan);
        let steps = body.step_list(self.plan).map(|list| list.steps.clone()).unwrap_or_default();
        for step in steps {
            self.repeat_if_broken(&StepRunId { step, path: path.clone() });
        }
    }

    /// The blocks around a step run continue; what depends on them is run again.
    fn reopen_around(&mut self, id: &StepRunId) {
        self.clear_dependents(id);
        if let Some(body) = BodyRunId::around(self.plan, id) {
            self.reopen_body(&body.block, body.key);
            self.reopen_block_of(&body);
        }
    }

    fn reopen_block_of(&mut self, body: &BodyRunId) {
        let BodyRunId { block, key } = body;
        let planned = self.plan.step(block.step).and_then(|step| step.block.as_deref());
        let Some(planned) = planned else { return };
        let others = self.bodies.get(block).cloned().unwrap_or_default();
        let follows = |other: &BodyRunKey| match &planned.kind {
            PlanBlockKind::Loop(_) => other.index > key.index,
            PlanBlockKind::Try => {
                let role = planned.bodies.get(other.body as usize).map(|body| &body.role);
                other.body != key.body && (key.body == 0 || matches!(role, Some(BodyRole::Finally)))
            }
            _ => false,
        };
        let has_failed = self.outcomes.get(block) != Some(&Outcome::Kept);
        self.reopened.insert(block.clone());
        for (other, outcome) in others.into_iter().filter(|(other, _)| other != key) {
            let is_repeated = match outcome {
                // The bodies of a `Try` run one after the other: those before are kept as they are.
                _ if matches!(planned.kind, PlanBlockKind::Try) => false,
                Outcome::Kept => false,
                // Failures that the block tolerates are kept.
                Outcome::Failed => has_failed,
                Outcome::Unfinished => true,
            };
            if follows(&other) {
                self.cleared_bodies.insert((block.clone(), other));
            } else if is_repeated {
                self.reopen_body(block, other);
            }
        }
        self.reopen_around(block);
    }

    fn clear_run(&mut self, id: &StepRunId) {
        self.cleared.insert(id.clone());
        self.reopened.remove(id);
    }

    /// What depends on a step run, directly and indirectly, is run again.
    fn clear_dependents(&mut self, id: &StepRunId) {
        let mut queue = vec![id.clone()];
        while let Some(step) = queue.pop() {
            let dependents = self.plan.step(step.step).map(|planned| planned.dependents.as_slice());
            for next in dependents.unwrap_or_default() {
                let next = step.sibling(*next);
                if self.cleared.insert(next.clone()) {
                    queue.push(next);
                }
            }
        }
    }

    /// Whether a step run is run again, or continues if it is a block.
    pub(super) fn is_repeated(&self, id: &StepRunId) -> bool {
        self.reopened.contains(id) || !self.is_kept(id)
    }

    /// Whether what is recorded of a step run is taken over: neither it nor anything around it is
    /// cleared.
    pub(super) fn is_kept(&self, id: &StepRunId) -> bool {
        if self.cleared.contains(id) {
            return false;
        }
        match BodyRunId::around(self.plan, id) {
            Some(body) => {
                !self.cleared_bodies.contains(&(body.block.clone(), body.key))
                    && self.is_kept(&body.block)
            }
            None => true,
        }
    }

    /// The events of blocks that continue, as far as they are kept.
    pub(super) fn kept_events(&self) -> Vec<Event> {
        let is_inside = |id: &StepRunId| {
            let around = std::iter::successors(Some(id.clone()), |id| {
                BodyRunId::around(self.plan, id).map(|body| body.block)
            });
            around.last().is_some_and(|top| self.reopened.contains(&top)) && self.is_kept(id)
        };
        let of_blocks = self.events.iter().flat_map(|event| match event_subject(event) {
            Some(id) if is_inside(id) => self.kept_parts(event),
            Some(id) => self.kept_results(id, event).into_iter().collect(),
            None => Vec::new(),
        });
        of_blocks.collect()
    }

    /// What is kept of an event about a `Map` that is taken over as a whole.
    fn kept_results(&self, id: &StepRunId, event: &Event) -> Option<Event> {
        // Without an outcome, it was taken over as a whole before.
        let has_ended = self.outcomes.get(id).is_none_or(|outcome| *outcome == Outcome::Kept);
        if !has_ended || !self.is_kept(id) || !self.plan.writes_file(id.step) {
            return None;
        }
        kept_file_results(event, self.bodies.contains_key(id))
    }

    /// What is kept of an event about a step run that is kept or continues.
    fn kept_parts(&self, event: &Event) -> Vec<Event> {
        let is_needed = match event {
            Event::StepStarted { attempt, .. } => *attempt == 1,
            Event::StepCompleted { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepSkipped { step, .. }
            | Event::StepCancelled { step } => !self.reopened.contains(step),
            Event::BodyStarted { step, body, index } => {
                let body = (step.clone(), BodyRunKey { body: *body, index: *index });
                // Items start again one after the other, as many at once as the map allows.
                let waits = self.is_map(step) && self.reopened_bodies.contains(&body);
                !self.cleared_bodies.contains(&body) && !waits
            }
            Event::BodyEnded { step, body, index, .. } => {
                let body = (step.clone(), BodyRunKey { body: *body, index: *index });
                !self.cleared_bodies.contains(&body) && !self.reopened_bodies.contains(&body)
            }
            Event::ItemsEnded { step, index, results } if self.reopened.contains(step) => {
                return self.kept_items(step, *index, results);
            }
            Event::ItemsEnded { .. } => true,
            _ => false,
        };
        if is_needed { vec![event.clone()] } else { Vec::new() }
    }

    /// The results of items that are kept; one by one if there are gaps between them.
    fn kept_items(&self, block: &StepRunId, first: u32, results: &[BodyResult]) -> Vec<Event> {
        let bodies = self.bodies.get(block);
        let is_kept = |index: u32| {
            let body = (block.clone(), BodyRunKey { body: 0, index });
            !self.cleared_bodies.contains(&body) && !self.reopened_bodies.contains(&body)
        };
        let has_gaps = bodies.is_some_and(|bodies| bodies.keys().any(|key| !is_kept(key.index)));
        if !has_gaps {
            let results = results.to_vec();
            return vec![Event::ItemsEnded { step: block.clone(), index: first, results }];
        }
        let indexed = (first..).zip(results).filter(|(index, _)| is_kept(*index));
        let events = indexed.flat_map(|(index, result)| {
            let step = || block.clone();
            let (output, error) = match result {
                BodyResult::Completed(output) => (Some(output.clone()), None),
                BodyResult::Failed(error) => (None, Some(error.clone())),
            };
            [
                Event::BodyStarted { step: step(), body: 0, index },
                Event::BodyEnded { step: step(), body: 0, index, output, error },
            ]
        });
        events.collect()
    }
}
