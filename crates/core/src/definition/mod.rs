//! Definitions: parsing them, checking their wiring, and compiling them to a plan.

pub mod model;
pub mod plan;

pub use model::Definition;
pub use plan::{Plan, SharedPlan};

use serde_json::Value;

use crate::Problems;
use crate::catalog::Catalog;

/// Whether `text` can be a step's id: a letter or `_`, then up to 63 letters, digits, `_` or `-`.
pub(crate) fn is_id(text: &str) -> bool {
    let mut chars = text.chars();
    text.len() <= 64
        && chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// `; did you mean `x`?` where one of `names` is near to what was written, else nothing.
pub(crate) fn did_you_mean<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest(written, names).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The one of `names` that was probably meant.
pub(crate) fn nearest<'n>(
    written: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    // The metric's cost grows with the product of the lengths; no name is that long.
    if written.len() > 200 {
        return None;
    }
    let folded = written.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&folded, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.82)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Limits on what a definition may hold. One default for all.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest definition, in bytes of its text.
    pub max_bytes: usize,
    /// The deepest nesting of its values.
    pub max_depth: usize,
    /// The most steps.
    pub max_steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 4 << 20, max_depth: 64, max_steps: 2000 }
    }
}

/// The notation of a definition's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML 1.2.
    Yaml,
}

/// Reads the text of a definition into a JSON value: syntax, duplicate keys, size and depth.
///
/// # Errors
/// One problem, with line and column.
pub fn read(_text: &str, _format: Format, _limits: &Limits) -> Result<Value, Problems> {
    todo!()
}

/// Reads a definition from its JSON value: shapes, names, types, unknown fields.
///
/// # Errors
/// Every problem found, each with its path.
pub fn parse(_source: &Value, _limits: &Limits) -> Result<Definition, Problems> {
    todo!()
}

/// Checks the wiring of a definition and compiles it.
///
/// # Errors
/// Every problem found, each with its path in the source.
pub fn compile(_definition: &Definition, _catalog: &dyn Catalog) -> Result<Plan, Problems> {
    todo!()
}

/// `parse` and `compile` in one, with the problems of both where both can be told.
///
/// # Errors
/// Every problem found, each with its path in the source.
pub fn plan(
    source: &Value,
    catalog: &dyn Catalog,
    limits: &Limits,
) -> Result<(Definition, Plan), Problems> {
    let definition = parse(source, limits)?;
    let plan = compile(&definition, catalog)?;
    Ok((definition, plan))
}

/// The JSON Schema of the definition format, with the step types of `catalog`.
pub fn format_schema(_catalog: &dyn Catalog) -> Value {
    todo!()
}
