//! Why a step or an execution failed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a step or an execution failed: the same information in every dialect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code in upper snake case: [`codes`], or the step type's own.
    pub code: String,
    /// Human-readable description.
    #[serde(rename = "msg")]
    pub message: String,
    /// The step that failed; `None`: the execution as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The attempt that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Machine-readable details.
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

/// The error codes of the state machine and the runtime.
pub mod codes {
    /// An expression could not be evaluated.
    pub const EXPRESSION: &str = "EXPRESSION_ERROR";
    /// An expression reads a variable that the workspace did not have at the start.
    pub const UNKNOWN_VARIABLE: &str = "UNKNOWN_VARIABLE";
    /// A value at run time does not satisfy the step's input or configuration schema.
    pub const STEP_INPUT: &str = "INVALID_STEP_INPUT";
    /// An attempt exceeded the step's timeout.
    pub const STEP_TIMEOUT: &str = "STEP_TIMEOUT";
    /// The server stopped in the middle of a step that must not be repeated.
    pub const INTERRUPTED: &str = "INTERRUPTED";
    /// The execution exceeded its timeout.
    pub const EXECUTION_TIMEOUT: &str = "EXECUTION_TIMEOUT";
    /// A `Fail` step without a code of its own.
    pub const USER_DEFINED: &str = "USER_DEFINED_ERROR";
    /// The `error` of an execution that is cancelled, in its compensations.
    pub const CANCELLED: &str = "CANCELLED";
    /// Too many completed steps have a compensation.
    pub const COMPENSATION_LIMIT: &str = "COMPENSATION_LIMIT";
    /// The expression of a `join` gives no possible number.
    pub const INVALID_JOIN: &str = "INVALID_JOIN";
    /// A `Loop` did not end within its number of iterations.
    pub const LOOP_LIMIT: &str = "LOOP_LIMIT";
    /// A sub-workflow was cancelled.
    pub const SUB_WORKFLOW_CANCELLED: &str = "SUB_WORKFLOW_CANCELLED";
    /// There is no workflow of the name or id that a `SubWorkflow` step has.
    pub const SUB_WORKFLOW_NOT_FOUND: &str = "SUB_WORKFLOW_NOT_FOUND";
    /// The workflow has no such release or release tag.
    pub const SUB_WORKFLOW_RELEASE: &str = "SUB_WORKFLOW_RELEASE_NOT_FOUND";
    /// The workflow is inactive, or an integration of it is not connected.
    pub const SUB_WORKFLOW_INACTIVE: &str = "SUB_WORKFLOW_INACTIVE";
    /// Too many executions are above the sub-workflow.
    pub const SUB_WORKFLOW_DEPTH: &str = "SUB_WORKFLOW_DEPTH";
    /// The execution waits for too many sub-workflows, or too many executions are queued.
    pub const SUB_WORKFLOW_LIMIT: &str = "SUB_WORKFLOW_LIMIT";
    /// The sub-workflow has no place under the concurrency limit of its workflow.
    pub const CONCURRENCY_LIMIT: &str = "CONCURRENCY_LIMIT";
    /// The concurrency key of the sub-workflow cannot be evaluated or used.
    pub const CONCURRENCY_KEY: &str = "INVALID_CONCURRENCY_KEY";
    /// The executions that wait for the sub-workflow have the places that it needs.
    pub const CONCURRENCY_DEADLOCK: &str = "CONCURRENCY_DEADLOCK";
    /// The signal that a `WaitForSignal` step waits for did not arrive in time.
    pub const SIGNAL_TIMEOUT: &str = "SIGNAL_TIMEOUT";
    /// An approval was not decided in time.
    pub const APPROVAL_TIMEOUT: &str = "APPROVAL_TIMEOUT";
    /// A value is larger than the configured limit.
    pub const VALUE_TOO_LARGE: &str = "VALUE_TOO_LARGE";
    /// A value is nested deeper than [`crate::MAX_VALUE_DEPTH`].
    pub const VALUE_TOO_DEEP: &str = "VALUE_TOO_DEEP";
    /// No working memory was free in time; a retry may succeed.
    pub const MEMORY_SHORTAGE: &str = "MEMORY_SHORTAGE";
    /// A secret from the request was lost when the server restarted.
    pub const SECRET_UNAVAILABLE: &str = "SECRET_UNAVAILABLE";
    /// A fault of Stepwell itself.
    pub const INTERNAL: &str = "INTERNAL_ERROR";
    /// The execution crashed or blocked the process each time it was recovered.
    pub const POISONED: &str = "POISONED";
}
