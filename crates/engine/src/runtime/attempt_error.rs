//! Errors of attempts.

use stepwell_core::execution::{Failure, Fault};

/// An error that is not retried.
pub(crate) fn permanent(code: &str, message: impl Into<String>) -> Fault {
    Fault { failure: Failure::new(code, message), retryable: false, retry_after: None }
}
