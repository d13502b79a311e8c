//! What is stored, as the engine sees it. A file for what belongs together.

mod deliveries;
mod executions;
mod feedback;
mod messages;
mod nodes;
mod workflows;

pub use deliveries::{AttemptRecord, DeliveryHistory, DeliveryRecord, DeliveryStatus, Destination};
pub use executions::{
    ExecutionRecord, IdempotencyOutcome, IdempotencyRecord, Loaded, ParentStep, PlaceRecord,
    StoredExecution,
};
pub use feedback::{ActualRecord, QualityRow};
pub use messages::StoredMessage;
pub use nodes::NodeRecord;
pub use workflows::{
    IntegrationUse, ReleaseRecord, WorkflowParts, WorkflowRecord, WorkflowStats, has_label,
};
