//! The real server without a resource that it needs: its log, file descriptors, its database.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod database;
mod files;
mod log;
mod server;
