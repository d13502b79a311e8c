//! The server processes.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::NodeId;

use super::Result;

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
