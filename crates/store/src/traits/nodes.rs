//! The server processes.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::NodeId;
use uuid::Uuid;

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
    /// What was last noted of the clocks of a machine since that start of it.
    async fn clock_mark(&self, boot: Uuid) -> Result<Option<ClockMark>>;
    /// Makes up for a wall clock that was set, and for time during which no server ran, in one
    /// transaction, so that lengths of time stay as long as they are: whatever the node's
    /// unfinished executions wait for is moved by `waits` (what they wait for is checked when they
    /// wake), heartbeats after `now` as well where that is earlier. Where no other node that is
    /// alive has a smaller id, what all nodes share is moved too: the next attempts of pending
    /// deliveries by `pauses`; the ends of their attempts, and the moments since which webhooks
    /// fail, by `limits`. Returns whether that is so. `Fenced` where the node is not alive.
    async fn correct_clock(&self, correction: ClockCorrection) -> Result<bool>;
    /// Leaves in order: gives up all executions of the node that are queued, declares it dead.
    /// Its other unfinished executions wait for the next take-over.
    async fn leave(&self, node: NodeId) -> Result<()>;
}

/// Parameters of [`NodeStore::correct_clock`]. Moments are moved by microseconds, earlier where
/// they are negative.
#[derive(Debug, Clone, Copy)]
pub struct ClockCorrection {
    /// The node that noticed it.
    pub node: NodeId,
    /// By how much waits of executions are moved.
    pub waits: i64,
    /// By how much the next attempts of deliveries are moved.
    pub pauses: i64,
    /// By how much the ends of attempts are moved.
    pub limits: i64,
    /// The moment that it is now.
    pub now: Timestamp,
    /// Whether the node has just started: of the others, those count that have proved since that
    /// they live.
    pub at_start: bool,
    /// What is noted of the clocks, together with the correction.
    pub mark: Option<ClockMark>,
}

/// How the wall clock and the clock of a machine since its start go together. It only changes when
/// the wall clock is set, so a later server on that machine knows by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockMark {
    /// Which start of which machine.
    pub boot: Uuid,
    /// How far the wall clock is ahead of the other, in microseconds.
    pub offset: i64,
}

/// How many marks are kept at least: of so many starts of machines.
pub const KEPT_CLOCK_MARKS: usize = 64;
