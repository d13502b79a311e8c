//! Definitions: parsing them, checking their wiring, and compiling them to a plan.

pub mod blocks;
mod check;
mod compile;
pub mod concurrency;
mod config_fields;
mod duration;
mod format_schema;
mod habits;
pub mod model;
mod parse;
mod place;
pub mod plan;
pub mod plan_block;
mod positions;
mod read;
mod requirement;
mod size;
mod step_id;
mod step_index;
mod suggestions;
#[cfg(test)]
mod tests;
mod unused_inputs;
mod yaml_numbers;

pub use crate::text_position::TextPosition;
pub use check::schema::{check_form, check_value_schema};
pub use duration::parse_duration;
pub use model::Definition;
pub use plan::{Plan, SharedPlan};
pub use positions::{locate_paths, locate_problems};
pub(crate) use step_id::is_id;
pub use step_index::StepIndex;
pub use suggestions::did_you_mean;

use serde_json::Value;

pub(crate) use check::types::ValueTypes;
pub(crate) use parse::type_name;

use crate::catalog::StepCatalog;
use crate::problem::MAX_PROBLEMS;
use crate::{Problem, Problems};

/// Limits on what a definition may hold. One default for all.
#[derive(Debug, Clone, Copy)]
pub struct DefinitionLimits {
    /// The longest definition, in bytes of its text.
    pub max_bytes: usize,
    /// The deepest nesting of its values.
    pub max_depth: usize,
    /// The most steps.
    pub max_steps: usize,
    /// The most expressions: insertions and blocks in templates, and conditions.
    pub max_expressions: usize,
    /// The most JSON values: each text, number, list, object, …
    pub max_values: usize,
    /// The most memory for the compiled patterns of its schemas, in bytes.
    pub max_pattern_bytes: usize,
}

impl Default for DefinitionLimits {
    fn default() -> Self {
        Self {
            max_bytes: 4 << 20,
            max_depth: 64,
            max_steps: 2000,
            max_expressions: 10_000,
            max_values: 100_000,
            max_pattern_bytes: 16 << 20,
        }
    }
}

/// The notation of a definition's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFormat {
    /// JSON.
    Json,
    /// YAML 1.2.
    Yaml,
}

/// Reads the text of a definition into a JSON value: syntax, duplicate keys, size and depth.
///
/// # Errors
/// One problem, with line and column.
pub fn read_source(
    text: &str,
    format: SourceFormat,
    limits: &DefinitionLimits,
) -> Result<Value, Problems> {
    read::read_source(text, format, limits)
}

/// Reads a definition from its JSON value: shapes, names, types, unknown fields.
///
/// # Errors
/// Every problem found, each with its path.
pub fn parse_definition(source: &Value, limits: &DefinitionLimits) -> Result<Definition, Problems> {
    size::check_size(source, limits)?;
    match parse::parse_source(source, limits) {
        (Some(definition), problems) => problems.or_ok(definition),
        (None, problems) => Err(problems),
    }
}

/// Checks the wiring of a definition and compiles it.
///
/// # Errors
/// Every problem found, each with its path in the source.
pub fn compile_plan(definition: &Definition, catalog: &dyn StepCatalog) -> Result<Plan, Problems> {
    compile::compile_plan(definition, catalog, true)
}

/// Parses and compiles a definition, with the problems of both steps where both are possible.
///
/// # Errors
/// Every problem found, each with its path in the source.
pub fn plan_source(
    source: &Value,
    catalog: &dyn StepCatalog,
    limits: &DefinitionLimits,
) -> Result<(Definition, Plan), Problems> {
    plan_checked(source, catalog, limits, true)
}

/// As [`plan_source`], for a definition that was accepted before, maybe by an older version: what only
/// makes it fail when it is executed is no problem here.
///
/// # Errors
/// Every problem found, each with its path in the source.
pub fn plan_stored(
    source: &Value,
    catalog: &dyn StepCatalog,
    limits: &DefinitionLimits,
) -> Result<Plan, Problems> {
    plan_checked(source, catalog, limits, false).map(|(_, plan)| plan)
}

fn plan_checked(
    source: &Value,
    catalog: &dyn StepCatalog,
    limits: &DefinitionLimits,
    is_new: bool,
) -> Result<(Definition, Plan), Problems> {
    if is_new {
        size::check_size(source, limits)?;
    }
    let (definition, mut problems) = parse::parse_source(source, limits);
    let compiled =
        definition.as_ref().map(|definition| compile::compile_plan(definition, catalog, is_new));
    match (definition, compiled) {
        (Some(definition), Some(Ok(plan))) if problems.0.is_empty() => {
            return Ok((definition, plan));
        }
        (_, Some(Err(more))) => {
            // A field that could not be parsed may cause a second problem in the wiring.
            let is_reported = |problem: &Problem| {
                problems.0.iter().any(|known| {
                    known.path == problem.path
                        || (problem.path == "inputs" && known.path.starts_with("inputs"))
                })
            };
            let more: Vec<Problem> = more.0.into_iter().filter(|p| !is_reported(p)).collect();
            problems.0.extend(more);
        }
        _ => {}
    }
    problems.0.truncate(MAX_PROBLEMS);
    for problem in &mut problems.0 {
        problem.path = place::existing_path(source, &problem.path);
    }
    let mut seen = Vec::new();
    problems.0.retain(|problem| {
        let is_new = !seen.contains(problem);
        seen.push(problem.clone());
        is_new
    });
    Err(problems)
}

/// The JSON Schema of the definition format, with the step types of `catalog`.
pub fn format_schema(catalog: &dyn StepCatalog) -> Value {
    format_schema::format_schema(catalog)
}
