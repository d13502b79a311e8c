//! Parameters and results of the services of schedules.

use stepwell_core::Map;
use stepwell_core::ids::{ExecutionId, ScheduleId, WorkflowId};
use stepwell_core::schedule::{TimingKind, TimingRequest};
use stepwell_store::lists::ListFilter;
use stepwell_store::objects::{ObjectCursor, ObjectFilter, ObjectSort, StoredObject};
use stepwell_store::record::ExecutionRecord;

use crate::objects::Object;
use crate::schedule::Schedule;
use crate::warning::Warning;

/// The fields of a schedule in a request; `None`: omitted.
#[derive(Debug, Clone, Default)]
pub struct ScheduleChange {
    /// The name, 1 to 100 characters. Required when it is created.
    pub name: Option<String>,
    /// The description; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// When it fires. Required when it is created.
    pub timing: TimingRequest,
    /// The input of its executions.
    pub parameters: Option<Map>,
    /// The release tag of its executions; `Some(None)`: the newest release.
    pub release_tag: Option<Option<String>>,
    /// Whether it fires; by default it does.
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
    pub record: Object<Schedule>,
    /// The name of its workflow.
    pub workflow_name: String,
    /// Its last execution, if it was requested, exists, and is still stored.
    pub last: Option<ExecutionRecord>,
    /// What is probably wrong with it, where it was just created or changed.
    pub warnings: Vec<Warning>,
}

/// Which schedules are listed.
#[derive(Debug, Clone, Default)]
pub struct ScheduleFilter {
    /// Only those of this workflow.
    pub workflow: Option<WorkflowId>,
    /// Only enabled or only disabled ones.
    pub enabled: Option<bool>,
    /// Only those with this kind of timing.
    pub kind: Option<TimingKind>,
}

impl ListFilter for ScheduleFilter {
    type Item = StoredObject;
    type SortKey = ObjectSort;
    type Cursor = ObjectCursor;

    fn cursor_of(schedule: &StoredObject, sort: ObjectSort) -> ObjectCursor {
        ObjectFilter::cursor_of(schedule, sort)
    }
}

impl From<ScheduleFilter> for ObjectFilter {
    fn from(filter: ScheduleFilter) -> Self {
        let ScheduleFilter { workflow, enabled, kind } = filter;
        Self {
            name: None,
            parent: workflow.map(Into::into),
            status: enabled.map(|enabled| Schedule::status(enabled).to_owned()),
            labels: kind.map(Schedule::type_label).into_iter().collect(),
        }
    }
}

/// The schedules that a request selects.
#[derive(Debug, Clone)]
pub enum ScheduleSelection {
    /// All of the workspace.
    All,
    /// All of a workflow.
    OfWorkflow(WorkflowId),
    /// These.
    These(Vec<ScheduleId>),
}

/// The result of a change of selected schedules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SelectionChanged {
    /// How many were selected.
    pub matched: u64,
    /// How many of them changed.
    pub changed: u64,
}

/// An execution that was started by a request to a schedule.
#[derive(Debug, Clone)]
pub struct Triggered {
    /// The execution; it is durable.
    pub execution: ExecutionId,
    /// The schedule afterwards.
    pub schedule: Object<Schedule>,
}
