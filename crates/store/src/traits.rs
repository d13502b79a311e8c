//! The traits. One params struct a method, so that a call reads by itself.

use std::collections::BTreeSet;
use std::path::PathBuf;

use async_trait::async_trait;
use stepwell_core::ids::{
    DeliveryId, ExecutionId, KeyId, NodeId, ReceiverId, SubjectId, WorkflowId, WorkspaceId,
};
use stepwell_core::rate::RateLimits;
use stepwell_core::{Map, Timestamp};

use crate::commit::Commit;
use crate::lists::{ListExecutions, ListWorkflows, Listed};
use crate::record::{
    ActualRecord, AttemptRecord, DeliveryRecord, DeliveryStatus, ExecutionRecord,
    IdempotencyRecord, IntegrationUse, KeyRecord, QualityRow, ReleaseRecord, ReleaseTagRecord,
    StoredExecution, WorkflowRecord, WorkflowStats, WorkspaceRecord,
};
use crate::{AuditStore, Effects, ScheduleStore, StoreError, WebhookStore};

type Result<T> = std::result::Result<T, StoreError>;

/// A whole store.
pub trait Store:
    ExecutionStore
    + WorkflowStore
    + FeedbackStore
    + KeyStore
    + WorkspaceStore
    + DeliveryStore
    + WebhookStore
    + NodeStore
    + ScheduleStore
    + AuditStore
    + MaintenanceStore
{
}

impl<T> Store for T where
    T: ExecutionStore
        + WorkflowStore
        + FeedbackStore
        + KeyStore
        + WorkspaceStore
        + DeliveryStore
        + WebhookStore
        + NodeStore
        + ScheduleStore
        + AuditStore
        + MaintenanceStore
{
}

/// Executions and their journals.
#[async_trait]
pub trait ExecutionStore: Send + Sync {
    /// Appends to one execution, atomically; concurrent calls share one transaction and one
    /// fsync. When this answers `Ok`, it survives power loss. A commit that is refused leaves no
    /// trace and does not disturb those that it shared the transaction with.
    async fn commit(&self, commit: Commit) -> Result<()>;

    /// Loads an execution with its whole journal.
    async fn load_execution(&self, id: ExecutionId) -> Result<Option<StoredExecution>>;

    /// The execution that has this external id in the workspace.
    async fn find_by_external_id(
        &self,
        workspace: WorkspaceId,
        external_id: &str,
    ) -> Result<Option<ExecutionId>>;

    /// Executions in the order of their creation; those created at the same moment in that of
    /// their ids. Items and total are of the same moment.
    async fn list_executions(&self, list: ListExecutions) -> Result<Listed<ExecutionRecord>>;

    /// Gives unowned queued executions (status `Queued`, oldest first) to a node; answers them in
    /// that order. `Fenced` where the node is not alive.
    async fn claim_queued(&self, claim: ClaimQueued) -> Result<Vec<ExecutionId>>;

    /// Executions owned by the node whose `wake_at` is at or before `now`, earliest first.
    async fn due(&self, due: Due) -> Result<Vec<ExecutionId>>;

    /// The earliest `wake_at` of the executions that the node owns.
    async fn next_wake(&self, node: NodeId) -> Result<Option<Timestamp>>;

    /// Executions that the node owns, not ended, without a `wake_at` and not paused, in order of
    /// id and after `after`: those that must be resumed after a take-over.
    async fn owned_unfinished(&self, owned: OwnedUnfinished) -> Result<Vec<ExecutionId>>;

    /// What the key stands for.
    async fn find_idempotent(
        &self,
        workspace: WorkspaceId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>>;

    /// Takes a key for an answer that is not an execution or workflow; `Replayed` where taken.
    async fn save_idempotent(&self, record: IdempotencyRecord) -> Result<()>;

    /// Changes what a key stands for, or frees it, where it still has the outcome and fingerprint
    /// that it is thought to have. Answers whether it had.
    async fn swap_idempotent(&self, swap: SwapIdempotent) -> Result<bool>;

    /// The executions that are accepted and not ended, in order of id.
    async fn active_executions(&self, of: ActiveOf) -> Result<Vec<ExecutionId>>;
}

/// Parameters of [`ExecutionStore::swap_idempotent`].
#[derive(Debug, Clone)]
pub struct SwapIdempotent {
    /// As it is thought to be; when it was stored is passed over.
    pub from: IdempotencyRecord,
    /// What it stands for from now on; `None`: the key is free again.
    pub to: Option<String>,
}

/// Parameters of [`ExecutionStore::active_executions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActiveOf {
    /// Those that this key started.
    Key(KeyId),
    /// Those of this workspace.
    Workspace(WorkspaceId),
}

