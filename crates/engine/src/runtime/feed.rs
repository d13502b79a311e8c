//! The feed of one execution: its journal so far, and notifications of further events.
//!
//! Readers keep a position in the shared journal and return when there is more, so a slow reader
//! costs nothing. A final event is shown only after it is durable.
//!
//! A replay buffer has the pieces of text that steps send while they run. They have a position
//! between the journal's events but are never stored, and their size is bounded: if readers are
//! behind, pieces that none has read yet are joined; a reader that still falls behind is notified.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use stepwell_core::Timestamp;
use stepwell_core::execution::{AttemptId, Execution, RecordedEvent};
use stepwell_core::redact::Redact;
use stepwell_store::StoreError;
use stepwell_store::record::ExecutionRecord;
use tokio::sync::{Notify, watch};

use super::piece_memory::PieceMemory;
use crate::memory::HeldMemory;

/// The size of the replay buffer, in bytes. About twice the longest text of a step, so only several
/// texts can outrun a reader that reads at all.
const BUFFER_BYTES: usize = 8 << 20;

/// From this size on, pieces are joined.
const JOIN_FROM_BYTES: usize = 2 << 20;

/// The longest joined piece: adding to a piece copies it.
const JOINED_BYTES: usize = 4 << 10;

/// The memory of a piece beside its text.
const PIECE_BYTES: usize = 64;

/// A piece of text that a step sent while it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delta {
    /// The number of the piece in the execution, from 0.
    pub(crate) number: u64,
    /// The sequence number of the last event before it.
    pub(crate) after: u64,
    /// When it was sent.
    pub(crate) at: Timestamp,
    /// The attempt that sent it.
    pub(crate) attempt: AttemptId,
    /// The text.
    pub(crate) text: Arc<str>,
}

/// The events and pieces that readers can get.
#[derive(Default)]
struct ShownPieces {
    journal: Vec<RecordedEvent>,
    deltas: VecDeque<Delta>,
    /// The number of the next piece.
    next: u64,
    /// The pieces before this one were read.
    taken: u64,
    /// The memory of `deltas`.
    bytes: usize,
}

/// The events and pieces after a reader's position.
pub(crate) struct FeedDelta {
    pub(crate) events: Vec<RecordedEvent>,
    pub(crate) deltas: Vec<Delta>,
    /// Whether pieces were dropped that the reader has not read.
    pub(crate) missed: bool,
}

/// One execution, as readers see it.
pub(crate) struct Feed {
    // A short critical section, nothing awaits under it.
    shown: Mutex<ShownPieces>,
    record: OnceLock<ExecutionRecord>,
    /// Set once its acceptance is durable.
    stored: OnceLock<()>,

    committed: AtomicBool,
    outcome: OnceLock<Outcome>,
    /// The memory reserved for its values.
    memory: Arc<HeldMemory>,
    /// Redacts its secrets, as long as it is driven.
    redact: Mutex<Option<Weak<dyn Redact>>>,
    /// Notifies tasks that wait for `stored` or `outcome`: other events do not wake them.
    milestones: Notify,
    /// Notifies readers of the journal and the pieces; created for the first one.
    changed: OnceLock<watch::Sender<()>>,
    piece_memory: Arc<PieceMemory>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        let shown = self.shown.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.piece_memory.remove(shown.bytes);
    }
}

impl ShownPieces {
    /// The number of the oldest piece in the buffer.
    fn first(&self) -> u64 {
        self.deltas.front().map_or(self.next, |delta| delta.number)
    }

    /// Joins a text to the last piece if the buffer is large, no reader has read that piece, and it
    /// is of the same attempt; returns whether it did.
    fn join_to_last(&mut self, attempt: &AttemptId, text: &str) -> bool {
        let (is_large, after) = (self.bytes > JOIN_FROM_BYTES, self.journal.len() as u64);
        let Some(last) = self.deltas.back_mut().filter(|_| is_large) else { return false };
        let follows = (&last.attempt, last.after) == (attempt, after);
        if !follows || last.number < self.taken || last.text.len() + text.len() > JOINED_BYTES {
            return false;
        }
        last.text = [&last.text, text].concat().into();
        self.bytes += text.len();
        true
    }
}

/// Why an execution left memory for good.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// It ended; this is its last state.
    Ended(Arc<Execution>),
    /// Its acceptance could not be stored.
    NotAccepted(Arc<StoreError>),
    /// The server stops; the next node continues it.
    Stopped,
}

