//! What is stored, as the engine sees it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepwell_core::execution::{Recorded, Status};
use stepwell_core::ids::{
    ActualId, DeliveryId, ExecutionId, KeyId, NodeId, ReceiverId, SubjectId, WebhookId, WorkflowId,
    WorkspaceId,
};
use stepwell_core::rate::RateLimits;
use stepwell_core::{Map, Timestamp};

use crate::traits::WorkflowParts;

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
    /// Where it stands.
    pub status: Status,
    /// The seq of its last committed event.
    pub seq: u64,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it left the queue.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it must be looked at next, if nothing else happens. Set only while no node works on
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

/// An execution as stored: its projection and its whole journal in order.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredExecution {
    /// The projection.
    pub record: ExecutionRecord,
    /// The journal.
    pub events: Vec<Recorded>,
}

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
    /// What its definition was made of; `None`: the definition was given as it is.
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

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Keys are per workspace.
    pub workspace: WorkspaceId,
    /// The key as the client sent it.
    pub key: String,
    /// A digest of the request it came with; the same key with another request is an error.
    pub fingerprint: Vec<u8>,
    /// What the first request made: the written id of the object, or the stored answer.
    pub outcome: String,
    /// When.
    pub created_at: Timestamp,
}

/// A workspace: the tenant that every object belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRecord {
    /// Its id; sorts by creation.
    pub id: WorkspaceId,
    /// What people call it; need not be unique.
    pub name: String,
    /// What all of its keys may use together.
    pub limits: RateLimits,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its name or limits last changed.
    pub updated_at: Timestamp,
}

/// An API key. The secret itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its id.
    pub id: KeyId,
    /// Whose objects it opens.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// The first characters of the secret, to tell keys apart.
    pub hint: String,
    /// What it may do: `admin`, `read:workflows`, …
    pub scopes: Vec<String>,
    /// What it may use.
    pub limits: RateLimits,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops being accepted.
    pub expires_at: Option<Timestamp>,
    /// When it was last accepted, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// One event on its way to one destination.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRecord {
    /// Its id, the same at each attempt (`webhook-id`).
    pub id: DeliveryId,
    /// Where it goes.
    pub destination: Destination,
    /// Whom that means: deliveries to different receivers never wait for one another.
    pub receiver: ReceiverId,
    /// The object it tells of. Deliveries to one receiver about one subject arrive in the order
    /// of `sequence`, then of their ids.
    pub subject: SubjectId,
    /// The place in that order.
    pub sequence: u64,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What it tells: `execution.completed`.
    pub event: String,
    /// The body, JSON text.
    pub body: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is tried next; meaningful while `Pending`.
    pub next_attempt_at: Timestamp,
    /// An attempt that fails from this moment on is the last.
    pub give_up_at: Timestamp,
}

/// Where a delivery goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To the URL that an execution was given. Goes when the execution is purged.
    Url(String),
    /// To a webhook, at the URL that it has when it is sent.
    Webhook(WebhookId),
}

impl Destination {
    /// The webhook, if it is one.
    pub const fn webhook(&self) -> Option<WebhookId> {
        match self {
            Self::Url(_) => None,
            Self::Webhook(id) => Some(*id),
        }
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Where it was sent; `None`: it was not.
    pub url: Option<String>,
    /// The HTTP status of the answer; `None`: there was none.
    pub response_status: Option<u16>,
    /// The beginning of the answer's body, or why there was no answer.
    pub response: String,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// To be tried at `next_attempt_at`.
    Pending,
    /// Final: answered with 2xx.
    Delivered,
    /// Final: given up.
    Exhausted,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Exhausted];
}

/// A server process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRecord {
    /// Made anew at each start.
    pub id: NodeId,
    /// When it last proved that it lives.
    pub heartbeat_at: Timestamp,
    /// Whether it may commit.
    pub alive: bool,
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
    /// What one execution that stands so adds to the counts of its workflow.
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

impl ExecutionRecord {
    /// What it adds to the counts of its workflow.
    pub fn stats(&self) -> WorkflowStats {
        WorkflowStats::of(self.status, self.started_at, self.ended_at)
    }
}

/// A movable name for one release of a workflow, or for several by weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseTagRecord {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The name, unique in the workflow.
    pub name: String,
    /// Where it points; not empty.
    pub traffic: Vec<Traffic>,
    /// When it was last moved.
    pub updated_at: Timestamp,
}

/// A share of the executions that name a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// The release that they run.
    pub release: u32,
    /// How many, beside the other weights of the tag.
    pub weight: u32,
}

/// Feedback on one output of an execution: the value it should have had, or a quality.
#[derive(Debug, Clone, PartialEq)]
pub struct ActualRecord {
    /// Its id; sorts by when it was submitted.
    pub id: ActualId,
    /// The execution.
    pub execution: ExecutionId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The release that it ran.
    pub release: u32,
    /// The tag by which that was chosen.
    pub tag: Option<String>,
    /// The output's name.
    pub output: String,
    /// How good it was, 0 to 1.
    pub quality: Option<f64>,
    /// What it should have been.
    pub desired: Option<Value>,
    /// Whether that is exactly what it was.
    pub matched: Option<bool>,
    /// The user's own labels.
    pub metadata: Map,
    /// When the feedback was given, in the user's words.
    pub at: Timestamp,
    /// When it was submitted.
    pub created_at: Timestamp,
}

/// The feedback on the executions of one release that were started by one tag, summed up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QualityRow {
    /// The release.
    pub release: u32,
    /// The tag; `None`: started without one.
    pub tag: Option<String>,
    /// How many actuals.
    pub count: u64,
    /// How many of them have a quality.
    pub rated: u64,
    /// The sum of those.
    pub quality_sum: f64,
    /// How many say what the output should have been.
    pub compared: u64,
    /// How many of those say that it was.
    pub matched: u64,
}
