//! `Stop`: ends the execution at once.

use serde_json::{Value, json};
use stepwell_core::catalog::{ConfigCheck, StaticFields, StepAction, StepSpec};

use crate::spec::{base_spec, object_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct StopStep;

impl StepType for StopStep {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "Usually with a `when`. What still runs is cancelled, and the outputs of the \
                  workflow are not evaluated: the output of a completed execution is the input of \
                  this step.",
            config: object_schema(
                json!({
                    "status": {
                        "type": "string",
                        "enum": ["completed", "failed", "cancelled"],
                        "default": "completed",
                        "description": "The status of the execution."
                    },
                    "message": {
                        "type": "string",
                        "description": "The error message of a failed execution, or the reason of \
                                        a cancelled one."
                    },
                    "code": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 100,
                        "description": "The error code of a failed execution."
                    }
                }),
                &[],
            ),
            output: json!(false),
            action: StepAction::Stop,
            check: Some(check_status),
            examples: vec![json!({
                "type": "Stop",
                "input": {"note": "nothing to do"},
                "config": {"status": "completed"}
            })],
            ..base_spec("Stop", "Flow", "Ends the execution at once.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}

/// Rejects what the status of the execution does not use.
fn check_status(known: &StaticFields) -> ConfigCheck {
    if known.prefixes.contains_key("status") {
        return Ok(());
    }
    let status = known.config.get("status").and_then(Value::as_str).unwrap_or("completed");
    let is_written = |field| known.config.contains_key(field) || known.prefixes.contains_key(field);
    if status != "failed" && is_written("code") {
        return Err(("code", "`code` needs `status: failed`; omit it".into()));
    }
    if status == "completed" && is_written("message") {
        let message = "`message` needs `status: failed` or `status: cancelled`; the output is \
                       the `input` of the step";
        return Err(("message", message.into()));
    }
    Ok(())
}
