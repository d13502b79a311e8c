//! The vellum dialect: `/v1/*`, as the published clients of that API speak it.
//!
//! Its clients send keys that nobody asked for, and types in several spellings: what is not known
//! is passed over, what is known is checked. An execution that ran and failed is an answer here,
//! not an error.

mod actuals;
mod convert;
mod deployment_bodies;
mod deployments;
pub(crate) mod errors;
mod history;
mod identity;
mod ids;
mod inputs;
mod lines;
mod meta;
mod ndjson;
mod outputs;
mod paging;
mod raw;
mod raw_stream;
mod release_tags;
mod request;
mod responses;
mod routes;
mod shapes;
mod stream;
mod types;
mod variables;
pub(crate) mod wire;

pub(crate) use routes::{Doc, routes};
