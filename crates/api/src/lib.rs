//! The HTTP server of Stepwell: one engine, several API dialects.
//!
//! What all dialects share is here once: authentication, limits, errors, pages, streams,
//! idempotency. A dialect (`dialects`) is a thin translation between its bodies and the
//! application services of the engine. Rules about workflows and executions live below, in the
//! engine and the core; nothing here decides them, and nothing here knows SQL.

mod authenticated;
mod body;
mod config;
mod connections;
mod cors;
mod definition_errors;
mod dialects;
mod edge;
mod endpoints;
mod error;
mod fields;
mod habits;
mod idempotent;
mod json;
mod large;
mod limits;
mod parameters;
mod payloads;
mod peer;
mod process_metrics;
mod public_url;
mod query;
mod respond;
mod scopes;
mod secrets;
mod server;
mod service;
mod shared_router;
mod sse;
mod state;
mod telemetry;

pub use config::ApiConfig;
pub use cors::AllowedOrigin;
pub use payloads::ApiPayloads;
pub use peer::TrustedNetwork;
pub use public_url::PublicUrl;
pub use server::{build_router, serve_router, trusted_router};
pub use service::openapi;
pub use shared_router::SharedRouter;
pub use telemetry::install_metrics;
