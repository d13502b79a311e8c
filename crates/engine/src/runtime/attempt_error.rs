//! Errors of attempts.

use stepwell_core::execution::{AttemptError, Failure};

/// An error that is not retried.
pub(crate) fn permanent_error(code: &str, message: impl Into<String>) -> AttemptError {
    AttemptError { failure: Failure::new(code, message), retryable: false, retry_after: None }
}
