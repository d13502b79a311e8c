//! `Loop`: runs its steps again and again.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base_spec, block_fields, condition_schema, steps_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct LoopBlock;

impl StepType for LoopBlock {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "`until` is tested after each iteration and can read the steps inside; `while` is \
                  tested before each. The first steps get the output of the previous iteration, in \
                  the first one the input of the block; `last` is that output too, and `index` \
                  counts the iterations from 0. The output of the block is that of the last \
                  iteration, or with `collect: true` the list of all. A loop that does not end \
                  within `max_iterations` fails with `LOOP_LIMIT`.",
            block: block_fields(
                json!({
                    "until": condition_schema(),
                    "while": condition_schema(),
                    "max_iterations": {
                        "type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000,
                        "default": 1000,
                    },
                    "pause": {
                        "description": "The pause between two iterations: a duration, or an \
                                        expression for one or for a number of seconds.",
                        "type": ["string", "number", "null"],
                    },
                    "collect": {"type": ["boolean", "null"], "default": false},
                    "steps": steps_schema(),
                    "output": {"description": "The output of an iteration. Default: that of the last steps."},
                }),
                &["steps"],
            ),
            action: StepAction::Block,
            examples: vec![json!({
                "type": "Loop",
                "input": {"text": "ab"},
                "until": "index == 2",
                "steps": [{"type": "TextOperation.Concat", "config": {"suffix": "!"}}]
            })],
            ..base_spec("Loop", "Blocks", "Runs its steps again and again.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
