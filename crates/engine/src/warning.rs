//! Warnings: what is accepted, but probably not what the user wants.

use serde_json::Value;
use stepwell_core::Problem;
use stepwell_core::definition::Plan;
use stepwell_core::execution::{Execution, Failure, Status, codes};

/// A declared input, or a field of an execution's input, that nothing uses.
pub const UNUSED_INPUT: &str = "UNUSED_INPUT";

/// The steps use a secret that no execution of the schedule can have.
pub const SECRET_UNAVAILABLE: &str = "SECRET_UNAVAILABLE";

/// The expressions of a definition read a variable that the workspace does not have.
pub const UNKNOWN_VARIABLE: &str = codes::UNKNOWN_VARIABLE;

/// An execution completed although something in it failed.
pub const HANDLED_FAILURE: &str = "HANDLED_FAILURE";

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

    /// The warnings about an execution that has completed: the failures over which it continued.
    pub(crate) fn of_completed(execution: &Execution) -> Vec<Self> {
        if execution.status() != Status::Completed {
            return Vec::new();
        }
        let failures = &execution.handled_failures;
        let warning = |Failure { code, message, step, .. }: &Failure| {
            let path = step.as_ref().map(|step| format!("steps.{step}")).unwrap_or_default();
            Self::new(HANDLED_FAILURE, path, format!("{code}: {message}"))
        };
        let mut warnings: Vec<Self> = failures.listed().iter().map(warning).collect();
        if failures.unlisted() > 0 {
            let message = format!("{} other failures were handled", failures.unlisted());
            warnings.push(Self::new(HANDLED_FAILURE, "", message));
        }
        warnings
    }

    fn of_unused(problems: Vec<Problem>) -> Vec<Self> {
        let warning = |Problem { path, message, .. }| Self::new(UNUSED_INPUT, path, message);
        problems.into_iter().map(warning).collect()
    }
}
