//! `Run`: the runtime runs the step's code.

use crate::execution::advance::Transition;
use crate::execution::input::Command;
use crate::execution::step_run_id::AttemptId;

pub(super) fn start_run(transition: &mut Transition<'_>, attempt: AttemptId) {
    transition.push_command(Command::Run(attempt));
}
