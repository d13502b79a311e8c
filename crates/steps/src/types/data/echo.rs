//! `Echo`: passes a value on unchanged.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::catalog::{SAME_AS_INPUT, StepSpec};

use crate::spec::base;
use crate::{Behaviour, PureCall, StepType, Work};

pub(crate) struct Echo;

impl StepType for Echo {
    fn spec(&self) -> StepSpec {
        StepSpec {
            output: json!({SAME_AS_INPUT: true}),
            examples: vec![json!({"type": "Echo", "input": {"any": ["value", 1, null]}})],
            ..base("Echo", "Data", "Gives its input back unchanged.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Pure(Work::Linear, |call| Ok(Arc::clone(call.input).into()))
    }

    fn working_bytes(&self, _: &PureCall<'_>) -> usize {
        0
    }
}
