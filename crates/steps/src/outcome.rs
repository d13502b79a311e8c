//! What a step returns: its output, or its failure.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::execution::codes;

/// A running step.
pub type StepFuture<'a> =
    Pin<Box<dyn Future<Output = Result<StepOutput, StepFailure>> + Send + 'a>>;

/// The output of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutput {
    /// Its output value. Shared, so that passing an input on costs nothing.
    pub value: Arc<Value>,
    /// The output port; `None`: the default port.
    pub port: Option<&'static str>,
}

impl StepOutput {
    /// An output on the default port.
    pub fn new(value: Value) -> Self {
        Self { value: Arc::new(value), port: None }
    }
}

impl From<Arc<Value>> for StepOutput {
    fn from(value: Arc<Value>) -> Self {
        Self { value, port: None }
    }
}

/// Why a step failed, by what the caller can do.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFailure {
    /// A stable code in upper snake case: `HTTP_STATUS`, `INVALID_JSON`.
    pub code: &'static str,
    /// What happened, for a person.
    pub message: String,
    /// Machine-readable details, such as a response's status and body; `null`: none.
    pub details: Value,
    /// Whether another attempt may succeed.
    pub retryable: bool,
    /// The earliest moment for another attempt, as a pause from now (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl StepFailure {
    /// A failure that a retry cannot fix.
    pub fn permanent_failure(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Value::Null,
            retryable: false,
            retry_after: None,
        }
    }

    /// A failure that a retry may fix.
    pub fn transient_failure(code: &'static str, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::permanent_failure(code, message) }
    }

    /// The failure of a step that ended early because its result was not wanted any more.
    pub(crate) fn interrupted_failure() -> Self {
        Self::transient_failure(codes::INTERRUPTED, "the step was interrupted")
    }

    /// Adds details for a machine.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}
