//! The domain of Stepwell: what a workflow definition is, and how an execution of it moves on.
//!
//! This crate is pure. It must never do I/O, read a clock, draw a random number, know HTTP or
//! SQL, or use async: time, ids, randomness and the results of I/O arrive as arguments. That is
//! what lets the same code run live, replay after a crash, and run in the simulator.

pub mod audit;
pub mod cache;
pub mod catalog;
pub mod definition;
mod depth;
mod exact_decimal;
mod excerpt;
pub mod execution;
pub mod expr;
pub mod faults;
pub mod ids;
pub mod json;
pub mod memory;
pub mod names;
mod problem;
pub mod rate;
pub mod redact;
pub mod schedule;
#[cfg(test)]
mod test_support;
mod text_position;
mod time;
mod topic;

pub use depth::{MAX_VALUE_DEPTH, nests_deeper};
pub use excerpt::{Excerpt, shorten_value};
pub use problem::{Problem, Problems};
pub use time::Timestamp;
pub use topic::{Topic, TopicFilter, UnknownTopic};

/// A JSON object that keeps the order of its keys.
pub type Map = serde_json::Map<String, serde_json::Value>;
