//! Following one execution.

use std::collections::VecDeque;
use std::sync::Arc;

use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{AttemptId, Execution, StepState};
use stepwell_core::ids::ExecutionId;
use stepwell_store::record::ExecutionRecord;
use tokio::sync::watch;

use crate::AppError;
use crate::memory::{PATIENCE, Reservation};
use crate::runtime::engine::Engine;
use crate::runtime::feed::{Delta, Feed, FeedDelta, Outcome};
use crate::view::{Notice, NoticeKind, observe_event};

/// The most events that are taken from the feed at a time.
const BATCH: usize = 256;

/// How many copies of a value exist while a notice with it is written and sent.
const COPIES: usize = 4;

/// The notices of one execution, from a position in its journal, until it ends.
///
/// Keeps a position in the shared journal, not a queue: a slow reader costs no memory.
pub struct Follow {
    engine: Arc<Engine>,
    id: ExecutionId,
    /// Emptied on drop only.
    feed: Option<Arc<Feed>>,
    changed: watch::Receiver<()>,
    /// The journal replayed up to the position of this reader.
    execution: Execution,
    /// Notices up to this sequence number are skipped.
    skip: u64,
    /// The number of the next piece of text.
    pieces: u64,
    ready: VecDeque<Notice>,
}

impl Follow {
    /// Follows an execution that is stored or driven; `execution` is before its first event.
    pub(crate) async fn start(
        engine: Arc<Engine>,
        execution: Execution,
        skip: u64,
    ) -> Result<Self, AppError> {
        let id = execution.origin.id;
        let feed = engine.registry.follow(id);
        let changed = feed.subscribe();
        let mut follow = Self::of(engine, feed, changed, execution);
        follow.skip = skip;
        // Its runner adds later events to the feed; earlier ones are in the store.
        if let Some(feed) = &follow.feed
            && feed.is_empty()
            && let Some(found) = follow.engine.find_stored(id).await?
            && let Some(stored) = follow.engine.stored_journal(found).await?
        {
            feed.fill(&stored.record, &stored.events);
            feed.memory().share(stored.hold());
        }
        Ok(follow)
    }

    /// Follows an execution with a known feed from its first event, even if it has ended in the
    /// meantime.
    pub(crate) fn of(
        engine: Arc<Engine>,
        feed: Arc<Feed>,
        changed: watch::Receiver<()>,
        execution: Execution,
    ) -> Self {
        Self {
            engine,
            id: execution.origin.id,
            pieces: feed.first_piece(),
            feed: Some(feed),
            changed,
            execution,
            skip: 0,
            ready: VecDeque::new(),
        }
    }

    /// The execution's id.
    pub fn id(&self) -> ExecutionId {
        self.id
    }

    /// The execution's plan.
    pub fn plan(&self) -> &SharedPlan {
        &self.execution.origin.plan
    }

    /// The execution's record, once known.
    pub fn record(&self) -> Option<&ExecutionRecord> {
        self.feed.as_ref()?.record()
    }

    /// The execution after the events that this reader has taken.
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// The next notice, if it is there already; `None` if there is none yet, or none at all.
    ///
    /// # Errors
    /// As [`Follow::next`].
    pub fn try_next(&mut self) -> Result<Option<Notice>, AppError> {
        self.changed.mark_unchanged();
        // Events before `skip` have no notice: there may be further ones after them.
        let mut seen = None;
        while self.ready.is_empty() && seen != Some((self.execution.seq, self.pieces)) {
            seen = Some((self.execution.seq, self.pieces));
            self.take()?;
        }
        Ok(self.ready.pop_front())
    }

    /// The next notice; `None` after the final one. Waits for as long as it takes; cancel-safe.
    ///
    /// # Errors
    /// The reader is so far behind that pieces of text it has not seen are gone.
    pub async fn next(&mut self) -> Result<Option<Notice>, AppError> {
        loop {
            if let Some(notice) = self.try_next()? {
                return Ok(Some(notice));
            }
            if self.execution.status().is_final() {
                return Ok(None);
            }
            if self.is_stopped() {
                return Err(AppError::stopping());
            }
            // The feed is held here, so its sender is alive.
            let _ = self.changed.changed().await;
        }
    }

    /// Reserves memory for writing a notice: its text, and the copies that are joined to it.
    ///
    /// # Errors
    /// `Unavailable`: no memory was free in time.
    pub async fn room_for(&self, notice: &Notice) -> Result<Reservation, AppError> {
        let bytes = COPIES * notice.text_bytes();
        Ok(self.engine.memory.reserve(bytes, PATIENCE).await?)
    }

    fn is_stopped(&self) -> bool {
        matches!(self.feed.as_ref().and_then(|feed| feed.outcome()), Some(Outcome::Stopped))
    }

    /// Takes new events, and pieces of text in their place between events.
    fn take(&mut self) -> Result<(), AppError> {
        let Some(feed) = &self.feed else { return Ok(()) };
        let FeedDelta { events, deltas, missed } =
            feed.after(self.execution.seq, self.pieces, BATCH);
        if missed {
            return Err(AppError::Unavailable {
                reason: "this reader is too far behind; read the execution instead".into(),
                retry_after: std::time::Duration::from_secs(1),
            });
        }
        let mut deltas = deltas.into_iter().peekable();
        for event in events {
            while let Some(delta) = deltas.next_if(|delta| delta.after < event.seq) {
                self.pieces = delta.number + 1;
                self.ready.extend(piece(&self.execution, &delta, self.skip));
            }
            if let Some(notice) = observe_event(&mut self.execution, &event)
                && notice.seq > self.skip
            {
                self.ready.push_back(notice);
            }
        }
        for delta in deltas {
            self.pieces = delta.number + 1;
            self.ready.extend(piece(&self.execution, &delta, self.skip));
        }
        Ok(())
    }
}

/// The notice of a piece of text, unless its attempt has ended or it is before `skip`.
fn piece(execution: &Execution, delta: &Delta, skip: u64) -> Option<Notice> {
    let Delta { number, after, at, ref attempt, ref text } = *delta;
    let AttemptId { step_run, attempt } = attempt;
    let running = StepState::Running { attempt: *attempt };
    if after < skip || execution.steps.run(step_run).state != running {
        return None;
    }
    let (step, text) = (step_run.clone(), text.clone());
    Some(Notice { seq: after, at, kind: NoticeKind::Delta { number, step, text } })
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.feed = None;
        self.engine.registry.remove_idle(self.id);
    }
}
