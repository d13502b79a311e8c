//! What an expression can read.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::meter::EvalBudget;
use crate::Map;

/// The variables that an expression can read. Built for one evaluation over borrowed values:
/// creating one costs nothing, values are read when an expression accesses them.
pub trait EvalScope: std::fmt::Debug {
    /// `inputs`. Shared, so that a template that outputs all of it copies nothing.
    fn inputs(&self) -> &Arc<Value>;
    /// `steps.<id>`: its output, status and error; `None` where there is no such step.
    fn step_scope(&self, id: &str) -> Option<StepScope<'_>>;
    /// The ids of all steps.
    fn step_ids(&self) -> Vec<&str>;
    /// `state`.
    fn state(&self) -> &Map;
    /// How much work an evaluation over this scope may cause.
    fn budget(&self) -> EvalBudget {
        EvalBudget::full()
    }
    /// Takes note of the units that an evaluation used.
    fn spend_units(&self, _units: u64) {}
    /// `vars`: the variables of the workspace by name, as a shared object. `None`: the name has
    /// another meaning, that of [`EvalScope::extra_root`].
    fn variables(&self) -> Option<&Arc<Value>> {
        None
    }
    /// `execution` (`id`, `created_at`, …) and `workflow` (`id`, `name`, `release`); any other
    /// name that the surroundings add (`item`, `index` in a map).
    fn extra_root(&self, name: &str) -> Option<Value>;
}

/// What an expression sees of a step.
#[derive(Debug, Clone, Copy)]
pub struct StepScope<'a> {
    /// `null` ([`shared_null`]) until it completed.
    pub output: &'a Arc<Value>,
    /// Lower-case status: `pending`, `running`, `completed`, `failed`, `skipped`…
    pub status: &'static str,
    /// `{code, message}` of a failed step, else `null`.
    pub error: &'a Value,
}

/// A `null` to borrow, for the output of a step that has none.
pub fn shared_null() -> &'static Arc<Value> {
    static NULL: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(Value::Null));
    &NULL
}
