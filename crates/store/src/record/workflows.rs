//! Workflows and their releases.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepwell_core::execution::Status;
use stepwell_core::ids::{KeyId, WorkflowId, WorkspaceId};
use stepwell_core::{Map, Timestamp};

/// A workflow: the object, not its definition.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowRecord {
    /// Its id.
    pub id: WorkflowId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its name, that of its current release's definition.
    pub name: String,
    /// Whether it may be executed.
    pub active: bool,
    /// The number of its current release.
    pub release: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it or its releases last changed.
    pub updated_at: Timestamp,
    /// When it was deleted; it is then shown no more, its executions still are.
    pub deleted_at: Option<Timestamp>,
    /// The user's own labels.
    pub metadata: Map,
    /// How long ended executions are kept, in seconds; `None`: as the server is configured.
    pub retention_seconds: Option<u64>,
    /// What it is for.
    pub description: Option<String>,
    /// Its type: `custom`, one of the ready-made ones, or a label of the user's own.
    pub kind: String,
    /// The configuration from which its definition was built; `None`: a user wrote the definition.
    pub configuration: Option<Map>,
    /// What it is connected to.
    pub integrations: Vec<IntegrationUse>,
    /// Who created it; `None`: the process itself.
    pub created_by: Option<KeyId>,
    /// When it last became active.
    pub activated_at: Option<Timestamp>,
    /// When it last became inactive.
    pub deactivated_at: Option<Timestamp>,
    /// 1 when created, one more with each change.
    pub version: u64,
}

impl WorkflowRecord {
    /// What of it is in no release.
    pub fn parts(&self) -> WorkflowParts {
        WorkflowParts {
            description: self.description.clone(),
            kind: self.kind.clone(),
            configuration: self.configuration.clone(),
            integrations: self.integrations.clone(),
            metadata: self.metadata.clone(),
        }
    }
}

/// What of a workflow is in no release.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowParts {
    /// What it is for.
    pub description: Option<String>,
    /// Its type.
    pub kind: String,
    /// The configuration from which its definition was built.
    pub configuration: Option<Map>,
    /// What it is connected to.
    pub integrations: Vec<IntegrationUse>,
    /// The user's own labels.
    pub metadata: Map,
}

/// That a workflow uses an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationUse {
    /// The integration's id, as the user wrote it.
    pub id: String,
    /// Whether the workflow cannot do without.
    pub required: bool,
}

/// Whether labels have this value under this name. Texts are compared as they are, other scalars
/// as JSON writes them; lists and objects match nothing.
pub fn has_label(labels: &Map, name: &str, value: &str) -> bool {
    match labels.get(name) {
        Some(Value::String(text)) => text == value,
        Some(Value::Number(number)) => number.to_string() == value,
        Some(Value::Bool(true)) => value == "true",
        Some(Value::Bool(false)) => value == "false",
        Some(Value::Null) => value == "null",
        Some(Value::Array(_) | Value::Object(_)) | None => false,
    }
}

/// One immutable version of a workflow's definition.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRecord {
    /// The workflow.
    pub workflow: WorkflowId,
    /// 1, 2, 3…
    pub number: u32,
    /// The definition as it was given.
    pub source: Arc<Value>,
    /// When it was released.
    pub created_at: Timestamp,
}

/// Counts of a workflow's executions, kept as they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkflowStats {
    /// Ended as completed.
    pub completed: u64,
    /// Ended as failed.
    pub failed: u64,
    /// Ended as timed out.
    pub timed_out: u64,
    /// Ended as cancelled.
    pub cancelled: u64,
    /// Accepted and not ended.
    pub active: u64,
    /// The sum of the durations, from start to end, of all that ended after they started, in
    /// microseconds.
    pub total_micros: u64,
    /// How many durations that is the sum of.
    pub timed: u64,
}

impl WorkflowStats {
    /// What an execution with this status adds to the counts of its workflow.
    pub fn of(status: Status, started_at: Option<Timestamp>, ended_at: Option<Timestamp>) -> Self {
        let mut stats = Self::default();
        match status {
            Status::Queued | Status::Running | Status::Waiting | Status::Paused => stats.active = 1,
            Status::Completed => stats.completed = 1,
            Status::Failed => stats.failed = 1,
            Status::TimedOut => stats.timed_out = 1,
            Status::Cancelled => stats.cancelled = 1,
        }
        if let (true, Some(started), Some(ended)) = (status.is_final(), started_at, ended_at) {
            let micros = ended.since(started).as_micros();
            stats.total_micros = u64::try_from(micros).unwrap_or(u64::MAX);
            stats.timed = 1;
        }
        stats
    }
}
