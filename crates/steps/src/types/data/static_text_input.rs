//! `StaticTextInput`: a text written into the definition.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::catalog::StepSpec;

use crate::spec::{base, text_object};
use crate::{Behaviour, StepType, Work};

pub(crate) struct StaticTextInput;

impl StepType for StaticTextInput {
    fn spec(&self) -> StepSpec {
        StepSpec {
            input: text_object("The text."),
            output: text_object("The text as given."),
            default_input: Some("text"),
            default_output: Some("text"),
            is_source: true,
            examples: vec![json!({"type": "StaticTextInput", "input": "Hello, world!"})],
            ..base("StaticTextInput", "Data", "Starts from a text given in the definition.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Pure(Work::Linear, |call| Ok(Arc::clone(call.input).into()))
    }
}
