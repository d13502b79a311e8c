//! `SetState`: sets state values of the execution.

use serde_json::json;
use stepwell_core::catalog::{StepAction, StepSpec};

use crate::spec::base_spec;
use crate::{StepBehaviour, StepType};

pub(crate) struct SetState;

impl StepType for SetState {
    fn type_spec(&self) -> StepSpec {
        let values = |description: &str| json!({"type": "object", "description": description});
        StepSpec {
            doc: "Later steps read the values as `state.NAME`. Omitted names are unchanged.",
            input: values("The values to set, by the name of the state."),
            output: values("The values as set."),
            action: StepAction::SetState,
            examples: vec![json!({"type": "SetState", "input": {"stage": "checked", "tries": 2}})],
            ..base_spec("SetState", "Flow", "Sets state values of the execution.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Control
    }
}
