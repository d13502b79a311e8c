//! Helpers for the descriptions of step types.

use serde_json::{Value, json};
use stepwell_core::catalog::{Effect, StepAction, StepSpec};

/// The description of a pure step without configuration and with any input and output, as a base.
pub(crate) fn base_spec(
    name: &'static str,
    category: &'static str,
    summary: &'static str,
) -> StepSpec {
    StepSpec {
        name,
        aliases: &[],
        summary,
        doc: "",
        category,
        config: object_schema(json!({}), &[]),
        input: json!({}),
        output: json!({}),
        default_input: None,
        default_output: None,
        check: None,
        check_input: None,
        is_source: false,
        effect: Effect::Pure,
        effect_of: None,
        action: StepAction::Run,
        block: None,
        sensitive: &[],
        ports: &[],
        examples: Vec::new(),
    }
}

/// The fields that only one type of block has.
pub(crate) fn block_fields(properties: Value, required: &[&str]) -> Option<Value> {
    Some(json!({"properties": properties, "required": required}))
}

/// The schema of a list of steps.
pub(crate) fn steps_schema() -> Value {
    json!({
        "description": "Steps, in the same format as those of the workflow.",
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/$defs/step"},
    })
}

/// The schema of a bare expression.
pub(crate) fn condition_schema() -> Value {
    json!({"description": "A bare expression.", "type": ["string", "boolean"]})
}

/// A pure step from `{text}` to `{text}`.
pub(crate) fn text_operation(name: &'static str, summary: &'static str) -> StepSpec {
    StepSpec {
        input: text_object("The text to work on."),
        output: text_object("The result."),
        default_input: Some("text"),
        default_output: Some("text"),
        ..base_spec(name, "Text", summary)
    }
}

/// The schema of an object with exactly these properties.
pub(crate) fn object_schema(properties: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of `{text}`.
pub(crate) fn text_object(description: &str) -> Value {
    object_schema(json!({"text": {"type": "string", "description": description}}), &["text"])
}
