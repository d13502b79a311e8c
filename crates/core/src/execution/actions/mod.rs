//! The actions of control flow, one file each: what happens when a step run begins, begins again,
//! and has waited.

mod delay;
mod fail;
mod run;
mod set_state;

use std::sync::Arc;

use serde_json::Value;

use super::advance::Transition;
use super::step_run_id::{AttemptId, StepRunId};
use crate::Timestamp;
use crate::catalog::Action;
use crate::definition::plan::PlanStep;

impl Transition<'_> {
    /// The first attempt of a step run has begun.
    pub(super) fn start_action(
        &mut self,
        planned: &PlanStep,
        id: &StepRunId,
        input: Arc<Value>,
        config: &Value,
    ) {
        match planned.action {
            Action::Run => run::start(self, AttemptId { step_run: id.clone(), attempt: 1 }),
            Action::Delay => delay::start(self, planned, id, config),
            Action::SetState => set_state::start(self, id, input),
            Action::Fail => fail::start(self, id, config),
        }
    }

    /// A further attempt of a step run has begun.
    pub(super) fn repeat_action(&mut self, attempt: AttemptId) {
        match self.execution.origin.plan[attempt.step_run.step].action {
            Action::Delay => delay::repeat(self, &attempt.step_run),
            // Those that settle at once are never repeated.
            Action::Run | Action::SetState | Action::Fail => run::start(self, attempt),
        }
    }

    /// The wait of a step run is over.
    pub(super) fn end_wait(&mut self, id: &StepRunId, until: Timestamp) {
        delay::end(self, id, until);
    }
}
