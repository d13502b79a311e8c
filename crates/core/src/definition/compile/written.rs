//! What is known of written inputs: the workflow inputs that they use, and their schemas.

use serde_json::{Value, json};

use super::infer::InputUse;
use super::{PlanCompiler, names};
use crate::Map;
use crate::expr::ValueTemplate;

/// How many values the schema of a written value has, beside those of its properties.
const VALUES_PER_SCHEMA: usize = 4;

impl PlanCompiler<'_> {
    /// Adds the type of each place that consists of exactly one workflow input to the inferred
    /// inputs.
    pub(super) fn collect_uses<'v>(
        &mut self,
        value: &'v Value,
        template: &ValueTemplate,
        inside: &mut Vec<&'v str>,
        schema: &Value,
    ) {
        if self.declared.is_some() {
            return;
        }
        match value {
            Value::String(_) => {
                if let Some([root, name]) = template.as_path(inside)
                    && root == "inputs"
                {
                    self.inferred.add_use(name, schema, InputUse::Used);
                }
            }
            Value::Object(map) => {
                for (key, inner) in map {
                    if let Some(property) = names::property_schema(schema, key) {
                        inside.push(key);
                        self.collect_uses(inner, template, inside, property);
                        inside.pop();
                    }
                }
            }
            _ => {}
        }
    }

    /// The schema of a written value: exact paths by what they lead to, the rest by its form.
    pub(super) fn written_schema<'v>(
        &self,
        value: &'v Value,
        template: &ValueTemplate,
        inside: &mut Vec<&'v str>,
    ) -> Value {
        if let Some(path) = template.as_path(inside) {
            return self.copy_resolved(path).unwrap_or_else(|| json!({}));
        }
        let entries = value.as_object().map_or(0, Map::len);
        if !self.take_schema_values(VALUES_PER_SCHEMA + entries) {
            return json!({});
        }
        match value {
            Value::Object(map) => {
                let mut properties = Map::new();
                for (key, inner) in map {
                    inside.push(key);
                    properties.insert(key.clone(), self.written_schema(inner, template, inside));
                    inside.pop();
                }
                let required: Vec<&str> = map.keys().map(String::as_str).collect();
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            }
            Value::String(text) if text.contains("{{") || text.contains("{%") => {
                self.schema_of_text(text)
            }
            Value::Number(_) | Value::Bool(_) | Value::String(_) | Value::Array(_) => {
                super::schema_of(value)
            }
            Value::Null => json!({"type": "null"}),
        }
    }
}