impl Feed {
    pub(crate) fn new(piece_memory: Arc<PieceMemory>) -> Arc<Self> {
        Arc::new(Self {
            piece_memory,
            shown: Mutex::default(),
            record: OnceLock::new(),
            stored: OnceLock::new(),

            committed: AtomicBool::new(false),
            outcome: OnceLock::new(),
            memory: Arc::default(),
            redact: Mutex::default(),
            milestones: Notify::new(),
            changed: OnceLock::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, ShownPieces> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the stored record and events, as far as they are missing.
    pub(crate) fn fill(&self, record: &ExecutionRecord, events: &[RecordedEvent]) {
        self.record.get_or_init(|| record.clone());
        if record.seq > 0 {
            self.set_stored();
        }
        self.show(events);
    }

    /// Shows events; those already shown are ignored.
    pub(crate) fn show(&self, events: &[RecordedEvent]) {
        let mut shown = self.lock();
        let before = shown.journal.len();
        let last = before as u64;
        shown.journal.extend(events.iter().filter(|e| e.seq > last).cloned());
        let is_changed = shown.journal.len() > before;
        drop(shown);
        if is_changed {
            self.notify_readers();
        }
    }

    /// Shows a piece of text that a step sent. Drops the oldest ones if the buffer is full.
    pub(crate) fn show_piece(&self, at: Timestamp, attempt: &AttemptId, text: &str) {
        // Without readers, none can miss it.
        if self.readers().is_none() || text.is_empty() {
            return;
        }
        let mut shown = self.lock();
        // Readers were notified of the last piece, and have not read it yet.
        if shown.join_to_last(attempt, text) {
            self.piece_memory.add(text.len());
            return;
        }
        let (number, after) = (shown.next, shown.journal.len() as u64);
        shown.next += 1;
        let size = text.len() + PIECE_BYTES;
        shown.bytes += size;
        self.piece_memory.add(size);
        let attempt = attempt.clone();
        shown.deltas.push_back(Delta { number, after, at, attempt, text: text.into() });
        // If all feeds together are too large, the one that grows drops its pieces.
        while (shown.bytes > BUFFER_BYTES || self.piece_memory.is_exceeded())
            && let Some(oldest) = shown.deltas.pop_front()
        {
            let size = oldest.text.len() + PIECE_BYTES;
            shown.bytes -= size;
            self.piece_memory.remove(size);
        }
        drop(shown);
        self.notify_readers();
    }

    /// The channel of the readers, if there are any.
    fn readers(&self) -> Option<&watch::Sender<()>> {
        self.changed.get().filter(|changed| changed.receiver_count() > 0)
    }

    fn notify_readers(&self) {
        if let Some(readers) = self.readers() {
            readers.send_replace(());
        }
    }

    /// The record of the execution, once known.
    pub(crate) fn record(&self) -> Option<&ExecutionRecord> {
        self.record.get()
    }

    /// The events and pieces after a position, at most `limit` of each, up to a common position.
    pub(crate) fn after(&self, seq: u64, pieces: u64, limit: usize) -> FeedDelta {
        let mut shown = self.lock();
        let from = usize::try_from(seq).unwrap_or(usize::MAX).min(shown.journal.len());
        let mut events: Vec<_> = shown.journal[from..].iter().take(limit).cloned().collect();
        let end = (from + events.len()) as u64;
        let first = shown.first();
        let skip = usize::try_from(pieces.saturating_sub(first)).unwrap_or(usize::MAX);
        let unseen = shown.deltas.iter().skip(skip);
        let deltas: Vec<_> = unseen.take_while(|d| d.after <= end).take(limit).cloned().collect();
        if let Some(last) = deltas.last().filter(|_| deltas.len() == limit) {
            events.retain(|event| event.seq <= last.after);
        }
        if let Some(last) = deltas.last() {
            shown.taken = shown.taken.max(last.number + 1);
        }
        FeedDelta { events, deltas, missed: pieces < first }
    }

    /// The number of the oldest piece in the buffer.
    pub(crate) fn first_piece(&self) -> u64 {
        self.lock().first()
    }

    /// The journal up to an event.
    pub(crate) fn journal(&self, seq: u64) -> Vec<RecordedEvent> {
        self.lock().journal.iter().take_while(|event| event.seq <= seq).cloned().collect()
    }

    /// Whether no event is shown yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().journal.is_empty()
    }

    /// All events shown so far.
    pub(crate) fn events(&self) -> Vec<RecordedEvent> {
        self.lock().journal.clone()
    }

    /// The memory reserved for the values; readers that keep values keep it reserved.
    pub(crate) fn memory(&self) -> &Arc<HeldMemory> {
        &self.memory
    }

    /// Sets the outcome, once.
    pub(crate) fn finish(&self, outcome: Outcome) {
        if self.outcome.set(outcome).is_ok() {
            self.milestones.notify_waiters();
            self.notify_readers();
        }
    }

    /// The outcome, if there is one.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// A receiver that is notified of every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.get_or_init(|| watch::channel(()).0).subscribe()
    }

    /// Records that something was committed.
    pub(crate) fn set_committed(&self) {
        self.committed.store(true, Ordering::Relaxed);
        self.set_stored();
    }

    /// Whether something was committed since the execution was loaded.
    pub(crate) fn has_committed(&self) -> bool {
        self.committed.load(Ordering::Relaxed)
    }

    /// Sets the redaction of the execution's secrets, for the time that it is driven.
    pub(crate) fn set_redact(&self, redact: Option<&Arc<dyn Redact>>) {
        let mut current = self.redact.lock().unwrap_or_else(PoisonError::into_inner);
        *current = redact.map(Arc::downgrade);
    }

    /// The redaction of the execution's secrets; `None` if it is not driven or has none.
    pub(crate) fn redact(&self) -> Option<Arc<dyn Redact>> {
        self.redact.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    /// Records that the acceptance of the execution is durable.
    fn set_stored(&self) {
        if self.stored.set(()).is_ok() {
            self.milestones.notify_waiters();
        }
    }

    /// Waits for the outcome.
    pub(crate) async fn ended(&self) -> Outcome {
        self.wait_until(|| self.outcome().cloned()).await
    }

    /// Waits until its acceptance is durable; `Err`: it had another outcome before.
    pub(crate) async fn stored(&self) -> Result<(), Outcome> {
        self.wait_until(|| match (self.stored.get(), self.outcome()) {
            (Some(()), _) => Some(Ok(())),
            (None, Some(outcome)) => Some(Err(outcome.clone())),
            (None, None) => None,
        })
        .await
    }

    async fn wait_until<T>(&self, find: impl Fn() -> Option<T>) -> T {
        loop {
            let notified = self.milestones.notified();
            tokio::pin!(notified);
            // Enabled before the check, so that no notification is missed in between.
            notified.as_mut().enable();
            if let Some(found) = find() {
                return found;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests;
