//! Stored executions: loaded to be shown or to be driven.

use std::sync::Arc;
use std::time::Duration;
use stepwell_store::LoadExecution;

use stepwell_core::ids::ExecutionId;
use stepwell_store::record::{ExecutionRecord, Loaded, StoredExecution};

use super::engine::Engine;
use super::journals::{Journal, JournalRef};
use crate::AppError;
use crate::memory::{Hold, PATIENCE, Reservation};

/// A journal of at most so many bytes, as stored, is loaded at once: the memory for it is used for a
/// short time only.
const LOADED_AT_ONCE: usize = 16 << 10;

/// Why a journal was not loaded.
enum NotLoaded {
    /// It was deleted meanwhile.
    Deleted,
    /// It could not be read, or there was no memory.
    Failed(AppError),
}

impl<E: Into<AppError>> From<E> for NotLoaded {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Engine {
    /// A stored execution, with its journal if that is small.
    ///
    /// # Errors
    /// The store could not be read.
    pub(crate) async fn find_stored(&self, id: ExecutionId) -> Result<Option<Loaded>, AppError> {
        Ok(self.store.load_unless_large(id, LOADED_AT_ONCE).await?)
    }

    /// A stored execution without its journal.
    ///
    /// # Errors
    /// The store could not be read.
    pub(crate) async fn stored_record(
        &self,
        id: ExecutionId,
    ) -> Result<Option<ExecutionRecord>, AppError> {
        Ok(self.find_stored(id).await?.map(|found| found.record().clone()))
    }

    /// The journal of a stored execution, to be shown; `None` if it was deleted meanwhile.
    ///
    /// # Errors
    /// The store could not be read; `Unavailable` if no memory is free in time.
    pub(crate) async fn stored_journal(
        &self,
        found: Loaded,
    ) -> Result<Option<JournalRef>, AppError> {
        let (record, memory) = match found {
            Loaded::Whole(StoredExecution { record, events }) => {
                return Ok(Some(JournalRef::own(record, events, Hold::default())));
            }
            Loaded::Large { record, memory } => (record, memory),
        };
        let id = record.id;
        let slot = self.journals.slot(id, record.seq);
        let loading = slot.get_or_try_init(|| async {
            let reserved = self.memory.reserve(memory, PATIENCE).await?;
            let stored = self.store.load_execution(id).await?.ok_or(NotLoaded::Deleted)?;
            let StoredExecution { record, events } = stored;
            Ok(Arc::new(Journal::new(record, events, Hold::new(reserved))))
        });
        // If the first reader fails, the waiting ones try one after the other, within this time.
        let journal = match tokio::time::timeout(2 * PATIENCE, loading).await {
            Ok(Ok(loaded)) => Arc::clone(loaded),
            Ok(Err(NotLoaded::Deleted)) => return Ok(None),
            Ok(Err(NotLoaded::Failed(error))) => return Err(error),
            Err(_) => return Err(self.memory.shortage(memory).into()),
        };
        Ok(Some(JournalRef::shared(journal, slot)))
    }

    /// A stored execution with its journal, to be driven, and the memory reserved for it. Waits for
    /// memory without a limit: it holds nothing that others wait for.
    ///
    /// # Errors
    /// The store could not be read, or the server stops.
    pub(crate) async fn load_to_drive(
        &self,
        id: ExecutionId,
    ) -> Result<Option<(StoredExecution, Reservation)>, AppError> {
        let memory = match self.store.load_unless_large(id, LOADED_AT_ONCE).await? {
            None => return Ok(None),
            Some(Loaded::Whole(stored)) => return Ok(Some((stored, self.memory.empty()))),
            Some(Loaded::Large { memory, .. }) => memory,
        };
        let reserved = tokio::select! {
            biased;
            reserved = self.memory.reserve(memory, Duration::MAX) => reserved?,
            () = self.background.stopping() => return Err(AppError::stopping()),
        };
        let stored = self.store.load_execution(id).await?;
        Ok(stored.map(|stored| (stored, reserved)))
    }
}
