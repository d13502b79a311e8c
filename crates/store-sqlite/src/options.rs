//! What can be chosen about the database.

/// How the database is run. The defaults are meant for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How many connections read at the same time, at most; at least 1 is used.
    pub readers: usize,
    /// How many writes may wait before those who ask for more have to wait themselves.
    pub queue: usize,
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
            batch_writes: 512,
            batch_bytes: 8 << 20,
            cache_kib: 8 << 10,
            wal_pages: 16 << 10,
        }
    }
}
