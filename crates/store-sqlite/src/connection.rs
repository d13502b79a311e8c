//! Opening connections, each set up for its part.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use stepwell_store::StoreError;

use crate::error::store_error;
use crate::options::{HELPER_CACHE_KIB, SqliteOptions};
use crate::vacuum;

/// How long a connection waits for another process (a backup tool, a second start) to let go.
const BUSY: Duration = Duration::from_secs(5);
/// How often switching to the write-ahead log is tried: SQLite does not wait there by itself.
const WAL_ATTEMPTS: u32 = 100;
/// Enough for every statement of this crate.
const STATEMENTS: usize = 96;

/// Opens connections to one database.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionOpener {
    path: PathBuf,
    pub(crate) options: SqliteOptions,
}

impl ConnectionOpener {
    pub(crate) fn new(path: PathBuf, options: SqliteOptions) -> Self {
        Self { path, options }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The connection that writes; creates the file where it is not there.
    pub(crate) fn writer(&self) -> Result<Connection, StoreError> {
        self.create().map_err(|error| self.unavailable(&error))?;
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE, self.options.cache_kib)?;
        match vacuum::prepare_new(&connection) {
            // Another process is creating it.
            Err(error) if is_busy(&error) => {}
            prepared => prepared.map_err(|error| self.failed(&error))?,
        }
        switch_to_wal(&connection).map_err(|error| self.failed(&error))?;
        // FULL: a commit is on the disk when it is acknowledged. The log is moved into the
        // database by the writer and its helper, not by whichever commit comes along.
        let setup = "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;";
        connection.execute_batch(setup).map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    /// A connection that only reads.
    pub(crate) fn reader(&self) -> Result<Connection, StoreError> {
        let connection =
            self.open(OpenFlags::SQLITE_OPEN_READ_WRITE, self.options.reader_cache_kib())?;
        connection.pragma_update(None, "query_only", true).map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    /// A connection that moves the log into the database, or copies it.
    pub(crate) fn helper(&self) -> Result<Connection, StoreError> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE, HELPER_CACHE_KIB)?;
        let setup = "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;";
        connection.execute_batch(setup).map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    fn open(&self, flags: OpenFlags, cache_kib: u32) -> Result<Connection, StoreError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(BUSY)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
            connection.pragma_update(None, "temp_store", "memory")?;
            Ok(connection)
        };
        open().map_err(|error| self.failed(&error))
    }

    /// Creates an empty file that only its owner can read: it will hold signing secrets.
    fn create(&self) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new();
        file.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        match file.open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            made => made.map(drop),
        }
    }

    fn unavailable(&self, error: &dyn std::fmt::Display) -> StoreError {
        StoreError::Unavailable(format!("cannot open {}: {error}", self.path.display()))
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        match store_error(error) {
            StoreError::Corrupt(text) => {
                StoreError::Corrupt(format!("{}: {text}", self.path.display()))
            }
            _ => self.unavailable(error),
        }
    }
}

fn switch_to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut attempt = 0;
    loop {
        let switched =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        let mode: String = match switched {
            Err(error) if is_busy(&error) && attempt < WAL_ATTEMPTS => {
                attempt += 1;
                // Another process is switching at this moment. This is before any async code.
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            other => other?,
        };
        if mode == "wal" {
            return Ok(());
        }
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        let why = "the file system does not support SQLite's write-ahead log (is it a network \
                   drive?)";
        return Err(rusqlite::Error::SqliteFailure(code, Some(why.to_owned())));
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
