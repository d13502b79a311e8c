//! The runtime: one light task for each execution at work, and the loops beside them.
//!
//! `runner` drives an execution, `registry` knows who is at work, `feed` is what others may see
//! of an execution under way; `timers`, `queue`, `nodes`, `retention` and `deliveries` are the
//! background loops, `schedules` is what the loop of schedules and those who change them share.

pub(crate) mod background;
pub(crate) mod commands;
pub(crate) mod deliveries;
pub(crate) mod engine;
pub(crate) mod feed;
pub(crate) mod hooks;
pub(crate) mod journals;
mod live_plans;
pub(crate) mod nodes;
mod noted;
mod piece_memory;
pub(crate) mod plans;
pub(crate) mod queue;
pub(crate) mod recoveries;
pub(crate) mod registry;
pub(crate) mod retention;
pub(crate) mod runner;
pub(crate) mod schedules;
pub(crate) mod secrets;
pub(crate) mod step_memory;
pub(crate) mod timers;
