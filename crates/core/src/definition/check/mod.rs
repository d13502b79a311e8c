//! Checking values against JSON Schemas, at rest and while a definition is compiled.

mod cost;
mod cost_walk;
mod patterns;
mod references;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
pub(crate) mod types;
mod unique;
pub(crate) mod violations;
mod walk_position;
