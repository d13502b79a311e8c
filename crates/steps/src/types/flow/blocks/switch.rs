//! `Switch`: runs the steps of the first case that lists the value.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base_spec, block_fields, steps_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct SwitchBlock;

impl StepType for SwitchBlock {
    fn type_spec(&self) -> StepSpec {
        let case = json!({
            "type": "object",
            "properties": {
                "equals": {"description": "A value, or a list of values, without expressions."},
                "steps": steps_schema(),
            },
            "required": ["equals", "steps"],
            "additionalProperties": false,
        });
        StepSpec {
            doc: "`value` is compared with the values of each case; numbers are equal if their \
                  values are. The first steps of the case get the value. If no case has it and \
                  there is no `else`, the block is bypassed.",
            block: block_fields(
                json!({
                    "value": {"description": "The value, or an expression. Default: what comes before."},
                    "cases": {"type": "array", "minItems": 1, "items": case},
                    "else": steps_schema(),
                }),
                &["cases"],
            ),
            action: StepAction::Block,
            examples: vec![json!({
                "type": "Switch",
                "value": "de",
                "cases": [
                    {"equals": ["de", "at"], "steps": [{"type": "StaticTextInput", "input": "Guten Tag"}]},
                    {"equals": "fr", "steps": [{"type": "StaticTextInput", "input": "Bonjour"}]}
                ],
                "else": [{"type": "StaticTextInput", "input": "Hello"}]
            })],
            ..base_spec("Switch", "Blocks", "Runs the first case that lists a value.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
