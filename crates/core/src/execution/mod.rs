//! The state machine of an execution.
//!
//! [`Execution::advance`] decides what an input means and records it as events, each applied as
//! it is made; [`decide`] is the same over a copy. [`Execution::apply`] is total and is all that
//! replay uses.

mod apply;
pub mod event;
pub mod failure;
pub mod state;

pub use event::{Event, Recorded, SkipReason};
pub use failure::{Failure, codes};
pub use state::{Execution, Origin, Status, StepRun, StepState};
