//! Moving the write-ahead log into the database.
//!
//! A helper thread does most of it concurrently with commits. It alone could never finish under
//! steady load, as commits keep appending, so from a certain size on the writer does the rest itself
//! between two transactions: little is left by then, and the log starts again from its beginning.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use stepwell_store::StoreError;

use crate::connection::ConnectionOpener;
use crate::error::store_error;

/// After how many new pages the helper is called.
const STRIDE: u32 = 1000;

pub(super) struct Checkpoints {
    /// How many pages the log had after the last commit.
    pages: Arc<AtomicU32>,
    /// How many it had when the helper was last called.
    called_at: u32,
    /// From how many on the writer does it itself.
    limit: u32,
    helper: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Checkpoints {
    /// Watches the log of the connection that writes, and starts the helper.
    pub(super) fn start(
        connection: &mut Connection,
        opener: &ConnectionOpener,
    ) -> Result<Self, StoreError> {
        let pages = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&pages);
        let note = move |_: &mut rusqlite::hooks::Wal, pages: c_int| {
            seen.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(note)).map_err(|error| store_error(&error))?;
        let helping = opener.helper()?;
        // One call is enough: the helper moves all there is.
        let (calls, called) = mpsc::sync_channel(1);
        let helper = thread::Builder::new()
            .name("sqlite-checkpoint".to_owned())
            .spawn(move || help_checkpoint(&helping, &called))
            .map_err(|error| StoreError::Unavailable(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            pages,
            called_at: 0,
            limit: opener.options.wal_pages,
            helper: Some((calls, helper)),
        })
    }

    /// To be called between transactions.
    pub(super) fn after_commit(&mut self, connection: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.called_at {
            // The log has started again.
            self.called_at = 0;
        }
        if pages >= self.limit {
            run_checkpoint(connection, CheckpointMode::PASSIVE);
        } else if pages - self.called_at >= STRIDE
            && let Some((calls, _)) = &self.helper
        {
            self.called_at = pages;
            // Full: it has been called and has not begun.
            let _ = calls.try_send(());
        }
    }

    /// Ends the helper and empties the log.
    pub(super) fn finish(&mut self, connection: &Connection) {
        if let Some((calls, helper)) = self.helper.take() {
            drop(calls);
            let _ = helper.join();
        }
        run_checkpoint(connection, CheckpointMode::TRUNCATE);
    }
}

fn help_checkpoint(connection: &Connection, called: &Receiver<()>) {
    while called.recv().is_ok() {
        run_checkpoint(connection, CheckpointMode::PASSIVE);
    }
}

fn run_checkpoint(connection: &Connection, mode: CheckpointMode) {
    match connection.wal_checkpoint_v2(None::<&str>, mode) {
        Ok(_) => {}
        // Another process moves it; the next commit triggers the rest.
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {}
        Err(error) => {
            let error = store_error(&error);
            tracing::warn!(%error, "the write-ahead log could not be moved into the database");
        }
    }
}
