//! `Stop`: ends the execution at once, with its input as output.

use std::sync::Arc;

use serde_json::Value;

use crate::execution::advance::Transition;
use crate::execution::event::Event;
use crate::execution::failure::{Failure, codes};
use crate::execution::step_run_id::StepRunId;

pub(super) fn start_stop(
    transition: &mut Transition<'_>,
    id: &StepRunId,
    input: Arc<Value>,
    config: &Value,
) {
    let text = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_owned);
    let output = input.clone();
    transition.record_event(Event::StepCompleted { step: id.clone(), output, port: None });
    let last = match text("status").as_deref() {
        Some("failed") => {
            let code = text("code").unwrap_or_else(|| codes::USER_DEFINED.into());
            let step = id.display_in(&transition.execution.origin.plan).to_string();
            let failure = Failure::new(code, text("message").unwrap_or_default());
            Event::Failed { error: Failure { step: Some(step), ..failure } }
        }
        Some("cancelled") => Event::Cancelled { reason: text("message") },
        _ => Event::Completed { output: input },
    };
    transition.end_execution(last);
}
