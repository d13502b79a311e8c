//! Stepwell's step types: one file each, registered in [`ALL`].
//!
//! A step type is a unit struct with a description ([`StepType::type_spec`]) and its code
//! ([`StepType::type_behaviour`]). Validation, `GET /step-types`, the documentation and the editor's
//! palette derive from `ALL`. Nothing here depends on the store or the HTTP server; requests leave
//! through [`OutboundClient`].

mod context;
mod memory;
mod outcome;
mod regexes;
mod registry;
mod spec;
mod step_type;
#[cfg(test)]
mod testing;
mod types;
mod values;
#[cfg(test)]
mod work_tests;

pub use context::{
    OutboundClient, OutboundError, OutboundRequest, OutboundResponse, RedirectPolicy, RunContext,
};
pub use memory::{WorkingMemory, memory_shortage};
pub use outcome::{StepFailure, StepFuture, StepOutput};
pub use registry::{ALL, StepRegistry, step_registry};
pub use step_type::{PureCall, StepBehaviour, StepType, WorkBound};
pub use types::http::RESERVED_HEADERS;

use stepwell_core::cache::PoolUsage;

/// The caches of the step types, with their size and limit.
pub fn memory_pools() -> [PoolUsage; 2] {
    [jq_bounded::regexes::pool_usage(), jq_bounded::pool_usage()]
}
