//! Lists of steps: those of the definition and those inside blocks, as one flat list.

use serde_json::Value;

use super::walk::ParseWalk;
use super::{block, compensation, ids, step};
use crate::definition::DefinitionLimits;
use crate::definition::blocks::MAX_NESTING;
use crate::definition::model::{ParentBody, StepDefinition};
use crate::{Map, Problem};

/// Reads lists of steps.
pub(super) struct StepListParser<'w> {
    pub(super) walk: &'w mut ParseWalk,
    /// The steps so far: each block before the steps in it.
    pub(super) steps: Vec<StepDefinition>,
    max_steps: usize,
    /// How many blocks enclose the list that is read.
    depth: usize,
}

/// The steps of a definition.
pub(super) fn parse_steps(
    walk: &mut ParseWalk,
    definition: &Map,
    limits: &DefinitionLimits,
) -> Vec<StepDefinition> {
    let mut parser =
        StepListParser { walk, steps: Vec::new(), max_steps: limits.max_steps, depth: 0 };
    parser.parse_list(definition.get("steps"), "steps", None);
    compensation::parse_failure_handler(&mut parser, definition.get("on_failure"));
    let StepListParser { mut steps, walk, .. } = parser;
    if steps.len() > limits.max_steps {
        let message = format!(
            "a definition may have at most {} steps, those inside blocks and compensations counted",
            limits.max_steps
        );
        walk.problems.push(
            Problem::new("steps", message)
                .with_expectation(format!("at most {}", limits.max_steps), steps.len().to_string()),
        );
        return Vec::new();
    }
    ids::assign_ids(walk, &mut steps);
    steps
}

impl StepListParser<'_> {
    /// Reads the list at `path`.
    pub(super) fn parse_list(
        &mut self,
        value: Option<&Value>,
        path: &str,
        parent: Option<ParentBody>,
    ) {
        let items = match value {
            Some(Value::Array(items)) if !items.is_empty() => items,
            Some(Value::Array(_)) | None | Some(Value::Null) => {
                let message = match parent {
                    None => "a definition needs a list `steps` with at least one step",
                    Some(_) => {
                        "a list of at least one step is needed here; write at least one step, such as \
                         `[{type: Echo}]`"
                    }
                };
                return self.walk.add_problem(path, message);
            }
            Some(other) => return self.walk.add_mismatch(path, "list of steps", other),
        };
        if self.depth > MAX_NESTING {
            let message = format!(
                "blocks may be nested at most {MAX_NESTING} deep; move what is inside into a workflow \
                 of its own, and start that by a `SubWorkflow`"
            );
            return self.walk.add_problem(path, message);
        }
        self.depth += 1;
        for (i, item) in items.iter().enumerate() {
            // Counted as well, but not read.
            if self.steps.len() > self.max_steps {
                break;
            }
            self.parse_item(item, format!("{path}[{i}]"), parent);
        }
        self.depth -= 1;
    }

    fn parse_item(&mut self, item: &Value, path: String, parent: Option<ParentBody>) {
        let step = step::parse_step(self.walk, item, path, parent);
        let position = self.steps.len();
        let type_name = step.type_name.clone();
        self.steps.push(step);
        if let Value::Object(map) = item {
            block::parse_block(self, position, &type_name, map);
            compensation::parse_compensation(self, position, map);
        }
    }
}
