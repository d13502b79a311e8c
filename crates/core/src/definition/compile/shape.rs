//! Written values against schemas, with templates in them: what is fixed is checked now, what
//! comes from elsewhere by its type.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::PlanCompiler;
use super::names;
use crate::Problem;
use crate::definition::check::schema::SchemaChecker;
use crate::definition::check::types::{ValueTypes, is_trivial, proves_schema};
use crate::definition::check::violations::no_such_field;
use crate::definition::parse::{STEP_FIELDS, describe_value, type_name};
use crate::definition::requirement::one_of;
use crate::expr::{InferredType, ValueTemplate, at_key, infer_type, written_path};

/// The position of a value in a step, with the schema of the other field (`input` or `config`).
pub(super) struct ValuePosition<'p> {
    pub(super) path: String,
    /// The other part of the step and its schema, for fields that were put in the wrong one.
    pub(super) other: Option<(&'static str, &'p Value)>,
}

/// A position inside the template of a value.
pub(super) struct TemplatePosition<'t, 'v> {
    template: &'t ValueTemplate,
    path: Vec<Cow<'v, str>>,
}

impl<'t> TemplatePosition<'t, '_> {
    /// The whole template.
    pub(super) fn root(template: &'t ValueTemplate) -> Self {
        Self { template, path: Vec::new() }
    }
}

/// What the walk over the parts of a value found.
#[derive(Clone, Copy)]
struct WalkResult {
    /// Whether every rendered value of the parts satisfies its schema.
    is_proven: bool,
    /// Whether no problem was reported.
    is_clean: bool,
}

/// Keywords that the walk itself understands; a schema with more is left to the validator.
const WALKED: &[&str] = &["type", "properties", "required", "additionalProperties", "items"];

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{") || text.contains("{%") || text.contains("{#"),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(map) => map.values().any(has_template),
        _ => false,
    }
}

impl PlanCompiler<'_> {
    /// Checks `value`, which is at that position of the template. Returns whether it is proven that every
    /// rendered value satisfies the schema.
    pub(super) fn check_shape<'v>(
        &mut self,
        value: &'v Value,
        at: &mut TemplatePosition<'_, 'v>,
        schema: &Value,
        place: &ValuePosition<'_>,
    ) -> bool {
        if is_trivial(schema) {
            return true;
        }
        match value {
            Value::String(text) if has_template(value) => {
                self.check_string(text, at, schema, &place.path)
            }
            Value::Object(map) if ValueTypes::of_schema(schema).can_overlap(ValueTypes::OBJECT) => {
                let before = self.problems.0.len();
                let mut is_proven = self.check_fields(map, schema, place);
                for (key, inner) in map {
                    let Some(property) = property_schema(schema, key) else { continue };
                    let below = ValuePosition { path: at_key(&place.path, key), other: None };
                    at.path.push(Cow::Borrowed(key));
                    is_proven &= self.check_shape(inner, at, property, &below);
                    at.path.pop();
                }
                let is_clean = self.problems.0.len() == before;
                self.check_unwalked(value, schema, place, WalkResult { is_proven, is_clean })
            }
            Value::Array(items) if schema.get("items").is_some() => {
                let before = self.problems.0.len();
                let followed = self.is_new || !has_template(value);
                let mut is_proven = followed;
                if let (true, Some(inner)) = (followed, schema.get("items")) {
                    for (i, item) in items.iter().enumerate() {
                        let below =
                            ValuePosition { path: format!("{}[{i}]", place.path), other: None };
                        at.path.push(Cow::Owned(i.to_string()));
                        is_proven &= self.check_shape(item, at, inner, &below);
                        at.path.pop();
                    }
                }
                let is_clean = self.problems.0.len() == before;
                self.check_unwalked(value, schema, place, WalkResult { is_proven, is_clean })
            }
            _ => {
                let nothing_walked = WalkResult { is_proven: true, is_clean: true };
                self.check_unwalked(value, schema, place, nothing_walked)
            }
        }
    }

    /// What the walk did not look at, where nothing in the value is open.
    fn check_unwalked(
        &mut self,
        value: &Value,
        schema: &Value,
        place: &ValuePosition<'_>,
        walked: WalkResult,
    ) -> bool {
        if has_template(value) {
            let keywords = schema.as_object().map(|map| map.keys()).into_iter().flatten();
            let simple = keywords.into_iter().all(|key| {
                WALKED.contains(&key.as_str()) || is_trivial(&serde_json::json!({ key: null }))
            });
            if !ValueTypes::of_schema(schema)
                .can_overlap(ValueTypes::of_schema(&super::schema_of(value)))
            {
                self.report_mismatch(&place.path, schema, describe_value(value));
            } else if let Some(presence) = presence_schema(schema).filter(|_| self.is_new) {
                self.report_violations(&presence, value, &place.path);
            }
            return walked.is_proven && simple;
        }
        if walked.is_clean {
            // Most schemas name a type and nothing else: no validator is needed for those.
            if proves_schema(&type_of(value), schema) {
                return true;
            }
            return self.report_violations(schema, value, &place.path);
        }
        false
    }

    /// Reports what a value violates of a schema; whether it violates nothing.
    fn report_violations(&mut self, schema: &Value, value: &Value, path: &str) -> bool {
        let found = match SchemaChecker::new(Arc::new(schema.clone())) {
            Ok(checker) => match checker.check_constant(value, path) {
                Some(checked) => checked.err().map_or_else(Vec::new, |problems| problems.0),
                // Left to the execution.
                None => return false,
            },
            Err(_) => Vec::new(),
        };
        let ok = found.is_empty();
        for mut problem in found {
            if problem.expected.is_none()
                && let Some(options) = schema.get("enum")
            {
                problem = problem.with_expectation(one_of(options), describe_value(value));
            }
            self.problems.push(problem);
        }
        ok
    }

    fn report_mismatch(&mut self, path: &str, schema: &Value, found: String) {
        self.problems.push(
            Problem::new(path, "the value has the wrong type")
                .with_expectation(ValueTypes::of_schema(schema).to_string(), found),
        );
    }

    fn check_string(
        &mut self,
        text: &str,
        at: &TemplatePosition<'_, '_>,
        schema: &Value,
        path: &str,
    ) -> bool {
        let wanted = ValueTypes::of_schema(schema);
        if let Some(source) = at.template.as_path(&at.path) {
            let written = written_path(source.iter().map(String::as_str));
            let Some(source) = self.resolve_path(source) else { return false };
            let (found, is_proven) =
                (ValueTypes::of_schema(&source), proves_schema(&source, schema));
            if !found.is_usable_as(wanted) {
                self.report_mismatch(path, schema, format!("{found} from `{written}`"));
            }
            return is_proven;
        }
        if let Some(value) = self.constant_values.get(path).cloned() {
            return self.report_violations(schema, &value, path);
        }
        match infer_type(text, &|path| self.kinds_of(path)) {
            Some(InferredType::Text) => {
                if !wanted.can_overlap(ValueTypes::STRING) {
                    self.report_mismatch(path, schema, "text with expressions in it".into());
                }
                proves_schema(&serde_json::json!({"type": "string"}), schema)
            }
            Some(InferredType::Value(found)) if self.is_new && !found.is_usable_as(wanted) => {
                let hint = conversion_hint(text, found, wanted);
                self.problems.push(
                    Problem::new(path, format!("the expression has the wrong type{hint}"))
                        .with_expectation(
                            wanted.to_string(),
                            format!("{found} from `{}`", shorten_text(text)),
                        ),
                );
                false
            }
            _ => false,
        }
    }

    /// Unknown and missing fields of an object.
    fn check_fields(
        &mut self,
        map: &crate::Map,
        schema: &Value,
        place: &ValuePosition<'_>,
    ) -> bool {
        let mut ok = true;
        if names::is_closed(schema) && schema.get("patternProperties").is_none() {
            for key in map.keys().filter(|key| names::property_schema(schema, key).is_none()) {
                let message = match place.other {
                    Some((name, other)) if names::property_schema(other, key).is_some() => {
                        format!("`{key}` belongs in `{name}`, not here")
                    }
                    // The other part of a configuration is the step's input.
                    Some(("input", _)) if STEP_FIELDS.contains(&key.as_str()) => {
                        format!("`{key}` is a field of the step; write it beside `config`")
                    }
                    _ => no_such_field(key, names::property_names(schema)),
                };
                self.problems.push(Problem::new(at_key(&place.path, key), message));
                ok = false;
            }
        }
        for name in names::required_names(schema).filter(|name| !map.contains_key(*name)) {
            let path = at_key(&place.path, name);
            let mut problem = Problem::new(path, format!("`{name}` is required"));
            if let Some(property) = names::property_schema(schema, name) {
                problem = problem
                    .with_expectation(ValueTypes::of_schema(property).to_string(), "nothing");
            }
            self.problems.push(problem);
            ok = false;
        }
        ok
    }
}

