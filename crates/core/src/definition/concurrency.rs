//! `concurrency` of a workflow: how many of its executions are under way at the same time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Map;
use crate::expr::{EvalBudget, EvalErrorKind, EvalScope, StepScope, ValueTemplate};

/// The highest limit.
pub const MAX_CONCURRENCY_LIMIT: u32 = 10_000;

/// The longest key, in bytes.
pub const MAX_CONCURRENCY_KEY: usize = 200;

/// `concurrency` as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrencyDefinition {
    /// The most executions with the same key that are under way at the same time.
    pub limit: u32,
    /// A template for the key; `None`: all executions have the same.
    pub key: Option<String>,
    /// What happens to an execution for which there is no place.
    pub policy: ConcurrencyPolicy,
}

/// What happens when an execution is accepted for which there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConcurrencyPolicy {
    /// It waits until the earlier ones have a place and one is free.
    #[default]
    Queue,
    /// It is not accepted.
    Reject,
    /// The oldest executions with the key are cancelled so that it gets a place when they end.
    CancelRunning,
    /// Those that wait for a place with the key are cancelled, and it waits.
    ReplaceQueued,
}

impl ConcurrencyPolicy {
    /// All policies, in the order of the documentation.
    pub const ALL: [Self; 4] =
        [Self::Queue, Self::Reject, Self::CancelRunning, Self::ReplaceQueued];

    /// The name in definitions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Reject => "reject",
            Self::CancelRunning => "cancel_running",
            Self::ReplaceQueued => "replace_queued",
        }
    }
}

/// The place that an execution needs before it starts, and has until it ends. Executions of the
/// same workflow with the same key share their places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcurrencyPlace {
    /// The key; empty: the one of all executions of a workflow without a key.
    #[serde(rename = "k", default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// How many places there may be when it gets its own.
    #[serde(rename = "l")]
    pub limit: u32,
}

/// `concurrency` compiled.
#[derive(Debug)]
pub struct PlanConcurrency {
    /// The most executions with the same key that are under way at the same time.
    pub limit: u32,
    /// A template for the key that reads only `inputs`; `None`: all executions have the same.
    pub key: Option<ValueTemplate>,
    /// What happens to an execution for which there is no place.
    pub policy: ConcurrencyPolicy,
}

impl PlanConcurrency {
    /// The place that an execution with this input needs.
    ///
    /// # Errors
    /// The key cannot be evaluated or used; the message names what is wrong with it.
    pub fn place_for(&self, inputs: &Arc<Value>) -> Result<ConcurrencyPlace, String> {
        let key = match &self.key {
            Some(template) => evaluate_key(template, inputs)?,
            None => String::new(),
        };
        Ok(ConcurrencyPlace { key, limit: self.limit })
    }
}

fn evaluate_key(template: &ValueTemplate, inputs: &Arc<Value>) -> Result<String, String> {
    let scope = InputScope { inputs, state: Map::new() };
    let value = template.render_value(&scope).map_err(|error| match error.kind {
        EvalErrorKind::NeedsFullBudget => {
            "the concurrency key takes too much work to evaluate; read a field of `inputs` instead"
                .to_owned()
        }
        _ => format!("the concurrency key cannot be evaluated: {error}"),
    })?;
    let key = match &*value.value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.value.to_string(),
        other => {
            let kind = super::type_name(other);
            return Err(format!(
                "the concurrency key is {kind}; it must be text, a number or a boolean: send the \
                 input that it reads"
            ));
        }
    };
    match key.len() {
        1..=MAX_CONCURRENCY_KEY => Ok(key),
        0 => Err("the concurrency key is empty; it must have at least 1 byte".to_owned()),
        length => Err(format!(
            "the concurrency key has {length} bytes; it may have at most {MAX_CONCURRENCY_KEY}"
        )),
    }
}

/// What a key can read: the input of an execution that is not accepted yet.
#[derive(Debug)]
struct InputScope<'a> {
    inputs: &'a Arc<Value>,
    state: Map,
}

impl EvalScope for InputScope<'_> {
    fn inputs(&self) -> &Arc<Value> {
        self.inputs
    }

    fn step_scope(&self, _id: &str) -> Option<StepScope<'_>> {
        None
    }

    fn step_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn state(&self) -> &Map {
        &self.state
    }

    fn budget(&self) -> EvalBudget {
        EvalBudget::inline()
    }

    fn extra_root(&self, _name: &str) -> Option<Value> {
        None
    }
}
