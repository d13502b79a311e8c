//! Looking after the store.

use std::path::PathBuf;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::cache::PoolUsage;

use super::Result;

/// Looking after the store.
#[async_trait]
pub trait MaintenanceStore: Send + Sync {
    /// Deletes ended executions that ended before their retention (their workflow's, else
    /// `default_before`), with journal and deliveries to their own URLs, at most `limit`
    /// executions; idempotency records older than `idempotency_before`; deliveries to webhooks
    /// older than `deliveries_before`; and audit entries older than `audit_before`. Answers how many executions. Counts of
    /// workflows stay. Runs in small transactions, so that it does not hold up commits.
    async fn purge(&self, purge: Purge) -> Result<u64>;
    /// Makes a consistent copy at `target`, which must not exist, while serving.
    async fn backup(&self, target: PathBuf) -> Result<()>;
    /// Whether the store answers and can write.
    async fn check(&self) -> Result<()>;
    /// What waits in the store, and how large it is. Costs no more than what waits, whatever else
    /// is stored.
    async fn gauges(&self) -> Result<StoreGauges>;
    /// The caches and queues that the store holds in memory, with what they take and may take.
    fn memory_pools(&self) -> Vec<PoolUsage> {
        Vec::new()
    }
}

/// Up to how many pending deliveries [`MaintenanceStore::gauges`] counts.
pub const MAX_COUNTED_DELIVERIES: usize = 100_000;

/// What [`MaintenanceStore::gauges`] reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreGauges {
    /// Queued executions that no node owns.
    pub queued: u64,
    /// When the one with the smallest id was created.
    pub oldest_queued: Option<Timestamp>,
    /// Pending deliveries, up to [`MAX_COUNTED_DELIVERIES`].
    pub pending_deliveries: u64,
    /// Of the first pending deliveries of each receiver and subject, the one with the smallest id:
    /// when it was created.
    pub oldest_delivery: Option<Timestamp>,
    /// Webhooks that the server has disabled.
    pub disabled_webhooks: u64,
    /// The size of the database; 0 where there is no file.
    pub database_bytes: u64,
    /// The size of its write-ahead log.
    pub log_bytes: u64,
}

/// Parameters of [`MaintenanceStore::purge`].
#[derive(Debug, Clone, Copy)]
pub struct Purge {
    /// The moment from which a workflow's own retention counts.
    pub now: Timestamp,
    /// Where the workflow has no retention of its own: those that ended before; `None`: keep.
    pub default_before: Option<Timestamp>,
    /// Idempotency records from before are deleted.
    pub idempotency_before: Timestamp,
    /// Deliveries to webhooks that were made before and are not pending are deleted.
    pub deliveries_before: Timestamp,
    /// Audit entries from before are deleted; `None`: keep.
    pub audit_before: Option<Timestamp>,
    /// At most so many executions.
    pub limit: usize,
}
