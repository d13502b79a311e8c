//! Schedules: what is stored of them, and what a store must do with them.
//!
//! A schedule is only ever written whole, and only over the version that the writer has read: a
//! firing and a user's change can never undo each other, and of two nodes that see the same firing
//! one is refused.

use async_trait::async_trait;
use stepwell_core::ids::{ExecutionId, KeyId, ScheduleId, WorkflowId, WorkspaceId};
use stepwell_core::schedule::{SchedulePolicies, ScheduleProgress, ScheduleTiming, TimingKind};
use stepwell_core::{Map, Timestamp};

use crate::{Effects, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// A schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleRecord {
    /// Its id; sorts by creation.
    pub id: ScheduleId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What it executes.
    pub workflow: WorkflowId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// When it fires.
    pub timing: ScheduleTiming,
    /// The IANA name of the zone whose wall clock counts.
    pub timezone: String,
    /// The input of its executions.
    pub parameters: Map,
    /// Whether it fires.
    pub enabled: bool,
    /// Together with which others it was paused; `None`: by itself, or it is not paused.
    pub paused_with: Option<PausedWith>,
    /// What it does where it cannot simply fire.
    pub policies: SchedulePolicies,
    /// Where its intervals begin.
    pub anchor: Timestamp,
    /// How far it is.
    pub progress: ScheduleProgress,
    /// When it must be looked at next; `None`: not before somebody changes it.
    pub look_at: Option<Timestamp>,
    /// The last execution that it started.
    pub last_execution: Option<ExecutionId>,
    /// 1 when it was created, one more at each write.
    pub version: u64,
    /// Who created it; `None`: the process itself.
    pub created_by: Option<KeyId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed, by a user or by firing.
    pub updated_at: Timestamp,
}

/// Schedules that were paused by one request without being named: resuming as many resumes only
/// these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausedWith {
    /// All of its workflow.
    Workflow,
    /// All of its workspace.
    Workspace,
}

impl PausedWith {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Workflow, Self::Workspace];

    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Workspace => "workspace",
        }
    }

    /// What `name` gave.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paused| paused.name() == name)
    }
}

/// Schedules.
#[async_trait]
pub trait ScheduleStore: Send + Sync {
    /// Adds a schedule. `Missing` where its workflow is not there or deleted.
    async fn create_schedule(&self, create: CreateSchedule) -> Result<()>;

    /// Writes a schedule over the version before. `Missing` where it is not there, `Outdated`
    /// where another version is.
    async fn update_schedule(&self, update: UpdateSchedule) -> Result<()>;

    /// Deletes a schedule; its executions stay. `Missing` where it is not there. Those of a
    /// workflow that is deleted go with it, in the same transaction.
    async fn delete_schedule(&self, delete: DeleteSchedule) -> Result<()>;

    /// The schedule.
    async fn find_schedule(&self, id: ScheduleId) -> Result<Option<ScheduleRecord>>;

    /// A page of schedules, and how many there are on all pages, both of the same moment.
    async fn list_schedules(&self, list: ListSchedules) -> Result<(Vec<ScheduleRecord>, u64)>;

    /// Schedules whose `look_at` is at or before `now`, earliest first; those of the same moment
    /// in the order of their ids.
    async fn due_schedules(&self, due: DueSchedules) -> Result<Vec<ScheduleRecord>>;

    /// Schedules that have a `look_at`, in the order of their ids and after `after`.
    async fn pending_schedules(
        &self,
        after: Option<ScheduleId>,
        limit: usize,
    ) -> Result<Vec<ScheduleRecord>>;

    /// The earliest `look_at`.
    async fn next_schedule(&self) -> Result<Option<Timestamp>>;
}

/// Parameters of [`ScheduleStore::create_schedule`].
#[derive(Debug, Clone)]
pub struct CreateSchedule {
    /// The schedule.
    pub schedule: ScheduleRecord,
    /// What it causes.
    pub effects: Effects,
}

/// Parameters of [`ScheduleStore::update_schedule`].
#[derive(Debug, Clone)]
pub struct UpdateSchedule {
    /// As it is from now on; its version is one more than that which is there.
    pub schedule: ScheduleRecord,
    /// What it causes.
    pub effects: Effects,
}

impl UpdateSchedule {
    /// One that causes nothing.
    pub fn quietly(schedule: ScheduleRecord) -> Self {
        Self { schedule, effects: Effects::default() }
    }
}

/// Parameters of [`ScheduleStore::delete_schedule`].
#[derive(Debug, Clone)]
pub struct DeleteSchedule {
    /// The schedule.
    pub id: ScheduleId,
    /// What it causes.
    pub effects: Effects,
}

/// Parameters of [`ScheduleStore::list_schedules`].
#[derive(Debug, Clone)]
pub struct ListSchedules {
    /// Only this workspace's.
    pub workspace: WorkspaceId,
    /// Only this workflow's.
    pub workflow: Option<WorkflowId>,
    /// Only enabled or only disabled ones.
    pub enabled: Option<bool>,
    /// Only those with such a timing.
    pub kind: Option<TimingKind>,
    /// What they are sorted by; where that is equal, by id.
    pub sort: ScheduleSort,
    /// Whether the greatest, newest come first.
    pub descending: bool,
    /// How many to pass over.
    pub skip: u64,
    /// At most so many.
    pub limit: usize,
}

/// What a list of schedules is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScheduleSort {
    /// When they were created.
    #[default]
    CreatedAt,
    /// When they were last changed.
    UpdatedAt,
    /// By name, as bytes.
    Name,
    /// By their next firing; those that have none come before all others.
    NextFiring,
}

impl ScheduleSort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CreatedAt, Self::UpdatedAt, Self::Name, Self::NextFiring];
}

/// Parameters of [`ScheduleStore::due_schedules`].
#[derive(Debug, Clone, Copy)]
pub struct DueSchedules {
    /// Those due at this moment.
    pub now: Timestamp,
    /// At most so many.
    pub limit: usize,
}
