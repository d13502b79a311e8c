//! The bodies about evaluated expressions.

use serde::Serialize;
use serde_json::Value;
use stepwell_core::Map;
use utoipa::ToSchema;

use crate::fields::request_body;

request_body! {
    /// An expression or a template to evaluate; one of them is required.
    #[schema(example = json!({"expression": "inputs.n + 1", "scope": {"inputs": {"n": 1}}}))]
    pub struct EvaluationRequest {
        /// A bare expression, as in `when`: `inputs.n > 3`.
        pub expression: Option<String>,
        /// Text with expressions: `Dear {{ inputs.name }}`. One that is a single `{{ … }}` has the
        /// value itself.
        pub template: Option<String>,
        /// The variables by name: `inputs`, `steps` (`{ID: {"output", "status", "error"}}`), `state`,
        /// `vars`, `execution`, `item` and others.
        #[schema(value_type = Option<Object>)]
        pub scope: Option<Map>,
    }
}

/// The value of an expression, or why it has none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Evaluation)]
pub struct Evaluation<'a> {
    /// The value; `null` if there is an error.
    pub value: Option<&'a Value>,
    /// Its JSON type, `integer` for a number without a fraction; `null` if there is an error.
    #[schema(example = "integer")]
    #[serde(rename = "type")]
    pub value_type: Option<&'static str>,
    /// Why it cannot be evaluated; `null` otherwise.
    pub error: Option<EvaluationError<'a>>,
}

/// Why an expression cannot be evaluated.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::EvaluationError)]
pub struct EvaluationError<'a> {
    /// What is wrong.
    pub message: &'a str,
    /// The line in the text, from 1; `null` where unknown.
    pub line: Option<usize>,
    /// The column in that line, from 1, in characters.
    pub column: Option<usize>,
}
