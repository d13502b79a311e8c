//! The runtime: one lightweight task for each active execution, and the background loops.
//!
//! `runner` drives an execution, `dispatch` starts runners, `registry` has the executions in memory,
//! `feed` shows an execution to readers while it is driven; `loops` and `deliveries` have the
//! background loops, `schedules` the state that the scheduler shares with the services.

mod attempt_error;
pub(crate) mod background;
mod checkpoints;
pub(crate) mod commands;
pub(crate) mod deliveries;
mod dispatch;
mod effects;
pub(crate) mod engine;
pub(crate) mod execution_secrets;
pub(crate) mod feed;
mod input_checks;
mod item_results;
pub(crate) mod journals;
pub(crate) mod live_config;
mod live_plans;
pub(crate) mod loops;
mod memory_pools;
mod panic_message;
mod piece_memory;
pub(crate) mod plans;
mod redaction;
pub(crate) mod registry;
pub(crate) mod release_choice;
pub(crate) mod runner;
pub(crate) mod schedules;
pub(crate) mod secrets;
mod settings;
pub(crate) mod signals;
pub(crate) mod step_concurrency;
mod step_memory;
pub(crate) mod stored;
mod sub_workflows;
pub(crate) mod subscriptions;
pub(crate) mod suspects;
pub(crate) mod time;
mod variables;
