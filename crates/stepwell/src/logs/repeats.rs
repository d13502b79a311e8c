//! Limits repeated warnings and errors: each call site may log so many lines in a window. The number
//! of suppressed lines is logged when the window ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

pub const WINDOW: Duration = Duration::from_secs(10);

/// The target of lines about the log itself, which are never suppressed.
pub const LOG_TARGET: &str = "stepwell::log";

/// Counts the lines of each call site in the current window.
#[derive(Debug)]
pub struct RepeatLimiter {
    /// The lines that one call site may log; 0: all.
    max: AtomicU64,
    // Bounded by the number of call sites in the code.
    counts: Mutex<HashMap<Identifier, (u64, &'static Metadata<'static>)>>,
}

impl RepeatLimiter {
    pub fn new(max: u64) -> Self {
        Self { max: AtomicU64::new(max), counts: Mutex::default() }
    }

    /// Changes how many lines a call site may log.
    pub fn set_max(&self, max: u64) {
        self.max.store(max, Ordering::Relaxed);
    }

    fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// Counts a line and returns whether it may be logged.
    fn admits(&self, metadata: &'static Metadata<'static>) -> bool {
        let max = self.max();
        if max == 0 || *metadata.level() > Level::WARN || metadata.target() == LOG_TARGET {
            return true;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, _) = counts.entry(metadata.callsite()).or_insert((0, metadata));
        *count += 1;
        *count <= max
    }

    /// Ends the window and logs how many lines were suppressed in it.
    pub fn start_window(&self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = std::mem::take(&mut *counts);
        // Logging acquires the lock again.
        drop(counts);
        let max = self.max();
        for (count, metadata) in ended.into_values().filter(|(count, _)| *count > max) {
            tracing::warn!(
                target: LOG_TARGET,
                suppressed = count - max,
                level = %metadata.level(),
                module = metadata.target(),
                line = metadata.line().unwrap_or_default(),
                seconds = WINDOW.as_secs(),
                "repeated lines were suppressed"
            );
        }
    }
}

/// The tracing layer of a `RepeatLimiter`.
pub struct RepeatFilter(pub Arc<RepeatLimiter>);

impl<S: Subscriber> Layer<S> for RepeatFilter {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.0.admits(event.metadata())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::queue::{LineQueue, QueueWriter};
    use super::*;

    fn logged(queue: &LineQueue) -> Vec<String> {
        let lines = queue.take_lines(Duration::ZERO);
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn each_call_site_has_its_own_limit() {
        let queue = Arc::new(LineQueue::default());
        let repeats = Arc::new(RepeatLimiter::new(2));
        let writer = QueueWriter(Arc::clone(&queue));
        let log = tracing_subscriber::registry()
            .with(RepeatFilter(Arc::clone(&repeats)))
            .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer));
        tracing::subscriber::with_default(log, || {
            let warn_times = |n: u64| (0..n).for_each(|n| tracing::warn!(n, "the disk is full"));
            warn_times(902);
            tracing::warn!("another");
            (0..5).for_each(|_| tracing::info!("an event"));
            let lines = logged(&queue);
            assert_eq!(lines.len(), 2 + 1 + 5, "{lines:?}");
            repeats.start_window();
            let lines = logged(&queue);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains("suppressed=900"), "{lines:?}");
            warn_times(1);
            assert_eq!(logged(&queue).len(), 1);
            repeats.start_window();
            assert!(logged(&queue).is_empty());
        });
    }
}
