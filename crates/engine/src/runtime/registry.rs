//! The executions in memory, and those with readers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde_json::Value;
use stepwell_core::ids::ExecutionId;
use tokio::sync::{mpsc, oneshot};

use stepwell_store::audit::AuditRecord;

use super::feed::{Feed, Outcome};
use super::item_results::ItemResults;
use super::piece_memory::PieceMemory;
use super::step_concurrency::StepPlace;
use crate::AppError;
use crate::memory::Reservation;
use stepwell_core::execution::{
    AttemptError, AttemptId, DecisionInput, SignalInput, StepResult, StepRunId,
};
use stepwell_store::objects::ObjectBatch;
use stepwell_store::record::ExecutionRecord;

/// A message to a runner.
pub(crate) enum Message {
    /// A step's attempt ended.
    StepEnded {
        attempt: AttemptId,
        result: Result<StepResult, AttemptError>,
        /// What the attempt has reserved, its output included.
        memory: Reservation,
    },
    /// A place under the concurrency limit of a step is free for an attempt.
    PlaceTaken { attempt: AttemptId, place: StepPlace },
    /// Items of a `Map` ended.
    ItemsEnded(Box<ItemResults>),
    /// A running step stored its progress.
    StepCheckpoint { attempt: AttemptId, value: Arc<Value> },
    /// A step wrote a log line.
    StepLogged { step: StepRunId, level: &'static str, message: String },
    /// A control request; its effect is durable when the reply is sent.
    Control {
        control: Control,
        /// The audit entry of the request.
        audit: Option<Box<AuditRecord>>,
        reply: oneshot::Sender<Result<ControlEffect, AppError>>,
    },
    /// A time that it waits for has come.
    Wake,
    /// There are stored messages to the execution.
    Inbox,
    /// Finish the running steps, start no others, and end.
    Drain,
}

/// A control request for an execution.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    Cancel {
        reason: Option<String>,
    },
    Pause,
    Resume,
    /// Check its timeout.
    Expire,
    /// Give it the decision of an approver.
    Decide(Arc<DecisionInput>),
    /// Give it a signal.
    Signal(Arc<SignalDelivery>),
}

/// A signal for an execution.
#[derive(Debug, Clone)]
pub(crate) struct SignalDelivery {
    /// The signal.
    pub(crate) signal: SignalInput,
    /// Objects that change in the transaction that stores the signal.
    pub(crate) objects: ObjectBatch,
}

/// The effect of a control request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControlEffect {
    /// It was applied.
    Applied,
    /// A step consumed the signal.
    SignalConsumed,
    /// The execution keeps the signal.
    SignalKept,
    /// A signal with its id was received before.
    SignalRepeated,
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

/// The capacity of a runner's mailbox. Steps wait for room; log lines are dropped.
const MAILBOX: usize = 256;

enum RegistryEntry {
    /// A runner drives it.
    Active { feed: Arc<Feed>, mailbox: mpsc::Sender<Message> },
    /// It is not in memory, but has readers.
    Followed(Weak<Feed>),
}

/// The executions in memory.
#[derive(Default)]
pub(crate) struct Registry {
    // Lookups only under it, nothing awaits.
    entries: Mutex<HashMap<ExecutionId, RegistryEntry>>,
    active: AtomicUsize,
    /// The memory of streamed text in all feeds.
    pub(crate) pieces: Arc<PieceMemory>,
}

/// The registry's slot for the one runner that may drive an execution.
pub(crate) struct RunnerSlot {
    pub(crate) feed: Arc<Feed>,
    pub(crate) mailbox: mpsc::Receiver<Message>,
    pub(crate) sender: mpsc::Sender<Message>,
}

