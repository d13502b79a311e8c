//! Bodies of step types.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// All step types.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepTypes<'a> {
    /// Sorted by name.
    pub step_types: Vec<StepType<'a>>,
}

/// A step type.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepType<'a> {
    /// Its name in definitions.
    #[serde(rename = "type")]
    #[schema(example = "TextOperation.Reverse")]
    pub type_name: &'a str,
    /// Other names under which it is accepted.
    pub aliases: &'a [&'a str],
    /// What it does.
    pub description: &'a str,
    /// What a user needs to know beyond that, in Markdown.
    pub documentation: &'a str,
    /// Its group.
    pub category: &'a str,
    /// What running it does to the world: `pure`, `idempotent`, `external`.
    pub effect: &'a str,
    /// The JSON Schema of `config`.
    #[schema(value_type = Object)]
    pub configuration_schema: &'a Value,
    /// The JSON Schema of its input.
    #[schema(value_type = Object)]
    pub input_schema: &'a Value,
    /// The JSON Schema of its output; `false` where it never makes one.
    #[schema(value_type = Value)]
    pub output_schema: &'a Value,
    /// Of a block: a JSON Schema of the fields that only it has; `#/$defs/step` is a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub block_schema: Option<&'a Value>,
    /// The input property that a bare value binds to; `null`: the whole input.
    pub default_input: Option<&'a str>,
    /// The output property that feeds the next step; `null`: the whole output.
    pub default_output: Option<&'a str>,
    /// Ports it can leave by besides the usual one and `error`.
    pub ports: &'a [&'a str],
    /// The fields in which `secrets.NAME` may be used.
    pub secret_fields: &'a [&'a str],
    /// Example steps.
    #[schema(value_type = Vec<Object>)]
    pub examples: &'a [Value],
}
