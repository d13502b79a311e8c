//! Executions.

use stepwell_core::execution::{ConcurrencyPlace, ExecutionOrigin, RecordedEvent, Status};
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
    /// The step that started it, if it is a sub-workflow.
    pub parent: Option<ParentStep>,
    /// The place that it needs before it starts; `None`: none.
    pub concurrency: Option<Box<PlaceRecord>>,
}

/// The place of an execution under the concurrency limit of its workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRecord {
    /// The place that it needs. Executions of a workflow with the same key share their places.
    pub needed: ConcurrencyPlace,
    /// Whether it has its place. Only the store sets this: in each commit that adds or ends an
    /// execution with the key, or queues it again, the oldest queued ones get places while fewer are
    /// taken than they allow. One that has ended takes no place.
    pub is_granted: bool,
}

impl PlaceRecord {
    /// A place that is not granted yet.
    pub fn waiting(needed: ConcurrencyPlace) -> Self {
        Self { needed, is_granted: false }
    }
}

/// The step that started an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentStep {
    /// The execution of the step.
    pub execution: ExecutionId,
    /// The step run as it is written: `invoice`, `orders[3].invoice`.
    pub step: String,
}

impl ExecutionRecord {
    /// The wake-up time of an execution that leaves memory and that only a message wakes. With a
    /// time it is not taken for one that was interrupted.
    pub const NO_WAKE: Timestamp = Timestamp::from_micros(i64::MAX);

    /// A queued execution of the default workspace, without what a request or a step adds.
    pub fn queued(origin: &ExecutionOrigin, seq: u64, created_at: Timestamp) -> Self {
        Self {
            id: origin.id,
            workspace: WorkspaceId::DEFAULT,
            workflow: origin.workflow,
            release: origin.release,
            status: Status::Queued,
            seq,
            created_at,
            started_at: None,
            ended_at: None,
            wake_at: None,
            owner: None,
            external_id: None,
            metadata: Map::new(),
            webhook_url: None,
            started_by: None,
            callback_url: None,
            parent: None,
            concurrency: None,
        }
    }

    /// Whether it needs a place that it has not got.
    pub fn waits_for_place(&self) -> bool {
        self.concurrency.as_ref().is_some_and(|place| !place.is_granted)
    }

    /// Whether a step of that execution started it.
    pub fn is_child_of(&self, parent: ExecutionId) -> bool {
        self.parent.as_ref().is_some_and(|step| step.execution == parent)
    }

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

/// What became of loading an execution with its journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Loaded {
    /// The execution, with the events to load.
    Events(StoredExecution),
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
            Self::Events(StoredExecution { record, .. }) | Self::Large { record, .. } => record,
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
