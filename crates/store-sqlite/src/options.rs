//! What can be chosen about the database.

use stepwell_core::cache::PoolUsage;

/// The prepared statements that a connection keeps, about, in bytes.
const STATEMENT_BYTES: u64 = 512 << 10;

/// What the connections that look after the write-ahead log may cache, in KiB.
pub(crate) const HELPER_CACHE_KIB: u32 = 64;

/// Options of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How many connections read at the same time, at most; at least 1 is used.
    pub readers: usize,
    /// How many writes can be queued before callers have to wait.
    pub queue: usize,
    /// How many bytes of journal may wait, roughly and at most; one write may have more.
    pub queue_bytes: usize,
    /// How many writes share one transaction, at most.
    pub batch_writes: usize,
    /// How many bytes of journal share one transaction, roughly and at most.
    pub batch_bytes: usize,
    /// What the writing connection may cache, in KiB; the reading ones a quarter of it each.
    pub cache_kib: u32,
    /// From which size on the write-ahead log is held back, in pages of 4 KiB: the writer then
    /// pauses to move it into the database.
    pub wal_pages: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 1024,
            queue_bytes: 64 << 20,
            batch_writes: 512,
            batch_bytes: 8 << 20,
            cache_kib: 8 << 10,
            wal_pages: 16 << 10,
        }
    }
}

impl SqliteOptions {
    /// What a connection that reads may cache, in KiB.
    pub(crate) const fn reader_cache_kib(&self) -> u32 {
        self.cache_kib / 4
    }

    /// What the caches of all connections to a database of so many bytes take, at most, and may
    /// take. SQLite does not report what they hold: no more than the database.
    pub(crate) fn cache_usage(&self, database_bytes: u64) -> PoolUsage {
        let readers = std::iter::repeat_n(self.reader_cache_kib(), self.readers.max(1));
        let caches = readers.chain([self.cache_kib, HELPER_CACHE_KIB]);
        let (mut used, mut limit) = (0, 0);
        for cache_kib in caches {
            let cache = u64::from(cache_kib) << 10;
            used += STATEMENT_BYTES + cache.min(database_bytes);
            limit += STATEMENT_BYTES + cache;
        }
        PoolUsage::new("sqlite", used, limit)
    }
}
