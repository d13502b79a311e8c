//! The abi dialect, `/api/v1/*`, split by topic: `workflows`, `execute`, `executions`, `releases`,
//! `schedules`, `webhooks`, `templates`, `workspaces`, `audit`, `step_types`, `keys`. Bodies are in the files `wire` and `*_wire`.

mod audit;
mod choices;
mod convert;
mod cut;
pub(crate) mod errors;
mod etag;
pub(crate) mod events;
mod execute;
mod executions;
mod executions_wire;
mod ids;
mod keys;
mod limits;
mod lists;
mod releases;
mod releases_wire;
mod responses;
mod routes;
mod schedules;
mod statuses;
mod step_types;
mod templates;
mod webhooks;
pub(crate) mod wire;
mod workflows;
mod workflows_request;
mod workflows_wire;
mod workspaces;

pub(crate) use routes::{openapi, routes};
