//! `Fail`: fails with a configured error.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base_spec, object_schema};
use crate::{StepBehaviour, StepType};

pub(crate) struct FailStep;

impl StepType for FailStep {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "Usually with a `when`. `on_error` decides what happens then, as for any other \
                  step.",
            config: object_schema(
                json!({
                    "message": {
                        "type": "string",
                        "minLength": 1,
                        "description": "Human-readable error message."
                    },
                    "code": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 100,
                        "description": "Machine-readable error code, such as `STOCK_EMPTY`."
                    }
                }),
                &["message"],
            ),
            output: json!(false),
            action: StepAction::Fail,
            examples: vec![json!({
                "type": "Fail",
                "config": {"message": "Nothing left in stock", "code": "STOCK_EMPTY"}
            })],
            ..base_spec("Fail", "Flow", "Fails with an error message.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
