//! Executions and their journals.

use std::sync::Arc;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{ExecutionId, KeyId, NodeId, WorkspaceId};

use super::Result;
use crate::commit::Commit;
use crate::lists::{ListExecutions, Listed};
use crate::record::{ExecutionRecord, IdempotencyRecord, Loaded, StoredExecution};

/// Executions and their journals.
#[async_trait]
pub trait ExecutionStore: Send + Sync {
    /// Appends to one execution, atomically; concurrent calls share one transaction and one
    /// fsync. When this answers `Ok`, it survives power loss. A commit that is refused leaves no
    /// trace and does not disturb those that it shared the transaction with.
    async fn commit(&self, commit: Arc<Commit>) -> Result<()>;

    /// Loads an execution with its whole journal.
    async fn load_execution(&self, id: ExecutionId) -> Result<Option<StoredExecution>>;

    /// As [`ExecutionStore::load_execution`], unless its journal takes more than `bytes` as stored:
    /// then the execution with an estimate of the memory that loading it takes. A store that has
    /// executions in memory has nothing to load.
    async fn load_unless_large(&self, id: ExecutionId, _bytes: usize) -> Result<Option<Loaded>> {
        Ok(self.load_execution(id).await?.map(Loaded::Whole))
    }

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
