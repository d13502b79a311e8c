//! `StaticInput`: a value written into the definition.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::catalog::{SAME_AS_INPUT, StepSpec};

use crate::spec::base_spec;
use crate::{StepBehaviour, StepType, WorkBound};

pub(crate) struct StaticInput;

impl StepType for StaticInput {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "The whole `input` is the output: any JSON value, with `{{ … }}` evaluated.",
            output: json!({SAME_AS_INPUT: true}),
            is_source: true,
            examples: vec![
                json!({"type": "StaticInput", "input": {"cities": ["Jaipur", "Patan"], "year": 1063}}),
            ],
            ..base_spec("StaticInput", "Data", "Returns a JSON value from the definition.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, |call| Ok(Arc::clone(call.input).into()))
    }
}
