//! Stepwell's step types: one file each, registered in [`ALL`].
//!
//! A step type is a unit struct that describes itself ([`StepType::spec`]) and runs. From `ALL`
//! come validation, `GET /step-types`, the documentation and the editor's palette. Nothing here
//! knows the store or the HTTP server; what reaches outside goes through [`Outbound`].

mod context;
mod memory;
mod regexes;
mod registry;
mod spec;
#[cfg(test)]
mod testing;
mod types;
mod values;
#[cfg(test)]
mod work_tests;

pub use context::{
    Failure, Outbound, OutboundError, OutboundRequest, OutboundResponse, Redirect, RunContext,
    StepFuture, StepOutput,
};
pub use memory::{WorkingMemory, memory_shortage};
pub use registry::{ALL, Registry, registry};
pub use types::http::RESERVED_HEADERS;

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::cache::PoolUsage;
use stepwell_core::catalog::StepSpec;
use stepwell_core::expr::EvalInterrupt;

/// The caches of the step types, with what they take and may take.
pub fn memory_pools() -> [PoolUsage; 2] {
    [regexes::usage(), types::json::jq_usage()]
}

/// One step type.
pub trait StepType: Sync + Send {
    /// Its description. Called once, when the registry is built.
    fn spec(&self) -> StepSpec;

    /// Its code.
    fn behaviour(&self) -> Behaviour;

    /// How many bytes of memory a call of its pure code takes at most, what it makes included. What
    /// cannot be known before is reserved while it runs ([`PureCall::memory`]).
    fn working_bytes(&self, call: &PureCall<'_>) -> usize {
        memory::copies_of_texts(call)
    }
}

/// How a step type's code is called.
#[derive(Clone, Copy)]
pub enum Behaviour {
    /// Computes in the caller's thread, with so much work. The input has passed the type's input
    /// schema and the configuration its configuration schema.
    Pure(Work, fn(&PureCall<'_>) -> Result<StepOutput, Failure>),
    /// Takes time or reaches outside.
    Async(for<'a> fn(&'a RunContext<'a>) -> StepFuture<'a>),
    /// The state machine carries it out: it has no code here.
    Control,
}

/// What bounds the work of a pure step. A test holds each type to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The size of its input and configuration together: at most about a microsecond for each
    /// byte. With little of both it may run where others wait for the thread.
    Linear,
    /// Nothing that can be known before: it carries out a program or a pattern. It runs on a thread
    /// for blocking work and polls [`PureCall::interrupt`] while it does.
    Unbounded,
}

/// What a pure step is called with.
#[derive(Debug)]
pub struct PureCall<'a> {
    /// The input, checked against the type's schema.
    pub input: &'a Arc<Value>,
    /// The configuration, checked against the type's schema.
    pub config: &'a Value,
    /// Where it reserves memory beyond its [`StepType::working_bytes`].
    pub memory: &'a Arc<dyn WorkingMemory>,
    /// Whether the result is still wanted. Code of [`Work::Unbounded`] ends soon after it is not.
    pub interrupt: &'a EvalInterrupt,
}
