//! `StaticInput`: a value written into the definition.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::catalog::{SAME_AS_INPUT, StepSpec};

use crate::spec::base;
use crate::{Behaviour, StepType, Work};

pub(crate) struct StaticInput;

impl StepType for StaticInput {
    fn spec(&self) -> StepSpec {
        StepSpec {
            doc: "The whole `input` is the output: any JSON value, with `{{ … }}` resolved.",
            output: json!({SAME_AS_INPUT: true}),
            is_source: true,
            examples: vec![
                json!({"type": "StaticInput", "input": {"cities": ["Jaipur", "Patan"], "year": 1063}}),
            ],
            ..base("StaticInput", "Data", "Starts from a JSON value given in the definition.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Pure(Work::Linear, |call| Ok(Arc::clone(call.input).into()))
    }
}
