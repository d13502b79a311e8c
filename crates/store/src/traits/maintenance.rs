//! Looking after the store.

use std::path::PathBuf;

use async_trait::async_trait;
use stepwell_core::Timestamp;

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
