//! The queue of lines to write. It is bounded in lines and bytes, and drops lines that do not fit.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepwell_engine::PoolUsage;
use tracing_subscriber::fmt::MakeWriter;

const MAX_LINES: usize = 8_192;
const MAX_BYTES: usize = 4 << 20;

#[derive(Debug, Default)]
pub struct LineQueue {
    state: Mutex<QueueState>,
    filled: Condvar,
    emptied: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct QueueState {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Whether lines were taken but not written yet.
    is_writing: bool,
}

impl LineQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // A panic cannot leave the state inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The memory of the queue and its limit.
    pub fn usage(&self) -> PoolUsage {
        let state = self.lock();
        let bytes = |lines: usize, text: usize| (lines * size_of::<Vec<u8>>() + text) as u64;
        let used = bytes(state.lines.len(), state.bytes);
        PoolUsage::new("log_lines", used, bytes(MAX_LINES, MAX_BYTES))
    }

    /// Appends a line, or drops and counts it if the queue is full.
    pub fn push(&self, line: Vec<u8>) {
        let mut state = self.lock();
        if state.lines.len() >= MAX_LINES || state.bytes + line.len() > MAX_BYTES {
            drop(state);
            self.count_dropped();
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        drop(state);
        self.filled.notify_one();
    }

    /// Takes all lines; waits at most `timeout` for the first.
    pub fn take_lines(&self, timeout: Duration) -> VecDeque<Vec<u8>> {
        let state = self.lock();
        let waited = self.filled.wait_timeout_while(state, timeout, |state| state.lines.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.bytes = 0;
        state.is_writing = !state.lines.is_empty();
        std::mem::take(&mut state.lines)
    }

    /// Marks the taken lines as written or dropped.
    pub fn mark_written(&self) {
        self.lock().is_writing = false;
        self.emptied.notify_all();
    }

    /// Waits until all lines are written, for at most `timeout`.
    pub fn wait_until_empty(&self, timeout: Duration) {
        let busy = |state: &mut QueueState| state.is_writing || !state.lines.is_empty();
        drop(self.emptied.wait_timeout_while(self.lock(), timeout, busy));
    }

    pub fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The writer of the log formatter: never fails and never blocks.
#[derive(Debug, Clone)]
pub struct QueueWriter(pub Arc<LineQueue>);

impl io::Write for QueueWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for QueueWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_and_counts() {
        for (line, fit) in [(1, MAX_LINES), (MAX_BYTES / 4, 4)] {
            let queue = LineQueue::default();
            for _ in 0..fit + 3 {
                queue.push(vec![b'x'; line]);
            }
            assert_eq!(queue.dropped(), 3);
            assert_eq!(queue.take_lines(Duration::ZERO).len(), fit);
            queue.push(vec![b'x'; line]);
            assert_eq!((queue.dropped(), queue.take_lines(Duration::ZERO).len()), (3, 1));
        }
    }

    #[test]
    fn the_wait_for_an_empty_queue_is_bounded() {
        let queue = LineQueue::default();
        queue.push(b"a\n".to_vec());
        // Returns although no thread writes.
        queue.wait_until_empty(Duration::from_millis(1));
        assert_eq!(queue.take_lines(Duration::ZERO).len(), 1);
        queue.mark_written();
        queue.wait_until_empty(Duration::from_secs(600));
    }
}
