//! Executions.

use stepwell_core::execution::{RecordedEvent, Status};
use stepwell_core::ids::{ExecutionId, KeyId, NodeId, SubjectId, WorkflowId, WorkspaceId};
use stepwell_core::{Map, Timestamp};

use super::WorkflowStats;

/// The projection of an execution that lists and look-ups need; its journal is the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRecord {
    /// Its id; sorts by creation.
    pub id: ExecutionId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What it is an execution of.
    pub workflow: WorkflowId,
    /// The release that it runs.
    pub release: u32,
    /// Its status.
    pub status: Status,
    /// The seq of its last committed event.
    pub seq: u64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it left the queue.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it must be woken, if nothing else happens. Set only while no node works on
    /// it in memory or so that a crash does not lose the timer; `None` when ended.
    pub wake_at: Option<Timestamp>,
    /// The node that it belongs to; `None`: any node may claim it.
    pub owner: Option<NodeId>,
    /// The user's own id, unique in the workspace.
    pub external_id: Option<String>,
    /// The user's own labels; empty when there are none.
    pub metadata: Map,
    /// Where its status changes are sent.
    pub webhook_url: Option<String>,
    /// The key that started it; `None`: the server itself did.
    pub started_by: Option<KeyId>,
    /// Where it is sent once it has ended.
    pub callback_url: Option<String>,
}

impl ExecutionRecord {
    /// What it adds to the counts of its workflow.
    pub fn stats(&self) -> WorkflowStats {
        WorkflowStats::of(self.status, self.started_at, self.ended_at)
    }
}

/// An execution as stored: its projection and its whole journal in order.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredExecution {
    /// The projection.
    pub record: ExecutionRecord,
    /// The journal.
    pub events: Vec<RecordedEvent>,
}

/// What became of loading an execution unless it is large.
#[derive(Debug, Clone, PartialEq)]
pub enum Loaded {
    /// The execution.
    Whole(StoredExecution),
    /// Its journal is large.
    Large {
        /// The projection.
        record: ExecutionRecord,
        /// An upper estimate of the bytes of memory that loading and holding the journal takes.
        memory: usize,
    },
}

impl Loaded {
    /// The projection.
    pub fn record(&self) -> &ExecutionRecord {
        match self {
            Self::Whole(StoredExecution { record, .. }) | Self::Large { record, .. } => record,
        }
    }
}

/// The record of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Keys are per workspace.
    pub workspace: WorkspaceId,
    /// The key as the client sent it.
    pub key: String,
    /// A digest of the request it came with; the same key with another request is an error.
    pub fingerprint: Vec<u8>,
    /// The outcome of the first request.
    pub outcome: IdempotencyOutcome,
    /// When.
    pub created_at: Timestamp,
}

/// The outcome of the first request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyOutcome {
    /// The request is in progress.
    InProgress {
        /// The node that handles it.
        node: NodeId,
        /// Since when.
        since: Timestamp,
    },
    /// It created this object.
    Created(SubjectId),
    /// It succeeded with this response.
    Response {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// It succeeded with a response that contained a secret, so that it is not stored.
    SecretResponse,
}
