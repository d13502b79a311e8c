//! `SetState`: sets state values of the execution.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::base;
use crate::{Behaviour, StepType};

pub(crate) struct SetState;

impl StepType for SetState {
    fn spec(&self) -> StepSpec {
        let values = |description: &str| json!({"type": "object", "description": description});
        StepSpec {
            doc: "Later steps read the values as `state.NAME`. A name that is not given keeps its \
                  value.",
            input: values("The values to set, by the name of the state."),
            output: values("The values as set."),
            action: StepAction::SetState,
            examples: vec![json!({"type": "SetState", "input": {"stage": "checked", "tries": 2}})],
            ..base("SetState", "Flow", "Sets state values of the execution.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Control
    }
}
