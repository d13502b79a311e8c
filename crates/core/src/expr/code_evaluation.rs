//! Evaluates compiled code.

use std::collections::BTreeMap;

use minijinja::machinery;
use minijinja::value::Value;

use super::code::{CodeHandle, NotCompiled};
use super::environment::shared_environment;
use super::error::{EvalError, EvalErrorKind, stop_kind};
use super::scope::EvalScope;
use super::secret_insertion::SecretInsertion;
use super::syntax::{SyntaxError, describe_error, shorten_source};
use super::variables::UnknownVariable;
use super::{context, meter, secret, value};
use crate::text_position::TextPosition;

impl CodeHandle {
    /// Runs it; `text` gets what it writes.
    fn run_code(
        &self,
        scope: &dyn EvalScope,
        text: &mut String,
    ) -> Result<Option<Value>, EvalError> {
        let program = self.load_program().map_err(|error| self.not_compiled(error))?;
        let root = context::build_root(self.references(), scope)
            .map_err(|error| EvalError::of_meter(&error))?;
        let mut out = machinery::make_string_output(text);
        machinery::eval(
            shared_environment(meter::is_inline()),
            program.instructions(),
            root,
            &BTreeMap::new(),
            &mut out,
            minijinja::AutoEscape::None,
        )
        .map(|(value, _)| value)
        .map_err(|error| self.to_eval_error(&error))
    }

    fn not_compiled(&self, error: NotCompiled) -> EvalError {
        let fault = match error {
            NotCompiled::Budget(error) => return EvalError::of_meter(&error),
            NotCompiled::Fault(fault) => fault,
        };
        let message = format!("{} in {}", fault.message, describe_error(self.source(), &fault));
        EvalError { message, kind: EvalErrorKind::Internal, position: None }
    }

    /// The value of an expression.
    pub(super) fn eval_value(&self, scope: &dyn EvalScope) -> Result<Value, EvalError> {
        let value = self.run_code(scope, &mut String::new())?.unwrap_or_default();
        if value.is_undefined() {
            return Err(EvalError::new(format!(
                "`{}` is undefined",
                shorten_source(self.source())
            )));
        }
        Ok(value)
    }

    /// The value of an expression as JSON, and the secrets that are inserted into it.
    pub(super) fn eval_json(
        &self,
        scope: &dyn EvalScope,
        insertions: &mut Vec<SecretInsertion>,
    ) -> Result<serde_json::Value, EvalError> {
        let value = self.eval_value(scope)?;
        value::to_json_placed(&value, insertions).map_err(|error| self.to_eval_error(&error))
    }

    /// The text of a template, and the secrets that are inserted into it.
    pub(super) fn render_text(
        &self,
        scope: &dyn EvalScope,
        insertions: &mut Vec<SecretInsertion>,
    ) -> Result<String, EvalError> {
        let mut text = String::new();
        secret::start_text();
        self.run_code(scope, &mut text)?;
        if text.len() > meter::MAX_TEXT {
            return Err(EvalError::new("the text is too long"));
        }
        insertions.append(&mut secret::end_text(text.len())?);
        Ok(text)
    }

    fn to_eval_error(&self, error: &minijinja::Error) -> EvalError {
        let cause = innermost_error(error);
        let fault = SyntaxError::from_error(cause, self.source());
        let message = format!("{} in {}", fault.message, describe_error(self.source(), &fault));
        let is_fuel =
            cause.kind() == minijinja::ErrorKind::OutOfFuel && meter::stop_reason().is_none();
        let kind = match stop_kind() {
            _ if is_fuel && meter::is_inline() => EvalErrorKind::NeedsFullBudget,
            EvalErrorKind::Invalid if UnknownVariable::is_source_of(cause) => {
                EvalErrorKind::UnknownVariable
            }
            kind => kind,
        };
        let position = (fault.line > 0)
            .then_some(TextPosition { line: fault.line, column: fault.column.max(1) });
        EvalError { message, kind, position }
    }
}

/// The error that started it: the outer ones only say on the way to what.
fn innermost_error(error: &minijinja::Error) -> &minijinja::Error {
    let mut at = error;
    while let Some(inner) = std::error::Error::source(at).and_then(|e| e.downcast_ref()) {
        at = inner;
    }
    if at.range().is_none() { error_with_range(error, at) } else { at }
}

fn error_with_range<'e>(
    outer: &'e minijinja::Error,
    inner: &'e minijinja::Error,
) -> &'e minijinja::Error {
    if outer.detail().is_some() { outer } else { inner }
}
