//! The commands, one file each.

pub mod apply;
pub mod audit;
pub mod backup;
pub mod compact;
pub mod completion;
pub mod config;
pub mod execute;
pub mod execution_text;
pub mod executions;
pub mod health;
pub mod keys;
pub mod openapi;
pub mod operations;
pub mod releases;
pub mod run;
pub mod schedules;
pub mod secrets;
pub mod serve;
pub mod status;
pub mod step_types;
pub mod tags;
pub mod templates;
pub mod validate;
mod watch;
pub mod webhooks;
pub mod workflows;
pub mod workspaces;
