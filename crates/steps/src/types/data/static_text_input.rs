//! `StaticTextInput`: a text written into the definition.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::spec::{base_spec, text_object};
use crate::{StepBehaviour, StepType, WorkBound};

pub(crate) struct StaticTextInput;

impl StepType for StaticTextInput {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            input: text_object("The text."),
            output: text_object("The text as given."),
            default_input: Some("text"),
            default_output: Some("text"),
            is_source: true,
            examples: vec![json!({"type": "StaticTextInput", "input": "Hello, world!"})],
            ..base_spec("StaticTextInput", "Data", "Returns a text from the definition.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Linear, |call| Ok(Arc::clone(call.input).into()))
    }
}
