//! `concurrency` of a workflow: its key reads only the input.

use serde_json::Value;

use super::PlanCompiler;
use super::reader_position::ReaderPosition;
use crate::definition::concurrency::PlanConcurrency;

const PATH: &str = "concurrency.key";

impl PlanCompiler<'_> {
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
