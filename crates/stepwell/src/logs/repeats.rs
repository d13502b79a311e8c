//! Repeated warnings and errors: of each place in the code only so many lines in a window are
//! logged; how many were not is logged when the window ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Over how long lines are counted.
pub const WINDOW: Duration = Duration::from_secs(10);

/// The target of the log's lines about itself, which are never suppressed.
pub const OWN: &str = "stepwell::log";

/// How often each place in the code logged in this window.
#[derive(Debug)]
pub struct Repeats {
    /// How many lines of one place are logged; 0: all.
    max: u64,
    // One entry for each warning in the code: bounded by its size.
    counts: Mutex<HashMap<Identifier, (u64, &'static Metadata<'static>)>>,
}

impl Repeats {
    pub fn new(max: u64) -> Self {
        Self { max, counts: Mutex::default() }
    }

    /// Counts a line; whether it is logged.
    fn admits(&self, metadata: &'static Metadata<'static>) -> bool {
        if self.max == 0 || *metadata.level() > Level::WARN || metadata.target() == OWN {
            return true;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, _) = counts.entry(metadata.callsite()).or_insert((0, metadata));
        *count += 1;
        *count <= self.max
    }

    /// Ends the window, and logs what was suppressed in it.
    pub fn next_window(&self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = std::mem::take(&mut *counts);
        // Logging takes the lock again.
        drop(counts);
        for (count, metadata) in ended.into_values().filter(|(count, _)| *count > self.max) {
            tracing::warn!(
                target: OWN,
                suppressed = count - self.max,
                level = %metadata.level(),
                module = metadata.target(),
                line = metadata.line().unwrap_or_default(),
                seconds = WINDOW.as_secs(),
                "repeated lines were not logged"
            );
        }
    }
}

/// Suppresses repeated lines.
pub struct Limit(pub Arc<Repeats>);

impl<S: Subscriber> Layer<S> for Limit {
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
        let lines = queue.take(Duration::ZERO);
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn each_place_in_the_code_has_its_own_limit() {
        let queue = Arc::new(LineQueue::default());
        let repeats = Arc::new(Repeats::new(2));
        let writer = QueueWriter(Arc::clone(&queue));
        let log = tracing_subscriber::registry()
            .with(Limit(Arc::clone(&repeats)))
            .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer));
        tracing::subscriber::with_default(log, || {
            let often = |n: u64| (0..n).for_each(|n| tracing::warn!(n, "the disk is full"));
            often(902);
            tracing::warn!("another");
            (0..5).for_each(|_| tracing::info!("what happens"));
            let lines = logged(&queue);
            assert_eq!(lines.len(), 2 + 1 + 5, "{lines:?}");
            repeats.next_window();
            let lines = logged(&queue);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains("suppressed=900"), "{lines:?}");
            often(1);
            assert_eq!(logged(&queue).len(), 1);
            repeats.next_window();
            assert!(logged(&queue).is_empty());
        });
    }
}
