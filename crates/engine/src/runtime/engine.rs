//! The state that all parts of the runtime share. It is data only: the files beside this one
//! implement what is done with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};

use stepwell_core::Timestamp;
use stepwell_core::cache::ByteCache;
use stepwell_core::ids::{KeyId, NodeId, WorkspaceId};
use stepwell_store::Store;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use super::background::Background;
use super::journals::Journals;
use super::live_config::LiveConfig;
use super::plans::Plans;
use super::registry::Registry;
use super::schedules::Schedules;
use super::secrets::Vault;
use super::step_concurrency::StepConcurrency;
use super::subscriptions::Subscriptions;
use super::suspects::Suspects;
use crate::clock::{Clock, SteadyClock};
use crate::egress::EgressClient;
use crate::limits::Meters;
use crate::memory::MemoryBudget;
use crate::telemetry::{EngineMetrics, MemoryPools};
use crate::{KeyedMutex, PayloadRenderer};

/// The state that all parts of the runtime share.
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: LiveConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) steady: SteadyClock,
    /// The offset between the wall clock and the monotonic one when stored times were last
    /// corrected, in microseconds.
    pub(crate) clock_offset: AtomicI64,
    /// When the last execution was created, in microseconds.
    pub(crate) last_created: AtomicI64,
    pub(crate) node: NodeId,
    pub(crate) plans: Plans,
    /// The subscriptions of webhooks.
    pub(crate) subscriptions: Subscriptions,
    /// Renders the bodies of deliveries.
    pub(crate) payloads: Arc<dyn PayloadRenderer>,
    /// The signing secrets of workspaces.
    pub(crate) secrets: ByteCache<WorkspaceId, String>,
    /// The secrets of executions that are not driven at present.
    pub(crate) vault: Vault,
    pub(crate) registry: Registry,
    pub(crate) egress: EgressClient,
    /// The budget of request bodies, values and responses.
    pub(crate) memory: MemoryBudget,
    /// Journals that are being shown.
    pub(crate) journals: Journals,
    /// The usage of rate limits.
    pub(crate) meters: Meters,
    pub(crate) metrics: EngineMetrics,
    /// The memory pools, for `/metrics`.
    pub(crate) pools: MemoryPools,
    pub(crate) background: Background,
    /// Executions that are recovered alone.
    pub(crate) suspects: Suspects,
    /// Bounds concurrent evaluations on threads.
    pub(crate) evaluations: Arc<Semaphore>,
    /// Bounds concurrent checks of inputs on threads.
    pub(crate) input_checks: Arc<Semaphore>,
    /// Bounds concurrent pure steps on threads.
    pub(crate) step_places: Arc<Semaphore>,
    /// The places under the concurrency limits of steps.
    pub(crate) step_concurrency: Arc<StepConcurrency>,
    /// Bounds concurrent dry runs.
    pub(crate) dry_runs: Arc<Semaphore>,
    /// The number of queued executions that this node knows of.
    pub(crate) queued: AtomicUsize,
    /// There is room for an execution, or one was queued.
    pub(crate) queue_changed: Notify,
    /// An execution left memory until a time that may be earlier than all others.
    pub(crate) timers_changed: Notify,
    /// A delivery was put in the outbox.
    pub(crate) outbox_changed: Notify,
    /// A message to an execution was stored, or an execution that may have some left memory.
    pub(crate) messages_changed: Notify,
    /// A runner has ended.
    pub(crate) runner_gone: Notify,
    /// When refusals were last added to the audit log, by key and reason.
    pub(crate) refusals: ByteCache<(Option<KeyId>, String), Timestamp>,
    /// The state of the scheduler.
    pub(crate) schedules: Schedules,
    /// Serializes the delivery of signals with the same key.
    pub(crate) signal_locks: KeyedMutex,
    /// Serializes the handling of signals with the same id.
    pub(crate) signal_id_locks: KeyedMutex,
    /// A bulk operation was stored.
    pub(crate) operations_changed: Notify,
    /// A bulk operation has made progress.
    pub(crate) operations_advanced: Notify,
}

/// A new id. All ids are of version 7, so they sort by creation.
pub(crate) fn new_uuid() -> Uuid {
    Uuid::now_v7()
}
