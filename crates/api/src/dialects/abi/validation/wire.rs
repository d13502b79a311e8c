//! The bodies about validated definitions.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A definition in the description of the API: any value, because an invalid one is reported in the
/// response.
pub struct Definition;

impl PartialSchema for Definition {
    fn schema() -> RefOr<Schema> {
        let example = json!({"name": "greet", "inputs": {"text": "string"}, "steps": [
            {"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"},
            {"type": "TextOperation.Reverse"},
        ]});
        #[expect(deprecated, reason = "as the derived schemas write examples")]
        let schema = ObjectBuilder::new()
            .schema_type(SchemaType::AnyValue)
            .description(Some("A definition: see `/api/v1/schema/definition`."))
            .example(Some(example));
        schema.build().into()
    }
}

impl ToSchema for Definition {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("abi.Definition")
    }
}

/// What a definition contains, or what is wrong with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Validation)]
pub struct Validation<'a> {
    /// Whether a workflow can be created from it.
    pub valid: bool,
    /// Everything that is wrong, in the order of the text. Empty if it is valid.
    pub problems: Vec<DefinitionProblem<'a>>,
    /// What is accepted, but probably not what was meant.
    pub warnings: Vec<DefinitionWarning<'a>>,
    /// The compiled definition; `null` if it is invalid.
    pub graph: Option<DefinitionGraph<'a>>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct DefinitionProblem<'a> {
    /// The place in the definition; empty: the whole.
    #[schema(example = "steps[2].input.text")]
    pub path: &'a str,
    /// What is wrong and what to change.
    pub message: &'a str,
    /// The expected value, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<&'a str>,
    /// What was found there instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<&'a str>,
    /// The line, from 1; of a missing field, that of what encloses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in that line, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// What is accepted, but probably not what was meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct DefinitionWarning<'a> {
    /// A stable code.
    #[schema(example = "UNUSED_INPUT")]
    pub code: &'static str,
    /// The place in the definition; empty: the whole.
    pub path: &'a str,
    /// What is probably wrong, and what to change.
    pub message: &'a str,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in that line, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// A compiled definition.
#[derive(Debug, Serialize, ToSchema)]
pub struct DefinitionGraph<'a> {
    /// The name of the workflow.
    pub name: &'a str,
    /// The JSON Schema of the input, declared or inferred from what the steps need.
    #[schema(value_type = Object)]
    pub input_schema: &'a Value,
    /// The steps in the order of the definition, each block before the steps in it.
    pub steps: Vec<GraphStep<'a>>,
    /// The edges between steps of the same list.
    pub edges: Vec<GraphEdge<'a>>,
    /// The declared outputs; empty: the output of the last steps.
    pub outputs: Vec<GraphOutput<'a>>,
}

/// A step of a compiled definition.
#[derive(Debug, Serialize, ToSchema)]
pub struct GraphStep<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its type, aliases resolved.
    #[serde(rename = "type")]
    pub step_type: &'static str,
    /// What repeating it does to the world: `pure`, `idempotent` or `external`.
    #[schema(example = "pure")]
    pub effect: &'static str,
    /// Its place in the definition.
    #[schema(example = "steps[1].cases[0].steps[2]")]
    pub path: &'a str,
    /// Its line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Its column, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The list of a block that it is in; `null`: it is in no block.
    pub parent: Option<GraphParent<'a>>,
    /// Of a block: its lists of steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bodies: Option<Vec<String>>,
    /// Whether it has a condition `when`.
    pub conditional: bool,
    /// The ports by which it can be left besides the usual one.
    pub ports: &'static [&'static str],
    /// The JSON Schema of its input, as far as it is known; `null` if the schemas of the response
    /// would be too large together.
    #[schema(value_type = Option<Object>)]
    pub input_schema: Option<&'a Value>,
    /// The JSON Schema of its output, in the same way.
    #[schema(value_type = Option<Object>)]
    pub output_schema: Option<&'a Value>,
}

/// The list of a block that a step is in.
#[derive(Debug, Serialize, ToSchema)]
pub struct GraphParent<'a> {
    /// The id of the block.
    #[schema(example = "route")]
    pub block: &'a str,
    /// Its list: `cases[0]`, `else`, `branches.mail`, `steps`, …
    #[schema(example = "cases[0]")]
    pub body: String,
}

/// An edge: `to` follows `from`.
#[derive(Debug, Serialize, ToSchema)]
pub struct GraphEdge<'a> {
    /// The id of the earlier step.
    pub from: &'a str,
    /// The port by which it is left; `null`: the usual one.
    pub port: Option<&'a str>,
    /// The id of the later step.
    pub to: &'a str,
    /// Whether it follows from the order of the list, without `after`.
    pub implicit: bool,
}

/// A declared output.
#[derive(Debug, Serialize, ToSchema)]
pub struct GraphOutput<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its JSON Schema, as far as it is known; `null` if the schemas of the response would be too
    /// large together.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<&'a Value>,
}
