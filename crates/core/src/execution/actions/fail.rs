//! `Fail`: fails the step at once, with the code and message of its configuration.

use serde_json::Value;

use crate::execution::advance::Transition;
use crate::execution::failure::{Failure, codes};
use crate::execution::step_run_id::StepRunId;
use crate::names;

pub(super) fn start_fail(transition: &mut Transition<'_>, id: &StepRunId, config: &Value) {
    let text = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_owned);
    let code = text("code").unwrap_or_else(|| codes::USER_DEFINED.into());
    if let Err(problem) = names::check_visible(&code) {
        let message = format!("config.code: `code` {problem}");
        return transition.settle_failed(id, Failure::new(codes::STEP_INPUT, message));
    }
    let failure = Failure::new(code, text("message").unwrap_or_default());
    transition.settle_failed(id, failure);
}
