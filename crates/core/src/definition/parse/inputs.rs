//! `inputs`: a whole JSON Schema, or shorthand types by name.

use std::sync::Arc;

use serde_json::{Value, json};

use super::describe_value;
use super::walk::ParseWalk;
use crate::definition::check::schema;
use crate::definition::check::schema::SchemaChecker;
use crate::definition::suggestions::did_you_mean;
use crate::expr::at_key;
use crate::{Map, Problem};

const TYPES: &[&str] =
    &["string", "text", "number", "integer", "boolean", "object", "array", "file", "any", "null"];

/// The schema of a shorthand type.
pub(super) fn shorthand_schema(name: &str) -> Option<Value> {
    Some(match name {
        "string" | "text" => json!({"type": "string"}),
        "number" | "integer" | "boolean" | "object" | "array" | "null" => json!({"type": name}),
        // A reference to a stored artifact, or where it can be had.
        "file" => json!({"type": ["object", "string"], "format": "file"}),
        "any" => json!({}),
        _ => return None,
    })
}

/// The message for a type that is not known.
pub(super) fn unknown_type(name: &str) -> String {
    let shown: String = name.chars().take(60).collect();
    let hint = did_you_mean(name, TYPES.iter().copied());
    format!("there is no type `{shown}`{hint}; types are {}", TYPES.join(", "))
}

/// The schema of all inputs together; `None` where it is to be inferred.
pub(super) fn parse_inputs(walk: &mut ParseWalk, value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::Null => None,
        Value::Object(map) if is_schema(map) => {
            let whole = value?;
            schema::check_schema(whole, "inputs", &mut walk.problems);
            Some(whole.clone())
        }
        Value::Object(map) => Some(by_name(walk, map)),
        other => {
            walk.add_mismatch("inputs", "object", other);
            None
        }
    }
}

/// `{type: object, …}` is a schema; an input named `type` would be written `type: string`.
fn is_schema(map: &Map) -> bool {
    map.contains_key("$schema")
        || (map.get("type").is_some_and(|t| t == "object")
            && (map.len() == 1
                || ["properties", "additionalProperties", "required", "$defs", "description"]
                    .iter()
                    .any(|key| map.contains_key(*key))))
}

fn by_name(walk: &mut ParseWalk, map: &Map) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, written) in map {
        let path = at_key("inputs", name);
        if name.is_empty() || name.len() > 200 {
            walk.add_problem(&path, "a name must have 1 to 200 bytes");
        }
        let (schema, is_required) = parse_property(walk, written, &path);
        if is_required {
            required.push(Value::from(name.as_str()));
        }
        properties.insert(name.clone(), schema);
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of one input and whether it must be given.
fn parse_property(walk: &mut ParseWalk, written: &Value, path: &str) -> (Value, bool) {
    match written {
        Value::String(text) => {
            let name = text.trim();
            let bare = name.strip_suffix('?').unwrap_or(name);
            let schema = shorthand_schema(bare).unwrap_or_else(|| {
                walk.add_problem(path, unknown_type(bare));
                json!({})
            });
            (schema, bare == name)
        }
        Value::Object(map) => {
            let mut schema = map.clone();
            let mut required = !map.contains_key("default");
            // Inside a property, a boolean `required` is ours; JSON Schema's is a list.
            if let Some(Value::Bool(flag)) = map.get("required") {
                required = *flag && required;
                schema.shift_remove("required");
            }
            if let Some(Value::String(name)) = map.get("type") {
                match shorthand_schema(name) {
                    Some(Value::Object(short)) => {
                        schema.shift_remove("type");
                        schema.extend(short);
                    }
                    _ => walk.add_problem(&at_key(path, "type"), unknown_type(name)),
                }
            }
            let schema = Value::Object(schema);
            if schema::check_schema(&schema, path, &mut walk.problems) {
                check_default(walk, &schema, path);
            }
            (schema, required)
        }
        Value::Bool(true) => (json!({}), true),
        other => {
            walk.problems.push(
                Problem::new(path, "an input is a type's name or a JSON Schema")
                    .with_expectation("string or object", describe_value(other)),
            );
            (json!({}), true)
        }
    }
}

fn check_default(walk: &mut ParseWalk, schema: &Value, path: &str) {
    let Some(default) = schema.get("default") else { return };
    if let Ok(checker) = SchemaChecker::new(Arc::new(schema.clone()))
        && let Some(Err(found)) = checker.check_constant(default, &at_key(path, "default"))
    {
        walk.problems.0.extend(found.0);
    }
}
