//! What the services of schedules are asked with and what they answer.

use stepwell_core::Map;
use stepwell_core::ids::{ExecutionId, ScheduleId, WorkflowId};
use stepwell_core::schedule::{TimingKind, TimingRequest};
use stepwell_store::record::ExecutionRecord;
use stepwell_store::schedules::{ScheduleRecord, ScheduleSort};

/// What is said of a schedule when it is made or changed; `None`: left out.
#[derive(Debug, Clone, Default)]
pub struct ScheduleChange {
    /// What people call it, 1 to 100 characters. Needed when it is made.
    pub name: Option<String>,
    /// What it is for; `Some(None)`: nothing is said of that any more.
    pub description: Option<Option<String>>,
    /// When it fires. Needed when it is made.
    pub timing: TimingRequest,
    /// The input of its executions.
    pub parameters: Option<Map>,
    /// Whether it fires; left out when it is made: it does.
    pub enabled: Option<bool>,
    /// `run_once`, `skip` or `run_all`.
    pub misfire_policy: Option<String>,
    /// `allow`, `skip` or `queue`.
    pub overlap_policy: Option<String>,
}

/// A schedule as it is shown.
#[derive(Debug, Clone)]
pub struct ScheduleView {
    /// The schedule.
    pub record: ScheduleRecord,
    /// The name of its workflow.
    pub workflow_name: String,
    /// Its last execution, where that was asked for, there was one, and it is still stored.
    pub last: Option<ExecutionRecord>,
}

/// Asks for a page of schedules.
#[derive(Debug, Clone, Default)]
pub struct SchedulesQuery {
    /// Only this workflow's.
    pub workflow: Option<WorkflowId>,
    /// Only enabled or only disabled ones.
    pub enabled: Option<bool>,
    /// Only those with such a timing.
    pub kind: Option<TimingKind>,
    /// What they are sorted by.
    pub sort: ScheduleSort,
    /// Whether the greatest, newest come first.
    pub descending: bool,
    /// How many to pass over.
    pub skip: u64,
    /// At most so many.
    pub limit: usize,
}

/// Which schedules are meant.
#[derive(Debug, Clone)]
pub enum ScheduleSelection {
    /// All of the workspace.
    All,
    /// All of a workflow.
    OfWorkflow(WorkflowId),
    /// These.
    These(Vec<ScheduleId>),
}

/// What became of the schedules that were meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SelectionChanged {
    /// How many were meant.
    pub matched: u64,
    /// How many of them were not as they should be and are now.
    pub changed: u64,
}

/// An execution that a schedule was told to start.
#[derive(Debug, Clone)]
pub struct Triggered {
    /// The execution; it is durable.
    pub execution: ExecutionId,
    /// The schedule as it is now.
    pub schedule: ScheduleRecord,
}
