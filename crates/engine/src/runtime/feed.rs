//! What others may see of one execution: its journal so far, and word of news.
//!
//! Readers keep a place in the shared journal and come back when there is more, so a slow reader
//! costs nothing. A final event is shown only after it is durable.
//!
//! Beside the journal there are the pieces of text that steps send while they run. They have a
//! place between the journal's events but are never stored, and only so many are kept: where
//! readers are behind, pieces that none has seen yet are put together; a reader that falls behind
//! even so is told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use stepwell_core::Timestamp;
use stepwell_core::execution::{AttemptId, Execution, Recorded};
use stepwell_core::redact::Redact;
use stepwell_store::StoreError;
use stepwell_store::record::ExecutionRecord;
use tokio::sync::{Notify, watch};

use super::piece_memory::PieceMemory;
use crate::memory::HeldMemory;

/// How many bytes of pieces are kept for readers that are behind. About twice the longest text
/// that a step may make, so only several texts can outrun a reader that reads at all.
const KEPT_BYTES: usize = 8 << 20;

/// With so many bytes kept, pieces are put together.
const CROWDED_BYTES: usize = 2 << 20;

/// Up to this length: every piece that is added copies those before it.
const JOINED_BYTES: usize = 4 << 10;

/// What a piece takes beside its text.
const PIECE_BYTES: usize = 64;

/// A piece of text that a step sent while it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delta {
    /// Counts the pieces of the execution, from 0.
    pub(crate) number: u64,
    /// The seq of the last event before it.
    pub(crate) after: u64,
    /// When.
    pub(crate) at: Timestamp,
    /// The attempt that sent it.
    pub(crate) attempt: AttemptId,
    /// The text.
    pub(crate) text: Arc<str>,
}

/// What is shown.
#[derive(Default)]
struct Shown {
    journal: Vec<Recorded>,
    deltas: VecDeque<Delta>,
    /// The number of the next piece.
    next: u64,
    /// The pieces before this one were handed to a reader.
    taken: u64,
    /// How many bytes `deltas` take.
    bytes: usize,
}

/// What a reader has not seen yet.
pub(crate) struct News {
    pub(crate) events: Vec<Recorded>,
    pub(crate) deltas: Vec<Delta>,
    /// Whether pieces are gone that the reader has not seen.
    pub(crate) missed: bool,
}

/// One execution as others may see it.
pub(crate) struct Feed {
    // A short critical section, nothing awaits under it.
    shown: Mutex<Shown>,
    record: OnceLock<ExecutionRecord>,
    /// Set once its acceptance is durable.
    stored: OnceLock<()>,
    committed: AtomicBool,
    outcome: OnceLock<Outcome>,
    /// What its values take of the memory.
    memory: Arc<HeldMemory>,
    /// What recognises its secrets, for as long as it is driven.
    redact: Mutex<Option<Weak<dyn Redact>>>,
    /// Notifies those who wait for `stored` or `outcome`: they are not woken by other events.
    milestones: Notify,
    /// Notifies readers of the journal and the pieces; created for the first one.
    news: OnceLock<watch::Sender<()>>,
    piece_memory: Arc<PieceMemory>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        let shown = self.shown.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.piece_memory.remove(shown.bytes);
    }
}

impl Shown {
    /// The number of the oldest piece that is kept.
    fn first(&self) -> u64 {
        self.deltas.front().map_or(self.next, |delta| delta.number)
    }

    /// Adds to the last piece where there are too many, nobody has seen it, and it is of the same
    /// attempt; else answers false.
    fn join(&mut self, attempt: &AttemptId, text: &str) -> bool {
        let (crowded, after) = (self.bytes > CROWDED_BYTES, self.journal.len() as u64);
        let Some(last) = self.deltas.back_mut().filter(|_| crowded) else { return false };
        let follows = (&last.attempt, last.after) == (attempt, after);
        if !follows || last.number < self.taken || last.text.len() + text.len() > JOINED_BYTES {
            return false;
        }
        last.text = [&last.text, text].concat().into();
        self.bytes += text.len();
        true
    }
}

