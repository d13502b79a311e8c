//! The vellum dialect: `/v1/*`, as the published clients of that API speak it.
//!
//! Its clients send keys that nobody asked for, and types in several spellings: what is not known
//! is passed over, what is known is checked. An execution that ran and failed is an answer here,
//! not an error.

mod actuals;
mod convert;
pub(crate) mod errors;
mod inputs;
mod lines;
mod ndjson;
mod outputs;
mod request;
mod responses;
mod routes;
mod stream;
mod types;
pub(crate) mod wire;

pub(crate) use routes::{Doc, routes};
