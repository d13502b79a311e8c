//! `vars`: the variables of the workspace, as expressions see them.

use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Enumerator, Object, Value};
use minijinja::{Error, ErrorKind};
use serde_json::Value as Json;

use super::error::EvalError;
use super::json_node::child_of;
use crate::Map;

/// No variables, to borrow.
pub fn no_variables() -> &'static Arc<Json> {
    static NONE: LazyLock<Arc<Json>> = LazyLock::new(|| Arc::new(Json::Object(Map::new())));
    &NONE
}

/// The variables of an evaluation by name. Unlike in other objects, a missing member is an error
/// of its own, except where the expression handles it (`default`, `is defined`).
#[derive(Debug)]
pub(super) struct VariablesObject(pub(super) Arc<Json>);

impl VariablesObject {
    /// The variable of that name; undefined if there is none.
    pub(super) fn find(&self, key: &Value) -> Value {
        key.as_str().and_then(|name| child_of(&self.0, name)).unwrap_or(Value::UNDEFINED)
    }

    /// The variable of that name.
    pub(super) fn require(&self, key: &Value) -> Result<Value, Error> {
        let found = self.find(key);
        if !found.is_undefined() {
            return Ok(found);
        }
        let name = key.to_string();
        let error = Error::new(ErrorKind::UndefinedError, missing_variable(&name));
        Err(error.with_source(UnknownVariable))
    }
}

impl Object for VariablesObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        // An error as a value ends the evaluation where it is read.
        Some(self.require(key).unwrap_or_else(Value::from))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// Marks the error of an evaluation that reads a variable which does not exist.
#[derive(Debug)]
pub(super) struct UnknownVariable;

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the variable does not exist")
    }
}

impl std::error::Error for UnknownVariable {}

impl UnknownVariable {
    /// Whether an error comes from a missing variable.
    pub(super) fn is_source_of(error: &Error) -> bool {
        std::error::Error::source(error).is_some_and(|source| source.is::<Self>())
    }
}

/// The error of an expression that reads a variable which does not exist.
pub(super) fn unknown_variable(name: &str) -> EvalError {
    EvalError::unknown_variable(missing_variable(name))
}

fn missing_variable(name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    format!(
        "the workspace has no variable `{name}`; create it, or write a default: \
         `vars.{name} | default(…)`"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_scope::TestScope;
    use super::super::{EvalErrorKind, Expression, ValueTemplate};
    use super::*;

    fn scope() -> TestScope {
        TestScope::new(json!({
            "vars": {"REGION": "eu", "limits": {"a": 3, "list": [1, 2]}, "off": false, "nothing": null},
            "inputs": {"key": "a", "n": 2},
        }))
    }

    fn evaluate(text: &str) -> Result<Json, (EvalErrorKind, String)> {
        let expression = Expression::compile_text(text, "here").unwrap();
        expression.eval_json(&scope()).map_err(|error| (error.kind, error.message))
    }

    fn render(template: &str) -> Result<Json, (EvalErrorKind, String)> {
        let template = ValueTemplate::compile_value(&json!(template), "here").unwrap();
        let rendered = template.render_value(&scope());
        rendered
            .map(|rendered| Json::clone(&rendered.value))
            .map_err(|error| (error.kind, error.message))
    }

    #[test]
    fn variables_are_read_by_name() {
        for (text, value) in [
            ("vars.REGION", json!("eu")),
            ("vars['REGION']", json!("eu")),
            ("vars.limits", json!({"a": 3, "list": [1, 2]})),
            ("vars.limits.list[1]", json!(2)),
            ("vars.limits[inputs.key] + inputs.n", json!(5)),
            ("vars.REGION | upper", json!("EU")),
            ("vars.nothing", json!(null)),
            ("not vars.off", json!(true)),
            ("vars.missing | default('x')", json!("x")),
            ("vars.missing.deep | default('x')", json!("x")),
            ("vars['missing'] | default('x')", json!("x")),
            ("vars.missing is defined", json!(false)),
            ("vars.REGION is defined", json!(true)),
            ("1 if inputs.n == 2 else vars.missing", json!(1)),
            ("vars.limits.missing | default(1)", json!(1)),
        ] {
            assert_eq!(evaluate(text), Ok(value.clone()), "{text}");
            assert_eq!(render(&format!("{{{{ {text} }}}}")), Ok(value), "{text}");
        }
        assert_eq!(render("in {{ vars.REGION }}: {{ vars.limits.a }}"), Ok(json!("in eu: 3")));
        let local = "{% set vars = {'missing': 7} %}{{ vars.missing }}";
        assert_eq!(render(local), Ok(json!("7")), "a local variable of the template");
    }

    #[test]
    fn a_missing_variable_is_an_error_of_its_own() {
        for text in [
            "vars.missing",
            "vars['missing']",
            "vars.missing.deep",
            "vars.missing ~ 'x'",
            "vars.missing | upper",
            "[vars.missing]",
            "vars.missing + inputs.n",
            "vars.missing.deep[inputs.key]",
        ] {
            for result in [
                evaluate(text),
                render(&format!("{{{{ {text} }}}}")),
                render(&format!("a {{{{ {text} }}}}")),
            ] {
                let (kind, message) = result.unwrap_err();
                assert_eq!(kind, EvalErrorKind::UnknownVariable, "{text}: {message}");
                assert!(message.contains("no variable `missing`"), "{text}: {message}");
            }
        }
        let loops = render("{% for i in [1] %}{{ vars.missing }}{% endfor %}").unwrap_err();
        assert_eq!(loops.0, EvalErrorKind::UnknownVariable, "{}", loops.1);
    }

    #[test]
    fn other_errors_of_an_expression_with_variables_are_not_about_them() {
        for text in
            ["vars.limits.missing", "vars.limits.missing + 1", "inputs.missing ~ vars.REGION"]
        {
            let (kind, message) = evaluate(text).unwrap_err();
            assert_eq!(kind, EvalErrorKind::Invalid, "{text}: {message}");
        }
    }
}
