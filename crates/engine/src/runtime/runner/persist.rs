//! Commits: making events durable.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::execution::{Status, without_file_results};
use stepwell_core::faults;
use stepwell_store::StoreError;
use stepwell_store::commit::{Admission, Commit, RelatedExecutions};
use stepwell_store::record::ExecutionRecord;

use super::idle::Idle;
use super::messages::receive_message;
use super::{Runner, RunnerInit, SignalWaits, StopReason};
use crate::AppError;
use crate::concurrency::admission_of;
use crate::runtime::deliveries::{Outbox, Uncommitted};
use crate::runtime::engine::Engine;
use crate::runtime::registry::Message;

/// The pause while the store is unavailable.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// The most messages that are kept while the store is unavailable; then log lines are dropped.
const MAX_DEFERRED: usize = 256;

impl Runner {
    /// Commits the events that are not durable yet. Waits while the store is unavailable.
    pub(super) async fn commit(&mut self) -> Result<(), StopReason> {
        self.commit_as(None).await
    }

    /// Commits with the time at which to wake the execution, because it leaves memory.
    pub(super) async fn commit_asleep(&mut self, idle: Idle) -> Result<(), StopReason> {
        self.commit_as(Some(idle)).await
    }

    async fn commit_as(&mut self, idle: Option<Idle>) -> Result<(), StopReason> {
        let wake_at = idle.as_ref().and_then(|idle| idle.until);
        // While it is in memory the wake-up time of the row is not used, and right for a restart.
        let moves = idle.is_some() && self.record.wake_at != wake_at;
        if self.uncommitted.is_empty() && self.related.is_empty() && !moves {
            self.confirm_requests();
            return Ok(());
        }
        let commit = Arc::new(self.build_commit(wake_at));
        self.committing = Some(commit.clone());
        faults::hit("commit");
        while let Err(error) = self.engine.store.commit(commit.clone()).await {
            match error {
                // An attempt whose response was lost had been stored after all.
                StoreError::Conflict { actual, .. } if actual == commit.record.seq => break,
                error => Box::pin(self.after_refusal(error)).await?,
            }
        }
        self.committing = None;
        self.record.clone_from(&commit.record);
        let new_waits = self.signal_waits.set_stored(&commit);
        self.approvals.set_stored();
        self.feed.set_committed();
        if self.record.status.is_final() {
            // Before the end is reported: then callers that see it find the place free.
            self.engine.meters.left(&self.record);
            self.engine.metrics.execution_ended(self.record.workflow, self.record.status);
            self.log_failure();
            if self.record.started_at.is_none() {
                self.engine.count_claimed(1);
            }
        }
        if self.record.concurrency.is_some() {
            self.notify_places();
        }
        if commit.has_deliveries() {
            self.engine.notify_outbox();
        }
        self.engine.notify_related(&commit.related);
        self.feed.show(&without_file_results(&self.execution.origin.plan, &commit.events));
        self.confirm_requests();
        if !new_waits.is_empty() {
            let workspace = self.record.workspace;
            // Boxed, so that the future of the usual case stays small.
            Box::pin(self.engine.offer_kept_signals(workspace, new_waits)).await;
        }
        Ok(())
    }

    /// After a commit of an execution that needs a place: another one may have got it, or this one
    /// waits in the queue again.
    fn notify_places(&self) {
        if self.record.status.is_final() || self.record.status == Status::Queued {
            self.engine.queue_changed.notify_one();
        }
    }

    /// Logs the end of an execution that failed. Its cause is usually in the workflow or in what it
    /// calls, so this is not a warning.
    fn log_failure(&self) {
        let Some(error) = &self.execution.error else { return };
        tracing::info!(
            workflow = self.execution.origin.plan.name,
            workflow_id = %self.record.workflow,
            id = %self.record.id,
            status = self.record.status.name(),
            step = error.step,
            code = error.code,
            "an execution failed"
        );
    }

    /// After a panic during a commit: its events are uncommitted again.
    pub(super) fn take_back_commit(&mut self) {
        let Some(commit) = self.committing.take() else { return };
        let Commit { events, audit, idempotency, objects, related, .. } =
            Arc::unwrap_or_clone(commit);
        self.uncommitted.splice(0..0, events);
        self.audit.splice(0..0, audit);
        self.idempotency = idempotency;
        self.objects = objects.and_then(SignalWaits::without_waits);
        self.related.started.splice(0..0, related.started);
        self.related.sent.splice(0..0, related.sent);
        self.related.handled.splice(0..0, related.handled);
    }

    /// Confirms the requests that are durable now.
    fn confirm_requests(&mut self) {
        for reply in self.replies.drain(..) {
            reply.send(Ok(()));
        }
    }

    /// The commit of everything that is not durable yet. It stays in memory until the store has it.
    fn build_commit(&mut self, wake_at: Option<stepwell_core::Timestamp>) -> Commit {
        let uncommitted = Uncommitted {
            record: &self.record,
            execution: &self.execution,
            events: &self.uncommitted,
        };
        let before = || self.feed.journal(self.record.seq);
        let deliveries = self.outbox.build_deliveries(&self.engine, &uncommitted, before);
        let record = self.projection(wake_at);
        let objects = self.signal_waits.add_changes(&self.execution, &record, self.objects.take());
        let approvals = &mut self.approvals;
        let objects = approvals.add_changes(&self.execution, &record, &self.uncommitted, objects);
        Commit {
            node: self.engine.node,
            expected_seq: self.record.seq,
            record,
            events: std::mem::take(&mut self.uncommitted),
            deliveries,
            audit: std::mem::take(&mut self.audit),
            idempotency: self.idempotency.take(),
            objects,
            related: std::mem::take(&mut self.related),
        }
    }

