//! The abi dialect, `/api/v1/*`: administration of what is there, and paths of our own.

mod convert;
mod cut;
pub(crate) mod errors;
pub(crate) mod events;
mod limits;
mod releases;
mod responses;
mod routes;
mod schedules;
mod webhooks;
mod webhooks_convert;
mod webhooks_wire;
pub(crate) mod wire;
mod workspaces;

pub(crate) use routes::{Doc, routes};
pub(crate) use schedules::Doc as SchedulesDoc;
pub(crate) use webhooks::Doc as WebhooksDoc;
