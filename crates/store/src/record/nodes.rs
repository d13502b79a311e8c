//! The server processes.

use stepwell_core::Timestamp;
use stepwell_core::ids::NodeId;

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
