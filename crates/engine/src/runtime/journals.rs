//! Journals that are read to be shown.
//!
//! A large journal is loaded once for all that ask for it at the same time, and only when there is
//! memory for it: what it takes is reserved for as long as any of them holds it.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use stepwell_core::execution::RecordedEvent;
use stepwell_core::ids::ExecutionId;
use stepwell_store::record::{ExecutionRecord, Loaded, StoredExecution};
use tokio::sync::OnceCell;

use super::engine::Engine;
use crate::AppError;
use crate::memory::{Hold, PATIENCE, Reservation};

/// A journal of at most so many bytes, as stored, is loaded at once: what it takes in memory is in
/// use only for a moment.
const LOADED_AT_ONCE: usize = 16 << 10;

/// After so many places the ones without readers are looked for.
const TIDY_AFTER: usize = 64;

/// An execution's record and journal, as its readers share them.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) record: ExecutionRecord,
    pub(crate) events: Vec<RecordedEvent>,
    /// What keeps the memory of the values reserved, if anything does.
    _memory: Hold,
}

/// A reader's share of a journal.
#[derive(Debug, Clone)]
pub(crate) struct JournalRef {
    journal: Arc<Journal>,
    /// While a reader has it, others that come find the journal.
    _place: Option<Arc<Place>>,
}

impl Deref for JournalRef {
    type Target = Journal;

    fn deref(&self) -> &Journal {
        &self.journal
    }
}

impl JournalRef {
    /// A journal of which nothing else has a share.
    pub(crate) fn own(record: ExecutionRecord, events: Vec<RecordedEvent>, memory: Hold) -> Self {
        Self { journal: Arc::new(Journal { record, events, _memory: memory }), _place: None }
    }

    /// What keeps the memory of the journal's values reserved.
    pub(crate) fn hold(&self) -> Hold {
        Hold::new(self.clone())
    }
}

/// A journal as it is at a seq, loaded by the first reader.
type Place = OnceCell<Arc<Journal>>;

/// Large journals that are being loaded or read.
#[derive(Default)]
pub(crate) struct Journals {
    // Look-ups only under it, nothing awaits.
    places: Mutex<HashMap<(ExecutionId, u64), Weak<Place>>>,
}

impl Journals {
    /// The place of a journal, the same for all that ask while one of them holds it.
    fn place(&self, id: ExecutionId, seq: u64) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(&(id, seq)).and_then(Weak::upgrade) {
            return place;
        }
        if places.len() >= TIDY_AFTER && places.len() == places.capacity() {
            places.retain(|_, place| place.strong_count() > 0);
        }
        let place = Arc::new(Place::new());
        places.insert((id, seq), Arc::downgrade(&place));
        place
    }
}

/// Why a journal was not loaded.
enum NotLoaded {
    /// It was deleted in the meantime.
    Gone,
    /// It could not be read, or there was no memory.
    Refused(AppError),
}

impl<E: Into<AppError>> From<E> for NotLoaded {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Engine {
    /// A stored execution; with its journal where that is small.
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

    /// The journal of a stored execution, to be shown; `None` where it is gone by now.
    ///
    /// # Errors
    /// The store could not be read; `Unavailable` where there is no memory for it in time.
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
        let place = self.journals.place(id, record.seq);
        let loading = place.get_or_try_init(|| async {
            let reserved = self.memory.reserve(memory, PATIENCE).await?;
            let stored = self.store.load_execution(id).await?.ok_or(NotLoaded::Gone)?;
            let StoredExecution { record, events } = stored;
            let journal = Journal { record, events, _memory: Hold::new(reserved) };
            Ok(Arc::new(journal))
        });
        // Those that wait for one that is refused try in turn: together no longer than this.
        let journal = match tokio::time::timeout(2 * PATIENCE, loading).await {
            Ok(Ok(loaded)) => Arc::clone(loaded),
            Ok(Err(NotLoaded::Gone)) => return Ok(None),
            Ok(Err(NotLoaded::Refused(error))) => return Err(error),
            Err(_) => return Err(self.memory.shortage(memory).into()),
        };
        Ok(Some(JournalRef { journal, _place: Some(place) }))
    }

    /// A stored execution with its journal, to be driven, and what it takes of the memory. Waits
    /// for memory for as long as it takes: it holds nothing that others wait for.
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
