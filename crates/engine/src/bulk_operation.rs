//! Bulk operations as configured objects: one action on many executions, with its progress.

mod stored_forms;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stepwell_core::Timestamp;
use stepwell_core::audit::ObjectKind;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, KeyId, NodeId, OperationId, WorkflowId, WorkspaceId};
use stepwell_store::audit::{Actor, Origin};
use stepwell_store::lists::{ExecutionCursor, ExecutionFilter};
use stepwell_store::objects::{IndexFields, Kind};

use crate::caller::Verb;
use crate::objects::Document;
use crate::{AppError, Caller};
use stored_forms::{cursor_parts, status_names};

/// The label of an object that has the name of its action.
pub(crate) const ACTION_LABEL: &str = "action";

/// A bulk operation. The node that works on it writes each batch of executions before it acts on
/// them, and their results after that together with the next batch, always over the version that it
/// read. So a batch that was interrupted is repeated, and of two nodes only one counts it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BulkOperation {
    /// What is done.
    pub action: BulkAction,
    /// To which executions.
    pub filter: BulkFilter,
    /// Why, as the caller wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its status.
    pub status: OperationStatus,
    /// How many executions it is about.
    pub counts: BulkCounts,
    /// The first executions that could not be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<BulkFailure>,
    /// The caller that created it.
    pub creator: Creator,
    /// When work on it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How far it is.
    #[serde(default)]
    pub position: BulkPosition,
    /// Until it has ended: when another node takes it over. After that: when it is deleted.
    pub due_at: Timestamp,
}

/// An action on executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Cancels them.
    Cancel,
    /// Pauses them.
    Pause,
    /// Resumes those that are paused.
    Resume,
    /// Deletes those that have ended.
    Purge,
}

/// The status of a bulk operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// Work on it has not begun.
    Pending,
    /// A node works on it.
    Running,
    /// Every execution is done, or needed nothing.
    Completed,
    /// It has ended, and some executions could not be changed.
    Failed,
    /// Cancelled by a caller; what was done remains so.
    Cancelled,
}

/// The executions that a bulk operation is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BulkFilter {
    /// Only those of this workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowId>,
    /// Only those in one of these statuses; empty: in all that the action applies to.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "status_names")]
    pub statuses: Vec<Status>,
    /// Only those accepted at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only those accepted at this time or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only those that have all of these labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(String, String)>,
}

/// How many executions a bulk operation is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkCounts {
    /// How many matched the filter when it was accepted, or later if there were more.
    pub matched: u64,
    /// How many were changed as intended.
    pub done: u64,
    /// How many could not be changed.
    pub failed: u64,
    /// How many needed nothing any more, such as those that ended meanwhile.
    pub skipped: u64,
}

/// An execution that could not be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkFailure {
    /// The execution.
    pub execution: ExecutionId,
    /// Why.
    pub message: String,
}

/// The caller that created a bulk operation, for the audit entries of its executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creator {
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// The name of the actor.
    name: String,
    /// The address of its client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<std::net::IpAddr>,
    /// Its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// How far a bulk operation is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BulkPosition {
    /// The executions that are worked on. Their results are not counted yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batch: Vec<BulkItem>,
    /// The place of the last execution that was in a batch.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "cursor_parts")]
    pub cursor: Option<ExecutionCursor>,
    /// `done` when the present pass over the executions began.
    #[serde(default)]
    pub done_before: u64,
    /// The node that works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
}

/// An execution in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkItem {
    /// The execution.
    pub execution: ExecutionId,
    /// Its workflow.
    pub workflow: WorkflowId,
}

impl BulkAction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cancel, Self::Pause, Self::Resume, Self::Purge];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Purge => "purge",
        }
    }

    /// The permission on the workflows of the executions.
    pub const fn verb(self) -> Verb {
        match self {
            Self::Cancel | Self::Pause | Self::Resume => Verb::Execute,
            Self::Purge => Verb::Write,
        }
    }

    /// Whether it applies to an execution in this status.
    pub const fn applies_to(self, status: Status) -> bool {
        match self {
            Self::Cancel => !status.is_final(),
            Self::Pause => matches!(status, Status::Queued | Status::Running | Status::Waiting),
            Self::Resume => matches!(status, Status::Paused),
            Self::Purge => status.is_final(),
        }
    }

    /// The statuses that it applies to.
    pub fn statuses(self) -> impl Iterator<Item = Status> {
        Status::ALL.into_iter().filter(move |status| self.applies_to(*status))
    }
}

impl FromStr for BulkAction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|action| action.name() == text).ok_or(())
    }
}

impl OperationStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it has ended.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl FromStr for OperationStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(())
    }
}

