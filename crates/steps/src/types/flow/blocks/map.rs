//! `Map`: runs its steps for each item of a list.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base_spec, block_fields, steps_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct MapBlock;

impl StepType for MapBlock {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "The output is the list of the outputs, in the order of the items. In expressions \
                  of the steps, `item` (or the name given by `as`) is the item and `index` its \
                  position from 0; the first steps get the item. At most `max_concurrency` items \
                  run at once. If an item fails, the block fails; with `on_item_error: collect` \
                  its result is `{error: {code, message, step, details}}` instead. With `collect: \
                  none` the output is only `{count, completed, failed}`, with `collect: errors` \
                  also `errors`, the list of `{index, error}`: for lists whose results are larger \
                  than a value may be. With `collect: file` the results are a file of the \
                  execution, one line of JSON for each item, and the output is `{count, completed, \
                  failed, file, bytes}`, with its name and size. A list may have 1,000,000 items.",
            input: json!({"type": "array"}),
            output: json!({"type": ["array", "object"]}),
            block: block_fields(
                json!({
                    "over": {"description": "The list, or an expression. Default: what comes before."},
                    "as": {
                        "type": ["string", "null"],
                        "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$",
                        "default": "item",
                    },
                    "max_concurrency": {
                        "type": ["integer", "null"], "minimum": 1, "maximum": 1000, "default": 16,
                    },
                    "on_item_error": {"enum": ["fail", "collect", null], "default": "fail"},
                    "collect": {
                        "enum": ["all", "errors", "none", "file", null],
                        "default": "all",
                        "description": "What is kept of the results: all, the errors of items \
                                        (with `on_item_error: collect`), only their numbers, or \
                                        all in a file of the execution.",
                    },
                    "record": {
                        "enum": ["steps", "results", null],
                        "description": "What is recorded of each item. `results` needs steps that \
                                        compute only. Default: `results` from 100 items on where \
                                        that is possible, otherwise `steps`.",
                    },
                    "steps": steps_schema(),
                    "output": {"description": "The result of an item. Default: the output of the last steps."},
                }),
                &["steps"],
            ),
            action: StepAction::Block,
            examples: vec![json!({
                "type": "Map",
                "over": ["hello", "world"],
                "as": "word",
                "steps": [
                    {"id": "backwards", "type": "TextOperation.Reverse", "input": "{{ word }}"}
                ],
                "output": "{{ steps.backwards.output.text }}"
            })],
            ..base_spec("Map", "Blocks", "Runs its steps for each item of a list.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
