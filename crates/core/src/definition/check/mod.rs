//! Checking values against JSON Schemas, at rest and while a definition is compiled.

pub(crate) mod checker;
mod cost;
#[cfg(test)]
mod cost_tests;
mod cost_walk;
mod patterns;
mod references;
pub(crate) mod schema;
pub(crate) mod types;
mod unique;
