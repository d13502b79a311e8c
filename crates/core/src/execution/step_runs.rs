//! The step runs of an execution. Only this module looks step runs up by position.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::blocks::block_run::{BlockRun, BodyRunId};
use super::step_run::{StepRun, StepState};
use super::step_run_id::StepRunId;
use crate::Timestamp;
use crate::definition::plan::PlanStep;
use crate::definition::{Plan, StepIndex};

static NOT_BEGUN: StepRun = StepRun::PENDING;

/// The most runs of ended iterations that are kept.
const MAX_ENDED: usize = 2_000;

/// The step runs of an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRuns {
    /// In the order of the plan's steps; `None` for a step that runs in iterations.
    runs: Vec<Option<StepRun>>,
    /// The runs in iterations that have not ended, as far as they have begun or settled. Apart from
    /// those of ended iterations, because each transition searches them.
    current: BTreeMap<StepRunId, StepRun>,
    /// The runs of ended iterations that are kept.
    ended: BTreeMap<StepRunId, StepRun>,
    /// The ids of the runs of ended iterations, the oldest first.
    ended_order: VecDeque<StepRunId>,
    /// Runs of ended iterations that are kept beyond that, because compensations read them.
    retained: BTreeSet<StepRunId>,
    /// The number of unsettled runs outside all blocks.
    open: usize,
}

impl StepRuns {
    /// The runs of a plan, all pending.
    pub(super) fn all_pending(plan: &Plan) -> Self {
        let run = |step: &PlanStep| step.enclosing.is_empty().then_some(StepRun::PENDING);
        Self {
            runs: plan.steps.iter().map(run).collect(),
            current: BTreeMap::new(),
            ended: BTreeMap::new(),
            ended_order: VecDeque::new(),
            retained: BTreeSet::new(),
            open: plan.top.steps.len(),
        }
    }

    /// A step run; `None` if the plan has no such step, or it has not begun in this iteration.
    pub fn get(&self, id: &StepRunId) -> Option<&StepRun> {
        if !id.path.is_empty() {
            return self.current.get(id).or_else(|| self.ended.get(id));
        }
        self.runs.get(id.step.position())?.as_ref()
    }

    /// As [`StepRuns::get`], but an unknown run is pending.
    pub fn run(&self, id: &StepRunId) -> &StepRun {
        self.get(id).unwrap_or(&NOT_BEGUN)
    }

    /// As [`StepRuns::get`], but a run in an iteration is created.
    pub(super) fn get_mut(&mut self, id: &StepRunId) -> Option<&mut StepRun> {
        if id.path.is_empty() {
            return self.runs.get_mut(id.step.position())?.as_mut();
        }
        Some(self.current.entry(id.clone()).or_insert(StepRun::PENDING))
    }

    /// Sets the final state of a step run; `None` if there is no such run.
    pub(super) fn settle_run(
        &mut self,
        plan: &Plan,
        id: &StepRunId,
        state: StepState,
    ) -> Option<&mut StepRun> {
        let was_settled = self.get_mut(id)?.state.is_settled();
        // No list waits for compensations and the block of `on_failure`.
        let is_counted = plan.step(id.step).is_some_and(|step| step.role.is_regular());
        if !was_settled && is_counted {
            match BodyRunId::around(plan, id) {
                None => self.open = self.open.saturating_sub(1),
                Some(body) => {
                    if let Some(open) = self.open_in(&body) {
                        *open = open.saturating_sub(1);
                    }
                }
            }
        }
        let run = self.get_mut(id)?;
        run.state = state;
        run.checkpoint = None;
        Some(run)
    }

    /// As [`StepRuns::settle_run`], with the time.
    pub(super) fn settle_at(
        &mut self,
        plan: &Plan,
        id: &StepRunId,
        at: Timestamp,
        state: StepState,
    ) {
        if let Some(run) = self.settle_run(plan, id, state) {
            run.ended_at = Some(at);
        }
    }

    /// The number of unsettled steps of a body that runs.
    fn open_in(&mut self, body: &BodyRunId) -> Option<&mut usize> {
        self.block_mut(&body.block)?.active.get_mut(&body.key)
    }

    /// A block that runs.
    pub(super) fn block(&self, id: &StepRunId) -> Option<&BlockRun> {
        match &self.get(id)?.state {
            StepState::Block(block) => Some(block),
            _ => None,
        }
    }

    /// A block that runs, to be changed.
    pub(super) fn block_mut(&mut self, id: &StepRunId) -> Option<&mut BlockRun> {
        let run = match id.path.is_empty() {
            true => self.runs.get_mut(id.step.position())?.as_mut()?,
            false => self.current.get_mut(id)?,
        };
        match &mut run.state {
            StepState::Block(block) => Some(block),
            _ => None,
        }
    }