impl RunnerSlot {
    /// Gives up the slot without driving the execution: rejects the waiting requests.
    pub(crate) fn reject(mut self, error: impl Fn() -> AppError) {
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
    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionId, RegistryEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_feed(&self) -> Arc<Feed> {
        Feed::new(self.pieces.clone())
    }

    /// The number of executions in memory.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Acquires the slot of an execution; if it has a runner, returns the runner's mailbox.
    pub(crate) fn acquire(&self, id: ExecutionId) -> Result<RunnerSlot, mpsc::Sender<Message>> {
        let mut entries = self.lock();
        let feed = match entries.get(&id) {
            Some(RegistryEntry::Active { mailbox, .. }) => return Err(mailbox.clone()),
            Some(RegistryEntry::Followed(feed)) => {
                feed.upgrade().unwrap_or_else(|| self.new_feed())
            }
            None => self.new_feed(),
        };
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        entries.insert(id, RegistryEntry::Active { feed: feed.clone(), mailbox: sender.clone() });
        self.active.fetch_add(1, Ordering::Relaxed);
        Ok(RunnerSlot { feed, mailbox, sender })
    }

    /// Releases the slot of a runner that has ended; readers keep the feed.
    pub(crate) fn release(&self, id: ExecutionId) {
        let mut entries = self.lock();
        if let Some(RegistryEntry::Active { feed, .. }) = entries.remove(&id) {
            self.active.fetch_sub(1, Ordering::Relaxed);
            // The runner has dropped its reference: all others are readers.
            if feed.outcome().is_none() && Arc::strong_count(&feed) > 1 {
                entries.insert(id, RegistryEntry::Followed(Arc::downgrade(&feed)));
            }
        }
    }

    /// The feed of an execution in memory.
    pub(crate) fn active_feed(&self, id: ExecutionId) -> Option<Arc<Feed>> {
        match self.lock().get(&id) {
            Some(RegistryEntry::Active { feed, .. }) => Some(feed.clone()),
            _ => None,
        }
    }

    /// The executions in memory that have not ended and fulfil the condition.
    pub(crate) fn active_executions(
        &self,
        wanted: impl Fn(&ExecutionRecord) -> bool,
    ) -> Vec<ExecutionId> {
        let entries = self.lock();
        let ids = entries.iter().filter_map(|(id, entry)| match entry {
            RegistryEntry::Active { feed, .. } if feed.outcome().is_none() => {
                feed.record().is_some_and(&wanted).then_some(*id)
            }
            _ => None,
        });
        ids.collect()
    }

    /// The feed of an execution, created if there is none: its next runner will use it.
    pub(crate) fn follow(&self, id: ExecutionId) -> Arc<Feed> {
        let mut entries = self.lock();
        match entries.get(&id) {
            Some(RegistryEntry::Active { feed, .. }) => return feed.clone(),
            Some(RegistryEntry::Followed(feed)) => {
                if let Some(feed) = feed.upgrade() {
                    return feed;
                }
            }
            None => {}
        }
        let feed = self.new_feed();
        entries.insert(id, RegistryEntry::Followed(Arc::downgrade(&feed)));
        feed
    }

    /// Removes an execution without runner and readers.
    pub(crate) fn remove_idle(&self, id: ExecutionId) {
        let mut entries = self.lock();
        if let Some(RegistryEntry::Followed(feed)) = entries.get(&id)
            && feed.strong_count() == 0
        {
            entries.remove(&id);
        }
    }

    /// Notifies readers of executions without runners that the server stops.
    pub(crate) fn release_followers(&self) {
        for entry in self.lock().values() {
            if let RegistryEntry::Followed(feed) = entry
                && let Some(feed) = feed.upgrade()
            {
                feed.finish(Outcome::Stopped);
            }
        }
    }

    /// The mailboxes of all runners.
    pub(crate) fn mailboxes(&self) -> Vec<mpsc::Sender<Message>> {
        let entries = self.lock();
        let active = entries.values().filter_map(|entry| match entry {
            RegistryEntry::Active { mailbox, .. } => Some(mailbox.clone()),
            RegistryEntry::Followed(_) => None,
        });
        active.collect()
    }
}
