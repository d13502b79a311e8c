//! The traits, a file each. One params struct a method, so that a call reads by itself.

mod deliveries;
mod executions;
mod feedback;
mod maintenance;
mod nodes;
mod recoveries;
mod settings;
mod workflows;

pub use deliveries::{DeliveryAttempt, DeliveryStore, DueDeliveries, Health};
pub use executions::{ActiveOf, ClaimQueued, Due, ExecutionStore, OwnedUnfinished, SwapIdempotent};
pub use feedback::FeedbackStore;
pub use maintenance::{MAX_COUNTED_DELIVERIES, MaintenanceStore, Purge, StoreGauges};
pub use nodes::{ClockCorrection, ClockMark, KEPT_CLOCK_MARKS, NodeStore};
pub use recoveries::{Recovery, RecoveryStore};
pub use settings::SettingStore;
pub use workflows::{AddRelease, CreateWorkflow, UpdateWorkflow, WorkflowParts, WorkflowStore};

use crate::{AuditStore, ObjectStore, ScheduleStore, StoreError, WebhookStore};

type Result<T> = std::result::Result<T, StoreError>;

/// A whole store.
pub trait Store:
    ExecutionStore
    + WorkflowStore
    + FeedbackStore
    + SettingStore
    + DeliveryStore
    + WebhookStore
    + NodeStore
    + RecoveryStore
    + ScheduleStore
    + AuditStore
    + ObjectStore
    + MaintenanceStore
{
}

impl<T> Store for T where
    T: ExecutionStore
        + WorkflowStore
        + FeedbackStore
        + SettingStore
        + DeliveryStore
        + WebhookStore
        + NodeStore
        + RecoveryStore
        + ScheduleStore
        + AuditStore
        + ObjectStore
        + MaintenanceStore
{
}
