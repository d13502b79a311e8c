//! The abi dialect: `/api/v1/*`. Of it, the API keys and who a key is, so far; beside them two
//! paths of our own, the definition's schema and the webhook secret.

mod convert;
pub(crate) mod errors;
mod releases;
mod responses;
mod routes;
mod schedules;
pub(crate) mod wire;

pub(crate) use routes::{Doc, routes};
pub(crate) use schedules::Doc as SchedulesDoc;
