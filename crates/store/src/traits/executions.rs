//! Executions and their journals.

use std::sync::Arc;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{ExecutionId, KeyId, NodeId, WorkflowId, WorkspaceId};

use crate::commit::Commit;
use crate::error::{Result, StoreError};
use crate::lists::{ExecutionCursor, ExecutionFilter, List, Page};
use crate::record::{
    ExecutionRecord, IdempotencyOutcome, IdempotencyRecord, Loaded, StoredExecution,
};

/// Executions and their journals.
#[async_trait]
pub trait ExecutionStore: Send + Sync {
    /// Appends to one execution, atomically; concurrent calls share one transaction and one
    /// fsync. When this returns `Ok`, the commit survives power loss. A commit that is rejected
    /// changes nothing and does not affect those that it shared the transaction with.
    async fn commit(&self, commit: Arc<Commit>) -> Result<()>;

    /// Loads an execution with its journal or a part of it.
    async fn load_journal(&self, load: LoadJournal) -> Result<Option<Loaded>>;

    /// The execution that has this external id in the workspace.
    async fn find_by_external_id(
        &self,
        workspace: WorkspaceId,
        external_id: &str,
    ) -> Result<Option<ExecutionId>>;

    /// Executions in the order of their creation; those created at the same moment in that of
    /// their ids. Items and total are of the same moment.
    async fn list_executions(
        &self,
        workspace: WorkspaceId,
        list: List<ExecutionFilter>,
    ) -> Result<Page<ExecutionRecord, ExecutionCursor>>;

    /// Gives unowned queued executions (status `Queued`, oldest first) to a node, except those that
    /// wait for a concurrency place; returns them in that order. `Fenced` if the node is not alive.
    async fn claim_queued(&self, claim: ClaimQueued) -> Result<Vec<ExecutionId>>;

    /// Executions owned by the node whose `wake_at` is at or before `now`, earliest first; and the
    /// earliest `wake_at` of all.
    async fn due(&self, due: Due) -> Result<DueExecutions>;

    /// Executions that are accepted and have not ended, in order of id.
    async fn unfinished_executions(&self, list: Unfinished) -> Result<Vec<ExecutionId>>;

    /// The record of an idempotency key.
    async fn find_idempotent(
        &self,
        workspace: WorkspaceId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>>;

    /// Claims, replaces or frees an idempotency key (compare and swap). Returns whether the key had
    /// the expected record; `Replayed` if a key to claim is taken.
    async fn write_idempotent(&self, write: WriteIdempotent) -> Result<bool>;
}

/// Loads executions of any size.
#[async_trait]
pub trait LoadExecution {
    /// Loads an execution with its whole journal.
    ///
    /// # Errors
    /// Those of the store.
    async fn load_execution(&self, id: ExecutionId) -> Result<Option<StoredExecution>>;

    /// As [`ExecutionStore::load_journal`] with [`JournalExtent::UnlessLarger`].
    ///
    /// # Errors
    /// Those of the store.
    async fn load_unless_large(&self, id: ExecutionId, bytes: usize) -> Result<Option<Loaded>>;

    /// Loads an execution with the part of its journal from the event `first` on; see
    /// [`JournalExtent::Part`].
    ///
    /// # Errors
    /// Those of the store.
    async fn load_part(
        &self,
        id: ExecutionId,
        first: u64,
        bytes: usize,
    ) -> Result<Option<StoredExecution>>;
}

#[async_trait]
impl<S: ExecutionStore + ?Sized> LoadExecution for S {
    async fn load_execution(&self, id: ExecutionId) -> Result<Option<StoredExecution>> {
        match self.load_unless_large(id, usize::MAX).await? {
            Some(Loaded::Events(stored)) => Ok(Some(stored)),
            None => Ok(None),
            Some(Loaded::Large { .. }) => {
                Err(StoreError::Corrupt(format!("the journal of {id:?} has no end")))
            }
        }
    }

