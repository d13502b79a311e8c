//! Why a program has no results.

/// Why a program has no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JqError {
    /// The program is not valid.
    #[error("{0}")]
    InvalidProgram(String),
    /// The program raised an error.
    #[error("{0}")]
    Failed(String),
    /// The program exceeds a limit.
    #[error("{0}")]
    LimitExceeded(String),
    /// No thread could be started; a retry may succeed.
    #[error("{0}")]
    NoThread(String),
    /// No memory was free in time; a retry may succeed.
    #[error("{0}")]
    MemoryShortage(String),
    /// The interrupt ended the evaluation.
    #[error("the evaluation was interrupted")]
    Interrupted,
}

/// The error of a program that exceeds a limit.
pub(super) fn limit_exceeded(why: &str) -> JqError {
    JqError::LimitExceeded(format!("the query was stopped: {why}"))
}
