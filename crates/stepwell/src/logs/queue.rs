//! The lines that wait to be written: a queue that is bounded in lines and bytes, and drops what
//! does not fit.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepwell_engine::PoolUsage;
use tracing_subscriber::fmt::MakeWriter;

const MAX_LINES: usize = 8_192;
const MAX_BYTES: usize = 4 << 20;

/// Lines on their way to the thread that writes them.
#[derive(Debug, Default)]
pub struct LineQueue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    emptied: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Whether lines were taken and are not written yet.
    is_writing: bool,
}

impl LineQueue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A queue of lines is whole at every moment.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the lines take and may take.
    pub fn usage(&self) -> PoolUsage {
        let waiting = self.waiting();
        let bytes = |lines: usize, text: usize| (lines * size_of::<Vec<u8>>() + text) as u64;
        let used = bytes(waiting.lines.len(), waiting.bytes);
        PoolUsage { name: "log_lines", used, limit: bytes(MAX_LINES, MAX_BYTES) }
    }

    /// Appends a line, or drops and counts it where there is no room.
    pub fn push(&self, line: Vec<u8>) {
        let mut waiting = self.waiting();
        if waiting.lines.len() >= MAX_LINES || waiting.bytes + line.len() > MAX_BYTES {
            drop(waiting);
            self.note_dropped();
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        drop(waiting);
        self.filled.notify_one();
    }

    /// Takes all lines, waiting for at most `timeout` for one.
    pub fn take(&self, timeout: Duration) -> VecDeque<Vec<u8>> {
        let waiting = self.waiting();
        let waited =
            self.filled.wait_timeout_while(waiting, timeout, |waiting| waiting.lines.is_empty());
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.bytes = 0;
        waiting.is_writing = !waiting.lines.is_empty();
        std::mem::take(&mut waiting.lines)
    }

    /// The lines that were taken are written, or dropped.
    pub fn note_written(&self) {
        self.waiting().is_writing = false;
        self.emptied.notify_all();
    }

    /// Waits until all lines are written, for at most `timeout`.
    pub fn wait_until_empty(&self, timeout: Duration) {
        let busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.lines.is_empty();
        drop(self.emptied.wait_timeout_while(self.waiting(), timeout, busy));
    }

    pub fn note_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// How many lines were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Gives the formatter of log lines a writer that never fails and never blocks.
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
            assert_eq!(queue.take(Duration::ZERO).len(), fit);
            queue.push(vec![b'x'; line]);
            assert_eq!((queue.dropped(), queue.take(Duration::ZERO).len()), (3, 1));
        }
    }

    #[test]
    fn the_end_is_awaited_for_a_bounded_time() {
        let queue = LineQueue::default();
        queue.push(b"a\n".to_vec());
        // Nobody writes: this returns all the same.
        queue.wait_until_empty(Duration::from_millis(1));
        assert_eq!(queue.take(Duration::ZERO).len(), 1);
        queue.note_written();
        queue.wait_until_empty(Duration::from_secs(600));
    }
}