    async fn load_unless_large(&self, id: ExecutionId, bytes: usize) -> Result<Option<Loaded>> {
        self.load_journal(LoadJournal { id, extent: JournalExtent::UnlessLarger(bytes) }).await
    }

    async fn load_part(
        &self,
        id: ExecutionId,
        first: u64,
        bytes: usize,
    ) -> Result<Option<StoredExecution>> {
        let load = LoadJournal { id, extent: JournalExtent::Part { first, bytes } };
        match self.load_journal(load).await? {
            Some(Loaded::Events(stored)) => Ok(Some(stored)),
            Some(Loaded::Large { .. }) | None => Ok(None),
        }
    }
}

/// Parameters of [`ExecutionStore::load_journal`].
#[derive(Debug, Clone, Copy)]
pub struct LoadJournal {
    /// The execution.
    pub id: ExecutionId,
    /// How much of its journal.
    pub extent: JournalExtent,
}

/// How much of a journal is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalExtent {
    /// All of it, unless that takes more than so many bytes as stored: then [`Loaded::Large`]. A
    /// store that has executions in memory has nothing to load, and returns the whole.
    UnlessLarger(usize),
    /// The events from one on, in order, until they take `bytes` as stored: at least those that
    /// were stored together with the first.
    Part {
        /// The sequence number of the first event.
        first: u64,
        /// The size after which no further events are read.
        bytes: usize,
    },
}

/// Parameters of [`ExecutionStore::write_idempotent`].
#[derive(Debug, Clone)]
pub enum WriteIdempotent {
    /// Claims a free key, for a response that is not an execution or workflow.
    Claim(IdempotencyRecord),
    /// Replaces the outcome if the key still has the outcome and fingerprint of `from`.
    Replace {
        /// The expected record; its time is ignored.
        from: IdempotencyRecord,
        /// The new outcome.
        outcome: IdempotencyOutcome,
    },
    /// Frees the key if it still has the outcome and fingerprint of this record.
    Free(IdempotencyRecord),
}

/// Parameters of [`ExecutionStore::unfinished_executions`].
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// Which executions.
    pub of: UnfinishedOf,
    /// Only those with a greater id.
    pub after: Option<ExecutionId>,
    /// The maximum number of executions.
    pub limit: usize,
}

impl Unfinished {
    /// All of a key or workspace.
    pub const fn active(of: ActiveOf) -> Self {
        Self { of: UnfinishedOf::Active(of), after: None, limit: usize::MAX }
    }
}

/// Selects unfinished executions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnfinishedOf {
    /// Those that the node owns, without a `wake_at` and not paused: those that must be resumed
    /// after a takeover.
    Owner(NodeId),
    /// All of a key or workspace.
    Active(ActiveOf),
    /// Those that have a place under the limit of a concurrency key.
    WithPlace(ConcurrencyKey),
    /// The queued ones that wait for such a place.
    AwaitingPlace(ConcurrencyKey),
}

/// Selects executions by what limits them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActiveOf {
    /// Those that this key started.
    Key(KeyId),
    /// Those of this workspace.
    Workspace(WorkspaceId),
}

/// Selects the executions that share places under a concurrency limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrencyKey {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The key.
    pub key: String,
}

/// Parameters of [`ExecutionStore::claim_queued`].
#[derive(Debug, Clone, Copy)]
pub struct ClaimQueued {
    /// The node that claims them.
    pub node: NodeId,
    /// The maximum number of executions.
    pub limit: usize,
}

/// Parameters of [`ExecutionStore::due`].
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// The node that owns them.
    pub node: NodeId,
    /// The current time.
    pub now: Timestamp,
    /// The maximum number of executions.
    pub limit: usize,
}

/// What [`ExecutionStore::due`] reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DueExecutions {
    /// Those that are due.
    pub ids: Vec<ExecutionId>,
    /// The earliest `wake_at` of all, due or not.
    pub next: Option<Timestamp>,
}
