//! Starting and waking runners, and sending them control messages.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stepwell_core::ids::ExecutionId;
use stepwell_store::audit::AuditRecord;
use tokio::sync::{mpsc, oneshot};

use super::engine::Engine;
use super::registry::{Control, ControlEffect, Message, RunnerSlot, WakeReason};
use super::runner::{Runner, RunnerInit};
use crate::AppError;

/// The longest time that a runner takes to end after it has closed its mailbox.
const END_WITHIN: Duration = Duration::from_millis(20);

/// The longest pause before it is checked whether a claimed execution still has a runner.
const LONGEST_CLAIM_PAUSE: Duration = Duration::from_secs(2);

/// How long a control request waits for the execution.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a message is sent again because the runner ended before it received it.
const SEND_ATTEMPTS: usize = 100;

impl Engine {
    /// Whether there is room for another execution in memory.
    pub(crate) fn has_room(&self) -> bool {
        self.registry.active() < self.config().max_active && !self.background.is_stopping()
    }

    /// Starts the runner of an execution that was just accepted.
    pub(crate) fn start_runner(self: &Arc<Self>, slot: RunnerSlot, init: Box<RunnerInit>) {
        tokio::spawn(Runner::begin(self.clone(), slot, init));
    }

    /// Starts a runner for a stored execution unless there is one, and returns its mailbox.
    pub(crate) fn wake(
        self: &Arc<Self>,
        id: ExecutionId,
        reason: WakeReason,
    ) -> mpsc::Sender<Message> {
        match self.registry.acquire(id) {
            Err(mailbox) => mailbox,
            Ok(slot) => {
                let sender = slot.sender.clone();
                tokio::spawn(Runner::resume(self.clone(), id, slot, reason));
                sender
            }
        }
    }

    /// Starts an execution that was claimed from the queue.
    pub(crate) fn start_claimed(self: &Arc<Self>, id: ExecutionId) {
        if let Ok(slot) = self.registry.acquire(id) {
            tokio::spawn(Runner::resume(self.clone(), id, slot, WakeReason::Due));
            return;
        }
        // A runner handles a message to it, such as a request to pause it, and ends soon, unless the
        // store is unavailable or the message has started it.
        let engine = self.clone();
        tokio::spawn(async move {
            let mut pause = END_WITHIN;
            while !engine.background.is_stopping() {
                tokio::time::sleep(pause).await;
                if let Ok(slot) = engine.registry.acquire(id) {
                    return Box::pin(Runner::resume(engine, id, slot, WakeReason::Due)).await;
                }
                pause = LONGEST_CLAIM_PAUSE.min(pause * 2);
            }
        });
    }

    /// Sends a control message to an execution and waits until its effect is durable, together with
    /// the audit entry. The caller has checked that the execution exists.
    ///
    /// # Errors
    /// What the execution rejects; `Unavailable` if it cannot be stored now.
    pub(crate) async fn control(
        self: &Arc<Self>,
        id: ExecutionId,
        control: Control,
        audit: Option<AuditRecord>,
    ) -> Result<ControlEffect, AppError> {
        let controlled = self.send_control(id, control, audit);
        tokio::time::timeout(CONTROL_TIMEOUT, controlled).await.unwrap_or_else(|_| {
            Err(AppError::Unavailable {
                reason: "the execution did not respond in time; the request may take effect later"
                    .into(),
                retry_after: Duration::from_secs(1),
            })
        })
    }

    async fn send_control(
        self: &Arc<Self>,
        id: ExecutionId,
        control: Control,
        audit: Option<AuditRecord>,
    ) -> Result<ControlEffect, AppError> {
        // A runner may end between being found and receiving the message; then another one starts.
        for _ in 0..SEND_ATTEMPTS {
            if self.background.is_stopping() {
                break;
            }
            let gone = self.runner_gone.notified();
            let mailbox = self.wake(id, WakeReason::Message);
            let (reply, result) = oneshot::channel();
            let (control, audit) = (control.clone(), audit.clone().map(Box::new));
            let message = Message::Control { control, audit, reply };
            let sent = mailbox.send(message).await;
            // A message that is sent while the mailbox closes is dropped with its reply channel, but
            // only after the last sender is gone.
            drop(mailbox);
            if sent.is_ok()
                && let Ok(result) = result.await
            {
                return result;
            }
            // The timeout covers a runner that has ended before this waits for it.
            let _ = tokio::time::timeout(END_WITHIN, gone).await;
        }
        if self.background.is_stopping() {
            return Err(AppError::stopping());
        }
        Err(AppError::Unavailable {
            reason: "the execution cannot be loaded now".into(),
            retry_after: Duration::from_secs(1),
        })
    }

    /// Releases the slot of a runner that has ended.
    pub(crate) fn deregister(&self, id: ExecutionId) {
        self.registry.release(id);
        self.runner_gone.notify_waiters();
        if self.queued.load(Ordering::Relaxed) > 0 {
            self.queue_changed.notify_one();
        }
    }

    /// Counts executions that were queued.
    pub(crate) fn count_queued(&self, count: usize) {
        self.queued.fetch_add(count, Ordering::Relaxed);
        self.queue_changed.notify_one();
    }

    /// Counts executions that were claimed from the queue.
    pub(crate) fn count_claimed(&self, claimed: usize) {
        let _ = self.queued.try_update(Ordering::Relaxed, Ordering::Relaxed, |queued| {
            Some(queued.saturating_sub(claimed))
        });
    }
}
