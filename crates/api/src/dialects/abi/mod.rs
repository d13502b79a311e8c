//! The abi dialect, `/api/v1/*`, a folder for each noun: handlers in `mod.rs`, bodies in `wire.rs`,
//! conversions in `convert.rs`.

mod approvals;
mod audit;
mod choices;
mod definition_schema;
mod dry_runs;
mod envelope;
pub(crate) mod errors;
mod etag;
pub(crate) mod events;
mod executions;
mod expressions;
mod files;
mod ids;
mod keys;
mod limits;
mod lists;
mod managed;
mod operations;
mod releases;
mod responses;
mod routes;
mod schedules;
mod signals;
mod statuses;
mod step_types;
mod templates;
mod validation;
mod variables;
mod warnings;
mod webhooks;
mod workflows;
mod workspaces;

pub(crate) use routes::abi_endpoints;
