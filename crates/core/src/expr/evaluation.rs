//! One evaluation: its budget, and what happens if it panics.

use super::error::{EvalError, EvalErrorKind};
use super::meter;
use super::scope::EvalScope;

/// Runs one evaluation over a scope: with its budget, and so that a panic is an error.
pub(super) fn run_evaluation<T>(
    scope: &dyn EvalScope,
    evaluation: impl FnOnce() -> Result<T, EvalError>,
) -> Result<T, EvalError> {
    meter::start_evaluation(scope.budget());
    // Nothing that the evaluation touches outlives it but the meter, which is set anew.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        crate::faults::hit("evaluate");
        evaluation()
    }));
    scope.spend_units(meter::spent_units());
    result.unwrap_or_else(|_| {
        Err(EvalError {
            message: "the evaluation of the expression failed; this is a bug in Stepwell".into(),
            kind: EvalErrorKind::Internal,
            position: None,
        })
    })
}