/// Parameters of [`ExecutionStore::claim_queued`].
#[derive(Debug, Clone, Copy)]
pub struct ClaimQueued {
    /// The node that takes them.
    pub node: NodeId,
    /// At most so many.
    pub limit: usize,
}

/// Parameters of [`ExecutionStore::due`].
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// The node that owns them.
    pub node: NodeId,
    /// Those due at this moment.
    pub now: Timestamp,
    /// At most so many.
    pub limit: usize,
}

/// Parameters of [`ExecutionStore::owned_unfinished`].
#[derive(Debug, Clone, Copy)]
pub struct OwnedUnfinished {
    /// The node that owns them.
    pub node: NodeId,
    /// Only those with a greater id.
    pub after: Option<ExecutionId>,
    /// At most so many.
    pub limit: usize,
}

/// Workflows and their releases.
#[async_trait]
pub trait WorkflowStore: Send + Sync {
    /// Creates a workflow with its first release.
    async fn create_workflow(&self, create: CreateWorkflow) -> Result<()>;

    /// Adds the next release and makes it the current one; the store numbers it. Answers the
    /// workflow as it is now. `Missing` where the workflow is not there or deleted, `Changed`
    /// where it is not at the expected version.
    async fn add_release(&self, add: AddRelease) -> Result<WorkflowRecord>;

    /// Changes what is not in a release. Answers the workflow as it is now. `Missing` where it is
    /// not there or deleted, `Changed` where it is not at the expected version.
    async fn update_workflow(&self, update: UpdateWorkflow) -> Result<WorkflowRecord>;

    /// The workflow, also a deleted one.
    async fn find_workflow(&self, id: WorkflowId) -> Result<Option<WorkflowRecord>>;

    /// The newest workflow of that name in the workspace that is not deleted.
    async fn find_workflow_by_name(
        &self,
        workspace: WorkspaceId,
        name: &str,
    ) -> Result<Option<WorkflowRecord>>;

    /// Workflows that are not deleted. Items and total are of the same moment.
    async fn list_workflows(&self, list: ListWorkflows) -> Result<Listed<WorkflowRecord>>;

    /// One release.
    async fn find_release(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<Option<ReleaseRecord>>;

    /// Counts of its executions; zeros where there are none.
    async fn workflow_stats(&self, workflow: WorkflowId) -> Result<WorkflowStats>;
}

/// Parameters of [`WorkflowStore::create_workflow`].
#[derive(Debug, Clone)]
pub struct CreateWorkflow {
    /// The workflow; `release` is 1.
    pub workflow: WorkflowRecord,
    /// Release 1.
    pub release: ReleaseRecord,
    /// The idempotency key to take in the same transaction.
    pub idempotency: Option<IdempotencyRecord>,
    /// What it causes.
    pub effects: Effects,
}

/// What of a workflow is in no release.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowParts {
    /// What it is for.
    pub description: Option<String>,
    /// Its type.
    pub kind: String,
    /// What its definition was made of.
    pub configuration: Option<Map>,
    /// What it is connected to.
    pub integrations: Vec<IntegrationUse>,
    /// The user's own labels.
    pub metadata: Map,
}

/// Parameters of [`WorkflowStore::add_release`].
#[derive(Debug, Clone)]
pub struct AddRelease {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The version it must be at; `None`: any.
    pub expected: Option<u64>,
    /// Its name from now on.
    pub name: String,
    /// The definition.
    pub source: std::sync::Arc<serde_json::Value>,
    /// The retention from now on.
    pub retention_seconds: Option<u64>,
    /// What is not in the release, from now on.
    pub parts: WorkflowParts,
    /// Release tags that point at it alone from now on.
    pub tags: Vec<String>,
    /// When.
    pub now: Timestamp,
    /// What it causes.
    pub effects: Effects,
}

/// Parameters of [`WorkflowStore::update_workflow`].
#[derive(Debug, Clone)]
pub struct UpdateWorkflow {
    /// The workflow.
    pub id: WorkflowId,
    /// The version it must be at; `None`: any.
    pub expected: Option<u64>,
    /// Whether it may be executed from now on; `None`: as before.
    pub active: Option<bool>,
    /// Whether it is deleted now. Its executions, releases and stats stay; its schedules go.
    pub delete: bool,
    /// What is not in a release, from now on; `None`: as before.
    pub parts: Option<WorkflowParts>,
    /// When.
    pub now: Timestamp,
    /// What it causes.
    pub effects: Effects,
}

