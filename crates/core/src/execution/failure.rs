//! Why a step or an execution failed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a step or an execution failed: the same information in every dialect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code in upper snake case: [`codes`], or the step type's own.
    pub code: String,
    /// What happened, for a person.
    #[serde(rename = "msg")]
    pub message: String,
    /// The step it happened in; `None`: in the execution as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The attempt it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// More for a machine.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl Failure {
    /// A failure of the execution as a whole.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            step: None,
            attempt: None,
            details: Value::Null,
        }
    }
}

/// The codes that the state machine and the runtime themselves give.
pub mod codes {
    /// An expression could not be evaluated.
    pub const EXPRESSION: &str = "EXPRESSION_ERROR";
    /// A value made at run time does not fit the step's input or configuration schema.
    pub const STEP_INPUT: &str = "INVALID_STEP_INPUT";
    /// An attempt took longer than the step's time-out.
    pub const STEP_TIMEOUT: &str = "STEP_TIMEOUT";
    /// The server stopped in the middle of a step that must not be repeated.
    pub const INTERRUPTED: &str = "INTERRUPTED";
    /// The execution took longer than its time-out.
    pub const EXECUTION_TIMEOUT: &str = "EXECUTION_TIMEOUT";
    /// A `Fail` step without a code of its own.
    pub const USER_DEFINED: &str = "USER_DEFINED_ERROR";
    /// A value is larger than the configured limit.
    pub const VALUE_TOO_LARGE: &str = "VALUE_TOO_LARGE";
    /// A value is nested deeper than [`crate::MAX_VALUE_DEPTH`].
    pub const VALUE_TOO_DEEP: &str = "VALUE_TOO_DEEP";
    /// A step found no free working memory in time; another attempt may.
    pub const MEMORY_SHORTAGE: &str = "MEMORY_SHORTAGE";
    /// A secret that came with the request is gone since the server restarted.
    pub const SECRET_UNAVAILABLE: &str = "SECRET_UNAVAILABLE";
    /// A fault of Stepwell itself.
    pub const INTERNAL: &str = "INTERNAL_ERROR";
    /// The execution took the process down, or hung, each time it was recovered.
    pub const POISONED: &str = "POISONED";
}
