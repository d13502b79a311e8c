//! The messages of a runner: ended steps, timers, control requests.

use std::time::Duration;

use stepwell_core::Problem;
use stepwell_core::catalog::Effect;
use stepwell_core::execution::{
    MAX_SIGNALS, MAX_SIGNALS_PER_NAME, Status, TransitionError, TransitionInput,
};
use stepwell_core::memory::json_size;
use stepwell_store::audit::AuditRecord;
use tokio::sync::{mpsc, oneshot};

use super::PendingReply;
use super::{Runner, StopReason};
use crate::AppError;
use crate::runtime::registry::{Control, ControlEffect, Message, SignalDelivery};

/// The error for someone who is not among the approvers.
const NOT_APPROVER: &str = "this approver may not decide about this approval";

/// The longest sleep: sleeps do not advance while the machine is suspended.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

impl Runner {
    /// Waits for the next message or timer, and handles it and all further messages.
    pub(super) async fn handle_next_message(&mut self) -> Result<(), StopReason> {
        if self.handle_deferred() {
            return Ok(());
        }
        if self.has_messages {
            self.read_messages().await;
            return Ok(());
        }
        let (now, elapsed) = self.engine.clocks();
        let wakes_in = self.execution.wakes_in(now, elapsed).map(|pause| pause.min(LONGEST_SLEEP));
        let pause = wakes_in.into_iter().chain(self.stays_for()).min();
        let message = tokio::select! {
            message = self.mailbox.recv() => message,
            () = sleep_for(pause) => Some(Message::Wake),
        };
        // The runner holds a sender itself, so the mailbox never closes.
        let Some(message) = message else { return Err(StopReason::Stopped) };
        self.handle_message(message);
        while let Ok(message) = self.mailbox.try_recv() {
            self.handle_message(message);
        }
        Ok(())
    }

    /// Handles the messages that came while the store was unavailable; returns whether there were any.
    pub(super) fn handle_deferred(&mut self) -> bool {
        let deferred = std::mem::take(&mut self.deferred);
        let any = !deferred.is_empty();
        for message in deferred {
            self.handle_message(message);
        }
        any
    }

    pub(super) fn handle_message(&mut self, message: Message) {
        match message {
            Message::StepEnded { attempt, result, memory } => {
                self.under_way.remove(&attempt.step_run);
                self.feed.memory().absorb(memory);
                self.step_ended(attempt, result);
                self.resize_memory();
            }
            Message::PlaceTaken { attempt, place } => self.place_taken(attempt, place),
            Message::ItemsEnded(ended) => self.items_ended(*ended),
            Message::StepCheckpoint { attempt, value } => {
                self.bytes += json_size(&value, usize::MAX);
                // An execution that is too large keeps the checkpoint before.
                if self.bytes <= self.engine.config().max_execution_bytes {
                    self.apply_input(TransitionInput::StepCheckpoint { attempt, value });
                }
            }
            Message::StepLogged { step, level, message } => {
                self.apply_input(TransitionInput::StepLogged {
                    step,
                    level: level.into(),
                    message,
                });
            }
            Message::Control { control, audit, reply } => self.control(control, audit, reply),
            Message::Wake => {
                self.apply_input(TransitionInput::Timer);
            }
            Message::Inbox => self.has_messages = true,
            Message::Drain => self.drain(),
        }
    }

