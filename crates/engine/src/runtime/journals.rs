//! Journals that are being shown.
//!
//! A large journal is loaded once for all concurrent readers, and only when there is memory for it,
//! which stays reserved as long as any of them uses it.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use stepwell_core::execution::RecordedEvent;
use stepwell_core::ids::ExecutionId;
use stepwell_store::record::ExecutionRecord;
use tokio::sync::OnceCell;

use crate::memory::Hold;

/// From this number of slots on, those without readers are removed.
const PRUNE_AFTER: usize = 64;

/// An execution's record and journal, shared by its readers.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) record: ExecutionRecord,
    pub(crate) events: Vec<RecordedEvent>,
    /// Keeps the memory of the values reserved.
    _memory: Hold,
}

/// A reader's reference to a journal.
#[derive(Debug, Clone)]
pub(crate) struct JournalRef {
    journal: Arc<Journal>,
    /// As long as a reader has it, further readers find the journal.
    _slot: Option<Arc<JournalSlot>>,
}

impl Journal {
    /// `memory` keeps the memory of the values reserved.
    pub(super) fn new(record: ExecutionRecord, events: Vec<RecordedEvent>, memory: Hold) -> Self {
        Self { record, events, _memory: memory }
    }
}

impl Deref for JournalRef {
    type Target = Journal;

    fn deref(&self) -> &Journal {
        &self.journal
    }
}

impl JournalRef {
    /// A journal that is not shared.
    pub(crate) fn own(record: ExecutionRecord, events: Vec<RecordedEvent>, memory: Hold) -> Self {
        Self { journal: Arc::new(Journal::new(record, events, memory)), _slot: None }
    }

    /// A journal that is shared through a slot.
    pub(super) fn shared(journal: Arc<Journal>, slot: Arc<JournalSlot>) -> Self {
        Self { journal, _slot: Some(slot) }
    }

    /// Keeps the memory of the journal's values reserved.
    pub(crate) fn hold(&self) -> Hold {
        Hold::new(self.clone())
    }
}

/// A journal up to an event, loaded by the first reader.
pub(super) type JournalSlot = OnceCell<Arc<Journal>>;

/// Large journals that are being loaded or read.
#[derive(Default)]
pub(crate) struct Journals {
    // Look-ups only under it, nothing awaits.
    slots: Mutex<HashMap<(ExecutionId, u64), Weak<JournalSlot>>>,
}

impl Journals {
    /// The slot of a journal, the same for all concurrent readers.
    pub(super) fn slot(&self, id: ExecutionId, seq: u64) -> Arc<JournalSlot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&(id, seq)).and_then(Weak::upgrade) {
            return slot;
        }
        if slots.len() >= PRUNE_AFTER && slots.len() == slots.capacity() {
            slots.retain(|_, slot| slot.strong_count() > 0);
        }
        let slot = Arc::new(JournalSlot::new());
        slots.insert((id, seq), Arc::downgrade(&slot));
        slot
    }
}
