//! Edges and joins: which steps start when others have settled.

use super::advance::Transition;
use super::blocks::block_run::BodyRunId;
use super::blocks::{BlockProgress, BlockRun};
use super::event::{Event, SkipReason};
use super::state::{Execution, Status};
use super::step_run::StepState;
use super::step_run_id::StepRunId;
use crate::definition::StepIndex;
use crate::definition::model::{JoinRule, OnError};
use crate::definition::plan::{Plan, PlanEdge};
use crate::definition::plan_block::PlanBlockKind;

/// The output port of a failed step with `on_error: port`.
pub const ERROR_PORT: &str = "error";

/// The state of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EdgeState {
    Open,
    Taken,
    NotTaken,
}

/// What to do with a pending step run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepReadiness {
    Wait,
    Start,
    Skip,
}

impl Transition<'_> {
    /// Queues the dependents of a step run that has just settled, and the block that it is in.
    pub(super) fn reach_dependents(&mut self, id: &StepRunId) {
        let plan = &self.execution.origin.plan;
        let planned = &plan[id.step];
        if !planned.role.is_regular() {
            return;
        }
        if planned.parent.is_some() {
            self.blocks.extend(BodyRunId::around(plan, id).map(|body| body.block));
        }
        self.reached.extend(planned.dependents.iter().map(|next| id.sibling(*next)));
    }

    /// Starts or skips the queued step runs that are ready, continues the queued blocks, and does
    /// all that follows from that.
    pub(super) fn start_reached(&mut self) {
        let plan = self.execution.origin.plan.clone();
        loop {
            self.start_steps(&plan);
            let Some(block) = self.blocks.pop_front() else { break };
            self.continue_block(&block);
        }
        self.complete_if_settled();
    }

    /// Starts or skips the queued step runs that are ready.
    pub(super) fn start_steps(&mut self, plan: &Plan) {
        while let Some(id) = self.reached.pop_front() {
            if self.execution.phase != Status::Running {
                self.reached.clear();
                self.blocks.clear();
                return;
            }
            let steps = &self.execution.steps;
            if steps.run(&id).state != StepState::Pending
                || !steps.is_reachable(plan, &id)
                || !self.execution.may_start(&id)
            {
                continue;
            }
            match step_readiness(plan, self.execution, &id) {
                StepReadiness::Wait => {}
                StepReadiness::Start => self.begin_step(plan, &id),
                StepReadiness::Skip => self.skip_step(&id, SkipReason::NotTaken),
            }
        }
    }

    /// Queues every step run and block, then starts, skips or continues those that are ready.
    pub(super) fn start_all_ready(&mut self) {
        self.reached = self.execution.reachable_runs().collect();
        let plan = self.execution.origin.plan.clone();
        let blocks = self.execution.steps.reachable_blocks(&plan);
        self.blocks = blocks.map(|(id, _)| id).collect();
        self.start_reached();
    }

    /// Cancels or skips the steps that lead only to a step run that starts.
    pub(super) fn cancel_rest(&mut self, plan: &Plan, id: &StepRunId) {
        for step in &plan[id.step].cancelled_rest {
            let other = id.sibling(*step);
            match self.execution.steps.run(&other).state {
                StepState::Pending => {
                    let reason = SkipReason::NotTaken;
                    self.record_event(Event::StepSkipped { step: other, reason });
                }
                StepState::Block(_) => {
                    self.cancel_bodies(&other);
                    self.cancel_runs(&[other]);
                }
                _ => self.cancel_runs(&[other]),
            }
        }
    }

    pub(super) fn skip_step(&mut self, id: &StepRunId, reason: SkipReason) {
        self.record_event(Event::StepSkipped { step: id.clone(), reason });
        self.reach_dependents(id);
    }
}

impl Execution {
    /// Whether an evaluation is pending: of a step that can start or be skipped, of a block that
    /// can continue, or of the outputs.
    pub fn has_evaluation_pending(&self) -> bool {
        let plan = &self.origin.plan;
        let is_reached = |id: StepRunId| {
            self.steps.run(&id).state == StepState::Pending
                && self.may_start(&id)
                && step_readiness(plan, self, &id) != StepReadiness::Wait
        };
        let is_settled = match self.ending {
            Some(_) => self.is_ending_step_pending(),
            None => self.steps.are_settled(),
        };
        self.phase == Status::Running
            && (is_settled
                || self.reachable_runs().any(is_reached)
                || self
                    .steps
                    .reachable_blocks(plan)
                    .any(|(id, block)| self.is_block_pending(&id, block)))
    }

    /// How far a block is, if it has started.
    pub fn block_progress(&self, step: Option<&StepRunId>) -> Option<BlockProgress> {
        Some(self.steps.block(step?)?.progress())
    }

    /// The run of the block that a step run is in.
    pub fn enclosing_block(&self, id: &StepRunId) -> Option<StepRunId> {
        BodyRunId::around(&self.origin.plan, id).map(|body| body.block)
    }

