//! Errors of a store, by what a caller can do about them.

use crate::record::IdempotencyRecord;

/// The result of a call of a store.
pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// Why a call of a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The idempotency key is taken: replay its outcome.
    #[error("the idempotency key was used before")]
    Replayed(Box<IdempotencyRecord>),
    /// The external id is taken in this workspace, by that execution.
    #[error("the external id is taken by execution {0}")]
    ExternalIdTaken(stepwell_core::ids::ExecutionId),
    /// The new execution must get its concurrency place at once, and there is none.
    #[error("{taken} of {limit} places of the concurrency key are taken")]
    NoPlace {
        /// How many executions with the key have a place.
        taken: u64,
        /// How many may have one.
        limit: u32,
    },
    /// The journal is not where the caller thought it was: reload and decide again.
    #[error("the journal of {id} is at {actual}, not at {expected}")]
    Conflict {
        /// The execution.
        id: stepwell_core::ids::ExecutionId,
        /// What the caller thought.
        expected: u64,
        /// What is so.
        actual: u64,
    },
    /// The committing node is not alive in the table: it must stop.
    #[error("this node was declared dead; another one has taken over its executions")]
    Fenced,
    /// The object was changed after the caller had read it: read it again and decide again.
    #[error("{0} has changed since it was read")]
    Outdated(&'static str),
    /// The workflow is at another version than the caller thought: look again.
    #[error("the workflow has changed; it is at version {0}")]
    Changed(u64),
    /// An object of this kind has the unique key already.
    #[error("the unique key of the {0} is taken")]
    UniqueKeyTaken(&'static str),
    /// The object to change is not there.
    #[error("{0} was not found")]
    Missing(&'static str),
    /// The store cannot be used now (disk full, connection lost); nothing was changed. Try later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored cannot be understood.
    #[error("the store holds something that cannot be read: {0}")]
    Corrupt(String),
}
