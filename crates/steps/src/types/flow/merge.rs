//! `Merge`: the outputs of several branches.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base_spec, object_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct MergeStep;

impl StepType for MergeStep {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "Only steps whose edge into it was followed count; `join` decides when it starts. \
                  The output is an object of their outputs by step id, or with `output: first` the \
                  output of the first of them in the order of `after`. A step that failed under \
                  `on_error` has the output `null`.",
            config: object_schema(
                json!({
                    "output": {
                        "type": "string",
                        "enum": ["all", "first"],
                        "default": "all",
                        "description": "All outputs by step id, or the first."
                    }
                }),
                &[],
            ),
            input: object_schema(json!({}), &[]),
            is_source: true,
            action: StepAction::Merge,
            examples: vec![json!({"type": "Merge", "config": {"output": "first"}})],
            ..base_spec("Merge", "Flow", "Joins branches and gives their outputs.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
