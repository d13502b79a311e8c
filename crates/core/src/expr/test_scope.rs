//! A scope for tests, made from one JSON object.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{EvalScope, StepScope};
use crate::Map;

/// `{inputs, steps: {id: {output, status, error}}, state, …}`.
#[derive(Debug)]
pub(crate) struct TestScope {
    inputs: Arc<Value>,
    steps: BTreeMap<String, (Arc<Value>, Value)>,
    state: Map,
    variables: Option<Arc<Value>>,
    extra: Value,
}

impl TestScope {
    pub(crate) fn new(all: Value) -> Self {
        let steps = all["steps"].as_object().cloned().unwrap_or_default();
        Self {
            inputs: Arc::new(all.get("inputs").cloned().unwrap_or_else(|| json!({}))),
            steps: steps
                .into_iter()
                .map(|(id, mut step)| (id, (Arc::new(step["output"].take()), step["error"].take())))
                .collect(),
            state: all["state"].as_object().cloned().unwrap_or_default(),
            variables: all.get("vars").map(|vars| Arc::new(vars.clone())),
            extra: all,
        }
    }
}

impl EvalScope for TestScope {
    fn inputs(&self) -> &Arc<Value> {
        &self.inputs
    }

    fn step_scope(&self, id: &str) -> Option<StepScope<'_>> {
        self.steps.get(id).map(|(output, error)| StepScope { output, status: "completed", error })
    }

    fn step_ids(&self) -> Vec<&str> {
        self.steps.keys().map(String::as_str).collect()
    }

    fn state(&self) -> &Map {
        &self.state
    }

    fn variables(&self) -> Option<&Arc<Value>> {
        self.variables.as_ref()
    }

    fn extra_root(&self, name: &str) -> Option<Value> {
        self.extra.get(name).cloned()
    }
}
