//! The connections that read.
//!
//! There are a few, opened at the start: later there may be no file descriptors left. A read begins
//! after its call, so it sees every write that was acknowledged before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::Counter;
use rusqlite::Connection;
use stepwell_store::StoreError;
use tokio::sync::Semaphore;

use crate::connection::ConnectionOpener;
use crate::error::{QueryError, Result, StoreResult};
use crate::meters;

#[derive(Debug)]
pub(crate) struct Readers {
    pool: Arc<ReaderPool>,
    /// As many permits as there may be connections.
    permits: Arc<Semaphore>,
    /// Reads that failed in the database.
    failures: Counter,
}

#[derive(Debug)]
struct ReaderPool {
    opener: ConnectionOpener,
    // Locked to take or put back a connection, never while one is used.
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn open(opener: ConnectionOpener) -> StoreResult<Self> {
        let count = opener.options.readers.max(1);
        let idle = (0..count).map(|_| opener.reader()).collect::<StoreResult<Vec<_>>>()?;
        let permits = Arc::new(Semaphore::new(count));
        let pool = Arc::new(ReaderPool { opener, idle: Mutex::new(idle) });
        Ok(Self { pool, permits, failures: meters::failure_counter("read") })
    }

    /// Runs `work` on a connection of its own, on a thread that may block.
    pub(crate) async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let closed = |_| StoreError::Unavailable("the database is closed".to_owned());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(closed)?;
        let pool = Arc::clone(&self.pool);
        let failures = self.failures.clone();
        let read = tokio::task::spawn_blocking(move || {
            let connection = pool.take()?;
            let done = work(&connection);
            pool.idle().push(connection);
            drop(permit);
            if matches!(done, Err(QueryError::Sql(_))) {
                failures.increment(1);
            }
            Ok(done?)
        });
        let stopped = |error| StoreError::Unavailable(format!("a read stopped: {error}"));
        read.await.map_err(stopped)?
    }

    /// Lets the reads under way finish and closes the connections; reads are refused from now on.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.pool.opener.options.readers.max(1)).unwrap_or(u32::MAX);
        // An error: it is closed already.
        let _done = self.permits.acquire_many(all).await;
        self.permits.close();
        self.pool.idle().clear();
    }
}

impl ReaderPool {
    fn take(&self) -> StoreResult<Connection> {
        let idle = self.idle().pop();
        idle.map_or_else(|| self.opener.reader(), Ok)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
