//! The abi dialect: `/api/v1/*`, split by topic: `workflows`, `execute`, `executions`, `releases`,
//! and the keys with what belongs nowhere else in `routes`. Bodies are in the files `*_wire`.

mod convert;
pub(crate) mod errors;
mod etag;
mod execute;
mod executions;
mod executions_wire;
mod ids;
mod lists;
mod releases;
mod releases_wire;
mod responses;
mod routes;
mod statuses;
pub(crate) mod wire;
mod workflows;
mod workflows_request;
mod workflows_wire;

pub(crate) use routes::{Doc, routes};
