//! What a runner waits for and is told: steps that ended, moments that came, what users want.

use std::time::Duration;

use stepwell_core::catalog::Effect;
use stepwell_core::execution::{Input, Refused, Status};
use stepwell_store::audit::AuditRecord;
use tokio::sync::{mpsc, oneshot};

use super::{Gone, Runner};
use crate::AppError;
use crate::runtime::registry::{Control, Message};

/// How long to sleep at most: while the machine is suspended, a sleep does not go on.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

impl Runner {
    /// Waits for the next message or moment, and acts on it.
    pub(super) async fn hear(&mut self) -> Result<(), Gone> {
        if self.take_deferred() {
            return Ok(());
        }
        let (now, elapsed) = self.engine.clocks();
        let pause = self.execution.wakes_in(now, elapsed).map(|pause| pause.min(LONGEST_SLEEP));
        let message = tokio::select! {
            message = self.mailbox.recv() => message,
            () = sleep_for(pause) => Some(Message::Wake),
        };
        // The runner holds a sender itself, so the mailbox never closes.
        let Some(message) = message else { return Err(Gone::Stopped) };
        self.take(message);
        while let Ok(message) = self.mailbox.try_recv() {
            self.take(message);
        }
        Ok(())
    }

    /// Takes what came while the store was unavailable; whether there was anything.
    pub(super) fn take_deferred(&mut self) -> bool {
        let deferred = std::mem::take(&mut self.deferred);
        let any = !deferred.is_empty();
        for message in deferred {
            self.take(message);
        }
        any
    }

    pub(super) fn take(&mut self, message: Message) {
        match message {
            Message::StepEnded { attempt, result, memory } => {
                self.under_way.remove(&attempt.step_run);
                self.feed.memory().absorb(memory);
                self.step_ended(attempt, result);
                self.resize_memory();
            }
            Message::StepLogged { step, level, message } => {
                self.tell(Input::StepLogged { step, level: level.into(), message });
            }
            Message::Control { control, audit, reply } => self.control(control, audit, reply),
            Message::Wake => {
                self.tell(Input::Timer);
            }
            Message::Drain => self.drain(),
        }
    }

    /// Begins to finish what is under way, but for pure steps: the next start computes them again.
    fn drain(&mut self) {
        self.draining = true;
        let plan = &self.execution.origin.plan;
        self.under_way.retain(|run, attempt| {
            let is_pure = plan.step(run.step).is_some_and(|step| step.effect == Effect::Pure);
            if is_pure {
                attempt.abort();
            }
            !is_pure
        });
    }

    fn control(
        &mut self,
        control: Control,
        audit: Option<Box<AuditRecord>>,
        reply: oneshot::Sender<Result<(), AppError>>,
    ) {
        let input = match control {
            Control::Cancel { reason } => Input::Cancel { reason },
            Control::Pause => Input::Pause,
            Control::Resume => Input::Resume,
            Control::Expire => Input::Timer,
        };
        let resumed = matches!(input, Input::Resume);
        match self.tell(input) {
            None => {
                self.replies.push(reply);
                self.notes.extend(audit.map(|audit| *audit));
                // It was paused before it began: now it begins.
                if resumed && self.execution.status() == Status::Queued {
                    self.tell(Input::Start);
                }
            }
            Some(refused) => {
                let _ = reply.send(Err(refusal(refused, self.execution.status())));
            }
        }
    }

    /// Somebody woke an execution that has ended: whatever they want is too late.
    pub(super) fn refuse_all(&mut self) -> Gone {
        self.mailbox.close();
        while let Ok(message) = self.mailbox.try_recv() {
            if let Message::Control { reply, .. } = message {
                let _ = reply.send(Err(AppError::AlreadyEnded(self.execution.status())));
            }
        }
        Gone::Ended
    }
}

/// The next message. The runner holds a sender itself, so there is always another one to wait for.
pub(super) async fn receive(mailbox: &mut mpsc::Receiver<Message>) -> Message {
    match mailbox.recv().await {
        Some(message) => message,
        None => std::future::pending().await,
    }
}

async fn sleep_for(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

fn refusal(refused: Refused, status: Status) -> AppError {
    match refused {
        Refused::Ended(status) => AppError::AlreadyEnded(status),
        Refused::AlreadyPaused => AppError::WrongState { status, reason: "it is paused already" },
        Refused::NotPaused => {
            AppError::WrongState { status, reason: "only a paused one can be resumed" }
        }
        Refused::AlreadyStarted | Refused::NotStarted | Refused::Stale | Refused::Interrupted => {
            AppError::WrongState { status, reason: "that does not fit where it stands" }
        }
    }
}
