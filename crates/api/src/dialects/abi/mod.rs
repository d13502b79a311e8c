//! The abi dialect: `/api/v1/*`. Of it, API keys, who a key is, and workspaces, so far; beside them
//! paths of our own, the definition's schema and the webhook secret.

mod convert;
mod cut;
pub(crate) mod errors;
mod limits;
mod releases;
mod responses;
mod routes;
pub(crate) mod wire;
mod workspaces;

pub(crate) use routes::{Doc, routes};
