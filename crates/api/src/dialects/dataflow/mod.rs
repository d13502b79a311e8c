//! The dataflow dialect: `/workflows*` and `/step-types`.

mod convert;
pub(crate) mod deliveries;
pub(crate) mod errors;
mod executions;
mod ids;
mod responses;
mod routes;
mod step_types;
mod stream;
pub(crate) mod wire;
mod workflows;

pub(crate) use routes::dataflow_endpoints;