    /// Starts to drain. Running pure steps are stopped: the next start computes them again.
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
        reply: oneshot::Sender<Result<ControlEffect, AppError>>,
    ) {
        let input = match control {
            Control::Cancel { reason } => TransitionInput::Cancel { reason },
            Control::Pause => TransitionInput::Pause,
            Control::Resume => TransitionInput::Resume,
            Control::Expire => TransitionInput::Timer,
            Control::Decide(decision) => TransitionInput::Decide((*decision).clone()),
            Control::Signal(delivery) => return self.receive_signal(&delivery, audit, reply),
        };
        match self.apply_control(input) {
            None => {
                self.replies.push(PendingReply::Control(reply, ControlEffect::Applied));
                self.audit.extend(audit.map(|audit| *audit));
            }
            Some(refused) => {
                let _ = reply.send(Err(refusal_error(refused, self.execution.status())));
            }
        }
    }

    /// Applies a control request of a user or of another execution.
    pub(super) fn apply_control(&mut self, input: TransitionInput) -> Option<TransitionError> {
        let resumes = matches!(input, TransitionInput::Resume);
        let refused = self.apply_input(input);
        // It was paused before it began, and begins now unless it waits for a place.
        let begins = resumes && !self.record.waits_for_place();
        if refused.is_none() && begins && self.execution.status() == Status::Queued {
            self.apply_input(TransitionInput::Start);
        }
        refused
    }

    /// Gives a signal to the execution, if there is room for its data.
    fn receive_signal(
        &mut self,
        delivery: &SignalDelivery,
        audit: Option<Box<AuditRecord>>,
        reply: oneshot::Sender<Result<ControlEffect, AppError>>,
    ) {
        let SignalDelivery { signal, objects } = delivery;
        let bytes = json_size(&signal.data, usize::MAX);
        let limit = self.engine.config().max_execution_bytes;
        if self.bytes + bytes > limit {
            let message =
                format!("the values of the execution may have at most {limit} bytes together");
            // The caller may have gone.
            let _ = reply.send(Err(AppError::TooLarge(Problem::new("data", message))));
            return;
        }
        let kept_before = self.execution.kept_signals();
        match self.apply_input(TransitionInput::Signal(signal.clone())) {
            None => {
                self.bytes += bytes;
                self.audit.extend(audit.map(|audit| *audit));
                let own = self.objects.get_or_insert_default();
                own.puts.extend(objects.puts.iter().cloned());
                own.deletes.extend(objects.deletes.iter().cloned());
                let is_kept = self.execution.kept_signals() > kept_before;
                let effect = match is_kept {
                    true => ControlEffect::SignalKept,
                    false => ControlEffect::SignalConsumed,
                };
                self.replies.push(PendingReply::Control(reply, effect));
            }
            // The first one may not be durable yet.
            Some(TransitionError::RepeatedSignal) => {
                self.replies.push(PendingReply::Control(reply, ControlEffect::SignalRepeated));
            }
            Some(refused) => {
                let _ = reply.send(Err(refusal_error(refused, self.execution.status())));
            }
        }
    }

    /// Rejects the requests to an execution that has ended.
    pub(super) fn reject_all(&mut self) -> StopReason {
        self.mailbox.close();
        while let Ok(message) = self.mailbox.try_recv() {
            if let Message::Control { reply, .. } = message {
                let _ = reply.send(Err(AppError::AlreadyEnded(self.execution.status())));
            }
        }
        StopReason::Ended
    }
}

/// The next message. The runner holds a sender itself, so there is always another one to wait for.
pub(super) async fn receive_message(mailbox: &mut mpsc::Receiver<Message>) -> Message {
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

fn too_many_signals() -> String {
    format!(
        "the execution keeps too many signals that no step has consumed: at most \
         {MAX_SIGNALS_PER_NAME} of a name and {MAX_SIGNALS} in all"
    )
}

fn refusal_error(refused: TransitionError, status: Status) -> AppError {
    match refused {
        TransitionError::Ended(status) => AppError::AlreadyEnded(status),
        TransitionError::Compensating => AppError::WrongState {
            status,
            reason: "it has failed and its steps are being compensated; wait for its end",
        },
        TransitionError::AlreadyPaused => {
            AppError::WrongState { status, reason: "it is paused already" }
        }
        TransitionError::NotApprover => AppError::NotPermitted(NOT_APPROVER),
        TransitionError::AlreadyVoted => AppError::Conflict("this approver has voted".to_owned()),
        TransitionError::AlreadyApprover => {
            AppError::invalid("to", "may decide about this approval already")
        }
        TransitionError::NotAwaited => AppError::SignalNotAwaited,
        TransitionError::TooManySignals => AppError::TooManySignals(too_many_signals()),
        TransitionError::NotPaused => {
            AppError::WrongState { status, reason: "only a paused execution can be resumed" }
        }
        TransitionError::AlreadyStarted
        | TransitionError::NotStarted
        | TransitionError::Stale
        | TransitionError::RepeatedSignal
        | TransitionError::Interrupted => {
            AppError::WrongState { status, reason: "the request is not possible in this state" }
        }
    }
}
