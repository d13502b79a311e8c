//! The real server where something gives out: its log, file descriptors, its database.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod database;
mod files;
mod log;
mod server;
