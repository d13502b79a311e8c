//! `Fail`: ends in an error on purpose.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::{base, object};
use crate::{Behaviour, StepType};

pub(crate) struct Fail;

impl StepType for Fail {
    fn spec(&self) -> StepSpec {
        StepSpec {
            doc: "Usually with a `when`. What follows from the failure is the step's `on_error`, \
                  as for any other step.",
            config: object(
                json!({
                    "message": {
                        "type": "string",
                        "minLength": 1,
                        "description": "What went wrong, for a person."
                    },
                    "code": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 100,
                        "description": "What went wrong, for a machine, such as `STOCK_EMPTY`."
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
            ..base("Fail", "Flow", "Fails with a message.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Control
    }
}
