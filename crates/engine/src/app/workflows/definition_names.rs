//! Checks the names in a definition that people read.

use serde_json::Value;
use stepwell_core::definition::Definition;
use stepwell_core::{Problem, Problems, names};

/// Checks the names in a new definition. Definitions that are already stored are not checked, so
/// that their workflows can still be executed.
pub(super) fn check_definition_names(definition: &Definition) -> Result<(), Problems> {
    let mut problems = Problems::default();
    if let Err(message) = names::check_visible(&definition.name) {
        problems.push(Problem::new("name", format!("`name` {message}")));
    }
    let outputs = definition.outputs.keys().map(|name| ("outputs", name));
    let state = definition.state.keys().map(|name| ("state", name));
    let labels = definition.metadata.keys().map(|name| ("metadata", name));
    for (path, name) in outputs.chain(state).chain(labels) {
        if let Err(problem) = names::check_visible_key(path, name) {
            problems.push(problem);
        }
    }
    if let Some(Err(message)) = definition.description.as_deref().map(names::check_text) {
        problems.push(Problem::new("description", format!("`description` {message}")));
    }
    for (name, value) in &definition.metadata {
        if let Err(problem) = names::check_texts(&format!("metadata.{name}"), value) {
            problems.push(problem);
        }
    }
    if let Some(schema) = &definition.inputs {
        check_property_names(schema, "inputs", &mut problems);
    }
    problems.or_ok(())
}

/// Checks the names of properties anywhere in a schema. Recurses as deep as the schema nests.
fn check_property_names(schema: &Value, path: &str, problems: &mut Problems) {
    match schema {
        Value::Object(map) => {
            for (key, inner) in map {
                if let ("properties", Value::Object(properties)) = (key.as_str(), inner) {
                    for (name, property) in properties {
                        if let Err(problem) = names::check_visible_key(path, name) {
                            problems.push(problem);
                        }
                        check_property_names(property, &format!("{path}.{name}"), problems);
                    }
                } else if !matches!(key.as_str(), "default" | "const" | "enum" | "examples") {
                    check_property_names(inner, path, problems);
                }
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| check_property_names(item, path, problems));
        }
        _ => {}
    }
}
