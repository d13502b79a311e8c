//! What runs between the failure, timeout or cancellation of an execution and its end:
//! compensations in the reverse order of completion, one after the other, then `on_failure`.

use super::advance::Transition;
use super::end_outcome::EndOutcome;
use super::event::Event;
use super::state::{Execution, Status};
use super::step_run::StepState;
use super::step_run_id::StepRunId;

/// What has to be done before an execution ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EndingStep {
    /// This compensation or handler runs, or starts.
    Run(StepRunId),
    /// Nothing is left.
    Finish,
}

impl Transition<'_> {
    /// Ends the execution: cancels running and waiting steps, then records the final event, or
    /// begins with what runs before it.
    pub(super) fn end_execution(&mut self, last: Event) {
        let all: Vec<StepRunId> = self.execution.steps.iter_current().map(|(id, _)| id).collect();
        self.cancel_runs(&all);
        let outcome = EndOutcome::of_event(&last);
        match outcome.filter(|outcome| self.execution.needs_handlers(outcome)) {
            Some(outcome) => {
                self.reached.clear();
                self.blocks.clear();
                // Continued at the end of the transition.
                self.record_event(Event::Ending { outcome });
            }
            None => self.record_event(last),
        }
    }

    /// Ends an execution that is about to end, without what would run before.
    pub(super) fn end_at_once(&mut self) {
        let Some(outcome) = self.execution.ending.clone() else { return };
        let all: Vec<StepRunId> = self.execution.steps.iter_current().map(|(id, _)| id).collect();
        self.cancel_runs(&all);
        self.record_event(outcome.into_event());
    }

    /// Starts what runs next before the end of the execution, or ends it.
    pub(super) fn continue_ending(&mut self) {
        let plan = self.execution.origin.plan.clone();
        while self.execution.phase == Status::Running && !self.is_interrupted {
            let Some(outcome) = self.execution.ending.clone() else { return };
            let EndingStep::Run(id) = self.execution.ending_step(&outcome) else {
                return self.record_event(outcome.into_event());
            };
            if self.execution.steps.run(&id).state != StepState::Pending {
                return;
            }
            self.begin_step(&plan, &id);
            if self.execution.steps.run(&id).state == StepState::Pending {
                // Its evaluation is still to come.
                return;
            }
            if plan.failure_handler == Some(id.step) {
                return self.start_reached();
            }
        }
    }
}

impl Execution {
    /// Whether something runs before the execution ends so.
    fn needs_handlers(&self, outcome: &EndOutcome) -> bool {
        let has_handler = self.origin.plan.failure_handler.is_some();
        let is_failure = !matches!(outcome, EndOutcome::Cancelled { .. });
        self.ending.is_none()
            && self.started_at.is_some()
            && (!self.compensations.is_empty() || (has_handler && is_failure))
    }

    fn ending_step(&self, outcome: &EndOutcome) -> EndingStep {
        let plan = &self.origin.plan;
        if let Some(run) = self.compensations.next()
            && let Some(compensation) = plan.step(run.step).and_then(|s| s.compensation.as_ref())
        {
            return EndingStep::Run(run.sibling(compensation.step));
        }
        let handler = plan.failure_handler.map(StepRunId::from);
        let handler = handler.filter(|_| !matches!(outcome, EndOutcome::Cancelled { .. }));
        match handler.filter(|id| !self.steps.run(id).state.is_settled()) {
            Some(id) => EndingStep::Run(id),
            None => EndingStep::Finish,
        }
    }

    /// Whether steps are compensated.
    pub fn is_compensating(&self) -> bool {
        self.ending.is_some() && !self.phase.is_final() && !self.compensations.is_empty()
    }

    /// Whether a step run may start now: while the execution is about to end, only the next
    /// compensation and the steps of `on_failure`.
    pub(super) fn may_start(&self, id: &StepRunId) -> bool {
        let Some(outcome) = &self.ending else {
            return self.origin.plan.step(id.step).is_some_and(|step| step.role.is_regular())
                && !self.origin.plan.is_in_failure_handler(id.step);
        };
        self.ending_step(outcome) == EndingStep::Run(id.clone())
            || (self.origin.plan.is_in_failure_handler(id.step)
                && self.origin.plan.failure_handler != Some(id.step))
    }

    /// Whether something follows from an end that is pending.
    pub(super) fn is_ending_step_pending(&self) -> bool {
        let Some(outcome) = &self.ending else { return false };
        match self.ending_step(outcome) {
            EndingStep::Run(id) => self.steps.run(&id).state == StepState::Pending,
            EndingStep::Finish => true,
        }
    }
}