/// How an execution's time in memory ended.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// It ended; this is how it stands for ever.
    Ended(Arc<Execution>),
    /// Its acceptance could not be stored: it never was.
    NotAccepted(Arc<StoreError>),
    /// The server stops; whoever starts next goes on with it.
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
            news: OnceLock::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills in what is stored, as far as it is not here yet.
    pub(crate) fn fill(&self, record: &ExecutionRecord, events: &[Recorded]) {
        self.record.get_or_init(|| record.clone());
        if record.seq > 0 {
            self.set_stored();
        }
        self.show(events);
    }

    /// Shows further events; those already shown are passed over.
    pub(crate) fn show(&self, events: &[Recorded]) {
        let mut shown = self.lock();
        let before = shown.journal.len();
        let seen = before as u64;
        shown.journal.extend(events.iter().filter(|e| e.seq > seen).cloned());
        let is_longer = shown.journal.len() > before;
        drop(shown);
        if is_longer {
            self.notify_readers();
        }
    }

    /// Shows a piece of text that a step sent just now. Forgets the oldest where there is no
    /// room.
    pub(crate) fn show_piece(&self, at: Timestamp, attempt: &AttemptId, text: &str) {
        // Where nobody listens, nobody can miss it.
        if self.readers().is_none() || text.is_empty() {
            return;
        }
        let mut shown = self.lock();
        // Its readers were told of that piece, and are still to come for it.
        if shown.join(attempt, text) {
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
        // Where all feeds together keep too much, the one that grows gives way.
        while (shown.bytes > KEPT_BYTES || self.piece_memory.is_exceeded())
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
        self.news.get().filter(|news| news.receiver_count() > 0)
    }

    fn notify_readers(&self) {
        if let Some(readers) = self.readers() {
            readers.send_replace(());
        }
    }

    /// The identity and origin of the execution, once known.
    pub(crate) fn record(&self) -> Option<&ExecutionRecord> {
        self.record.get()
    }

    /// What comes after a place in the journal and a number of pieces, at most `limit` of each.
    /// Neither goes further than the other.
    pub(crate) fn after(&self, seq: u64, pieces: u64, limit: usize) -> News {
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
        News { events, deltas, missed: pieces < first }
    }

    /// The number of the oldest piece that is kept.
    pub(crate) fn first_piece(&self) -> u64 {
        self.lock().first()
    }

    /// The journal as far as that event, where it is shown.
    pub(crate) fn journal(&self, seq: u64) -> Vec<Recorded> {
        self.lock().journal.iter().take_while(|event| event.seq <= seq).cloned().collect()
    }

    /// Whether nothing is shown yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().journal.is_empty()
    }

    /// All events shown so far.
    pub(crate) fn events(&self) -> Vec<Recorded> {
        self.lock().journal.clone()
    }

    /// What the values take of the memory; readers that keep values keep it reserved.
    pub(crate) fn memory(&self) -> &Arc<HeldMemory> {
        &self.memory
    }

    /// Says how it ended. The first word counts.
    pub(crate) fn finish(&self, outcome: Outcome) {
        if self.outcome.set(outcome).is_ok() {
            self.milestones.notify_waiters();
            self.notify_readers();
        }
    }

    /// How it ended, if it has.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// A reader's ear: changes whenever there is news.
    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.news.get_or_init(|| watch::channel(()).0).subscribe()
    }

    /// Notes that something was committed.
    pub(crate) fn set_committed(&self) {
        self.committed.store(true, Ordering::Relaxed);
        self.set_stored();
    }

    /// Whether anything was committed since it was brought into memory.
    pub(crate) fn has_committed(&self) -> bool {
        self.committed.load(Ordering::Relaxed)
    }

    /// Lends others what recognises the execution's secrets while it is driven.
    pub(crate) fn lend_redact(&self, redact: Option<&Arc<dyn Redact>>) {
        let mut lent = self.redact.lock().unwrap_or_else(PoisonError::into_inner);
        *lent = redact.map(Arc::downgrade);
    }

    /// What recognises the execution's secrets; `None` where it is not driven or has none.
    pub(crate) fn redact(&self) -> Option<Arc<dyn Redact>> {
        self.redact.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    /// Notes that the acceptance of the execution is durable.
    fn set_stored(&self) {
        if self.stored.set(()).is_ok() {
            self.milestones.notify_waiters();
        }
    }

    /// Waits until it ends.
    pub(crate) async fn ended(&self) -> Outcome {
        self.until(|| self.outcome().cloned()).await
    }

    /// Waits until its acceptance is durable; `Err`: its time in memory ended before.
    pub(crate) async fn stored(&self) -> Result<(), Outcome> {
        self.until(|| match (self.stored.get(), self.outcome()) {
            (Some(()), _) => Some(Ok(())),
            (None, Some(outcome)) => Some(Err(outcome.clone())),
            (None, None) => None,
        })
        .await
    }

    async fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        loop {
            let notified = self.milestones.notified();
            tokio::pin!(notified);
            // Before looking, so that no notification is missed in between.
            notified.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use stepwell_core::execution::Event;

    use super::*;

    fn attempt(attempt: u32) -> AttemptId {
        AttemptId { step_run: 0.into(), attempt }
    }

    fn event(seq: u64) -> Recorded {
        Recorded { seq, at: Timestamp::default(), event: Event::Started }
    }

    fn places(feed: &Feed, seq: u64, pieces: u64, limit: usize) -> (Vec<u64>, Vec<u64>, bool) {
        let News { events, deltas, missed } = feed.after(seq, pieces, limit);
        let numbers = deltas.iter().map(|d| d.number).collect();
        (events.iter().map(|e| e.seq).collect(), numbers, missed)
    }

    #[test]
    fn pieces_have_their_place_between_events() {
        let feed = Feed::new(Arc::default());
        feed.show_piece(Timestamp::default(), &attempt(1), "nobody listens");
        let _ear = feed.listen();
        feed.show(&[event(1), event(2)]);
        for text in ["a", "b", "", "c"] {
            feed.show_piece(Timestamp::default(), &attempt(1), text);
        }
        feed.show(&[event(3)]);
        feed.show_piece(Timestamp::default(), &attempt(1), "d");
        assert_eq!(places(&feed, 0, 0, 9), (vec![1, 2, 3], vec![0, 1, 2, 3], false));
        assert_eq!(places(&feed, 0, 0, 1), (vec![1], vec![], false));
        assert_eq!(places(&feed, 1, 0, 2), (vec![2], vec![0, 1], false));
        assert_eq!(places(&feed, 2, 3, 2), (vec![3], vec![3], false));
    }

    #[test]
    fn a_text_in_very_many_pieces_is_kept_whole() {
        let feed = Feed::new(Arc::default());
        let _ear = feed.listen();
        let (mut text, mut read) = (String::new(), (String::new(), 0));
        let mut take = |limit: usize| {
            let news = feed.after(0, read.1, limit);
            assert!(!news.missed);
            for delta in &news.deltas {
                assert_eq!(delta.number, read.1, "no piece is left out");
                read.1 += 1;
                read.0.push_str(&delta.text);
            }
            read.0.len()
        };
        for piece in 0..200_000 {
            let piece = format!("{piece} ");
            feed.show_piece(Timestamp::default(), &attempt(1), &piece);
            text.push_str(&piece);
            // What is handed out is not added to: the next piece is one of its own.
            if piece.ends_with("00000 ") {
                take(usize::MAX);
                assert_eq!(take(usize::MAX), text.len());
            }
        }
        // Another attempt's text stays apart.
        feed.show_piece(Timestamp::default(), &attempt(2), "again");
        assert_eq!(take(usize::MAX), text.len() + "again".len());
        assert_eq!(read.0, text + "again");
        assert!(read.1 < 100_000, "{} pieces", read.1);
    }

    #[test]
    fn only_so_many_bytes_are_kept() {
        let feed = Feed::new(Arc::default());
        let _ear = feed.listen();
        let text = "x".repeat(KEPT_BYTES / 4);
        for _ in 0..5 {
            feed.show_piece(Timestamp::default(), &attempt(1), &text);
        }
        assert_eq!(feed.first_piece(), 2);
        assert_eq!(places(&feed, 0, 0, 9), (vec![], vec![2, 3, 4], true));
        assert_eq!(places(&feed, 0, 2, 9), (vec![], vec![2, 3, 4], false));
    }
}
