//! What an execution has to compensate if it does not end well.

use super::state::Execution;
use super::step_run::StepRun;
use super::step_run_id::StepRunId;
use crate::definition::model::StepRole;
use crate::definition::plan::PlanCompensation;

/// The most steps of an execution that can be waiting to be compensated.
pub(super) const MAX_COMPENSATIONS: usize = 10_000;

/// The completed steps that have a compensation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CompensationLog {
    /// Their runs, in the order in which they completed, without those that were compensated.
    completed: Vec<StepRunId>,
    /// How many others have started and not settled.
    running: usize,
}

impl CompensationLog {
    /// Whether no further step with a compensation may start.
    pub(super) const fn is_full(&self) -> bool {
        self.completed.len() + self.running >= MAX_COMPENSATIONS
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.completed.is_empty()
    }

    /// The run that is compensated next: the last one that completed.
    pub(super) fn next(&self) -> Option<&StepRunId> {
        self.completed.last()
    }
}

impl Execution {
    fn compensation_of(&self, id: &StepRunId) -> Option<&PlanCompensation> {
        self.origin.plan.step(id.step)?.compensation.as_ref()
    }

    /// Takes note that a run starts for the first time.
    pub(super) fn note_started(&mut self, id: &StepRunId) {
        if self.compensation_of(id).is_some() {
            self.compensations.running += 1;
        }
    }

    /// Takes note that a run settles. `is_completed`: so that it may have to be compensated.
    pub(super) fn note_settled(&mut self, id: &StepRunId, is_completed: bool) {
        let plan = self.origin.plan.clone();
        let Some(planned) = plan.step(id.step) else { return };
        if let StepRole::Compensation(of) = planned.role {
            if self.compensations.next() == Some(&id.sibling(of)) {
                self.compensations.completed.pop();
            }
            return;
        }
        let Some(compensation) = &planned.compensation else { return };
        let is_running = |run: &StepRun| run.attempts > 0 && !run.state.is_settled();
        if !self.steps.get(id).is_some_and(is_running) {
            return;
        }
        self.compensations.running = self.compensations.running.saturating_sub(1);
        if is_completed {
            self.compensations.completed.push(id.clone());
            self.steps.retain_runs(compensation.needed.iter().filter_map(|step| {
                let depth = plan.step(*step)?.enclosing.len();
                Some(StepRunId { step: *step, path: id.path.truncated(depth) })
            }));
        }
    }

    /// The run that a compensation compensates; `None`: it is not a compensation.
    pub fn compensated_run(&self, id: &StepRunId) -> Option<StepRunId> {
        match self.origin.plan.step(id.step)?.role {
            StepRole::Compensation(of) => Some(id.sibling(of)),
            StepRole::Regular | StepRole::FailureHandler => None,
        }
    }
}
