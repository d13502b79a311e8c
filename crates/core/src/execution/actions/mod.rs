//! The actions of control flow, one file each: the first attempt of a step run, further attempts,
//! and the end of a wait.

mod approval;
mod delay;
mod fail;
mod merge;
mod run;
mod set_state;
mod stop;
mod wait_for_signal;

use std::sync::Arc;

use serde_json::Value;

use super::advance::Transition;
use super::input::Command;
use super::step_run_id::{AttemptId, StepRunId};
use crate::Timestamp;
use crate::catalog::StepAction;
use crate::definition::plan::PlanStep;

impl Transition<'_> {
    /// Runs the action of the first attempt of a step run.
    pub(super) fn start_action(
        &mut self,
        planned: &PlanStep,
        id: &StepRunId,
        input: Arc<Value>,
        config: &Value,
    ) {
        match planned.action {
            StepAction::Run | StepAction::SubWorkflow => {
                run::start_run(self, AttemptId { step_run: id.clone(), attempt: 1 });
            }
            StepAction::Delay | StepAction::WaitUntil => {
                delay::start_delay(self, planned, id, config);
            }
            StepAction::Merge => merge::start_merge(self, id, config),
            StepAction::SetState => set_state::start_set_state(self, id, input),
            StepAction::Fail => fail::start_fail(self, id, config),
            StepAction::Stop => stop::start_stop(self, id, input, config),
            StepAction::WaitForSignal => wait_for_signal::start_wait(self, planned, id, config),
            StepAction::Approval => approval::start_approval(self, planned, id, config),
            // Started by `start_block`.
            StepAction::Block => {}
        }
    }

    /// Runs the action of a further attempt of a step run.
    pub(super) fn repeat_action(&mut self, attempt: AttemptId) {
        match self.execution.origin.plan[attempt.step_run.step].action {
            StepAction::Delay | StepAction::WaitUntil => {
                delay::repeat_delay(self, &attempt.step_run);
            }
            StepAction::WaitForSignal => wait_for_signal::repeat_wait(self, &attempt.step_run),
            StepAction::Approval => approval::repeat_approval(self, &attempt.step_run),
            // The others settle at once, or are blocks, so they are never repeated.
            StepAction::Run
            | StepAction::SubWorkflow
            | StepAction::SetState
            | StepAction::Merge
            | StepAction::Fail
            | StepAction::Stop
            | StepAction::Block => run::start_run(self, attempt),
        }
    }

    /// Ends the wait of a step run.
    pub(super) fn end_wait(&mut self, id: &StepRunId, until: Timestamp) {
        delay::end_delay(self, id, until);
    }

    /// Does what is due for an approval.
    pub(super) fn approval_due(&mut self, id: &StepRunId) {
        approval::approval_due(self, id);
    }

    /// Ends the wait of a step run for a signal that did not arrive in time.
    pub(super) fn end_signal_wait(&mut self, id: &StepRunId) {
        wait_for_signal::end_wait(self, id);
    }
}

/// The command that runs an attempt of a step with this action.
pub(super) fn attempt_command(action: StepAction, attempt: AttemptId) -> Command {
    match action {
        StepAction::SubWorkflow => Command::StartChild(attempt),
        _ => Command::Run(attempt),
    }
}