impl UpdateWorkflow {
    /// A change of nothing but the time of the last change.
    pub fn of(id: WorkflowId, now: Timestamp) -> Self {
        let effects = Effects::default();
        Self { id, expected: None, active: None, delete: false, parts: None, now, effects }
    }
}

/// Which release a tag means, and what users say of the outputs of executions.
#[async_trait]
pub trait FeedbackStore: Send + Sync {
    /// Makes or moves a release tag, at once for all that come after. Whether the releases are
    /// there is for the caller to know.
    async fn put_release_tag(&self, tag: ReleaseTagRecord, effects: Effects) -> Result<()>;

    /// A release tag by its name.
    async fn find_release_tag(
        &self,
        workflow: WorkflowId,
        name: &str,
    ) -> Result<Option<ReleaseTagRecord>>;

    /// All release tags of a workflow, by name.
    async fn list_release_tags(&self, workflow: WorkflowId) -> Result<Vec<ReleaseTagRecord>>;

    /// Adds actuals, all or none.
    async fn add_actuals(&self, actuals: Vec<ActualRecord>) -> Result<()>;

    /// The actuals of an execution, in order of their ids. They go with it when it is purged.
    async fn list_actuals(&self, execution: ExecutionId) -> Result<Vec<ActualRecord>>;

    /// The actuals of a workflow summed up, by release and tag.
    async fn quality(&self, workflow: WorkflowId) -> Result<Vec<QualityRow>>;
}

/// API keys and settings.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Adds a key.
    async fn create_key(&self, key: KeyRecord, effects: Effects) -> Result<()>;
    /// The key with that hash, also an expired or revoked one.
    async fn find_key(&self, hash: [u8; 32]) -> Result<Option<KeyRecord>>;
    /// All keys of a workspace, newest first; all workspaces where `None`.
    async fn list_keys(&self, workspace: Option<WorkspaceId>) -> Result<Vec<KeyRecord>>;
    /// Revokes a key; `Missing` where it is not in the workspace. Revoking twice keeps the first
    /// time.
    async fn revoke_key(&self, revoke: RevokeKey) -> Result<()>;
    /// Notes when keys were last used.
    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<()>;
    /// A setting of the installation, such as a signing secret; where it is not there, `value`
    /// is stored. Answers what is stored.
    async fn setting_or_insert(&self, name: &str, value: &str) -> Result<String>;
}

/// Parameters of [`KeyStore::revoke_key`].
#[derive(Debug, Clone)]
pub struct RevokeKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The key.
    pub id: KeyId,
    /// When.
    pub now: Timestamp,
    /// What it causes.
    pub effects: Effects,
}

/// The tenants.
#[async_trait]
pub trait WorkspaceStore: Send + Sync {
    /// Adds a workspace, and takes the idempotency key in the same transaction; `Replayed` where
    /// it is taken. A workspace that is there already stays as it is.
    async fn create_workspace(
        &self,
        workspace: WorkspaceRecord,
        idempotency: Option<IdempotencyRecord>,
        effects: Effects,
    ) -> Result<()>;
    /// Changes a workspace; `Missing` where it is not there.
    async fn update_workspace(&self, update: UpdateWorkspace) -> Result<()>;
    /// A workspace.
    async fn find_workspace(&self, id: WorkspaceId) -> Result<Option<WorkspaceRecord>>;
    /// All workspaces, newest first.
    async fn list_workspaces(&self) -> Result<Vec<WorkspaceRecord>>;
}

/// Parameters of [`WorkspaceStore::update_workspace`].
#[derive(Debug, Clone)]
pub struct UpdateWorkspace {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its name from now on; `None`: as before.
    pub name: Option<String>,
    /// Its limits from now on; `None`: as before.
    pub limits: Option<RateLimits>,
    /// When.
    pub now: Timestamp,
    /// What it causes.
    pub effects: Effects,
}