impl BulkFilter {
    /// Whether it has no condition.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The list of the executions that the action applies to.
    pub(crate) fn list_filter(&self, action: BulkAction) -> ExecutionFilter {
        let Self { workflow, statuses, from, until, labels } = self.clone();
        let is_wanted = |status: &Status| statuses.is_empty() || statuses.contains(status);
        let statuses = action.statuses().filter(is_wanted).collect();
        ExecutionFilter { workflow, parent: None, statuses, from, until, labels }
    }
}

impl Creator {
    /// That caller.
    pub fn of(caller: &Caller) -> Self {
        let Origin { address, request_id } = &caller.origin;
        Self {
            key: caller.key(),
            name: caller.actor.name().to_owned(),
            address: *address,
            request_id: request_id.as_deref().map(str::to_owned),
        }
    }

    /// The caller that the executions are changed for. What it may do was checked at creation.
    ///
    /// # Errors
    /// The stored actor is none.
    pub(crate) fn caller(&self, workspace: WorkspaceId) -> Result<Caller, AppError> {
        let actor = Actor::of(self.key, self.name.clone())?;
        let request_id = self.request_id.as_deref().map(Into::into);
        let origin = Origin { address: self.address, request_id };
        Ok(Caller { actor, origin, ..Caller::internal_to(workspace) })
    }
}

impl Document for BulkOperation {
    type Id = OperationId;
    const KIND: Kind = ObjectKind::Operation.name();

    fn index(&self, _: WorkspaceId) -> IndexFields {
        let action = (ACTION_LABEL.to_owned(), self.action.name().into());
        IndexFields {
            parent: self.filter.workflow.map(Into::into),
            status: Some(self.status.name().to_owned()),
            labels: std::iter::once(action).collect(),
            due_at: Some(self.due_at),
            ..IndexFields::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn operation() -> BulkOperation {
        let workflow = WorkflowId::from_uuid(Uuid::from_u128(1));
        let execution = ExecutionId::from_uuid(Uuid::from_u128(2));
        let at = Timestamp::from_micros(1_000_000);
        BulkOperation {
            action: BulkAction::Cancel,
            filter: BulkFilter {
                workflow: Some(workflow),
                statuses: vec![Status::Queued, Status::TimedOut],
                from: Some(at),
                until: Some(at),
                labels: vec![("team".into(), "sales".into())],
            },
            reason: Some("why".into()),
            status: OperationStatus::Running,
            counts: BulkCounts { matched: 4, done: 1, failed: 1, skipped: 1 },
            failures: vec![BulkFailure { execution, message: "no".into() }],
            creator: Creator::of(&Caller::internal()),
            started_at: Some(at),
            finished_at: Some(at),
            position: BulkPosition {
                batch: vec![BulkItem { execution, workflow }],
                cursor: Some(ExecutionCursor { created_at: at, id: execution }),
                done_before: 3,
                node: Some(NodeId::from_uuid(Uuid::from_u128(3))),
            },
            due_at: at,
        }
    }

    #[test]
    fn documents_read_back() {
        let stored = serde_json::to_value(operation()).unwrap();
        assert_eq!(serde_json::from_value::<BulkOperation>(stored).unwrap(), operation());
    }

    /// The fields that the first version wrote.
    #[test]
    fn documents_without_optional_fields_are_read() {
        let stored = json!({"action": "purge", "filter": {}, "status": "pending",
            "counts": {"matched": 0, "done": 0, "failed": 0, "skipped": 0},
            "creator": {"name": "system"}, "due_at": Timestamp::from_micros(5)});
        let read: BulkOperation = serde_json::from_value(stored.clone()).unwrap();
        assert!(read.filter.is_empty());
        assert_eq!(read.position, BulkPosition::default());
        assert!(
            serde_json::from_value::<BulkOperation>({
                let mut wrong = stored;
                wrong["filter"]["statuses"] = json!(["lost"]);
                wrong
            })
            .is_err()
        );
    }

    #[test]
    fn every_status_is_for_some_action() {
        for status in Status::ALL {
            let actions: Vec<_> =
                BulkAction::ALL.into_iter().filter(|action| action.applies_to(status)).collect();
            let expect: &[BulkAction] = match status {
                Status::Paused => &[BulkAction::Cancel, BulkAction::Resume],
                Status::Queued | Status::Running | Status::Waiting => {
                    &[BulkAction::Cancel, BulkAction::Pause]
                }
                _ => &[BulkAction::Purge],
            };
            assert_eq!(actions, expect, "{status:?}");
        }
        let filter = BulkFilter {
            statuses: vec![Status::Queued, Status::Completed],
            ..BulkFilter::default()
        };
        assert_eq!(filter.list_filter(BulkAction::Cancel).statuses, [Status::Queued]);
        assert_eq!(filter.list_filter(BulkAction::Purge).statuses, [Status::Completed]);
    }
}
