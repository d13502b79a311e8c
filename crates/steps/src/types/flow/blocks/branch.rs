//! `Branch`: runs the steps of the first case whose condition is true.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base_spec, block_fields, condition_schema, steps_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct BranchBlock;

impl StepType for BranchBlock {
    fn type_spec(&self) -> StepSpec {
        let case = json!({
            "type": "object",
            "properties": {"when": condition_schema(), "steps": steps_schema()},
            "required": ["when", "steps"],
            "additionalProperties": false,
        });
        StepSpec {
            doc: "The first steps of the case get the input of the block; the output of the block \
                  is that of the last steps of the case. If no case is true and there is no \
                  `else`, the block is bypassed, like a step whose `when` is false.",
            block: block_fields(
                json!({
                    "cases": {"type": "array", "minItems": 1, "items": case},
                    "else": steps_schema(),
                }),
                &["cases"],
            ),
            action: StepAction::Block,
            examples: vec![json!({
                "type": "Branch",
                "input": {"text": "hello"},
                "cases": [{
                    "when": "1 > 2",
                    "steps": [{"type": "TextOperation.Uppercase"}]
                }],
                "else": [{"type": "TextOperation.Reverse"}]
            })],
            ..base_spec("Branch", "Blocks", "Runs the first case whose condition is true.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
