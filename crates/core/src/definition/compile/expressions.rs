//! Static checks of expressions: fields of values with a fixed shape, types, operations that always
//! fail, syntax of other products.
//!
//! Only new definitions are checked: a stored release that compiled before still compiles.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::references::walk_schema;
use super::{PlanCompiler, names};
use crate::definition::check::types::ValueTypes;
use crate::expr::{
    Expression, InferredType, TypeAnalysis, analyse_expression, analyse_template, at_key,
    count_expressions, infer_type,
};
use crate::problem::MAX_PROBLEMS;

/// `execution`, `workflow`, `now` and the error of a step, as [`crate::execution`] shows them.
static FIXED: LazyLock<[(&str, Value); 4]> = LazyLock::new(|| {
    let shape = |fields: Value| json!({"type": "object", "properties": fields});
    let text = || json!({"type": "string"});
    [
        ("execution", shape(json!({"id": text(), "created_at": text()}))),
        ("workflow", shape(json!({"id": text(), "name": text(), "release": {"type": "integer"}}))),
        ("now", text()),
        ("error", shape(json!({"code": text(), "message": text(), "details": {}}))),
    ]
});

/// The schema of a value that always has the same fields.
pub(super) fn fixed_shape(name: &str) -> Option<&'static Value> {
    FIXED.iter().find(|(known, _)| *known == name).map(|(_, schema)| schema)
}

impl PlanCompiler<'_> {
    /// Checks that the members in a path exist in a value of fixed shape.
    pub(super) fn check_fixed(&self, name: &str, members: &[&str], path: &str) -> Option<String> {
        let schema = fixed_shape(name).filter(|_| self.is_new)?;
        walk_schema(schema, members, path, false).err()
    }

    /// The types of what a path leads to, for the inference of types.
    pub(super) fn kinds_of(&self, path: &[String]) -> ValueTypes {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let is_set = match names.as_slice() {
            ["state", name, ..] => self.is_state_set(name),
            _ => false,
        };
        if is_set {
            return ValueTypes::ALL;
        }
        let kinds = self
            .resolve_path(path)
            .map_or(ValueTypes::ALL, |schema| ValueTypes::of_schema(&schema));
        match names.as_slice() {
            // Until the step has completed, and after a handled failure, its output is null.
            ["steps", _, "output"] => kinds.union_with(ValueTypes::NULL),
            // One that was inferred so far may become another by what comes later.
            ["inputs", name, ..] if self.is_undeclared(name) => ValueTypes::ALL,
            _ => kinds,
        }
    }

    fn is_undeclared(&self, input: &str) -> bool {
        self.declared.is_none_or(|declared| names::property_schema(declared, input).is_none())
    }

    /// Checks every text with expressions in a written value.
    pub(super) fn check_texts(&mut self, value: &Value, path: &str) {
        if !self.is_new || self.problems.0.len() >= MAX_PROBLEMS {
            return;
        }
        match value {
            Value::String(text) if text.contains("{{") => {
                if text.contains("${{") {
                    self.add_problem(
                        path,
                        "`${{ … }}` is not the syntax of expressions here: write `{{ … }}`; for a \
                         dollar sign before a value, write `{{ '$' ~ … }}`",
                    );
                }
                let analysis = analyse_template(text, &|path| self.kinds_of(path));
                if !self.report_types(analysis, path) {
                    self.check_constant_text(text, path);
                }
            }
            Value::String(text) if text.contains("{%") => self.check_constant_text(text, path),
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.check_texts(item, &format!("{path}[{i}]"));
                }
            }
            Value::Object(map) => {
                for (key, inner) in map {
                    if count_expressions(key) > 0 {
                        self.add_problem(
                            &at_key(path, key),
                            "names are not evaluated; to compute one, write the whole object as \
                             an expression, such as `{{ {inputs.name: 1} }}`",
                        );
                    }
                    self.check_texts(inner, &at_key(path, key));
                }
            }
            _ => {}
        }
    }

    /// The first values of the state are fixed.
    pub(super) fn check_state_values(&mut self) {
        if !self.is_new {
            return;
        }
        let state = &self.definition.state;
        for (name, _) in state.iter().filter(|(_, value)| has_expression(value)) {
            self.add_problem(
                &at_key("state", name),
                "expressions are not evaluated here: the first values of the state are fixed; \
                 set it by a `SetState` step",
            );
        }
    }

    /// Checks a bare expression that compiles.
    pub(super) fn check_condition(&mut self, condition: &Expression, text: &str, path: &str) {
        if self.is_new {
            let analysis = analyse_expression(text, &|path| self.kinds_of(path));
            if !self.report_types(analysis, path) {
                self.check_constant_condition(condition, path);
            }
        }
    }

    /// The schema of what a text with expressions renders to: its type.
    pub(super) fn schema_of_text(&self, text: &str) -> Value {
        match infer_type(text, &|path| self.kinds_of(path)) {
            Some(InferredType::Text) => json!({"type": "string"}),
            Some(InferredType::Value(kinds)) => kinds.to_schema(),
            None => json!({}),
        }
    }

    /// Whether there was something to report.
    fn report_types(&mut self, analysis: Option<TypeAnalysis>, path: &str) -> bool {
        let faults = analysis.map(|analysis| analysis.faults).unwrap_or_default();
        let is_faulty = !faults.is_empty();
        for fault in faults {
            self.add_problem(path, fault);
        }
        is_faulty
    }
}

fn has_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{") && text.contains("}}"),
        Value::Array(items) => items.iter().any(has_expression),
        Value::Object(map) => map.values().any(has_expression),
        _ => false,
    }
}
