//! The traits, a file each. A method has one parameter struct, so that a call is readable without
//! its declaration.

mod deliveries;
mod executions;
mod feedback;
mod maintenance;
mod messages;
mod nodes;
mod workflows;

pub use deliveries::{
    DeliveriesOf, DeliveryAttempt, DeliveryFilter, DeliveryStore, DueDeliveries, Health, OutboxDue,
    Redeliver,
};
pub use executions::{
    ActiveOf, ClaimQueued, ConcurrencyKey, Due, DueExecutions, ExecutionStore, JournalExtent,
    LoadExecution, LoadJournal, Unfinished, UnfinishedOf, WriteIdempotent,
};
pub use feedback::FeedbackStore;
pub use maintenance::{
    MAX_COUNTED_DELIVERIES, MAX_COUNTED_WORKFLOWS, MaintenanceStore, OldData, Purge, StoreGauges,
    WorkflowPlaces,
};
pub use messages::{FindReceivers, MessageStore, Receivers};
pub use nodes::{
    ClockCorrection, ClockMark, CountRecoveries, Heartbeat, HeartbeatKind, KEPT_CLOCK_MARKS,
    LastSeen, NodeStore, Recovery, RecoveryCount,
};
pub use workflows::{AddRelease, CreateWorkflow, FindWorkflow, UpdateWorkflow, WorkflowStore};

use crate::audit::AuditStore;
use crate::objects::ObjectStore;

/// A whole store.
pub trait Store:
    ExecutionStore
    + WorkflowStore
    + FeedbackStore
    + DeliveryStore
    + MessageStore
    + NodeStore
    + AuditStore
    + ObjectStore
    + MaintenanceStore
{
}

impl<T> Store for T where
    T: ExecutionStore
        + WorkflowStore
        + FeedbackStore
        + DeliveryStore
        + MessageStore
        + NodeStore
        + AuditStore
        + ObjectStore
        + MaintenanceStore
{
}
