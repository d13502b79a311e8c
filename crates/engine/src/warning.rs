//! Warnings: what is accepted, but probably not what the user wants.

use serde_json::Value;
use stepwell_core::Problem;
use stepwell_core::definition::Plan;

/// A declared input, or a field of an execution's input, that nothing uses.
pub const UNUSED_INPUT: &str = "UNUSED_INPUT";

/// The steps use a secret that no execution of the schedule can have.
pub const SECRET_UNAVAILABLE: &str = "SECRET_UNAVAILABLE";

/// One warning about something that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable, for programs.
    pub code: &'static str,
    /// The field of the request or the place in the definition; empty: the whole.
    pub path: String,
    /// What is probably wrong, and what to change.
    pub message: String,
}

impl Warning {
    /// A warning about `path`.
    pub fn new(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into() }
    }

    /// The warnings about a definition: declared inputs that nothing uses.
    pub(crate) fn of_definition(plan: &Plan) -> Vec<Self> {
        Self::of_unused(plan.unused_declarations())
    }

    /// The warnings about the input of an execution: fields that nothing uses.
    pub(crate) fn of_input(plan: &Plan, input: &Value) -> Vec<Self> {
        Self::of_unused(plan.unused_fields(input))
    }

    fn of_unused(problems: Vec<Problem>) -> Vec<Self> {
        let warning = |Problem { path, message, .. }| Self::new(UNUSED_INPUT, path, message);
        problems.into_iter().map(warning).collect()
    }
}
