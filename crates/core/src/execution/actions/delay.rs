//! `Delay`: waits for a duration or until a point in time, then outputs its input. `WaitUntil`: waits
//! until a point in time, and outputs that.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::Timestamp;
use crate::catalog::StepAction;
use crate::definition::plan::PlanStep;
use crate::execution::advance::Transition;
use crate::execution::bind;
use crate::execution::event::Event;
use crate::execution::failure::{Failure, codes};
use crate::execution::input::{AttemptError, StepResult};
use crate::execution::step_run_id::{AttemptId, StepRunId};
use crate::execution::wait_end::{is_cut_short, wait_end};

pub(super) fn start_delay(
    transition: &mut Transition<'_>,
    planned: &PlanStep,
    id: &StepRunId,
    config: &Value,
) {
    match wait_end(config, transition.moment.now) {
        Ok(until) => wait_until(transition, planned, id, until),
        Err(message) => transition.settle_failed(id, Failure::new(codes::STEP_INPUT, message)),
    }
}

/// Starts another attempt. The previous one had the same configuration, and waited.
pub(super) fn repeat_delay(transition: &mut Transition<'_>, id: &StepRunId) {
    let plan = transition.execution.origin.plan.clone();
    let now = transition.moment.now;
    let until = wait_end(&bind::bound_config(transition.execution, id), now);
    wait_until(transition, &plan[id.step], id, until.unwrap_or(now));
}

/// Records the wait, limited by the step's timeout.
fn wait_until(
    transition: &mut Transition<'_>,
    planned: &PlanStep,
    id: &StepRunId,
    until: Timestamp,
) {
    let cut = planned.timeout.map(|timeout| transition.moment.now.after(timeout));
    let until = cut.map_or(until, |cut| cut.min(until));
    transition.record_event(Event::StepWaiting { step: id.clone(), until });
}

/// Ends the wait: the step completes, unless its timeout ended the wait.
pub(super) fn end_delay(transition: &mut Transition<'_>, id: &StepRunId, until: Timestamp) {
    let plan = transition.execution.origin.plan.clone();
    let planned = &plan[id.step];
    let before_its_moment =
        transition.execution.waits.is_for_moment(id) && until > transition.moment.now;
    if before_its_moment
        || is_cut_short(planned, &bind::bound_config(transition.execution, id), until)
    {
        let timeout = planned.timeout.unwrap_or_default();
        let message = format!("the step took longer than its timeout of {timeout:?}");
        let failure = Failure::new(codes::STEP_TIMEOUT, message);
        let fault = AttemptError { failure, retryable: true, retry_after: None };
        let attempt = transition.execution.steps.run(id).attempts;
        let attempt = AttemptId { step_run: id.clone(), attempt };
        return transition.attempt_failed(&attempt, fault);
    }
    let output = match planned.action {
        StepAction::WaitUntil => Arc::new(json!({"at": until.to_string()})),
        _ => transition.execution.steps.run(id).input.clone().unwrap_or_default(),
    };
    transition.complete_step(id, StepResult { output, port: None });
}