    /// Whether the bodies around a step run are running, so that it can start. Of a map that a rerun
    /// continues, items can have kept runs and wait for their turn.
    pub(super) fn is_reachable(&self, plan: &Plan, id: &StepRunId) -> bool {
        // Compensations and the block of `on_failure` run when the bodies around them have ended.
        if plan.step(id.step).is_some_and(|step| !step.role.is_regular()) {
            return true;
        }
        let Some(mut body) = BodyRunId::around(plan, id) else { return true };
        loop {
            let is_running = |block: &BlockRun| block.active.contains_key(&body.key);
            if !self.block(&body.block).is_some_and(is_running) {
                return false;
            }
            match BodyRunId::around(plan, &body.block) {
                Some(outer) => body = outer,
                None => return true,
            }
        }
    }

    /// The blocks that run and whose bodies around them run too.
    pub(super) fn reachable_blocks<'a>(
        &'a self,
        plan: &'a Plan,
    ) -> impl Iterator<Item = (StepRunId, &'a BlockRun)> + 'a {
        self.iter_current().filter_map(|(id, run)| match &run.state {
            StepState::Block(block) if self.is_reachable(plan, &id) => Some((id, &**block)),
            _ => None,
        })
    }

    /// Of an item that a rerun continues, the blocks that were kept run from now on.
    pub(super) fn begin_kept_blocks(&mut self, plan: &Plan, body: &BodyRunId, at: Timestamp) {
        for id in self.inside(plan, body) {
            if let Some(block) = self.block_mut(&id) {
                block.since = at;
            }
        }
    }

    /// The number of steps of a body that have not settled.
    pub(super) fn count_open(&self, plan: &Plan, body: &BodyRunId) -> usize {
        let path = body.path(plan);
        let steps = body.step_list(plan).map(|list| list.steps.as_slice()).unwrap_or_default();
        let is_open = |step: &&StepIndex| {
            let id = StepRunId { step: **step, path: path.clone() };
            !self.run(&id).state.is_settled()
        };
        steps.iter().filter(is_open).count()
    }

    /// The runs of the steps inside a body run that have begun or settled, those in inner blocks
    /// too. Of repeated ones, those in iterations that have not ended.
    pub(super) fn inside(&self, plan: &Plan, body: &BodyRunId) -> Vec<StepRunId> {
        let path = body.path(plan);
        let end = plan.step(body.block.step).and_then(|step| step.block.as_ref()).map(|b| b.end);
        let (first, end) = (body.block.step.position() + 1, end.map_or(0, StepIndex::position));
        let is_in_body = |step: StepIndex| {
            let mut at = plan.step(step).and_then(|step| step.parent);
            while let Some(parent) = at {
                if parent.block == body.block.step {
                    return parent.body == body.key.body;
                }
                at = plan.step(parent.block).and_then(|block| block.parent);
            }
            false
        };
        let mut found = Vec::new();
        for step in (first..end).map(StepIndex::at).filter(|step| is_in_body(*step)) {
            if path.is_empty() && self.get(&step.into()).is_some() {
                found.push(step.into());
                continue;
            }
            let start = StepRunId { step, path: path.clone() };
            let runs = self.current.range(start..).map(|(id, _)| id);
            let within =
                |id: &&StepRunId| id.step == step && id.path.indexes().starts_with(path.indexes());
            found.extend(runs.take_while(within).cloned());
        }
        found
    }

    /// A copy for the steps of single items of a `Map`: without ended runs, and without results that
    /// none of these steps reads.
    pub(super) fn copy_for_items(&self, plan: &Plan) -> Self {
        let copy = |id: StepIndex, run: &StepRun| {
            let block = plan.step(id).and_then(|step| step.block.as_ref());
            let is_repeating = block.is_some_and(|block| block.is_repeating());
            let state = match &run.state {
                StepState::Block(run) if is_repeating => {
                    StepState::Block(Box::new(run.copy_without_results()))
                }
                state => state.clone(),
            };
            StepRun {
                state,
                attempts: run.attempts,
                input: run.input.clone(),
                config: run.config.clone(),
                ..StepRun::PENDING
            }
        };
        let once = (0..).zip(&self.runs);
        let current = self.current.iter();
        Self {
            runs: once.map(|(at, run)| Some(copy(StepIndex::at(at), run.as_ref()?))).collect(),
            current: current.map(|(id, run)| (id.clone(), copy(id.step, run))).collect(),
            ended: BTreeMap::new(),
            ended_order: VecDeque::new(),
            retained: BTreeSet::new(),
            open: self.open,
        }
    }

    /// Marks what was taken over from an earlier execution. Of maps that continue, items without a
    /// result can be anywhere.
    pub(super) fn mark_taken_over(&mut self) {
        let once = self.runs.iter_mut().flatten();
        for run in once.chain(self.current.values_mut()).chain(self.ended.values_mut()) {
            match &mut run.state {
                StepState::Block(block) => block.find_gaps(),
                state => run.reused = state.is_settled(),
            }
        }
    }

    /// Removes the runs of an iteration.
    pub(super) fn forget_runs(&mut self, ids: &[StepRunId]) {
        for id in ids {
            self.current.remove(id);
        }
    }

    /// Moves the runs of an iteration that has ended: they are kept as long as there is room.
    pub(super) fn keep_ended(&mut self, ids: Vec<StepRunId>) {
        for id in ids {
            if let Some(run) = self.current.remove(&id) {
                self.ended.insert(id.clone(), run);
                self.ended_order.push_back(id);
            }
        }
        while self.ended_order.len() > MAX_ENDED {
            if let Some(oldest) = self.ended_order.pop_front()
                && !self.retained.contains(&oldest)
            {
                self.ended.remove(&oldest);
            }
        }
    }

    /// Keeps these runs until the end, as far as they are in iterations.
    pub(super) fn retain_runs(&mut self, ids: impl Iterator<Item = StepRunId>) {
        self.retained.extend(ids.filter(|id| !id.path.is_empty()));
    }

    /// Whether all step runs outside of blocks are settled.
    pub(super) const fn are_settled(&self) -> bool {
        self.open == 0
    }

    /// Whether there are runs in iterations.
    pub fn has_iterations(&self) -> bool {
        !self.current.is_empty() || !self.ended.is_empty()
    }

    /// Whether the plan has no steps.
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// All step runs: of steps that run once in the order of the plan, then of those in iterations
    /// by their ids.
    pub fn iter(&self) -> impl Iterator<Item = (StepRunId, &StepRun)> {
        let mut repeated: Vec<_> = self.current.iter().chain(&self.ended).collect();
        repeated.sort_unstable_by_key(|(id, _)| *id);
        self.once().chain(repeated.into_iter().map(|(id, run)| (id.clone(), run)))
    }

    /// The step runs without those of ended iterations, all of which are settled.
    pub(super) fn iter_current(&self) -> impl Iterator<Item = (StepRunId, &StepRun)> {
        self.once().chain(self.current.iter().map(|(id, run)| (id.clone(), run)))
    }

    fn once(&self) -> impl Iterator<Item = (StepRunId, &StepRun)> {
        let once = self.runs.iter().enumerate();
        once.filter_map(|(at, run)| Some((StepIndex::at(at).into(), run.as_ref()?)))
    }

    /// The states of the step runs of [`StepRuns::iter_current`].
    pub(super) fn current_states(&self) -> impl Iterator<Item = &StepState> {
        self.runs.iter().flatten().chain(self.current.values()).map(|run| &run.state)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::{DefinitionLimits, plan_source};
    use crate::execution::event::SkipReason;
    use crate::test_support::TestCatalog;

    fn two_steps() -> Plan {
        let steps = ["a", "b"].map(|id| json!({"id": id, "type": "Echo"}));
        let source = json!({"name": "n", "steps": steps});
        plan_source(&source, &TestCatalog::new(), &DefinitionLimits::default()).unwrap().1
    }

    const SKIPPED: StepState = StepState::Skipped { reason: SkipReason::NotTaken };

    #[test]
    fn a_run_in_an_iteration_is_not_the_run_of_the_plan() {
        let plan = two_steps();
        let mut runs = StepRuns::all_pending(&plan);
        let outside = StepRunId::from(1);
        let inside = StepRunId { path: [0].into(), ..outside.clone() };
        assert!(runs.get(&inside).is_none());
        runs.settle_at(&plan, &inside, Timestamp::default(), SKIPPED);
        assert_eq!(runs.run(&outside), &StepRun::PENDING);

        runs.settle_at(&plan, &outside, Timestamp::default(), SKIPPED);
        assert_eq!(runs.run(&outside).state, SKIPPED);
        assert!(runs.get(&StepRunId::from(2)).is_none());
    }

    #[test]
    fn a_run_is_settled_once() {
        let plan = two_steps();
        let mut runs = StepRuns::all_pending(&plan);
        for _ in 0..2 {
            runs.settle_run(&plan, &0.into(), StepState::Cancelled);
            assert!(!runs.are_settled());
        }
        runs.settle_run(&plan, &1.into(), SKIPPED);
        assert!(runs.are_settled());
    }
}