    /// Whether a pending step run can still be reached: the execution and the blocks around it have
    /// not ended.
    pub fn can_reach(&self, id: &StepRunId) -> bool {
        let around = self.enclosing_block(id);
        let mut around = std::iter::successors(around, |block| self.enclosing_block(block));
        !self.phase.is_final() && !around.any(|block| self.steps.run(&block).state.is_settled())
    }

    /// Whether something follows from the state of a block before a step or a pause in it ends.
    pub(super) fn is_block_pending(&self, id: &StepRunId, block: &BlockRun) -> bool {
        if block.ended_body().is_some() {
            return true;
        }
        let planned = self.origin.plan.step(id.step).and_then(|step| step.block.as_deref());
        match planned.map(|planned| &planned.kind) {
            Some(PlanBlockKind::Map(map)) => {
                let has_more = (block.next_index() as usize) < self.item_count(id);
                match has_more {
                    // The runtime runs its items.
                    true if block.is_chunked => false,
                    true => block.active.len() < map.max_concurrency as usize,
                    false => block.active.is_empty(),
                }
            }
            _ => block.active.is_empty() && block.pause.is_none(),
        }
    }

    /// The runs of the steps that can have been reached: outside of blocks, and in bodies that run.
    pub(super) fn reachable_runs(&self) -> impl Iterator<Item = StepRunId> + '_ {
        let plan = &self.origin.plan;
        let top = plan.top.steps.iter().map(|step| StepRunId::from(*step));
        let inside = self.steps.reachable_blocks(plan).flat_map(move |(id, block)| {
            let bodies = block.active.keys().map(move |key| (id.clone(), *key));
            bodies.flat_map(move |(block, key)| {
                let body = BodyRunId { block, key };
                let path = body.path(plan);
                let list = body.step_list(plan).map(|list| list.steps.as_slice());
                let steps = list.unwrap_or_default().iter();
                steps.map(move |step| StepRunId { step: *step, path: path.clone() })
            })
        });
        top.chain(inside)
    }
}

/// Whether a pending step run starts now.
pub(super) fn step_readiness(plan: &Plan, execution: &Execution, id: &StepRunId) -> StepReadiness {
    let planned = &plan[id.step];
    if planned.after.is_empty() {
        return StepReadiness::Start;
    }
    let (mut open, mut taken) = (0, 0);
    for edge in &planned.after {
        match edge_state(plan, execution, id, edge) {
            EdgeState::Open => open += 1,
            EdgeState::Taken => taken += 1,
            EdgeState::NotTaken => {}
        }
    }
    let needed = match planned.join {
        JoinRule::All => 1,
        JoinRule::Any => return first_of(taken, open, 1),
        JoinRule::Count(n) => return first_of(taken, open, n),
        JoinRule::Computed => {
            return match execution.computed_join(planned) {
                Ok(n) => first_of(taken, open, n),
                // It fails when the first edge is decided.
                Err(_) if open < planned.after.len() => StepReadiness::Start,
                Err(_) => StepReadiness::Wait,
            };
        }
    };
    match (open, taken) {
        (0, taken) if taken >= needed => StepReadiness::Start,
        (0, _) => StepReadiness::Skip,
        _ => StepReadiness::Wait,
    }
}

/// A join that starts as soon as `n` edges are taken.
fn first_of(taken: usize, open: usize, n: usize) -> StepReadiness {
    if taken >= n {
        StepReadiness::Start
    } else if taken + open < n {
        StepReadiness::Skip
    } else {
        StepReadiness::Wait
    }
}

/// The steps whose edges into a step run were taken, each once, in the order of its edges.
pub(super) fn taken_edges(plan: &Plan, execution: &Execution, id: &StepRunId) -> Vec<StepIndex> {
    let mut taken = Vec::new();
    for edge in &plan[id.step].after {
        let is_taken = edge_state(plan, execution, id, edge) == EdgeState::Taken;
        if is_taken && !taken.contains(&edge.from) {
            taken.push(edge.from);
        }
    }
    taken
}

/// The state of an edge into the step run `to`; its source is in the same iterations.
fn edge_state(plan: &Plan, execution: &Execution, to: &StepRunId, edge: &PlanEdge) -> EdgeState {
    let taken = match &execution.steps.run(&to.sibling(edge.from)).state {
        StepState::Completed { port, .. } => *port == edge.port,
        StepState::Failed { handled: true, .. } => match plan[edge.from].on_error {
            OnError::Port => edge.port.as_deref() == Some(ERROR_PORT),
            // `on_error: continue` leaves by the default port.
            _ => edge.port.is_none(),
        },
        // The steps after it in the list continue with what came before it.
        StepState::Skipped { reason: SkipReason::Condition } => edge.is_implicit,
        StepState::Skipped { reason: SkipReason::NotTaken }
        | StepState::Failed { handled: false, .. }
        | StepState::Cancelled => false,
        _ => return EdgeState::Open,
    };
    if taken { EdgeState::Taken } else { EdgeState::NotTaken }
}
