//! Who is at work: the executions in memory, and those that somebody follows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use stepwell_core::ids::ExecutionId;
use tokio::sync::{mpsc, oneshot};

use stepwell_store::audit::AuditRecord;

use super::feed::{Feed, Outcome};
use super::piece_memory::PieceMemory;
use crate::AppError;
use crate::memory::Reservation;
use stepwell_core::execution::{AttemptId, Done, Fault, StepRunId};
use stepwell_store::record::ExecutionRecord;

/// What a runner can be told.
pub(crate) enum Message {
    /// A step's attempt ended.
    StepEnded {
        attempt: AttemptId,
        result: Result<Done, Fault>,
        /// What the attempt has reserved, its output included.
        memory: Reservation,
    },
    /// A step wrote a log line.
    StepLogged { step: StepRunId, level: &'static str, message: String },
    /// Somebody wants something of the execution; answered once it is durable.
    Control {
        what: Control,
        /// What is written down of it.
        note: Option<Box<AuditRecord>>,
        reply: oneshot::Sender<Result<(), AppError>>,
    },
    /// Its time has come.
    Wake,
    /// Finish what is under way, start nothing, and go.
    Drain,
}

/// What somebody can want of an execution.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    Cancel {
        reason: Option<String>,
    },
    Pause,
    Resume,
    /// Its time-out may be over: look.
    Expire,
}

/// Why a stored execution is loaded into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WakeReason {
    /// It is due, or was interrupted.
    Due,
    /// A message is sent to it.
    Message,
    /// It made no progress at its last recoveries, and fails.
    Poisoned,
}

/// How many messages may wait for a runner. Steps wait for room; log lines are dropped.
const MAILBOX: usize = 256;

enum Entry {
    /// A runner drives it.
    Active { feed: Arc<Feed>, mailbox: mpsc::Sender<Message> },
    /// Only rows; somebody follows it.
    Followed(Weak<Feed>),
}

/// The executions in memory.
#[derive(Default)]
pub(crate) struct Registry {
    // Look-ups only under it, nothing awaits.
    entries: Mutex<HashMap<ExecutionId, Entry>>,
    active: AtomicUsize,
    /// What the feeds keep of streamed text.
    pub(crate) pieces: Arc<PieceMemory>,
}

/// A place in the registry, given to the one runner that may drive the execution.
pub(crate) struct Seat {
    pub(crate) feed: Arc<Feed>,
    pub(crate) mailbox: mpsc::Receiver<Message>,
    pub(crate) sender: mpsc::Sender<Message>,
}

impl Seat {
    /// Gives the seat up without driving the execution: refuses the requests that wait for it.
    pub(crate) fn refuse(mut self, error: impl Fn() -> AppError) {
        self.mailbox.close();
        while let Ok(message) = self.mailbox.try_recv() {
            if let Message::Control { reply, .. } = message {
                // The caller may have gone.
                let _ = reply.send(Err(error()));
            }
        }
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_feed(&self) -> Arc<Feed> {
        Feed::new(self.pieces.clone())
    }

    /// How many executions are at work.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Takes the seat of an execution, unless somebody has it.
    pub(crate) fn sit(&self, id: ExecutionId) -> Result<Seat, mpsc::Sender<Message>> {
        let mut entries = self.lock();
        let feed = match entries.get(&id) {
            Some(Entry::Active { mailbox, .. }) => return Err(mailbox.clone()),
            Some(Entry::Followed(feed)) => feed.upgrade().unwrap_or_else(|| self.new_feed()),
            None => self.new_feed(),
        };
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        entries.insert(id, Entry::Active { feed: feed.clone(), mailbox: sender.clone() });
        self.active.fetch_add(1, Ordering::Relaxed);
        Ok(Seat { feed, mailbox, sender })
    }

    /// Gives the seat up; those who follow keep the feed. The seat itself is gone by now.
    pub(crate) fn stand(&self, id: ExecutionId) {
        let mut entries = self.lock();
        if let Some(Entry::Active { feed, .. }) = entries.remove(&id) {
            self.active.fetch_sub(1, Ordering::Relaxed);
            // The runner has let go of it: whoever else holds it follows the execution.
            if feed.outcome().is_none() && Arc::strong_count(&feed) > 1 {
                entries.insert(id, Entry::Followed(Arc::downgrade(&feed)));
            }
        }
    }

    /// The feed of an execution at work.
    pub(crate) fn active_feed(&self, id: ExecutionId) -> Option<Arc<Feed>> {
        match self.lock().get(&id) {
            Some(Entry::Active { feed, .. }) => Some(feed.clone()),
            _ => None,
        }
    }

    /// The executions at work that have not ended and are as wanted.
    pub(crate) fn at_work(&self, wanted: impl Fn(&ExecutionRecord) -> bool) -> Vec<ExecutionId> {
        let entries = self.lock();
        let ids = entries.iter().filter_map(|(id, entry)| match entry {
            Entry::Active { feed, .. } if feed.outcome().is_none() => {
                feed.record().is_some_and(&wanted).then_some(*id)
            }
            _ => None,
        });
        ids.collect()
    }

    /// The feed of an execution, made where there is none: whoever drives it later will use it.
    pub(crate) fn follow(&self, id: ExecutionId) -> Arc<Feed> {
        let mut entries = self.lock();
        match entries.get(&id) {
            Some(Entry::Active { feed, .. }) => return feed.clone(),
            Some(Entry::Followed(feed)) => {
                if let Some(feed) = feed.upgrade() {
                    return feed;
                }
            }
            None => {}
        }
        let feed = self.new_feed();
        entries.insert(id, Entry::Followed(Arc::downgrade(&feed)));
        feed
    }

    /// Forgets an execution that nobody drives or follows any more.
    pub(crate) fn forget_idle(&self, id: ExecutionId) {
        let mut entries = self.lock();
        if let Some(Entry::Followed(feed)) = entries.get(&id)
            && feed.strong_count() == 0
        {
            entries.remove(&id);
        }
    }

    /// Tells those who follow an execution that nobody drives that the server stops.
    pub(crate) fn release_followers(&self) {
        for entry in self.lock().values() {
            if let Entry::Followed(feed) = entry
                && let Some(feed) = feed.upgrade()
            {
                feed.finish(Outcome::Stopped);
            }
        }
    }

    /// The mailboxes of all executions at work.
    pub(crate) fn mailboxes(&self) -> Vec<mpsc::Sender<Message>> {
        let entries = self.lock();
        let active = entries.values().filter_map(|entry| match entry {
            Entry::Active { mailbox, .. } => Some(mailbox.clone()),
            Entry::Followed(_) => None,
        });
        active.collect()
    }
}
