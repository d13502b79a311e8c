//! Edges and joins: which steps start when others have settled.

use super::advance::Transition;
use super::event::{Event, SkipReason};
use super::state::{Execution, Status};
use super::step_run_id::StepRunId;
use super::step_runs::StepState;
use crate::definition::model::{JoinRule, OnError};
use crate::definition::plan::{Plan, PlanEdge};

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
    /// Queues the dependents of a step run that has just settled.
    pub(super) fn reach_dependents(&mut self, id: &StepRunId) {
        let dependents = self.execution.origin.plan[id.step].dependents.iter();
        self.reached.extend(dependents.map(|next| id.sibling(*next)));
    }

    /// Starts or skips the queued step runs that are ready, and all that become ready by that.
    pub(super) fn start_reached(&mut self) {
        let plan = self.execution.origin.plan.clone();
        while let Some(id) = self.reached.pop_front() {
            if self.execution.phase != Status::Running {
                self.reached.clear();
                return;
            }
            if self.execution.steps.run(&id).state != StepState::Pending {
                continue;
            }
            match step_readiness(&plan, self.execution, &id) {
                StepReadiness::Wait => {}
                StepReadiness::Start => self.begin_step(&plan, &id),
                StepReadiness::Skip => self.skip_step(&id, SkipReason::NotTaken),
            }
        }
        self.complete_if_settled();
    }

    /// Queues every step run, then starts or skips those that are ready.
    pub(super) fn start_all_ready(&mut self) {
        self.reached = self.execution.steps.ids().collect();
        self.start_reached();
    }

    pub(super) fn skip_step(&mut self, id: &StepRunId, reason: SkipReason) {
        self.record_event(Event::StepSkipped { step: id.clone(), reason });
        self.reach_dependents(id);
    }
}

impl Execution {
    /// Whether an evaluation is pending: of a step that can start or be skipped, or of the outputs.
    pub fn has_evaluation_pending(&self) -> bool {
        let plan = &self.origin.plan;
        let is_reached = |id: StepRunId| {
            self.steps.run(&id).state == StepState::Pending
                && step_readiness(plan, self, &id) != StepReadiness::Wait
        };
        let is_settled = self.steps.are_settled();
        self.phase == Status::Running && (is_settled || self.steps.ids().any(is_reached))
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
