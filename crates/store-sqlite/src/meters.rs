//! The metrics of the store, registered when it is opened.

use std::time::Duration;

use metrics::{Counter, Histogram, Unit};

const TRANSACTION: &str = "stepwell_store_transaction_duration_seconds";
const COMMIT: &str = "stepwell_store_commit_duration_seconds";
const WRITES: &str = "stepwell_store_transaction_writes";
const FAILURES: &str = "stepwell_store_failures_total";

/// What the writing thread records.
#[derive(Debug, Clone)]
pub(crate) struct WriterMeters {
    transaction: Histogram,
    commit: Histogram,
    writes: Histogram,
    failures: Counter,
}

impl WriterMeters {
    pub(crate) fn register() -> Self {
        metrics::describe_histogram!(
            TRANSACTION,
            Unit::Seconds,
            "Time of the store's write transactions that were committed, commit included."
        );
        metrics::describe_histogram!(
            COMMIT,
            Unit::Seconds,
            "Time of the commits alone: writing the write-ahead log and flushing it to the disk."
        );
        metrics::describe_histogram!(WRITES, "Writes that shared one transaction.");
        Self {
            transaction: metrics::histogram!(TRANSACTION),
            commit: metrics::histogram!(COMMIT),
            writes: metrics::histogram!(WRITES),
            failures: failure_counter("write"),
        }
    }

    /// A transaction of so many writes was committed.
    pub(crate) fn committed(&self, writes: usize, transaction: Duration, commit: Duration) {
        self.transaction.record(transaction);
        self.commit.record(commit);
        self.writes.record(writes as f64);
    }

    /// A transaction was rolled back.
    pub(crate) fn failed(&self) {
        self.failures.increment(1);
    }
}

/// Counts what fails in the database, by kind of access.
pub(crate) fn failure_counter(operation: &'static str) -> Counter {
    metrics::describe_counter!(
        FAILURES,
        "Transactions and reads that failed in the database (full disk, I/O error, damage)."
    );
    metrics::counter!(FAILURES, "operation" => operation)
}
