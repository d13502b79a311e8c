//! Bare expressions: `when` and other conditions.

use serde_json::Value;

use super::compiled_text::{CompiledText, TextPiece, compile_expression};
use super::error::EvalError;
use super::evaluation::run_evaluation;
use super::path_lookup::is_true;
use super::references::{ReferenceCollector, References};
use super::scope::EvalScope;
use super::secret::only_placed;
use super::syntax::{SyntaxError, describe_error};
use crate::Problem;

/// A compiled bare expression (`when`, conditions).
#[derive(Debug)]
pub struct Expression {
    code: CompiledText,
    references: References,
}

/// The problem that a fault in the source at `path` is.
pub(super) fn syntax_problem(path: &str, source: &str, fault: &SyntaxError) -> Problem {
    Problem::new(path, format!("{} in {}", fault.message, describe_error(source, fault)))
}

/// What compiled code refers to.
pub(super) fn code_references(code: &CompiledText) -> References {
    let mut all = ReferenceCollector::default();
    match code {
        CompiledText::Path(path) => all.add_path(path.names(), false),
        CompiledText::Value(code) | CompiledText::Text(code) => all.merge_from(code.references()),
        CompiledText::Pieces(pieces) => {
            for piece in pieces {
                if let TextPiece::Path { path, .. } = piece {
                    all.add_path(path.names(), false);
                }
            }
        }
    }
    all.into_references()
}

impl Expression {
    /// Compiles the text of an expression found at `path`.
    ///
    /// # Errors
    /// The syntax error with line and column, or an unknown filter, test or function.
    pub fn compile_text(text: &str, path: &str) -> Result<Self, Problem> {
        if text.contains("{{") || text.contains("{%") {
            return Err(Problem::new(
                path,
                "write expressions without braces here: write `inputs.n > 3`, not \
                 `{{ inputs.n > 3 }}`",
            ));
        }
        let code = compile_expression(text).map_err(|fault| syntax_problem(path, text, &fault))?;
        let references = code_references(&code);
        Ok(Self { code, references })
    }

    /// Its value as JSON.
    ///
    /// # Errors
    /// Undefined values used, type errors, fuel or output limits exceeded.
    pub fn eval_json(&self, scope: &dyn EvalScope) -> Result<Value, EvalError> {
        run_evaluation(scope, || match &self.code {
            CompiledText::Path(path) => path.resolve_path(scope)?.into_json(),
            CompiledText::Value(code) => {
                let mut secrets = Vec::new();
                let value = code.eval_json(scope, &mut secrets)?;
                match secrets.first() {
                    Some(secret) => Err(EvalError::new(only_placed(&secret.name))),
                    None => Ok(value),
                }
            }
            // A bare expression compiles to nothing else.
            CompiledText::Pieces(_) | CompiledText::Text(_) => Ok(Value::Null),
        })
    }

    /// Whether its value is true in Jinja's sense.
    ///
    /// # Errors
    /// As `eval`.
    pub fn eval_bool(&self, scope: &dyn EvalScope) -> Result<bool, EvalError> {
        run_evaluation(scope, || match &self.code {
            CompiledText::Path(path) => path.resolve_path(scope).map(|found| is_true(found.get())),
            CompiledText::Value(code) => code.eval_value(scope).map(|value| value.is_true()),
            CompiledText::Pieces(_) | CompiledText::Text(_) => Ok(false),
        })
    }

    /// About how many bytes it takes, the code itself not counted.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.code.memory_bytes() + self.references.memory_bytes()
    }

    /// What it refers to, for wiring checks.
    pub fn references(&self) -> &References {
        &self.references
    }
}
