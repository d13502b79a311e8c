//! The embedded store, on SQLite: SQL, and conversion between rows and the domain.
//!
//! One thread owns the connection that writes and puts everything that is queued into one
//! transaction; a few connections only read. This crate decides nothing: it checks the preconditions
//! of the traits, inside the transaction that writes.

mod audit;
mod connection;
mod deliveries;
mod effects;
mod error;
mod executions;
mod feedback;
mod gauges;
mod maintenance;
mod messages;
mod meters;
mod migrate;
mod nodes;
mod objects;
mod options;
mod readers;
mod recoveries;
mod row;
mod vacuum;
mod workflows;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use stepwell_store::StoreError;

pub use options::SqliteOptions;

use connection::ConnectionOpener;
use readers::Readers;
use writer::Writer;

/// A store in one SQLite database file.
///
/// Dropping it finishes what is queued and closes the file; [`SqliteStore::close`] does so without
/// blocking the caller's thread.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    opener: ConnectionOpener,
    /// The size of the database as last read, in bytes.
    database_bytes: Arc<AtomicU64>,
}

impl SqliteStore {
    /// Opens the database at `path`, creates it where it is not there, and migrates it to the
    /// newest version. Blocks while it does.
    ///
    /// # Errors
    /// `Unavailable` where the file cannot be opened or written, or belongs to a newer Stepwell or
    /// to another program; `Corrupt` where it is damaged.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let opener = ConnectionOpener::new(path.as_ref().to_path_buf(), options);
        let mut connection = opener.writer()?;
        migrate::migrate_database(&mut connection)?;
        let writer = Writer::start(connection, &opener)?;
        let readers = Readers::open(opener.clone())?;
        let database_bytes = Arc::new(AtomicU64::new(gauges::file_bytes(opener.path())));
        Ok(Self { writer, readers, opener, database_bytes })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        self.opener.path()
    }

    /// Finishes what is queued, moves the write-ahead log into the database and closes it.
    /// Later calls are rejected as `Unavailable`.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
