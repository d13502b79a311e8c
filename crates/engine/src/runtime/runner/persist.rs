//! Making what was decided durable.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::faults;
use stepwell_store::StoreError;
use stepwell_store::commit::Commit;
use stepwell_store::record::ExecutionRecord;

use super::hear::receive;
use super::rest::Rest;
use super::{Beginning, Gone, Runner};
use crate::AppError;
use crate::runtime::deliveries::{Outbox, Uncommitted};
use crate::runtime::engine::Engine;
use crate::runtime::registry::Message;

/// How long the store is left alone when it cannot answer.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// How many messages are kept while the store is unavailable, before log lines are dropped.
const MOST_DEFERRED: usize = 256;

impl Runner {
    /// Commits what is not durable yet. Where the store is away, waits for it to come back.
    pub(super) async fn commit(&mut self) -> Result<(), Gone> {
        self.commit_as(None).await
    }

    /// Commits, and notes when the execution must be woken, because it leaves memory.
    pub(super) async fn commit_asleep(&mut self, rest: Rest) -> Result<(), Gone> {
        self.commit_as(Some(rest)).await
    }

    async fn commit_as(&mut self, rest: Option<Rest>) -> Result<(), Gone> {
        let wake_at = rest.as_ref().and_then(|rest| rest.until);
        // In memory, the wake-up moment of the row is not used, and stays right for a restart.
        let moves = rest.is_some() && self.record.wake_at != wake_at;
        if self.uncommitted.is_empty() && !moves {
            self.confirm();
            return Ok(());
        }
        faults::hit("commit");
        let commit = Arc::new(self.batch(wake_at));
        self.committing = Some(commit.clone());
        while let Err(error) = self.engine.store.commit(commit.clone()).await {
            match error {
                // An attempt whose response was lost had been stored after all.
                StoreError::Conflict { actual, .. } if actual == commit.record.seq => break,
                error => Box::pin(self.after_refusal(error)).await?,
            }
        }
        self.committing = None;
        self.record.clone_from(&commit.record);
        self.feed.set_committed();
        if self.record.status.is_final() {
            // Before anybody is told: whoever hears of the end finds the place free.
            self.engine.meters.left(&self.record);
            self.engine.metrics.execution_ended(self.record.workflow, self.record.status);
        }
        if commit.has_deliveries() {
            self.engine.outbox_changed.notify_one();
        }
        self.feed.show(&commit.events);
        self.confirm();
        Ok(())
    }

    /// After a panic during a commit: what was being committed is uncommitted again.
    pub(super) fn take_back_commit(&mut self) {
        let Some(commit) = self.committing.take() else { return };
        let Commit { events, audit, idempotency, schedule, .. } = Arc::unwrap_or_clone(commit);
        self.uncommitted.splice(0..0, events);
        self.notes.splice(0..0, audit);
        self.idempotency = idempotency;
        self.schedule = schedule;
    }

    /// Answers those whose requests are durable now.
    fn confirm(&mut self) {
        for reply in self.replies.drain(..) {
            // The caller may have gone.
            let _ = reply.send(Ok(()));
        }
    }

    /// Everything that is not durable yet. It stays in memory until the store has it.
    fn batch(&mut self, wake_at: Option<stepwell_core::Timestamp>) -> Commit {
        let uncommitted = Uncommitted {
            record: &self.record,
            execution: &self.execution,
            events: &self.uncommitted,
        };
        let before = || self.feed.journal(self.record.seq);
        let deliveries = self.outbox.take(&self.engine, &uncommitted, before);
        Commit {
            node: self.engine.node,
            expected_seq: self.record.seq,
            record: self.projection(wake_at),
            events: std::mem::take(&mut self.uncommitted),
            deliveries,
            audit: std::mem::take(&mut self.notes),
            idempotency: self.idempotency.take(),
            schedule: self.schedule.take(),
        }
    }

    fn projection(&self, wake_at: Option<stepwell_core::Timestamp>) -> ExecutionRecord {
        ExecutionRecord {
            status: self.execution.status(),
            seq: self.execution.seq,
            started_at: self.execution.started_at,
            ended_at: self.execution.ended_at,
            wake_at,
            owner: Some(self.engine.node),
            ..self.record.clone()
        }
    }

    /// Leaves the store alone for a while. Requests that come meanwhile are refused, since nothing
    /// of them could be made durable; what steps report is kept for later.
    async fn wait_for_store(&mut self, reason: &str) {
        let pause = tokio::time::sleep(STORE_PAUSE);
        tokio::pin!(pause);
        loop {
            let message = tokio::select! {
                () = &mut pause => return,
                message = receive(&mut self.mailbox) => message,
            };
            match message {
                Message::Control { reply, .. } => {
                    // The caller may have gone.
                    let _ = reply.send(Err(StoreError::Unavailable(reason.to_owned()).into()));
                }
                // After its commit the runner checks the time anyway.
                Message::Wake => {}
                Message::StepLogged { .. } if self.deferred.len() >= MOST_DEFERRED => {}
                message => self.deferred.push_back(message),
            }
        }
    }

    async fn after_refusal(&mut self, error: StoreError) -> Result<(), Gone> {
        let id = self.record.id;
        match error {
            // Nobody was told of it yet, so it is refused as a whole.
            error if self.record.seq == 0 => Err(Gone::NotAccepted(error)),
            StoreError::Unavailable(reason) => {
                tracing::warn!(%id, reason, "the store cannot answer; trying again");
                for reply in self.replies.drain(..) {
                    let _ = reply.send(Err(stored_later(&reason)));
                }
                self.wait_for_store(&reason).await;
                // What was decided is in the journal up to the last commit only: whoever takes
                // over after a stop decides it again.
                if self.engine.background.is_stopping() { Err(Gone::Stopped) } else { Ok(()) }
            }
            StoreError::Fenced => Err(Gone::Fenced),
            error => {
                tracing::error!(%id, %error, "an execution is not stored as it is in memory");
                Err(Gone::Lost)
            }
        }
    }
}

/// The error for a request that was decided before the store failed: it cannot be taken back.
fn stored_later(reason: &str) -> AppError {
    AppError::Unavailable {
        reason: format!(
            "the store is unavailable: {reason}; the request takes effect when it is back"
        ),
        retry_after: Duration::from_secs(1),
    }
}

/// Commits the acceptance of an execution that must wait in the queue: any node may claim it.
///
/// # Errors
/// As the store refuses it; then it never was.
pub(crate) async fn queue(engine: &Engine, beginning: Beginning) -> Result<(), StoreError> {
    let Beginning { execution, record, uncommitted, notes, idempotency, schedule, secrets, .. } =
        beginning;
    let events = Uncommitted { record: &record, execution: &execution, events: &uncommitted };
    let deliveries = Outbox::default().take(engine, &events, Vec::new);
    let (id, seq) = (record.id, execution.seq);
    let record = ExecutionRecord { seq, owner: None, ..record };
    let node = engine.node;
    let commit = Commit {
        node,
        expected_seq: 0,
        record,
        events: uncommitted,
        deliveries,
        audit: notes,
        idempotency,
        schedule,
    };
    let told = commit.has_deliveries();
    // Before it can be claimed.
    engine.vault.keep(id, &secrets);
    engine.store.commit(Arc::new(commit)).await.inspect_err(|_| drop(engine.vault.take(id)))?;
    if told {
        engine.outbox_changed.notify_one();
    }
    Ok(())
}
