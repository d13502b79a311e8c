//! The vellum dialect: `/v1/*`, as the published clients of that API speak it.
//!
//! Its clients send fields that the API does not have, and types in several spellings: unknown fields
//! are ignored, known ones are checked. An execution that ran and failed is a normal response here,
//! not an error.

mod actuals;
mod convert;
mod deployment_bodies;
mod deployments;
pub(crate) mod errors;
mod execute;
mod history;
mod identity;
mod ids;
mod inputs;
mod lines;
mod meta;
mod ndjson;
mod node_events;
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
mod sub_workflows;
mod types;
mod variables;
pub(crate) mod wire;

pub(crate) use routes::vellum_endpoints;
