//! The server processes.

use std::time::Duration;

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
    /// The latest heartbeat of any node that is remembered, alive or dead.
    async fn last_heartbeat(&self) -> Result<Option<Timestamp>>;
    /// Makes up for a wall clock that was set back, in one transaction, so that lengths of time
    /// stay as long as they are: whatever the node's unfinished executions wait for comes earlier
    /// by as much (what they wait for is checked when they wake), as do heartbeats after `now`.
    /// Where no other node that is alive has a smaller id, so do the attempts and the ends of
    /// pending deliveries, which all nodes share. Answers whether that is so. `Fenced` where the
    /// node is not alive.
    async fn clock_set_back(&self, set_back: ClockSetBack) -> Result<bool>;
    /// Leaves in order: gives up all executions of the node that are queued, declares it dead.
    /// Its other unfinished executions wait for the next take-over.
    async fn leave(&self, node: NodeId) -> Result<()>;
}

/// Parameters of [`NodeStore::clock_set_back`].
#[derive(Debug, Clone, Copy)]
pub struct ClockSetBack {
    /// The node that noticed it.
    pub node: NodeId,
    /// By how much.
    pub by: Duration,
    /// The moment that it is now.
    pub now: Timestamp,
    /// Whether the node has just started: of the others, those count that have proved since that
    /// they live.
    pub at_start: bool,
}
