//! `Run` and `SubWorkflow`: the runtime runs the step's code, or starts its sub-workflow.

use super::attempt_command;
use crate::execution::advance::Transition;
use crate::execution::step_run_id::AttemptId;

pub(super) fn start_run(transition: &mut Transition<'_>, attempt: AttemptId) {
    let action = transition.execution.origin.plan[attempt.step_run.step].action;
    transition.push_command(attempt_command(action, attempt));
}
