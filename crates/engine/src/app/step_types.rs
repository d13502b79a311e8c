//! The step types, as a caller may read them. They belong to the server, not to a workspace.

use stepwell_core::catalog::{Catalog, StepSpec};

use super::{App, workflows};
use crate::caller::Verb;
use crate::{AppError, Caller};

/// How much of a name that is unknown is repeated to the caller.
const SHOWN: usize = 100;

impl App {
    /// All step types, sorted by name.
    ///
    /// # Errors
    /// `Forbidden` where the caller can read no workflow.
    pub fn step_types(&self, caller: &Caller) -> Result<Vec<&'static StepSpec>, AppError> {
        caller.require_any(Verb::Read, workflows::KIND)?;
        Ok(stepwell_steps::registry().all())
    }

    /// The step type of that name or alias.
    ///
    /// # Errors
    /// `Forbidden` where the caller can read no workflow; `NotFound`.
    pub fn step_type(&self, caller: &Caller, name: &str) -> Result<&'static StepSpec, AppError> {
        caller.require_any(Verb::Read, workflows::KIND)?;
        stepwell_steps::registry().find(name).ok_or_else(|| AppError::NotFound {
            kind: "step type",
            id: name.chars().take(SHOWN).collect(),
        })
    }
}
