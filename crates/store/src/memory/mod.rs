//! The reference store, in memory: obviously right rather than fast.
//!
//! Other stores are compared with it, and `stepwell run` executes in it. It keeps nothing on disk
//! and must never become clever: every read looks through everything.

mod audit;
mod deliveries;
mod executions;
mod feedback;
mod lists;
mod messages;
mod nodes;
mod objects;
mod places;
mod workflows;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use stepwell_core::Timestamp;
use stepwell_core::execution::OutgoingMessage;
use stepwell_core::ids::{
    ActualId, DeliveryId, ExecutionId, NodeId, ReceiverId, WorkflowId, WorkspaceId,
};

use uuid::Uuid;

use crate::audit::{AuditCursor, AuditRecord};
use crate::error::{Result, StoreError};
use crate::record::{
    ActualRecord, AttemptRecord, DeliveryRecord, IdempotencyRecord, NodeRecord, ReleaseRecord,
    StoredExecution, WorkflowRecord, WorkflowStats,
};
use crate::traits::Recovery;

/// A store that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    // A plain mutex: nothing awaits while it is held.
    state: Mutex<State>,
    /// Whether writes are refused.
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    executions: BTreeMap<ExecutionId, StoredExecution>,
    idempotent: BTreeMap<(WorkspaceId, String), IdempotencyRecord>,
    workflows: BTreeMap<WorkflowId, WorkflowRecord>,
    releases: BTreeMap<(WorkflowId, u32), ReleaseRecord>,
    actuals: BTreeMap<ActualId, ActualRecord>,
    stats: BTreeMap<WorkflowId, WorkflowStats>,
    deliveries: BTreeMap<DeliveryId, DeliveryRecord>,
    attempts: BTreeMap<(DeliveryId, u32), AttemptRecord>,
    /// The first failed attempt since the last success.
    failing: BTreeMap<ReceiverId, Timestamp>,
    nodes: BTreeMap<NodeId, NodeRecord>,
    /// Clock marks with their times.
    clocks: BTreeMap<Uuid, (i64, Timestamp)>,
    /// With the seq of the journal at the last recovery.
    recoveries: BTreeMap<ExecutionId, (u64, Recovery)>,
    audit: BTreeMap<AuditCursor, AuditRecord>,
    /// Messages to executions, by number.
    messages: BTreeMap<u64, OutgoingMessage>,
    last_message: u64,
    objects: objects::Objects,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has every write refused as `Unavailable`, as a store does whose disk is full, or accepted
    /// again. For tests.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// The state for a change.
    fn writable(&self) -> Result<MutexGuard<'_, State>> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the disk is full".to_owned()));
        }
        Ok(self.state())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change comes after the last operation that can fail, so what a panicking thread
        // leaves behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn require_alive(&self, node: NodeId) -> Result<()> {
        match self.nodes.get(&node) {
            Some(found) if found.alive => Ok(()),
            _ => Err(StoreError::Fenced),
        }
    }

    fn require_new_key(&self, wanted: Option<&IdempotencyRecord>) -> Result<()> {
        let Some(wanted) = wanted else { return Ok(()) };
        match self.idempotent.get(&(wanted.workspace, wanted.key.clone())) {
            Some(taken) => Err(StoreError::Replayed(Box::new(taken.clone()))),
            None => Ok(()),
        }
    }

    fn take_key(&mut self, record: Option<IdempotencyRecord>) {
        if let Some(record) = record {
            self.idempotent.insert((record.workspace, record.key.clone()), record);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::Store;

    crate::conformance_tests!(async || (Arc::new(MemoryStore::new()) as Arc<dyn Store>, ()));
}
