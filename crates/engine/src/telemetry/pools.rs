//! The pools of memory: caches, queues and buffers that are bounded in bytes. `/metrics` shows what
//! each takes and may take, and how the look-ups of the caches ended.

use std::sync::{Mutex, PoisonError};

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use stepwell_core::cache::{CacheLookups, PoolUsage};

const USED: &str = "stepwell_memory_bytes";
const LIMIT: &str = "stepwell_memory_limit_bytes";
const LOOKUPS: &str = "stepwell_cache_lookups_total";

type ReadUsage = Box<dyn Fn() -> Vec<PoolUsage> + Send + Sync>;

/// All pools of memory of a server.
#[derive(Default)]
pub(crate) struct MemoryPools(Mutex<Vec<ReadUsage>>);

impl MemoryPools {
    pub(crate) fn register() -> Self {
        describe_gauge!(
            USED,
            Unit::Bytes,
            "Memory that caches, queues and buffers take, by pool, as estimated."
        );
        describe_gauge!(LIMIT, Unit::Bytes, "The most memory that each of the pools may take.");
        describe_counter!(LOOKUPS, "Look-ups in caches, by cache and result.");
        Self::default()
    }

    /// Adds pools: `usage` reads what they take and may take.
    pub(crate) fn add(&self, usage: impl Fn() -> Vec<PoolUsage> + Send + Sync + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(usage));
    }

    /// All pools as they are now.
    pub(crate) fn usages(&self) -> Vec<PoolUsage> {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.iter().flat_map(|read| read()).collect()
    }

    /// Brings the gauges up to date.
    pub(crate) fn publish(&self) {
        self.usages().into_iter().for_each(show_memory_pool);
    }
}

/// Shows in the metrics what a pool of memory takes and may take; of a cache also its look-ups.
pub fn show_memory_pool(usage: PoolUsage) {
    let PoolUsage { name, used, limit, lookups } = usage;
    gauge!(USED, "pool" => name).set(used as f64);
    gauge!(LIMIT, "pool" => name).set(limit as f64);
    if let Some(CacheLookups { hits, misses }) = lookups {
        counter!(LOOKUPS, "cache" => name, "result" => "hit").absolute(hits);
        counter!(LOOKUPS, "cache" => name, "result" => "miss").absolute(misses);
    }
}