/// How an expression of one type is written as another, where a filter does it.
fn conversion_hint(text: &str, found: ValueTypes, wanted: ValueTypes) -> String {
    let inside = text.trim_start_matches("{{").trim_end_matches("}}").trim();
    let filter = if wanted.can_overlap(ValueTypes::STRING) {
        "string"
    } else if !found.can_overlap(ValueTypes::STRING) {
        return String::new();
    } else if wanted == ValueTypes::INTEGER {
        "int"
    } else if wanted.can_overlap(ValueTypes::NUMBER) {
        "float"
    } else if wanted.can_overlap(ValueTypes::ARRAY.union_with(ValueTypes::OBJECT)) {
        "fromjson"
    } else {
        return String::new();
    };
    match inside.len() <= 100 {
        true => format!("; write `{{{{ ({inside}) | {filter} }}}}`"),
        false => format!("; add `| {filter}`"),
    }
}

fn shorten_text(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The part of a schema about which properties and how many items there are, which does not depend
/// on rendered values. `None` if there is none.
fn presence_schema(schema: &Value) -> Option<Value> {
    let is_presence = |inner: &Value| {
        let keywords = inner.as_object().map(|map| map.keys());
        keywords.is_some_and(|mut keys| keys.all(|key| key == "required"))
    };
    let kept = schema.as_object()?.iter().filter(|(key, value)| match (key.as_str(), value) {
        ("minItems" | "maxItems" | "minProperties" | "maxProperties", _) => true,
        ("not", inner) => is_presence(inner),
        ("oneOf" | "anyOf", Value::Array(all)) => all.iter().all(is_presence),
        _ => false,
    });
    let kept: crate::Map = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

fn type_of(value: &Value) -> Value {
    serde_json::json!({"type": type_name(value)})
}

fn property_schema<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    names::property_schema(schema, key)
        .or_else(|| schema.get("additionalProperties").filter(|more| more.is_object()))
}
