//! The state machine of an execution.
//!
//! [`Execution::advance`] decides what an input means and records it as events, each applied as
//! it is made; [`decide`] is the same over a copy. [`Execution::apply`] is total and is all that
//! replay uses.
//!
//! `advance` has the table of phase and input, `flow` the edges and joins, `begin` and `settle`
//! the ends of a step run, `resume` what continues by itself, and `actions` the actions of control
//! flow.

mod actions;
mod advance;
mod apply;
mod begin;
mod bind;
pub mod event;
pub mod failure;
mod flow;
pub mod input;
mod redaction;
pub mod rerun;
mod resume;
mod retry;
pub mod scope;
mod settle;
pub mod state;
mod step_run_id;
mod step_runs;
mod wait_end;
mod waits;

pub use advance::decide;
pub use event::{Event, GivenInput, Recorded, Rerun, Reused, Settled, SkipReason};
pub use failure::{Failure, codes};
pub use flow::ERROR_PORT;
pub use input::{Acceptance, Command, Decision, Done, Fault, Input, Moment, Refused};
pub use rerun::{RerunFrom, RerunRefused};
pub use scope::ExecutionScope;
pub use state::{Execution, Origin, Status};
pub use step_run_id::{AttemptId, IterationPath, StepRunId};
pub use step_runs::{StepRun, StepRuns, StepState};

pub use crate::definition::StepIndex;
