//! The scope of expressions outside of executions: the fields of one JSON object.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::expr::{EvalScope, StepScope};

/// A scope over one JSON object: each of its fields is a variable. `inputs`, `steps` and `state`
/// have the shapes that they have in a workflow: a step is `{output, status, error}`.
#[derive(Debug)]
pub(in crate::app) struct JsonScope {
    inputs: Arc<Value>,
    steps: BTreeMap<String, Step>,
    state: Map,
    others: Map,
}

#[derive(Debug)]
struct Step {
    output: Arc<Value>,
    status: &'static str,
    error: Value,
}

impl JsonScope {
    pub(in crate::app) fn new(mut data: Map) -> Self {
        let object = |value: Option<Value>| match value {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let inputs = data.shift_remove("inputs").unwrap_or_else(|| Value::Object(Map::new()));
        let steps = object(data.shift_remove("steps"));
        let state = object(data.shift_remove("state"));
        let steps = steps.into_iter().map(|(id, step)| (id, Step::new(object(Some(step)))));
        Self { inputs: Arc::new(inputs), steps: steps.collect(), state, others: data }
    }
}

impl Step {
    fn new(mut step: Map) -> Self {
        let status = step.get("status").and_then(Value::as_str);
        Self {
            status: status.map_or("completed", known_status),
            output: Arc::new(step.shift_remove("output").unwrap_or_default()),
            error: step.shift_remove("error").unwrap_or_default(),
        }
    }
}

/// The status of that name; `completed` for another.
fn known_status(name: &str) -> &'static str {
    let known = ["pending", "running", "waiting", "completed", "failed", "skipped", "cancelled"];
    known.into_iter().find(|known| *known == name).unwrap_or("completed")
}

impl EvalScope for JsonScope {
    fn inputs(&self) -> &Arc<Value> {
        &self.inputs
    }

    fn step_scope(&self, id: &str) -> Option<StepScope<'_>> {
        let Step { output, status, error } = self.steps.get(id)?;
        Some(StepScope { output, status, error })
    }

    fn step_ids(&self) -> Vec<&str> {
        self.steps.keys().map(String::as_str).collect()
    }

    fn state(&self) -> &Map {
        &self.state
    }

    fn extra_root(&self, name: &str) -> Option<Value> {
        self.others.get(name).cloned()
    }
}
