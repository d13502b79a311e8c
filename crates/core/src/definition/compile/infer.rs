//! Infers the schema of a workflow's inputs from their uses in its steps, if none was declared.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::Map;
use crate::definition::check::types::is_trivial;

/// How sure a step is to need an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputUse {
    /// Fed into a required property.
    Must,
    /// Referred to in an expression.
    Used,
    /// Referred to with a default or after a test for presence.
    Maybe,
}

#[derive(Debug)]
struct InferredProperty {
    schema: Value,
    must: bool,
    used: bool,
    maybe: bool,
}

/// The inputs that were used so far, in order of their first use.
#[derive(Debug, Default)]
pub(super) struct InferredInputs {
    properties: IndexMap<String, InferredProperty>,
}

impl InferredInputs {
    /// Adds a use of an input with the schema that it should satisfy.
    pub(super) fn add_use(&mut self, name: &str, schema: &Value, need: InputUse) {
        let property = self.properties.entry(name.to_owned()).or_insert_with(|| InferredProperty {
            schema: json!({}),
            must: false,
            used: false,
            maybe: false,
        });
        if is_trivial(&property.schema) && !is_trivial(schema) {
            property.schema = without_default(schema);
        }
        match need {
            InputUse::Must => property.must = true,
            InputUse::Used => property.used = true,
            InputUse::Maybe => property.maybe = true,
        }
    }

    /// The schema of one input, if it was used.
    pub(super) fn input_schema(&self, name: &str) -> Option<&Value> {
        self.properties.get(name).map(|property| &property.schema)
    }

    /// The schema of them all.
    pub(super) fn to_schema(&self) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, property) in &self.properties {
            properties.insert(name.clone(), property.schema.clone());
            // A test for presence anywhere makes the input optional everywhere.
            if property.must || (property.used && !property.maybe) {
                required.push(Value::from(name.as_str()));
            }
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": true,
        })
    }
}

/// A step's own default is the step's: the workflow leaves the input out instead.
fn without_default(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(map) = &mut schema {
        map.shift_remove("default");
    }
    schema
}
