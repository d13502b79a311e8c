//! The storage seam: what the engine needs of a store, and nothing of how it is kept.
//!
//! A store keeps and finds; it decides nothing. Every write that belongs together arrives as one
//! call and is one transaction; an answer to a write means that it survives power loss. The
//! conformance suite (`conformance`) defines what a store is, the in-memory store
//! (`memory::MemoryStore`) is the reference that others are compared with.

pub mod audit;
pub mod commit;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
#[cfg(any(test, feature = "testing"))]
pub mod differential;
pub mod effects;
mod error;
pub mod lists;
pub mod memory;
pub mod objects;
pub mod record;
pub mod schedules;
pub mod traits;
pub mod webhooks;

pub use audit::AuditStore;
pub use effects::Effects;
pub use error::StoreError;
pub use objects::ObjectStore;
pub use schedules::ScheduleStore;
pub use traits::{
    DeliveryStore, ExecutionStore, FeedbackStore, MaintenanceStore, NodeStore, RecoveryStore,
    SettingStore, Store, WorkflowStore,
};
pub use webhooks::WebhookStore;
