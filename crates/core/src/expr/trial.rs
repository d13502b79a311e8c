//! Evaluating a text alone, with the place of an error in it.

use serde_json::Value;

use super::compiled_text::{CompiledText, compile_expression, compile_template};
use super::error::EvalError;
use super::evaluation::run_evaluation;
use super::expression::code_references;
use super::scope::EvalScope;
use super::syntax::{SyntaxError, describe_error};
use super::template::render_code;
use crate::definition::type_name;
use crate::text_position::TextPosition;

/// How a text is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialForm {
    /// A bare expression, as in `when`.
    Expression,
    /// A template: text with `{{ … }}` and blocks.
    Template,
}

/// The value of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialValue {
    /// The value.
    pub value: Value,
    /// Its JSON type; `integer` for a number without a fraction.
    pub type_name: &'static str,
}

/// Why a text cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialError {
    /// What is wrong, without the text and the place.
    pub message: String,
    /// The place in the text, if it is known.
    pub position: Option<TextPosition>,
}

/// Evaluates a text over a scope, within the budget of the scope. Secrets have no value here.
///
/// # Errors
/// A syntax error, or what the evaluation fails with.
pub fn evaluate_text(
    source: &str,
    form: TrialForm,
    scope: &dyn EvalScope,
) -> Result<TrialValue, TrialError> {
    let code = match form {
        TrialForm::Expression => {
            if let Some(at) = source.find("{{").or_else(|| source.find("{%")) {
                let message = "an expression is written without braces; to evaluate text with \
                               `{{ … }}`, send it as a template";
                let position = Some(position_at(source, at));
                return Err(TrialError { message: message.into(), position });
            }
            compile_expression(source)
        }
        TrialForm::Template => compile_template(source),
    };
    let code = code.map_err(|SyntaxError { message, line, column }| TrialError {
        message,
        position: (line > 0).then_some(TextPosition { line, column: column.max(1) }),
    })?;
    let references = code_references(&code);
    if references.paths.iter().any(|path| path.first().is_some_and(|root| root == "secrets")) {
        let at = source.find("secrets").unwrap_or_default();
        let message = "`secrets` have no value here".to_owned();
        return Err(TrialError { message, position: Some(position_at(source, at)) });
    }
    if references.paths.iter().any(|path| *path == ["vars"]) {
        let at = source.find("vars").unwrap_or_default();
        let message = "write the name of one variable, `vars.NAME`".to_owned();
        return Err(TrialError { message, position: Some(position_at(source, at)) });
    }
    let result = run_evaluation(scope, || render_code(&code, scope, &mut Vec::new()));
    match result {
        Ok(value) => Ok(TrialValue { type_name: type_name(&value), value }),
        Err(error) => Err(describe_failure(source, form, &code, error)),
    }
}

fn describe_failure(
    source: &str,
    form: TrialForm,
    code: &CompiledText,
    error: EvalError,
) -> TrialError {
    let EvalError { message, kind: _, position } = error;
    let Some(TextPosition { line, column }) = position else {
        // A plain path is all of the text but braces and blanks.
        let is_path = matches!(code, CompiledText::Path(_));
        let skipped =
            |c: char| c.is_whitespace() || (form == TrialForm::Template && "{-+".contains(c));
        let start = source.find(|c| !skipped(c)).filter(|_| is_path);
        return TrialError { message, position: start.map(|at| position_at(source, at)) };
    };
    let fault = SyntaxError { message: String::new(), line, column };
    let suffix = format!(" in {}", describe_error(source, &fault));
    let short = message.strip_suffix(suffix.as_str()).unwrap_or(&message).to_owned();
    TrialError { message: short, position }
}

/// The position of a byte of the text.
fn position_at(source: &str, byte: usize) -> TextPosition {
    let before = source.get(..byte).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    TextPosition { line, column }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_scope::TestScope;
    use super::*;

    fn evaluate(
        source: &str,
        form: TrialForm,
    ) -> Result<TrialValue, (String, Option<(usize, usize)>)> {
        let scope = TestScope::new(json!({"inputs": {"n": 7, "name": "Ada", "list": [1, 2]}}));
        evaluate_text(source, form, &scope).map_err(|TrialError { message, position }| {
            (message, position.map(|position| (position.line, position.column)))
        })
    }

    #[test]
    fn values_have_types() {
        for (source, form, value, type_name) in [
            ("inputs.n + 1", TrialForm::Expression, json!(8), "integer"),
            ("inputs.n / 2", TrialForm::Expression, json!(3.5), "number"),
            ("inputs.list", TrialForm::Expression, json!([1, 2]), "array"),
            ("none", TrialForm::Expression, json!(null), "null"),
            ("{{ inputs.n }}", TrialForm::Template, json!(7), "integer"),
            ("Dear {{ inputs.name }}!", TrialForm::Template, json!("Dear Ada!"), "string"),
            ("plain", TrialForm::Template, json!("plain"), "string"),
        ] {
            assert_eq!(evaluate(source, form), Ok(TrialValue { value, type_name }), "{source}");
        }
    }

    #[test]
    fn errors_have_places() {
        for (source, form, part, place) in [
            ("inputs.n +", TrialForm::Expression, "unexpected end", Some((1, 10))),
            ("1 + inputs.name", TrialForm::Expression, "cannot calculate", Some((1, 1))),
            ("inputs.missing", TrialForm::Expression, "is not there", Some((1, 1))),
            (" inputs.n | nope", TrialForm::Expression, "nope", Some((1, 13))),
            ("{{ inputs.n }}", TrialForm::Expression, "without braces", Some((1, 1))),
            ("a\n{{ inputs.n | upper | nope }}", TrialForm::Template, "nope", Some((2, 23))),
            ("{{ inputs.missing }}", TrialForm::Template, "is not there", Some((1, 4))),
            ("1 ~ secrets.KEY", TrialForm::Expression, "no value here", Some((1, 5))),
        ] {
            let (message, found) = evaluate(source, form).unwrap_err();
            assert!(message.contains(part), "{source}: {message}");
            assert!(!message.contains(" at column "), "{source}: {message}");
            assert_eq!(found, place, "{source}: {message}");
        }
    }
}
