//! How often an execution was recovered without getting any further.

use async_trait::async_trait;
use stepwell_core::ids::ExecutionId;

use super::Result;

/// How often an execution was recovered without getting any further: what takes the process down
/// again and again is found by it.
#[async_trait]
pub trait RecoveryStore: Send + Sync {
    /// Counts another recovery of each, durably, before it begins. Counting starts again where
    /// the journal has grown since the last one. Unknown executions are left out of the result;
    /// the others come in the order of `ids`.
    async fn begin_recoveries(&self, ids: Vec<ExecutionId>) -> Result<Vec<Recovery>>;

    /// Counts that the execution is recovered alone, or that this takes long. Does nothing where
    /// no recovery was counted.
    async fn count_trial(&self, id: ExecutionId) -> Result<()>;
}

/// What is known of an execution that is about to be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The execution.
    pub id: ExecutionId,
    /// How often it was recovered since its journal last grew, with this time.
    pub recoveries: u32,
    /// How often [`RecoveryStore::count_trial`] was called since then.
    pub trials: u32,
}