    fn projection(&self, wake_at: Option<stepwell_core::Timestamp>) -> ExecutionRecord {
        ExecutionRecord {
            status: self.execution.status(),
            seq: self.execution.seq,
            started_at: self.execution.started_at,
            ended_at: self.execution.ended_at,
            wake_at,
            // One that is queued by a message stays in the queue.
            owner: match self.execution.status() {
                // One that was paused before it started waits for a place again.
                Status::Queued if self.record.concurrency.is_some() => None,
                Status::Queued if self.record.seq > 0 => self.record.owner,
                _ => Some(self.engine.node),
            },
            ..self.record.clone()
        }
    }

    /// Pauses while the store is unavailable. Control requests are rejected meanwhile, since they
    /// could not be made durable; results of steps are kept for later.
    pub(super) async fn wait_for_store(&mut self, reason: &str) {
        let pause = tokio::time::sleep(STORE_PAUSE);
        tokio::pin!(pause);
        loop {
            let message = tokio::select! {
                () = &mut pause => return,
                message = receive_message(&mut self.mailbox) => message,
            };
            match message {
                Message::Control { reply, .. } => {
                    // The caller may have gone.
                    let _ = reply.send(Err(StoreError::Unavailable(reason.to_owned()).into()));
                }
                // After its commit the runner checks the time anyway.
                Message::Wake => {}
                Message::Inbox => self.has_messages = true,
                Message::StepLogged { .. } if self.deferred.len() >= MAX_DEFERRED => {}
                message => self.deferred.push_back(message),
            }
        }
    }

    async fn after_refusal(&mut self, error: StoreError) -> Result<(), StopReason> {
        let id = self.record.id;
        match error {
            // It was not reported yet, so it is rejected as a whole.
            error if self.record.seq == 0 => Err(StopReason::NotAccepted(error)),
            StoreError::Unavailable(reason) => {
                tracing::warn!(%id, reason, "the store is unavailable; trying again");
                for reply in self.replies.drain(..) {
                    reply.send(Err(stored_later(&reason)));
                }
                self.wait_for_store(&reason).await;
                // After a stop the next node continues from the last commit.
                if self.engine.background.is_stopping() { Err(StopReason::Stopped) } else { Ok(()) }
            }
            StoreError::Fenced => Err(StopReason::Fenced),
            // Another node was faster with the same signal.
            StoreError::Missing(_) | StoreError::Outdated(_) | StoreError::UniqueKeyTaken(_) => {
                tracing::warn!(%id, %error, "an execution is loaded again");
                for reply in self.replies.drain(..) {
                    reply.send(Err(changed_meanwhile()));
                }
                Err(StopReason::Lost)
            }
            error => {
                tracing::error!(%id, %error, "the stored execution differs from the one in memory");
                Err(StopReason::Lost)
            }
        }
    }
}

/// The error for a request that was applied before the store failed: it cannot be undone.
fn stored_later(reason: &str) -> AppError {
    AppError::Unavailable {
        reason: format!(
            "the store is unavailable: {reason}; the request takes effect when it is back"
        ),
        retry_after: Duration::from_secs(1),
    }
}

/// The error for a request that another node has carried out meanwhile.
fn changed_meanwhile() -> AppError {
    AppError::Unavailable {
        reason: "other requests changed the same objects; send the request again".to_owned(),
        retry_after: Duration::from_secs(1),
    }
}

/// Commits the acceptance of an execution as queued: any node may claim it.
///
/// # Errors
/// The store rejects it; then it does not exist.
pub(crate) async fn commit_queued(engine: &Engine, init: RunnerInit) -> Result<(), StoreError> {
    let RunnerInit { execution, record, uncommitted, audit, idempotency, objects, secrets, .. } =
        init;
    let events = Uncommitted { record: &record, execution: &execution, events: &uncommitted };
    let deliveries = Outbox::default().build_deliveries(engine, &events, Vec::new);
    let (id, seq) = (record.id, execution.seq);
    let admission = admission_of(&execution);
    let displaces = matches!(admission, Admission::Displace(..));
    let record = ExecutionRecord { seq, owner: None, ..record };
    let node = engine.node;
    let commit = Commit {
        node,
        expected_seq: 0,
        record,
        events: uncommitted,
        deliveries,
        audit,
        idempotency,
        objects,
        related: RelatedExecutions { admission, ..RelatedExecutions::default() },
    };
    let has_deliveries = commit.has_deliveries();
    // Before it can be claimed.
    engine.vault.keep(id, &secrets);
    engine.store.commit(Arc::new(commit)).await.inspect_err(|_| drop(engine.vault.take(id)))?;
    if has_deliveries {
        engine.notify_outbox();
    }
    if displaces {
        engine.messages_changed.notify_one();
    }
    Ok(())
}
