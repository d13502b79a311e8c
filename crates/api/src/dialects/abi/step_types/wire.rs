//! The bodies about step types.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A step type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::StepType)]
pub struct StepType<'a> {
    /// Its name in definitions.
    #[serde(rename = "type")]
    #[schema(example = "TextOperation.Reverse")]
    pub name: &'a str,
    /// Other names under which it is accepted.
    pub aliases: &'a [&'a str],
    /// What it does.
    pub description: &'a str,
    /// What a user needs to know beyond that, in Markdown.
    pub documentation: &'a str,
    /// Its group.
    #[schema(example = "Text")]
    pub category: &'a str,
    /// What running it does to the world, and with that what a crash means for it.
    pub effect: StepEffect,
    /// Whether its configuration can make the effect a lesser one: a request that only reads is
    /// not `external`.
    pub effect_varies: bool,
    /// The JSON Schema of `config`.
    #[schema(value_type = Object)]
    pub configuration_schema: &'a Value,
    /// The JSON Schema of `input`.
    #[schema(value_type = Value)]
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
    /// Whether it goes without an input where none is given, instead of taking the output of the
    /// step before.
    pub is_source: bool,
    /// Ports it can leave by besides the usual one and `error`.
    pub ports: &'a [&'a str],
    /// The fields in which `secrets.NAME` may be used.
    pub secret_fields: &'a [&'a str],
    /// Example steps.
    #[schema(value_type = Vec<Object>)]
    pub examples: &'a [Value],
}

/// What running a step does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = abi::StepEffect)]
pub enum StepEffect {
    /// Nothing: it is computed again after a crash.
    Pure,
    /// It may be repeated after a crash.
    Idempotent,
    /// It changes something outside: it is repeated after a crash with the same idempotency key.
    External,
}
