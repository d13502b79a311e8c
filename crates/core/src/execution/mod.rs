//! The state machine of an execution.
//!
//! [`Execution::advance`] decides what an input means and records it as events, each applied as
//! it is made; [`decide`] is the same over a copy. [`Execution::apply`] is total and is all that
//! replay uses.

mod advance;
mod apply;
mod bind;
pub mod event;
pub mod failure;
mod flow;
pub mod input;
mod redaction;
pub mod rerun;
mod retry;
pub mod scope;
pub mod state;
mod waits;

pub use advance::decide;
pub use event::{Event, Recorded, Rerun, Reused, Settled, SkipReason};
pub use failure::{Failure, codes};
pub use flow::ERROR_PORT;
pub use input::{Acceptance, Command, Decision, Done, Fault, Input, Moment, Refused};
pub use rerun::{RerunFrom, RerunRefused};
pub use scope::ExecutionScope;
pub use state::{Execution, Origin, Status, StepRun, StepState};
