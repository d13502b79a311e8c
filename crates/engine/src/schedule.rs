//! Schedules as configured objects.

use serde::{Deserialize, Serialize};
use stepwell_core::audit::ObjectKind;
use stepwell_core::ids::{ExecutionId, KeyId, ScheduleId, WorkflowId, WorkspaceId};
use stepwell_core::schedule::{
    Misfire, Overlap, SchedulePolicies, ScheduleProgress, ScheduleTiming, SkippedFiring, TimingKind,
};
use stepwell_core::{Map, Timestamp};
use stepwell_store::objects::{IndexFields, Kind};

use crate::objects::Document;

/// The label of an object that has the kind of its timing.
pub(crate) const TYPE_LABEL: &str = "type";

/// A schedule. It is only written over the version that was read: a firing and a user's change can
/// never undo each other, and of two nodes that process the same firing one is rejected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The workflow that it executes.
    pub workflow: WorkflowId,
    /// The name that users see.
    pub name: String,
    /// The user's description.
    pub description: Option<String>,
    /// When it fires.
    pub timing: ScheduleTiming,
    /// The IANA name of the zone whose wall clock counts.
    pub timezone: String,
    /// The input of its executions.
    pub parameters: Map,
    /// The release tag that selects what each firing runs; `None`: the newest release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_tag: Option<String>,
    /// Whether it fires.
    pub enabled: bool,
    /// Together with which others it was paused; `None`: by itself, or it is not paused.
    pub paused_with: Option<PausedWith>,
    /// What it does if it cannot simply fire.
    #[serde(with = "PoliciesFields")]
    pub policies: SchedulePolicies,
    /// Where its intervals begin.
    pub anchor: Timestamp,
    /// Which firings are processed.
    #[serde(with = "ProgressFields")]
    pub progress: ScheduleProgress,
    /// When it must be processed next; `None`: not before it is changed.
    pub due_at: Option<Timestamp>,
    /// The last execution that it started.
    pub last_execution: Option<ExecutionId>,
    /// The key that created it; `None`: the process itself.
    pub created_by: Option<KeyId>,
}

impl Schedule {
    /// The value of the index field `status`.
    pub(crate) const fn status(enabled: bool) -> &'static str {
        if enabled { "enabled" } else { "disabled" }
    }

    /// The label by which lists are filtered.
    pub(crate) fn type_label(kind: TimingKind) -> (String, String) {
        (TYPE_LABEL.to_owned(), kind.name().to_owned())
    }
}

impl Document for Schedule {
    type Id = ScheduleId;
    const KIND: Kind = ObjectKind::Schedule.name();

    fn index(&self, _: WorkspaceId) -> IndexFields {
        let (label, kind) = Self::type_label(self.timing.kind());
        IndexFields {
            name: Some(self.name.clone()),
            parent: Some(self.workflow.into()),
            status: Some(Self::status(self.enabled).to_owned()),
            labels: std::iter::once((label, kind.into())).collect(),
            due_at: self.due_at,
            ..IndexFields::default()
        }
    }
}

/// Schedules that were paused by one request without being named: resuming as many resumes only
/// these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedWith {
    /// All of its workflow.
    Workflow,
    /// All of its workspace.
    Workspace,
}

/// The stored form of [`SchedulePolicies`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "SchedulePolicies")]
struct PoliciesFields {
    misfire: Misfire,
    overlap: Overlap,
}

/// The stored form of [`ScheduleProgress`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "ScheduleProgress")]
struct ProgressFields {
    next_at: Option<Timestamp>,
    queued: Vec<Timestamp>,
    skipped: Option<SkippedFiring>,
}
