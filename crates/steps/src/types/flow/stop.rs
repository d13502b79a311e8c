//! `Stop`: ends the execution at once.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

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
