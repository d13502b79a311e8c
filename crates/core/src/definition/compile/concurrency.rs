//! `concurrency` of a workflow, whose key reads only the input, and of a step.

use serde_json::Value;

use super::PlanCompiler;
use super::reader_position::ReaderPosition;
use crate::catalog::{StepAction, StepSpec};
use crate::definition::concurrency::PlanConcurrency;
use crate::definition::model::StepDefinition;
use crate::expr::at_key;

const PATH: &str = "concurrency.key";

impl PlanCompiler<'_> {
    /// `concurrency` of a step, whose key reads what the step reads.
    pub(super) fn plan_step_concurrency(
        &mut self,
        index: usize,
        step: &StepDefinition,
        spec: &StepSpec,
    ) -> Option<Box<PlanConcurrency>> {
        let written = step.concurrency.as_ref()?;
        let path = at_key(&step.path, "concurrency");
        if spec.action != StepAction::Run {
            let instead = match spec.action {
                StepAction::SubWorkflow => "use `concurrency` of the workflow that it starts",
                StepAction::Block => "use it for steps inside of the block",
                _ => "remove it",
            };
            let name = spec.name;
            let message = format!("`{name}` cannot have `concurrency`; {instead}");
            self.add_problem(&path, message);
        }
        let key = match &written.key {
            Some(text) => {
                let text = Value::String(text.clone());
                let position = ReaderPosition::Step(index);
                Some(self.compile_template(&text, &at_key(&path, "key"), position)?)
            }
            None => None,
        };
        let (limit, policy) = (written.limit, written.policy);
        Some(Box::new(PlanConcurrency { limit, key, policy }))
    }

    pub(super) fn plan_concurrency(&mut self) -> Option<Box<PlanConcurrency>> {
        let written = self.definition.concurrency.as_ref()?;
        let key = match &written.key {
            Some(text) => {
                let text = Value::String(text.clone());
                let key = self.compile_template(&text, PATH, ReaderPosition::Outputs)?;
                let others = key.references().paths.iter().filter_map(|path| path.first());
                let other = others.filter(|root| *root != "inputs").min().cloned();
                if let Some(root) = other {
                    let message = format!(
                        "the key is evaluated before the first step and reads only `inputs`, not \
                         `{root}`"
                    );
                    self.add_problem(PATH, message);
                }
                Some(key)
            }
            None => None,
        };
        let (limit, policy) = (written.limit, written.policy);
        Some(Box::new(PlanConcurrency { limit, key, policy }))
    }
}
