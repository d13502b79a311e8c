//! The abi dialect: `/api/v1/*`. Of it, the API keys and who a key is, so far, and webhooks;
//! beside them two paths of our own, the definition's schema and the webhook secret.

mod convert;
pub(crate) mod errors;
pub(crate) mod events;
mod releases;
mod responses;
mod routes;
mod schedules;
mod webhooks;
mod webhooks_convert;
mod webhooks_wire;
pub(crate) mod wire;

pub(crate) use routes::{Doc, routes};
pub(crate) use schedules::Doc as SchedulesDoc;
pub(crate) use webhooks::Doc as WebhooksDoc;
