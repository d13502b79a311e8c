//! The thread that writes.
//!
//! Group commit: it runs all queued writes in one transaction, commits, and only then returns the
//! result of each. At low load a write waits for no other, at high load many share one fsync
//! (`gathering.rs`). A write checks its preconditions before it changes anything, so one that is rejected leaves no
//! trace in the transaction of the others. If SQLite itself fails on one of several writes, all are
//! rolled back and run again one by one, so that each gets its own result.

mod checkpoint;
mod gathering;
mod memory;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use stepwell_core::cache::PoolUsage;
use stepwell_core::ids::{NodeId, WorkflowId};
use stepwell_store::StoreError;
use stepwell_store::record::WorkflowStats;
use stepwell_store::rollup::CountDeltas;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::connection::ConnectionOpener;
use crate::error::{QueryError, Result, StoreResult, store_error, transaction_error};
use crate::executions::counts;
use crate::meters::WriterMeters;
use crate::nodes::liveness::is_alive;
use crate::options::SqliteOptions;
use crate::workflows::stats::{StatsDelta, add_stats};
use checkpoint::Checkpoints;
use gathering::Gathering;
use memory::QueueMemory;

/// The handle of the writing thread.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<WriterMessage>>,
    memory: QueueMemory,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum WriterMessage {
    Write(Box<dyn Write>),
    Stop,
}

impl Writer {
    /// Starts the thread on the connection.
    pub(crate) fn start(
        mut connection: Connection,
        opener: &ConnectionOpener,
    ) -> StoreResult<Self> {
        let options = opener.options;
        let checkpoints = Checkpoints::start(&mut connection, opener)?;
        let (queue, messages) = mpsc::channel(options.queue.max(1));
        let meters = WriterMeters::register();
        let writer = WriterLoop {
            connection,
            messages,
            options,
            checkpoints,
            meters,
            gathering: Gathering::default(),
        };
        let thread = thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Unavailable(format!("cannot start a thread: {error}")))?;
        let memory = QueueMemory::new(options.queue_bytes);
        Ok(Self { queue: Some(queue), memory, thread: Mutex::new(Some(thread)) })
    }

    /// Runs `work` in a transaction, shared with others; returns when it is on the disk. `work` can
    /// run more than once, but takes effect once; it must reject before it changes anything.
    pub(crate) async fn write<T, F>(&self, bytes: usize, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Batch<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(writer_closed)?;
        let room = self.memory.reserve(bytes).await?;
        let call = WriterCall { bytes, work, done: None, reply, _room: room };
        queue.send(WriterMessage::Write(Box::new(call))).await.map_err(|_| writer_closed())?;
        result.await.map_err(|_| writer_closed())?
    }

    /// What queued writes take and may take.
    pub(crate) fn usage(&self) -> PoolUsage {
        self.memory.usage()
    }

    /// Finishes what is queued and ends the thread.
    pub(crate) async fn close(&self) {
        let Some(queue) = &self.queue else { return };
        // It fails only where the thread has ended already.
        let _ = queue.send(WriterMessage::Stop).await;
        if let Some(thread) = self.take_thread() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.take_thread() {
            // A panic of the thread was reported where it happened.
            let _ = thread.join();
        }
    }
}

fn writer_closed() -> StoreError {
    StoreError::Unavailable("the database is closed".to_owned())
}

/// A write in the queue.
trait Write: Send {
    /// Roughly how many bytes it writes.
    fn bytes(&self) -> usize;
    /// Does it. An error is one of SQLite: the transaction must be rolled back.
    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()>;
    /// Returns the result to the caller. An error means that the transaction was not committed.
    fn finish(self: Box<Self>, committed: StoreResult<()>);
}

struct WriterCall<T, F> {
    bytes: usize,
    work: F,
    done: Option<StoreResult<T>>,
    reply: oneshot::Sender<StoreResult<T>>,
    /// Released when it is finished.
    _room: OwnedSemaphorePermit,
}

impl<T, F> Write for WriterCall<T, F>
where
    T: Send,
    F: FnMut(&mut Batch<'_>) -> Result<T> + Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()> {
        let changes = batch.connection.total_changes();
        self.done = Some(match (self.work)(batch) {
            Ok(value) => Ok(value),
            Err(QueryError::Sql(error)) => return Err(error),
            Err(QueryError::Rejected(error)) => {
                debug_assert_eq!(changes, batch.connection.total_changes(), "refused too late");
                Err(error)
            }
        });
        Ok(())
    }

    fn finish(self: Box<Self>, committed: StoreResult<()>) {
        let not_run = || Err(StoreError::Unavailable("the write was not run".to_owned()));
        let result = match (committed, self.done) {
            (Ok(()), done) => done.unwrap_or_else(not_run),
            // Also for one that was rejected: the reason may be what was not committed now.
            (Err(error), _) => Err(error),
        };
        // The caller may have stopped waiting; what is written stays written.
        let _ = self.reply.send(result);
    }
}

/// One transaction, as the writes in it see it.
pub(crate) struct Batch<'a> {
    pub(crate) connection: &'a Connection,
    /// Looked up once a transaction; writes that change nodes forget it.
    alive: HashMap<NodeId, bool>,
    /// Whether there are messages between executions. Looked up once a transaction, so that the end
    /// of an execution costs no search where there are none; writes that send some forget it.
    pub(crate) has_messages: Option<bool>,
    stats: BTreeMap<WorkflowId, StatsDelta>,
    /// Written once for all, before the commit.
    pub(crate) counts: CountDeltas,
}

