//! Variables of the workspace: an execution reads the values of its start, to its end.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::definition::plan::InputBinding;
use stepwell_core::definition::plan_block::PlanBlockKind;
use stepwell_core::execution::{BodyResult, Event, Failure, StepIndex, StepRunId, codes};

use super::World;
use crate::rng::Rng;

/// All variables that have no default exist.
fn check_known(error: &Failure) {
    assert_ne!(error.code, codes::UNKNOWN_VARIABLE, "{error:?}");
}

impl World {
    /// The values of an execution that begins; one of them may not exist.
    pub(super) fn random_variables(&self) -> Option<Arc<Value>> {
        if self.plan.variables.is_empty() {
            return None;
        }
        let mut rng = Rng::new(self.rng.peek());
        let mut values = json!({"V": 100 + rng.below(5)});
        if rng.chance(50) {
            values["W"] = json!(200 + rng.below(5));
        }
        Some(Arc::new(values))
    }

    /// What a step reads as `vars` in its input and its configuration.
    pub(super) fn check_variables(
        &self,
        step: &StepRunId,
        [input, config]: [&Option<Arc<Value>>; 2],
    ) {
        let planned = &self.plan[step.step];
        let around = planned.enclosing.iter().copied().zip(step.path.indexes().iter().copied());
        let is_given = self.given.as_ref().is_some_and(|given| given.step == *step);
        let is_written = matches!(planned.input, InputBinding::Template { .. }) && !is_given;
        let input = input.as_ref().filter(|_| is_written);
        let read: Vec<&Value> = input
            .into_iter()
            .chain(config)
            .map(|value| &**value)
            .filter(|value| value.get("required").is_some())
            .collect();
        if read.is_empty() {
            return;
        }
        let expected = self.visible_variables(around.collect());
        for value in read {
            assert_eq!(value["required"], expected["V"], "a variable of its start");
            let optional = expected.get("W").cloned().unwrap_or(json!("no"));
            assert_eq!(value["optional"], optional, "a variable that may not exist");
        }
    }

    /// The outputs of iterations that are variables, also of those that ran in chunks.
    pub(super) fn check_map_outputs(&self) {
        for recorded in &self.journal {
            match &recorded.event {
                Event::BodyEnded { step, index, output: Some(output), .. } => {
                    self.check_map_output(step, *index, output);
                }
                Event::ItemsEnded { step, index: first, results } => {
                    for (index, result) in (*first..).zip(results) {
                        match result {
                            BodyResult::Completed(output) => {
                                self.check_map_output(step, index, output);
                            }
                            BodyResult::Failed(error) => check_known(error),
                        }
                    }
                }
                Event::StepFailed { error, .. } | Event::BodyEnded { error: Some(error), .. } => {
                    check_known(error);
                }
                _ => {}
            }
        }
    }

    fn check_map_output(&self, step: &StepRunId, index: u32, output: &Value) {
        let planned = &self.plan[step.step];
        let kind = planned.block.as_ref().map(|block| &block.kind);
        let Some(PlanBlockKind::Map(map)) = kind else { return };
        let reads = |path: &Vec<String>| path.first().is_some_and(|root| root == "vars");
        if !map.output.iter().any(|output| output.references().paths.iter().any(reads)) {
            return;
        }
        let around = planned.enclosing.iter().copied().zip(step.path.indexes().iter().copied());
        let expected = self.visible_variables(around.chain([(step.step, index)]).collect());
        assert_eq!(output["required"], expected["V"], "a variable of its start");
    }

    /// The variables, or the item of the innermost `Map` of this name.
    fn visible_variables(&self, around: Vec<(StepIndex, u32)>) -> Value {
        let item = around.into_iter().rev().find_map(|(block, index)| {
            match &self.plan[block].block.as_ref()?.kind {
                PlanBlockKind::Map(map) if map.item_name == "vars" => Some(json!({"V": index})),
                _ => None,
            }
        });
        item.unwrap_or_else(|| self.variables.as_deref().cloned().unwrap_or_default())
    }
}
