//! Following one execution.

use std::collections::VecDeque;
use std::sync::Arc;

use stepwell_core::execution::Execution;
use stepwell_core::ids::ExecutionId;
use tokio::sync::watch;

use crate::AppError;
use crate::runtime::engine::Engine;
use crate::runtime::feed::{Feed, Outcome};
use crate::view::{Notice, observe};

/// How many events are taken from the feed at a time.
const BATCH: usize = 256;

/// The notices of one execution, from a place in its journal on, until it ends.
///
/// Holds a place in the shared journal, not a queue: a slow reader costs no memory.
pub struct Follow {
    engine: Arc<Engine>,
    id: ExecutionId,
    /// Emptied on drop only.
    feed: Option<Arc<Feed>>,
    news: watch::Receiver<()>,
    /// The journal folded up to where this reader is.
    execution: Execution,
    /// Notices up to here are not wanted.
    skip: u64,
    ready: VecDeque<Notice>,
}

impl Follow {
    /// Follows an execution that is in the store or at work; `execution` is before its first
    /// event.
    pub(crate) async fn start(
        engine: Arc<Engine>,
        execution: Execution,
        skip: u64,
    ) -> Result<Self, AppError> {
        let id = execution.origin.id;
        let feed = engine.registry.follow(id);
        let news = feed.listen();
        let follow =
            Self { engine, id, feed: Some(feed), news, execution, skip, ready: VecDeque::new() };
        // Whoever drives it shows what happens from now on; what was before is in the store.
        if let Some(feed) = &follow.feed
            && feed.after(0, 1).is_empty()
            && let Some(stored) = follow.engine.store.load_execution(id).await?
        {
            feed.fill(&stored.record, &stored.events);
        }
        Ok(follow)
    }

    /// The next notice; `None` after the final one. Waits for as long as it takes; cancel-safe.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn next(&mut self) -> Result<Option<Notice>, AppError> {
        loop {
            if let Some(notice) = self.ready.pop_front() {
                return Ok(Some(notice));
            }
            if self.execution.status().is_final() {
                return Ok(None);
            }
            self.news.mark_unchanged();
            self.take();
            if self.ready.is_empty() && self.is_stopped() {
                return Err(AppError::stopping());
            }
            if self.ready.is_empty() && !self.execution.status().is_final() {
                // The feed is held here, so its sender is alive.
                let _ = self.news.changed().await;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        matches!(self.feed.as_ref().and_then(|feed| feed.outcome()), Some(Outcome::Stopped))
    }

    fn take(&mut self) {
        let Some(feed) = &self.feed else { return };
        for event in feed.after(self.execution.seq, BATCH) {
            if let Some(notice) = observe(&mut self.execution, &event)
                && notice.seq > self.skip
            {
                self.ready.push_back(notice);
            }
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.feed = None;
        self.engine.registry.forget_idle(self.id);
    }
}
