//! The storage seam: what the engine needs of a store, and nothing of how it is kept.
//!
//! A store keeps and finds; it decides nothing. Every write that belongs together arrives as one
//! call and is one transaction; a write that returns survives power loss. The
//! conformance suite (`conformance`) defines what a store is, the in-memory store
//! (`memory::MemoryStore`) is the reference that others are compared with.

pub mod audit;
pub mod codec;
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
pub mod outbox;
pub mod record;
pub mod rollup;
pub mod traits;

pub use audit::AuditStore;
pub use effects::Effects;
pub use error::StoreError;
pub use objects::ObjectStore;
pub use traits::{
    DeliveryStore, ExecutionStore, FeedbackStore, LoadExecution, MaintenanceStore, MessageStore,
    NodeStore, Store, WorkflowStore,
};
