//! The engine's one hot write.

use stepwell_core::execution::Recorded;
use stepwell_core::ids::NodeId;

use crate::record::{DeliveryRecord, ExecutionRecord, IdempotencyRecord};

/// What happens to one execution in one transaction: events, projection, outbox.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The committing node; refused as `Fenced` unless it is alive in the table.
    pub node: NodeId,
    /// The projection after these events.
    pub record: ExecutionRecord,
    /// The seq of the last event already stored; 0: the execution is new. Refused as `Conflict`
    /// where that is not so.
    pub expected_seq: u64,
    /// The events to append, in order; not empty.
    pub events: Vec<Recorded>,
    /// Deliveries to put in the outbox.
    pub deliveries: Vec<DeliveryRecord>,
    /// The idempotency key to take; refused as `Replayed` where it is taken. Only with a new
    /// execution.
    pub idempotency: Option<IdempotencyRecord>,
}
