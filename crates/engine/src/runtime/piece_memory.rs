//! The memory of the text that steps stream, over the feeds of all executions.

use std::sync::atomic::{AtomicUsize, Ordering};

use stepwell_core::cache::PoolUsage;

/// How many bytes of pieces the feeds of all executions keep together.
const ALL_KEPT_BYTES: usize = 64 << 20;

/// Counts the bytes of pieces that all feeds keep.
#[derive(Debug, Default)]
pub(crate) struct PieceMemory(AtomicUsize);

impl PieceMemory {
    /// The memory of the pieces.
    pub(crate) fn usage(&self) -> PoolUsage {
        let used = self.0.load(Ordering::Relaxed) as u64;
        PoolUsage::new("stream_pieces", used, ALL_KEPT_BYTES as u64)
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) > ALL_KEPT_BYTES
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepwell_core::Timestamp;
    use stepwell_core::execution::AttemptId;

    use super::*;
    use crate::runtime::feed::Feed;

    fn missed(feed: &Feed) -> bool {
        feed.after(0, 0, 9).missed
    }

    #[test]
    fn all_feeds_together_are_bounded() {
        let memory = Arc::new(PieceMemory::default());
        let feeds: Vec<_> = (0..20).map(|_| Feed::new(memory.clone())).collect();
        let _readers: Vec<_> = feeds.iter().map(|feed| feed.subscribe()).collect();
        let text = "x".repeat(3 << 20);
        let attempt = AttemptId { step_run: 0.into(), attempt: 1 };
        for feed in &feeds {
            feed.show_piece(Timestamp::default(), &attempt, &text);
            feed.show_piece(Timestamp::default(), &attempt, &text);
            let usage = memory.usage();
            assert!(usage.used <= usage.limit, "{usage:?}");
        }
        assert!(!missed(&feeds[0]));
        assert!(missed(&feeds[19]));
        drop(feeds);
        assert_eq!(memory.usage().used, 0);
    }
}
