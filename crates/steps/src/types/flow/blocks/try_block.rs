//! `Try`: handles errors of a list of steps.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base_spec, block_fields, steps_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct TryBlock;

impl StepType for TryBlock {
    fn type_spec(&self) -> StepSpec {
        let catch = json!({
            "type": "object",
            "properties": {
                "on": {
                    "description": "Error codes. Default: all.",
                    "type": ["array", "string", "null"],
                    "items": {"type": "string", "minLength": 1},
                },
                "steps": steps_schema(),
            },
            "required": ["steps"],
            "additionalProperties": false,
        });
        StepSpec {
            doc: "If a step fails and nothing else handles that, the first `catch` with its error \
                  code runs; `error` is the error in its expressions (`code`, `message`, \
                  `details`). `finally` runs at the end in any case, unless the execution is \
                  cancelled or exceeds its timeout. The output is that of `steps` or of the \
                  `catch` that ran.",
            block: block_fields(
                json!({
                    "steps": steps_schema(),
                    "catch": {"type": ["array", "null"], "items": catch},
                    "finally": steps_schema(),
                }),
                &["steps"],
            ),
            action: StepAction::Block,
            examples: vec![json!({
                "type": "Try",
                "steps": [{"type": "Fail", "config": {"message": "Out of stock", "code": "STOCK_EMPTY"}}],
                "catch": [{
                    "on": ["STOCK_EMPTY"],
                    "steps": [{"type": "Echo", "input": {"reason": "{{ error.message }}"}}]
                }]
            })],
            ..base_spec("Try", "Blocks", "Handles errors of a list of steps.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
