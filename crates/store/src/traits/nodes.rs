//! The server processes.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{ExecutionId, NodeId};
use uuid::Uuid;

use crate::error::Result;

/// The server processes.
#[async_trait]
pub trait NodeStore: Send + Sync {
    /// Changes the lease of a node, by [`HeartbeatKind`].
    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<()>;
    /// Declares every other node whose last heartbeat is before `before` dead and gives its
    /// unfinished executions to `node`, in one transaction; those of nodes that are dead already
    /// (they left) as well. Returns how many executions. Dead nodes are deleted, which has the same
    /// effect on them. `Fenced` if `node` is not alive.
    async fn take_over(&self, node: NodeId, before: Timestamp) -> Result<u64>;
    /// The latest heartbeat of all nodes, and the clock mark of a boot.
    async fn last_seen(&self, boot: Option<Uuid>) -> Result<LastSeen>;
    /// Compensates for a wall clock that was set, and for time during which no server ran, in one
    /// transaction, so that durations keep their length: the `wake_at` of the node's unfinished
    /// executions moves by `waits` (what they wait for is checked when they wake), heartbeats after
    /// `now` as well if that is earlier. If no other node that is alive has a smaller id, what all
    /// nodes share moves too: the next attempts of pending deliveries by `pauses`; the ends of
    /// their attempts, and the times since which webhooks fail, by `limits`. Returns whether that
    /// is so. `Fenced` if the node is not alive.
    async fn correct_clock(&self, correction: ClockCorrection) -> Result<bool>;
    /// Counts recoveries or trials of executions, durably: an execution that crashes the process
    /// again and again is recognised by its counts. Counting restarts when the journal grows.
    /// Returns the counts of known executions in the order of `ids`; a trial of an execution
    /// without a counted recovery is ignored.
    async fn count_recoveries(&self, count: CountRecoveries) -> Result<Vec<Recovery>>;
}

/// Parameters of [`NodeStore::heartbeat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// The node.
    pub node: NodeId,
    /// The current time.
    pub now: Timestamp,
    /// What it does.
    pub kind: HeartbeatKind,
}

/// What a heartbeat does to the lease of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatKind {
    /// Begins the lease, or renews it. `Fenced` if the node was declared dead.
    Join,
    /// Renews the lease. `Fenced` if the node was declared dead, or is not known.
    Renew,
    /// Ends the lease in order: gives up all executions of the node that are queued, and declares
    /// it dead. Its other unfinished executions wait for the next takeover.
    Leave,
}

/// What [`NodeStore::last_seen`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastSeen {
    /// The latest heartbeat of any node that is stored, alive or dead.
    pub heartbeat: Option<Timestamp>,
    /// The last clock mark of the boot.
    pub mark: Option<ClockMark>,
}

/// Parameters of [`NodeStore::correct_clock`]. Times move by microseconds, earlier if they are
/// negative.
#[derive(Debug, Clone, Copy)]
pub struct ClockCorrection {
    /// The node that noticed it.
    pub node: NodeId,
    /// By how much waits of executions move.
    pub waits: i64,
    /// By how much the next attempts of deliveries move.
    pub pauses: i64,
    /// By how much the ends of attempts move.
    pub limits: i64,
    /// The current time.
    pub now: Timestamp,
    /// Whether the node has just started: of the other nodes, only those with a heartbeat since
    /// then count.
    pub at_start: bool,
    /// The clock mark to store with the correction.
    pub mark: Option<ClockMark>,
}

/// The offset between the wall clock and the boot clock of a machine. It only changes when the wall
/// clock is set, so a later server on that machine knows by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockMark {
    /// The boot of the machine.
    pub boot: Uuid,
    /// How far the wall clock is ahead, in microseconds.
    pub offset: i64,
}

/// How many marks are kept at least.
pub const KEPT_CLOCK_MARKS: usize = 64;

/// Parameters of [`NodeStore::count_recoveries`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountRecoveries {
    /// The executions.
    pub ids: Vec<ExecutionId>,
    /// What is counted.
    pub counted: RecoveryCount,
}

/// What [`NodeStore::count_recoveries`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryCount {
    /// A recovery, before it begins.
    Recovery,
    /// That the execution is recovered alone, or that its recovery takes long.
    Trial,
}

/// The counts of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The execution.
    pub id: ExecutionId,
    /// How often it was recovered since its journal last grew, including this recovery.
    pub recoveries: u32,
    /// How many trials were counted since then.
    pub trials: u32,
}
