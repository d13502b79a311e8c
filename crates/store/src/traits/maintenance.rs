//! Maintenance of the store.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use crate::error::Result;

/// Maintenance of the store.
#[async_trait]
pub trait MaintenanceStore: Send + Sync {
    /// Deletes ended executions, with journal and deliveries to their own URLs, and with
    /// [`Purge::Old`] other old data. Returns how many executions. Counts of workflows stay. Runs
    /// in small transactions, so that it does not delay commits.
    async fn purge(&self, purge: Purge) -> Result<u64>;
    /// How much is waiting in the store, and how large it is. The cost depends on what is waiting,
    /// not on what else is stored.
    async fn gauges(&self) -> Result<StoreGauges>;
}

/// Up to how many pending deliveries [`MaintenanceStore::gauges`] counts.
pub const MAX_COUNTED_DELIVERIES: usize = 100_000;

/// Of how many workflows [`MaintenanceStore::gauges`] counts the places.
pub const MAX_COUNTED_WORKFLOWS: usize = 10_000;

/// What [`MaintenanceStore::gauges`] reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreGauges {
    /// All stored executions by their status, in the order of [`Status::ALL`]. Kept up to date by
    /// the writes that change it.
    pub by_status: [u64; Status::ALL.len()],
    /// Queued executions that no node owns.
    pub queued: u64,
    /// When the one with the smallest id was created.
    pub oldest_queued: Option<Timestamp>,
    /// Pending deliveries, up to [`MAX_COUNTED_DELIVERIES`].
    pub pending_deliveries: u64,
    /// Of the first pending deliveries of each receiver and subject, the one with the smallest id:
    /// when it was created.
    pub oldest_delivery: Option<Timestamp>,
    /// The size of the database; 0 if there is no file.
    pub database_bytes: u64,
    /// The part of it that is free for new data.
    pub free_bytes: u64,
    /// When the execution with the smallest id was created.
    pub oldest_execution: Option<Timestamp>,
    /// The size of its write-ahead log.
    pub log_bytes: u64,
    /// The places of workflows with a concurrency limit whose executions have some or wait for some,
    /// in order of id, of at most [`MAX_COUNTED_WORKFLOWS`].
    pub places: Vec<WorkflowPlaces>,
}

/// The places under concurrency limits of one workflow, all its keys together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkflowPlaces {
    /// The workflow.
    pub workflow: WorkflowId,
    /// How many are taken.
    pub taken: u64,
    /// How many are waited for.
    pub waiting: u64,
}

/// What [`MaintenanceStore::purge`] deletes.
#[derive(Debug, Clone)]
pub enum Purge {
    /// What is older than it is kept.
    Old(OldData),
    /// Those of these executions that have ended.
    Ended(Vec<ExecutionId>),
}

impl From<OldData> for Purge {
    fn from(old: OldData) -> Self {
        Self::Old(old)
    }
}

/// How long data is kept. Executions are kept for the retention of their workflow, else until
/// `default_before`.
#[derive(Debug, Clone, Copy)]
pub struct OldData {
    /// The time from which a workflow's own retention counts.
    pub now: Timestamp,
    /// For workflows without a retention of their own: executions that ended before are deleted;
    /// `None`: none is.
    pub default_before: Option<Timestamp>,
    /// Older idempotency records are deleted.
    pub idempotency_before: Timestamp,
    /// Older deliveries to webhooks that are not pending are deleted.
    pub deliveries_before: Timestamp,
    /// Older audit entries are deleted; `None`: none is.
    pub audit_before: Option<Timestamp>,
    /// The maximum number of executions.
    pub limit: usize,
}
