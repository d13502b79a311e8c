//! Which names of the state the steps of a definition set.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::catalog::{StepAction, StepSpec};
use crate::definition::model::Definition;

/// What the steps of a definition may set in the state.
#[derive(Debug, Default)]
pub(super) struct SetState<'a> {
    pub(super) names: BTreeSet<&'a str>,
    /// A step sets what is only known when it runs.
    pub(super) any: bool,
}

impl<'a> SetState<'a> {
    pub(super) fn of_definition(definition: &'a Definition, specs: &[Option<&StepSpec>]) -> Self {
        let mut all = Self::default();
        for (step, spec) in definition.steps.iter().zip(specs) {
            match (spec.map(|spec| spec.action), &step.input) {
                (Some(StepAction::SetState), Some(Value::Object(map))) => {
                    all.names.extend(map.keys().map(String::as_str));
                }
                (Some(StepAction::SetState), _) => all.any = true,
                _ => {}
            }
        }
        all
    }
}