impl<'a> Batch<'a> {
    fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            alive: HashMap::new(),
            has_messages: None,
            stats: BTreeMap::new(),
            counts: CountDeltas::default(),
        }
    }

    /// Refuses as `Fenced` unless the node is alive.
    pub(crate) fn require_alive(&mut self, node: NodeId) -> Result<()> {
        let alive = match self.alive.get(&node) {
            Some(alive) => *alive,
            None => {
                let alive = is_alive(self.connection, node)?;
                self.alive.insert(node, alive);
                alive
            }
        };
        if alive { Ok(()) } else { Err(StoreError::Fenced.into()) }
    }

    /// To be called by writes that change nodes.
    pub(crate) fn nodes_changed(&mut self) {
        self.alive.clear();
    }

    /// Counts an execution that changed from `before` to `after`. Written once for all, before the
    /// commit.
    pub(crate) fn count(
        &mut self,
        workflow: WorkflowId,
        before: Option<WorkflowStats>,
        after: WorkflowStats,
    ) {
        self.stats.entry(workflow).or_default().add(before, after);
    }

    fn flush(&mut self) -> Result<()> {
        for (workflow, delta) in std::mem::take(&mut self.stats) {
            add_stats(self.connection, workflow, &delta)?;
        }
        counts::flush(self.connection, &mut self.counts)
    }
}

/// The loop of the writing thread.
struct WriterLoop {
    connection: Connection,
    messages: mpsc::Receiver<WriterMessage>,
    options: SqliteOptions,
    checkpoints: Checkpoints,
    meters: WriterMeters,
    gathering: Gathering,
}

impl WriterLoop {
    fn run(mut self) {
        let mut writes = Vec::new();
        let mut open = true;
        while open {
            match self.messages.blocking_recv() {
                Some(WriterMessage::Write(first)) => open = self.gather(first, &mut writes),
                Some(WriterMessage::Stop) | None => open = false,
            }
            self.gathering.count(writes.len());
            self.commit(&mut writes);
            self.checkpoints.after_commit(&self.connection);
        }
        self.checkpoints.finish(&self.connection);
    }

    /// Takes what is queued behind `first`, up to the limits of one transaction. Returns whether to
    /// continue afterwards.
    fn gather(&mut self, first: Box<dyn Write>, writes: &mut Vec<Box<dyn Write>>) -> bool {
        if let Some(pause) = self.gathering.pause() {
            thread::sleep(pause);
        }
        let mut bytes = first.bytes();
        writes.push(first);
        while writes.len() < self.options.batch_writes && bytes < self.options.batch_bytes {
            match self.messages.try_recv() {
                Ok(WriterMessage::Write(write)) => {
                    bytes = bytes.saturating_add(write.bytes());
                    writes.push(write);
                }
                Ok(WriterMessage::Stop) => return false,
                Err(_) => break,
            }
        }
        true
    }

    fn commit(&mut self, writes: &mut Vec<Box<dyn Write>>) {
        let done = self.measured(writes);
        match done {
            Err(FailedWrite::Write(_)) if writes.len() > 1 => {
                for write in writes.drain(..) {
                    let mut alone = [write];
                    let done = self.measured(&mut alone).map_err(FailedWrite::into_store_error);
                    let [write] = alone;
                    write.finish(done);
                }
            }
            done => {
                let done = done.map_err(FailedWrite::into_store_error);
                if let Err(error) = &done {
                    tracing::warn!(%error, writes = writes.len(), "a transaction failed");
                }
                for write in writes.drain(..) {
                    write.finish(copy_result(&done));
                }
            }
        }
    }

    /// Runs the writes in a transaction and records how that went.
    fn measured(&self, writes: &mut [Box<dyn Write>]) -> std::result::Result<(), FailedWrite> {
        if writes.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let done = run_transaction(&self.connection, writes);
        match &done {
            Ok(commit) => self.meters.committed(writes.len(), start.elapsed(), *commit),
            Err(_) => self.meters.failed(),
        }
        done.map(drop)
    }
}

fn copy_result(done: &StoreResult<()>) -> StoreResult<()> {
    match done {
        Ok(()) => Ok(()),
        Err(StoreError::Corrupt(text)) => Err(StoreError::Corrupt(text.clone())),
        Err(error) => Err(StoreError::Unavailable(match error {
            StoreError::Unavailable(text) => text.clone(),
            other => other.to_string(),
        })),
    }
}

/// Where a transaction failed.
enum FailedWrite {
    /// At its beginning or end: no write is the cause.
    Whole(rusqlite::Error),
    /// In one of the writes, which may be the only cause.
    Write(rusqlite::Error),
}

impl FailedWrite {
    fn into_store_error(self) -> StoreError {
        match self {
            Self::Whole(error) => transaction_error(&error),
            Self::Write(error) => store_error(&error),
        }
    }
}

/// Runs the writes in one transaction; how long its commit took.
fn run_transaction(
    connection: &Connection,
    writes: &mut [Box<dyn Write>],
) -> std::result::Result<Duration, FailedWrite> {
    let execute = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
    let done = execute("BEGIN IMMEDIATE").map_err(FailedWrite::Whole).and_then(|()| {
        let mut batch = Batch::new(connection);
        for write in writes.iter_mut() {
            write.run(&mut batch).map_err(FailedWrite::Write)?;
        }
        batch.flush().map_err(|error| match error {
            QueryError::Sql(error) => FailedWrite::Whole(error),
            QueryError::Rejected(error) => {
                FailedWrite::Whole(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
            }
        })?;
        let start = Instant::now();
        execute("COMMIT").map_err(FailedWrite::Whole)?;
        Ok(start.elapsed())
    });
    // Some failures (a full disk) have rolled back by themselves, others have not.
    if done.is_err()
        && !connection.is_autocommit()
        && let Err(error) = execute("ROLLBACK")
    {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
    done
}
