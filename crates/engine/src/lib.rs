//! The runtime of Stepwell: it drives executions, timers and deliveries, and offers the
//! application services ([`App`]) that every dialect calls.
//!
//! Nothing here knows an HTTP server, a dialect's bodies, or SQL.

pub mod api_key;
pub mod app;
pub mod approval;
pub mod bulk_operation;
pub mod caller;
mod clock;
mod concurrency;
pub mod config;
pub mod egress;
mod error;
pub mod events;
mod execution_log;
pub mod installed_secrets;
mod integrations;
mod keyed_mutex;
pub mod limits;
pub mod memory;
pub mod objects;
pub mod payload;
pub mod release_tag;
mod runtime;
pub mod schedule;
mod setting;
pub mod signal;
mod telemetry;
pub mod variable;
pub mod view;
pub mod warning;
pub mod webhook;
pub mod workspace;

pub use app::App;
pub use caller::{Caller, Scope};
pub use clock::{Clock, SystemClock};
pub use config::EngineConfig;
pub use error::{AppError, AuthError};
pub use keyed_mutex::KeyedMutex;
pub use payload::PayloadRenderer;
pub use stepwell_core::cache::PoolUsage;
pub use telemetry::show_memory_pool;
