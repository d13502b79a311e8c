//! `Echo`: outputs its input.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::catalog::{SAME_AS_INPUT, StepSpec};

use crate::spec::base_spec;
use crate::{PureCall, StepBehaviour, StepType, WorkBound};

pub(crate) struct EchoStep;

impl StepType for EchoStep {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            output: json!({SAME_AS_INPUT: true}),
            examples: vec![json!({"type": "Echo", "input": {"any": ["value", 1, null]}})],
            ..base_spec("Echo", "Data", "Returns its input unchanged.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, |call| Ok(Arc::clone(call.input).into()))
    }

    fn working_bytes(&self, _: &PureCall<'_>) -> usize {
        0
    }
}
