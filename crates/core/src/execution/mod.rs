//! The state machine of an execution.
//!
//! [`Execution::advance`] decides what an input means and records it as events, each applied as
//! it is recorded. [`Execution::apply_event`] is total and is all that replay uses.
//!
//! `advance` has the table of phase and input, `flow` the edges and joins, `begin` and `settle`
//! the start and the end of a step run, `resume` timers and recovery, `ending` what runs between the
//! failure of an execution and its end, `children` sub-workflows, `places`
//! concurrency limits of steps, and `actions` the actions of
//! control flow.

mod actions;
mod advance;
mod apply;
mod approval_event;
mod approval_wait;
mod approvals;
mod begin;
mod bind;
mod blocks;
mod children;
mod compensation;
mod end_outcome;
mod ending;
pub mod event;
pub mod failure;
mod flow;
mod handled_failures;
pub mod input;
mod item_files;
mod join_count;
pub mod message;
pub mod named_step_run;
mod places;
mod redaction;
pub mod rerun;
mod rerun_blocks;
mod rerun_source;
mod resume;
mod retry;
pub mod scope;
mod settle;
mod signal_wait;
mod signals;
pub mod state;
mod step_run;
mod step_run_id;
mod step_runs;
mod wait_end;
mod wait_timers;
mod waits;

pub use approval_event::ApprovalEvent;
pub use approval_wait::{ApprovalOutcome, ApprovalWait, MAX_APPROVERS, Verdict, Vote};
pub use blocks::{BlockProgress, BlockRun, BodyResult, BodyRunKey, ItemLine, ItemsRun, RunStep};
pub use end_outcome::EndOutcome;
pub use event::{Event, RecordedEvent, SkipReason};
pub use failure::{Failure, codes};
pub use flow::ERROR_PORT;
pub use handled_failures::HandledFailures;
pub use input::{
    AcceptanceInput, AttemptError, Command, Decision, DecisionAction, DecisionInput, SignalInput,
    StepResult, TransitionContext, TransitionError, TransitionInput, UnawaitedSignal,
};
pub use item_files::{FileResult, ItemFile, ItemFiles, without_file_results};
pub use message::{
    ChildLink, ChildResult, ExecutionMessage, HeldKey, MAX_ACTIVE_CHILDREN, MAX_SUB_WORKFLOW_DEPTH,
    OutgoingMessage, ParentLink,
};
pub use rerun::{RerunError, RerunFrom};
pub use rerun_source::{GivenInput, RerunSource, ReusedOutcome, ReusedStep};
pub use scope::ExecutionScope;
pub use signal_wait::{MAX_SIGNALS, MAX_SIGNALS_PER_NAME, SignalWait};
pub use state::{Execution, ExecutionOrigin, Status};
pub use step_run::{FailedAttempt, StepRun, StepState};
pub use step_run_id::{AttemptId, IterationPath, StepRunId};
pub use step_runs::StepRuns;

pub use crate::definition::StepIndex;
pub use crate::definition::concurrency::ConcurrencyPlace;
