//! `WaitForSignal`: waits for a signal, whose data are the output.

use serde_json::Value;

use crate::definition::plan::PlanStep;
use crate::execution::advance::Transition;
use crate::execution::bind;
use crate::execution::event::Event;
use crate::execution::failure::{Failure, codes};
use crate::execution::input::AttemptError;
use crate::execution::signal_wait::SignalWait;
use crate::execution::step_run_id::{AttemptId, StepRunId};
use crate::names;

/// The port by which the step leaves if the signal does not arrive in time.
const TIMEOUT_PORT: &str = "timeout";

/// The longest name of a signal, and the longest correlation key, in bytes.
const MAX_BYTES: usize = 255;

pub(super) fn start_wait(
    transition: &mut Transition<'_>,
    planned: &PlanStep,
    id: &StepRunId,
    config: &Value,
) {
    let names = read_name("signal", config.get("signal")).and_then(|name| {
        let key = config.get("key").map(|key| read_name("key", Some(key))).transpose()?;
        Ok((name, key))
    });
    let (name, key) = match names {
        Ok(names) => names,
        Err(message) => {
            return transition.settle_failed(id, Failure::new(codes::STEP_INPUT, message));
        }
    };
    let now = transition.moment.now;
    let until = planned.timeout.map(|timeout| now.after(timeout));
    let wait = SignalWait { since: now, until, name, key };
    // A signal may have arrived before.
    if !transition.consume_for(id, &wait) {
        let SignalWait { name: signal, key, until, .. } = wait;
        transition.record_event(Event::SignalAwaited { step: id.clone(), signal, key, until });
    }
}

/// Waits once more: the signal did not arrive in time.
pub(super) fn repeat_wait(transition: &mut Transition<'_>, id: &StepRunId) {
    let plan = transition.execution.origin.plan.clone();
    let config = bind::bound_config(transition.execution, id);
    start_wait(transition, &plan[id.step], id, &config);
    transition.start_reached();
}

/// Ends the wait without a signal.
pub(super) fn end_wait(transition: &mut Transition<'_>, id: &StepRunId) {
    let config = bind::bound_config(transition.execution, id);
    if config.get("on_timeout").is_some_and(|on_timeout| on_timeout == "port") {
        return transition.leave_by_port(id, TIMEOUT_PORT);
    }
    let timeout = transition.execution.origin.plan[id.step].timeout.unwrap_or_default();
    let message = format!("the signal did not arrive within {timeout:?}");
    let failure = Failure::new(codes::SIGNAL_TIMEOUT, message);
    let fault = AttemptError { failure, retryable: false, retry_after: None };
    let attempt = transition.execution.steps.run(id).attempts;
    transition.attempt_failed(&AttemptId { step_run: id.clone(), attempt }, fault);
}

/// The name of a signal or a correlation key. A number is taken as its text.
fn read_name(field: &str, value: Option<&Value>) -> Result<String, String> {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(format!("{field}: it must be a text or a number")),
    };
    if text.is_empty() || text.len() > MAX_BYTES {
        return Err(format!("{field}: it must have 1 to {MAX_BYTES} bytes"));
    }
    names::check_visible(&text).map_err(|problem| format!("{field}: it {problem}"))?;
    Ok(text)
}
