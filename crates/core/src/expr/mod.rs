//! The one expression language: Jinja, with fuel and output limits.
//!
//! A string that is exactly one `{{ expr }}` yields the value itself; anything else yields text.
//!
//! Evaluation is deterministic and bounded: it must never read a clock or draw a random number,
//! and no text, however hostile, may take more than a moment, a few megabytes or the stack. How:
//! `syntax` refuses what would nest too deep, `guard` rewrites the tree so that each operation
//! whose cost grows with its operands is paid for from the budget of `meter`.

mod code;
mod context;
#[cfg(test)]
mod cost_tests;
mod environment;
mod expression;
mod filters;
mod guard;
mod meter;
mod numbers;
mod operand_types;
mod operations;
mod operators;
mod path;
mod references;
mod result_types;
#[cfg(test)]
mod result_types_tests;
mod samples;
mod secret;
#[cfg(test)]
mod secret_tests;
mod slice;
mod syntax;
mod template;
#[cfg(test)]
pub(crate) mod test_scope;
#[cfg(test)]
mod tests;
mod tree;
mod value;

use std::sync::{Arc, LazyLock};

use serde_json::Value;

pub use code::pool_usage as code_usage;
pub(crate) use environment::ROOTS;
pub use expression::Expression;
pub use meter::{EvalBudget, EvalInterrupt};
pub(crate) use path::written_path;
pub use references::References;
pub(crate) use result_types::{
    InferredType, TypeAnalysis, analyse_expression, analyse_template, infer_type,
};
pub use samples::sample_expressions;
pub(crate) use secret::place_under;
pub use secret::{InsertError, PLACEHOLDER, SecretInsertion, insert_secrets};
pub(crate) use syntax::find_insertions;
pub use template::{RenderedValue, TemplateLeaf, ValueTemplate};
pub(crate) use template::{at_key, count_expressions};

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

/// Evaluating an expression failed. Deterministic but for the two kinds that say otherwise: the
/// same expression over the same values fails again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// What went wrong, with the expression and the position in it.
    pub message: String,
    /// What kind of failure it is.
    pub kind: EvalErrorKind,
}

/// What kind of failure an evaluation ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EvalErrorKind {
    /// The expression cannot be evaluated over these values.
    #[default]
    Invalid,
    /// The inline budget does not suffice; the full one may.
    NeedsFullBudget,
    /// The interrupt of the budget ended it; it may be repeated.
    Interrupted,
    /// The evaluator itself failed: a bug.
    Internal,
}

impl EvalError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: EvalErrorKind::Invalid }
    }

    /// The error for an error of the meter, with the matching kind.
    fn of_meter(error: &minijinja::Error) -> Self {
        let message = error.detail().unwrap_or("the evaluation failed").to_owned();
        Self { message, kind: stop_kind() }
    }
}

/// The kind of an error that the running evaluation ends with.
fn stop_kind() -> EvalErrorKind {
    match meter::stop_reason() {
        Some(meter::StopReason::Interrupted) => EvalErrorKind::Interrupted,
        Some(meter::StopReason::Exhausted) if meter::is_inline() => EvalErrorKind::NeedsFullBudget,
        Some(meter::StopReason::Exhausted) | None => EvalErrorKind::Invalid,
    }
}

/// Runs one evaluation over a scope: with its budget, and so that a panic is an error.
fn run_evaluation<T>(
    scope: &dyn EvalScope,
    evaluation: impl FnOnce() -> Result<T, EvalError>,
) -> Result<T, EvalError> {
    meter::start_evaluation(scope.budget());
    // Nothing that the evaluation touches outlives it but the meter, which is set anew.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        crate::faults::hit("evaluate");
        evaluation()
    }));
    scope.spend_units(meter::spent_units());
    result.unwrap_or_else(|_| {
        Err(EvalError {
            message: "the evaluation of the expression failed; this is a bug in Stepwell".into(),
            kind: EvalErrorKind::Internal,
        })
    })
}
