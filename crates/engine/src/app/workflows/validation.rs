//! Validating the text of a definition without storing it.

use std::sync::Arc;

use stepwell_core::definition::{
    self, Definition, DefinitionLimits, SharedPlan, SourceFormat, TextPosition,
};
use stepwell_core::{Problem, Problems};

use super::lookup::KIND;
use crate::app::App;
use crate::caller::Verb;
use crate::warning::Warning;
use crate::{AppError, Caller};

/// What a text contains as a definition.
pub struct Validation {
    /// The definition and its plan; `None`: it is invalid.
    pub valid: Option<(Definition, SharedPlan)>,
    /// Why it is invalid, in the order of the positions.
    pub problems: Vec<Located<Problem>>,
    /// What is accepted, but probably not what the user wants.
    pub warnings: Vec<Located<Warning>>,
    /// The position of each step of the definition.
    pub steps: Vec<Option<TextPosition>>,
}

/// An item with its position in the text; `None`: it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The item.
    pub item: T,
    /// Its position.
    pub position: Option<TextPosition>,
}

impl App {
    /// Validates a definition and stores nothing. Scope `read:workflows`.
    ///
    /// # Errors
    /// `Forbidden`. An invalid definition is a result, not an error.
    pub async fn validate_text(
        &self,
        caller: &Caller,
        text: &str,
        format: SourceFormat,
    ) -> Result<Validation, AppError> {
        caller.require(Verb::Read, KIND)?;
        let read = definition::read_source(text, format, &DefinitionLimits::default());
        let checked = match read {
            Ok(source) => self.validate(Arc::new(source)).await,
            Err(problems) => Err(AppError::InvalidDefinition(problems)),
        };
        match checked {
            Ok((definition, plan)) => {
                let paths = definition.steps.iter().map(|step| step.path.as_str());
                let steps = definition::locate_paths(text, format, paths);
                let warnings = self.plan_warnings(caller.workspace, &plan).await;
                let warnings = locate_warnings(text, format, warnings);
                let valid = Some((definition, plan));
                Ok(Validation { valid, problems: Vec::new(), warnings, steps })
            }
            Err(AppError::InvalidDefinition(problems)) => {
                let problems = locate_problems(text, format, problems);
                Ok(Validation { valid: None, problems, warnings: Vec::new(), steps: Vec::new() })
            }
            Err(error) => Err(error),
        }
    }
}

fn locate_problems(
    text: &str,
    format: SourceFormat,
    Problems(problems): Problems,
) -> Vec<Located<Problem>> {
    let positions = definition::locate_problems(text, format, &problems);
    sort_located(problems, positions)
}

fn locate_warnings(
    text: &str,
    format: SourceFormat,
    warnings: Vec<Warning>,
) -> Vec<Located<Warning>> {
    let paths = warnings.iter().map(|warning| warning.path.as_str());
    let positions = definition::locate_paths(text, format, paths);
    sort_located(warnings, positions)
}

fn sort_located<T>(items: Vec<T>, positions: Vec<Option<TextPosition>>) -> Vec<Located<T>> {
    let located = items.into_iter().zip(positions);
    let mut located: Vec<_> = located.map(|(item, position)| Located { item, position }).collect();
    located.sort_by_key(|located| located.position);
    located
}
