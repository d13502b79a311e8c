//! What others may see of one execution: its journal so far, and word of news.
//!
//! Readers keep a place in the shared journal and come back when there is more, so a slow reader
//! costs nothing. A final event is shown only after it is durable.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use stepwell_core::execution::{Execution, Recorded};
use stepwell_store::StoreError;
use stepwell_store::record::ExecutionRecord;
use tokio::sync::watch;

/// One execution as others may see it.
pub(crate) struct Feed {
    // A short critical section, nothing awaits under it.
    journal: Mutex<Vec<Recorded>>,
    record: OnceLock<ExecutionRecord>,
    outcome: OnceLock<Outcome>,
    news: watch::Sender<()>,
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
    pub(crate) fn new() -> Arc<Self> {
        let (news, _) = watch::channel(());
        Arc::new(Self {
            journal: Mutex::default(),
            record: OnceLock::new(),
            outcome: OnceLock::new(),
            news,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills in what is stored, as far as it is not here yet.
    pub(crate) fn fill(&self, record: &ExecutionRecord, events: &[Recorded]) {
        self.record.get_or_init(|| record.clone());
        self.show(events);
    }

    /// Shows further events; those already shown are passed over.
    pub(crate) fn show(&self, events: &[Recorded]) {
        let mut journal = self.lock();
        let shown = journal.len() as u64;
        let before = journal.len();
        journal.extend(events.iter().filter(|e| e.seq > shown).cloned());
        let news = journal.len() > before;
        drop(journal);
        if news {
            self.news.send_replace(());
        }
    }

    /// The identity and origin of the execution, once known.
    pub(crate) fn record(&self) -> Option<&ExecutionRecord> {
        self.record.get()
    }

    /// The events after a place, at most `limit`.
    pub(crate) fn after(&self, seq: u64, limit: usize) -> Vec<Recorded> {
        let journal = self.lock();
        let from = usize::try_from(seq).unwrap_or(usize::MAX).min(journal.len());
        journal[from..].iter().take(limit).cloned().collect()
    }

    /// All events shown so far.
    pub(crate) fn events(&self) -> Vec<Recorded> {
        self.lock().clone()
    }

    /// Says how it ended. The first word counts.
    pub(crate) fn finish(&self, outcome: Outcome) {
        if self.outcome.set(outcome).is_ok() {
            self.news.send_replace(());
        }
    }

    /// How it ended, if it has.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// A reader's ear: changes whenever there is news.
    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Waits until it ends.
    pub(crate) async fn ended(&self) -> Outcome {
        let mut news = self.listen();
        loop {
            if let Some(outcome) = self.outcome() {
                return outcome.clone();
            }
            // The sender lives in `self`, so this cannot fail while we are here.
            if news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
