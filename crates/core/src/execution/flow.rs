//! How settled steps lead to the next ones: edges and joins.

use super::advance::Transition;
use super::event::{Event, SkipReason};
use super::state::{Execution, Status};
use super::step_run_id::StepRunId;
use super::step_runs::StepState;
use crate::definition::model::{Join, OnError};
use crate::definition::plan::{Edge, Plan};

/// The port by which a failed step leaves.
pub const ERROR_PORT: &str = "error";

/// What an edge amounts to at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EdgeState {
    Open,
    Taken,
    NotTaken,
}

/// What to do with a step run that has not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    Wait,
    Start,
    Skip,
}

impl Transition<'_> {
    /// Reaches what comes after a step run that just settled.
    pub(super) fn reach_dependents(&mut self, id: &StepRunId) {
        let dependents = self.execution.origin.plan[id.step].dependents.iter();
        self.reached.extend(dependents.map(|next| id.sibling(*next)));
    }

    /// Starts or skips the step runs that are reached and whose time has come, and all that
    /// follow from them.
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
            match readiness(&plan, self.execution, &id) {
                Readiness::Wait => {}
                Readiness::Start => self.begin(&plan, &id),
                Readiness::Skip => self.skip(&id, SkipReason::NotTaken),
            }
        }
        self.complete_if_settled();
    }

    /// Looks at every step run, whatever was reached before.
    pub(super) fn start_all_ready(&mut self) {
        self.reached = self.execution.steps.ids().collect();
        self.start_reached();
    }

    pub(super) fn skip(&mut self, id: &StepRunId, reason: SkipReason) {
        self.record(Event::StepSkipped { step: id.clone(), reason });
        self.reach_dependents(id);
    }
}

impl Execution {
    /// Whether an evaluation is still to come: a step that can start or be skipped, or the outputs.
    pub fn has_evaluation_pending(&self) -> bool {
        let plan = &self.origin.plan;
        let is_reached = |id: StepRunId| {
            self.steps.run(&id).state == StepState::Pending
                && readiness(plan, self, &id) != Readiness::Wait
        };
        let is_settled = self.steps.are_settled();
        self.phase == Status::Running && (is_settled || self.steps.ids().any(is_reached))
    }
}

/// Whether a step run that has not begun starts now.
pub(super) fn readiness(plan: &Plan, execution: &Execution, id: &StepRunId) -> Readiness {
    let planned = &plan[id.step];
    if planned.after.is_empty() {
        return Readiness::Start;
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
        Join::All => 1,
        Join::Any => return first_of(taken, open, 1),
        Join::Count(n) => return first_of(taken, open, n),
    };
    match (open, taken) {
        (0, taken) if taken >= needed => Readiness::Start,
        (0, _) => Readiness::Skip,
        _ => Readiness::Wait,
    }
}

/// A join that needs `n` edges and waits for no more.
fn first_of(taken: usize, open: usize, n: usize) -> Readiness {
    if taken >= n {
        Readiness::Start
    } else if taken + open < n {
        Readiness::Skip
    } else {
        Readiness::Wait
    }
}

/// An edge leads to the step run `to` from the run beside it, in the same iterations.
fn edge_state(plan: &Plan, execution: &Execution, to: &StepRunId, edge: &Edge) -> EdgeState {
    let taken = match &execution.steps.run(&to.sibling(edge.from)).state {
        StepState::Completed { port, .. } => *port == edge.port,
        StepState::Failed { handled: true, .. } => match plan[edge.from].on_error {
            OnError::Port => edge.port.as_deref() == Some(ERROR_PORT),
            // Where the step says `continue`, its usual way out is taken.
            _ => edge.port.is_none(),
        },
        StepState::Failed { handled: false, .. } | StepState::Skipped | StepState::Cancelled => {
            false
        }
        _ => return EdgeState::Open,
    };
    if taken { EdgeState::Taken } else { EdgeState::NotTaken }
}
