//! The step types. They belong to the server, not to a workspace, and are published with it: every
//! caller may read them.

use stepwell_core::catalog::{StepCatalog, StepSpec};

use super::App;
use crate::AppError;

/// The most characters of an unknown name in the error.
const MAX_SHOWN: usize = 100;

impl App {
    /// All step types, sorted by name.
    pub fn step_types(&self) -> Vec<&'static StepSpec> {
        stepwell_steps::step_registry().all_types()
    }

    /// The step type of that name or alias.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn step_type(&self, name: &str) -> Result<&'static StepSpec, AppError> {
        stepwell_steps::step_registry().find_type(name).ok_or_else(|| AppError::NotFound {
            kind: "step type",
            id: name.chars().take(MAX_SHOWN).collect(),
        })
    }
}
