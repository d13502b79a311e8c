//! `Parallel`: runs several lists of steps at once.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base_spec, block_fields, steps_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct ParallelBlock;

impl StepType for ParallelBlock {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "The output is an object with the output of each branch by its name; `null` for a \
                  branch that did not complete. `join` is the number of branches that must \
                  complete: `all` (default), `any` or `{n: 2}`, where `n` can be an \
                  expression over `inputs`; the block fails as soon as that is \
                  not possible any more. With `cancel_rest: true` it ends as soon as enough have \
                  completed, and the others are cancelled; otherwise it waits for all to end.",
            block: block_fields(
                json!({
                    "branches": {
                        "description": "Lists of steps by name.",
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": steps_schema(),
                    },
                    "cancel_rest": {"type": ["boolean", "null"], "default": false},
                }),
                &["branches"],
            ),
            action: StepAction::Block,
            examples: vec![json!({
                "type": "Parallel",
                "input": {"text": "hello"},
                "branches": {
                    "loud": [{"type": "TextOperation.Uppercase"}],
                    "backwards": [{"type": "TextOperation.Reverse"}]
                }
            })],
            ..base_spec("Parallel", "Blocks", "Runs several lists of steps at once.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
