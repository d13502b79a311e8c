//! Why an evaluation failed.

use minijinja::{Error, ErrorKind};

use super::meter;
use crate::text_position::TextPosition;

/// Evaluating an expression failed. Deterministic but for the two kinds that say otherwise: the
/// same expression over the same values fails again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// What went wrong, with the expression and the position in it.
    pub message: String,
    /// What kind of failure it is.
    pub kind: EvalErrorKind,
    /// The position in the text that was evaluated, if it is known.
    pub position: Option<TextPosition>,
}

/// What kind of failure an evaluation ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EvalErrorKind {
    /// The expression cannot be evaluated over these values.
    #[default]
    Invalid,
    /// The inline budget does not suffice; the full one may.
    NeedsFullBudget,
    /// The interrupt of the budget ended it; it may be repeated.
    Interrupted,
    /// It reads a variable that the workspace does not have.
    UnknownVariable,
    /// The evaluator itself failed: a bug.
    Internal,
}

impl EvalError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: EvalErrorKind::Invalid, position: None }
    }

    pub(super) fn unknown_variable(message: String) -> Self {
        Self { message, kind: EvalErrorKind::UnknownVariable, position: None }
    }

    /// The error for an error of the meter, with the matching kind.
    pub(super) fn of_meter(error: &Error) -> Self {
        let message = error.detail().unwrap_or("the evaluation failed").to_owned();
        Self { message, kind: stop_kind(), position: None }
    }
}

/// The kind of an error that the running evaluation ends with.
pub(super) fn stop_kind() -> EvalErrorKind {
    match meter::stop_reason() {
        Some(meter::StopReason::Interrupted) => EvalErrorKind::Interrupted,
        Some(meter::StopReason::Exhausted) if meter::is_inline() => EvalErrorKind::NeedsFullBudget,
        Some(meter::StopReason::Exhausted) | None => EvalErrorKind::Invalid,
    }
}

/// The error of an operation that its operands do not allow.
pub(super) fn invalid_operation(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}
