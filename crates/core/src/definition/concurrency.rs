//! `concurrency` of a workflow: how many of its executions are under way at the same time; and of a
//! step: how many attempts of it run at the same time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Map;
use crate::expr::{EvalBudget, EvalError, EvalErrorKind, EvalScope, StepScope, ValueTemplate};

/// The highest limit.
pub const MAX_CONCURRENCY_LIMIT: u32 = 10_000;

/// The longest key, in bytes.
pub const MAX_CONCURRENCY_KEY: usize = 200;

/// `concurrency` as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrencyDefinition {
    /// The most executions, or attempts of the step, with the same key at the same time.
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
/// same workflow with the same key share their places. Or that of an attempt of a step, which
/// shares the places of the step with the same key.
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
    /// The most executions, or attempts of the step, with the same key at the same time.
    pub limit: u32,
    /// A template for the key; that of a workflow reads only `inputs`. `None`: all have the same.
    pub key: Option<ValueTemplate>,
    /// What happens to an execution for which there is no place.
    pub policy: ConcurrencyPolicy,
}

/// Why there is no place for a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key cannot be evaluated.
    #[error("the concurrency key cannot be evaluated: {0}")]
    Evaluation(#[from] EvalError),
    /// Its value cannot be used.
    #[error("{0}")]
    Unusable(String),
}

impl PlanConcurrency {
    /// The place that an execution with this input needs.
    ///
    /// # Errors
    /// The key cannot be evaluated or used; the message names what is wrong with it.
    pub fn place_for(&self, inputs: &Arc<Value>) -> Result<ConcurrencyPlace, String> {
        let scope = InputScope { inputs, state: Map::new() };
        self.place_in(&scope).map_err(|error| match error {
            KeyError::Evaluation(error) if error.kind == EvalErrorKind::NeedsFullBudget => {
                "the concurrency key takes too much work to evaluate; read a field of `inputs` \
                 instead"
                    .to_owned()
            }
            error => error.to_string(),
        })
    }

    /// The place that is needed where the key is evaluated in this scope.
    ///
    /// # Errors
    /// The key cannot be evaluated or used.
    pub fn place_in(&self, scope: &dyn EvalScope) -> Result<ConcurrencyPlace, KeyError> {
        let key = match &self.key {
            Some(template) => key_text(&template.render_value(scope)?.value)?,
            None => String::new(),
        };
        Ok(ConcurrencyPlace { key, limit: self.limit })
    }
}

/// The text of a key with this value.
fn key_text(value: &Value) -> Result<String, KeyError> {
    let key = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        other => {
            let kind = super::type_name(other);
            return Err(KeyError::Unusable(format!(
                "the concurrency key is {kind}; it must be text, a number or a boolean: check the \
                 value that it reads"
            )));
        }
    };
    match key.len() {
        1..=MAX_CONCURRENCY_KEY => Ok(key),
        0 => {
            let message = "the concurrency key is empty; it must have at least 1 byte";
            Err(KeyError::Unusable(message.to_owned()))
        }
        length => Err(KeyError::Unusable(format!(
            "the concurrency key has {length} bytes; it may have at most {MAX_CONCURRENCY_KEY}"
        ))),
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