/// The outbox.
///
/// Of the pending deliveries to one receiver about one subject only the first can be sent; a
/// *queue* is named by these two.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Writes what no change has caused.
    async fn add_effects(&self, effects: Effects) -> Result<()>;
    /// Pending deliveries that are due and first in their queue. Of each receiver the earliest;
    /// as a list first one of each receiver, in the order of their ids beginning behind `after`
    /// and going round, then a second of each, and so on.
    async fn due_deliveries(&self, due: DueDeliveries) -> Result<Vec<DeliveryRecord>>;
    /// The earliest `next_attempt_at` among deliveries that are first in their queue.
    async fn next_delivery(&self) -> Result<Option<Timestamp>>;
    /// Notes attempts, and whether their webhooks fail; one transaction. One whose delivery is
    /// gone is passed over.
    async fn record_attempts(&self, attempts: Vec<DeliveryAttempt>) -> Result<()>;
    /// All deliveries about a subject, in order of `sequence`, then of their ids.
    async fn list_deliveries(&self, subject: SubjectId) -> Result<Vec<DeliveryRecord>>;
}

/// Parameters of [`DeliveryStore::due_deliveries`].
#[derive(Debug, Clone)]
pub struct DueDeliveries {
    /// Those due at this moment.
    pub now: Timestamp,
    /// The queues of which a delivery is under way: no other one of theirs is given.
    pub under_way: BTreeSet<(ReceiverId, SubjectId)>,
    /// At most so many of one receiver, those under way counted.
    pub share: usize,
    /// The receiver before the one whose turn it is.
    pub after: Option<ReceiverId>,
    /// At most so many.
    pub limit: usize,
}

/// The result of one attempt to deliver.
#[derive(Debug, Clone)]
pub struct DeliveryAttempt {
    /// The delivery.
    pub id: DeliveryId,
    /// Where it stands now.
    pub status: DeliveryStatus,
    /// When it is tried next.
    pub next_attempt_at: Timestamp,
    /// What was done and what came back; its number is how many attempts were made now. It takes
    /// the place of one with the same number.
    pub attempt: AttemptRecord,
    /// What it says of the webhook.
    pub health: Health,
}

/// What an attempt says of its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers as it should.
    Well,
    /// It does not.
    Failing,
    /// Nothing: it was not asked.
    Unknown,
}

/// The server processes.
#[async_trait]
pub trait NodeStore: Send + Sync {
    /// Adds a node as alive; nothing more than a heartbeat where it is alive already, `Fenced`
    /// where it was declared dead.
    async fn join_node(&self, node: NodeId, now: Timestamp) -> Result<()>;
    /// Proves that the node lives; `Fenced` where it was declared dead.
    async fn heartbeat(&self, node: NodeId, now: Timestamp) -> Result<()>;
    /// Declares every other node whose last heartbeat is before `before` dead and gives its
    /// unfinished executions to `node`, in one transaction; those of nodes that are dead already
    /// (they left) as well. Answers how many executions. The dead ones are forgotten, which is the
    /// same to them as being dead. `Fenced` where `node` is not alive.
    async fn take_over(&self, node: NodeId, before: Timestamp) -> Result<u64>;
    /// Leaves in order: gives up all executions of the node that are queued, declares it dead.
    /// Its other unfinished executions wait for the next take-over.
    async fn leave(&self, node: NodeId) -> Result<()>;
}

/// Looking after the store.
#[async_trait]
pub trait MaintenanceStore: Send + Sync {
    /// Deletes ended executions that ended before their retention (their workflow's, else
    /// `default_before`), with journal and deliveries to their own URLs, at most `limit`
    /// executions; idempotency records older than `idempotency_before`; deliveries to webhooks
    /// older than `deliveries_before`; and audit entries older than `audit_before`. Answers how many executions. Counts of
    /// workflows stay. Runs in small transactions, so that it does not hold up commits.
    async fn purge(&self, purge: Purge) -> Result<u64>;
    /// Makes a consistent copy at `target`, which must not exist, while serving.
    async fn backup(&self, target: PathBuf) -> Result<()>;
    /// Whether the store answers and can write.
    async fn check(&self) -> Result<()>;
}

/// Parameters of [`MaintenanceStore::purge`].
#[derive(Debug, Clone, Copy)]
pub struct Purge {
    /// The moment from which a workflow's own retention counts.
    pub now: Timestamp,
    /// Where the workflow has no retention of its own: those that ended before; `None`: keep.
    pub default_before: Option<Timestamp>,
    /// Idempotency records from before are deleted.
    pub idempotency_before: Timestamp,
    /// Deliveries to webhooks that were made before and are not pending are deleted.
    pub deliveries_before: Timestamp,
    /// Audit entries from before are deleted; `None`: keep.
    pub audit_before: Option<Timestamp>,
    /// At most so many executions.
    pub limit: usize,
}
