//! The one expression language: Jinja, with fuel and output limits.
//!
//! A string that is exactly one `{{ expr }}` yields the value itself; anything else yields text.

use serde_json::Value;

use crate::{Map, Problem, Problems};

/// What an expression can see. Built for one evaluation over borrowed values: making one costs
/// nothing, only what an expression asks for is looked at.
pub trait Scope: std::fmt::Debug {
    /// `inputs`.
    fn inputs(&self) -> &Value;
    /// `steps.<id>`: its output, status and error; `None` where there is no such step.
    fn step(&self, id: &str) -> Option<StepScope<'_>>;
    /// The ids of all steps.
    fn step_ids(&self) -> Vec<&str>;
    /// `state`.
    fn state(&self) -> &Map;
    /// `execution` (`id`, `created_at`, …) and `workflow` (`id`, `name`, `release`); any other
    /// name that the surroundings add (`item`, `index` in a map).
    fn extra(&self, name: &str) -> Option<Value>;
}

/// What an expression sees of a step.
#[derive(Debug, Clone, Copy)]
pub struct StepScope<'a> {
    /// `null` until it completed.
    pub output: &'a Value,
    /// Lower-case status: `pending`, `running`, `completed`, `failed`, `skipped`…
    pub status: &'static str,
    /// `{code, message}` of a failed step, else `null`.
    pub error: &'a Value,
}

/// Evaluating an expression failed. Deterministic: the same expression over the same values fails
/// again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// What went wrong, with the expression and the position in it.
    pub message: String,
}

/// A compiled bare expression (`when`, conditions).
#[derive(Debug)]
pub struct Expr {}

impl Expr {
    /// Compiles the text of an expression found at `path`.
    ///
    /// # Errors
    /// The syntax error with line and column, or an unknown filter, test or function.
    pub fn compile(_text: &str, _path: &str) -> Result<Self, Problem> {
        todo!()
    }

    /// Its value as JSON.
    ///
    /// # Errors
    /// Undefined values used, type errors, fuel or output limits exceeded.
    pub fn eval(&self, _scope: &dyn Scope) -> Result<Value, EvalError> {
        todo!()
    }

    /// Whether its value is true in Jinja's sense.
    ///
    /// # Errors
    /// As `eval`.
    pub fn eval_bool(&self, _scope: &dyn Scope) -> Result<bool, EvalError> {
        todo!()
    }

    /// What it refers to, for wiring checks.
    pub fn references(&self) -> &References {
        todo!()
    }
}

/// What an expression or template refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Dotted paths from a root name, as far as they are static: `steps.reverse.output.text` as
    /// `["steps", "reverse", "output", "text"]`.
    pub paths: Vec<Vec<String>>,
}

/// A compiled value in which strings may hold expressions.
#[derive(Debug)]
pub struct Template {}

impl Template {
    /// Compiles every string in `value`, which stands at `path`.
    ///
    /// # Errors
    /// Every string that is not a valid template, with its own path.
    pub fn compile(_value: &Value, _path: &str) -> Result<Self, Problems> {
        todo!()
    }

    /// Whether it holds no expression at all.
    pub fn is_static(&self) -> bool {
        todo!()
    }

    /// The value with every expression evaluated. A static template gives the same `Arc` each
    /// time. `secrets.NAME` is not evaluated: it renders to a marker that only the runtime can
    /// resolve (see [`secret_marker`]).
    ///
    /// # Errors
    /// As [`Expr::eval`]; the message names the path inside the template.
    pub fn render(&self, _scope: &dyn Scope) -> Result<std::sync::Arc<Value>, EvalError> {
        todo!()
    }

    /// What it refers to.
    pub fn references(&self) -> &References {
        todo!()
    }

    /// Where the template at this place inside it (object keys, array indexes as text) is exactly
    /// one static dotted path, that path.
    pub fn as_path(&self, _inside: &[&str]) -> Option<&[String]> {
        todo!()
    }
}

/// What `secrets.NAME` renders to in a journaled value: text that names the secret and can be
/// told from what users write, replaced by the secret only where the step's plan lists that name.
pub fn secret_marker(name: &str) -> String {
    format!("\u{f8ff}secret:{name}\u{f8ff}")
}
