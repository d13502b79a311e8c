//! Evaluations that may take long: on a thread of their own, bounded in number, ended by the
//! timeouts of step and execution, by control requests, and by the server's stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stepwell_core::execution::{
    Command, Decision, Execution, Failure, StepRunId, TransitionError, TransitionInput, codes,
};
use stepwell_core::expr::{EvalBudget, EvalInterrupt};
use stepwell_core::faults;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::messages::receive_message;
use super::{Runner, StopReason};
use crate::memory::{MemoryShortage, PATIENCE, Reservation};
use crate::runtime::registry::Message;

/// The most messages that are received during an evaluation. Further ones wait in the mailbox.
const MAX_RECEIVED: usize = 64;

/// How an evaluation on a thread ended.
struct EvaluationEnd {
    evaluated: EvaluatedInput,
    /// The messages received meanwhile.
    messages: Vec<Message>,
    timed_out: bool,
}

/// The result of the thread.
struct EvaluatedInput {
    execution: Execution,
    result: Result<Decision, TransitionError>,
    /// The memory reserved for the new values; if there was none, nothing was evaluated.
    memory: Result<Reservation, MemoryShortage>,
}

impl Runner {
    /// Starts a step, or completes the execution, on a blocking thread.
    pub(super) async fn evaluate(&mut self, step: Option<StepRunId>) -> Result<(), StopReason> {
        // Before anything that may crash the process, everything acknowledged becomes durable.
        self.commit().await?;
        let (limit, is_of_step) = self.evaluation_limit(step.as_ref());
        let Some(_permit) = self.evaluation_permit().await? else {
            // Decided again: the messages may make it needless.
            self.commands.push_back(Command::Evaluate { step });
            return Ok(());
        };
        let progress = self.execution.block_progress(step.as_ref());
        let blank = Execution::new(self.execution.origin.clone());
        let execution = std::mem::replace(&mut self.execution, blank);
        let input = TransitionInput::Evaluate { step: step.clone() };
        let ended = self.evaluate_on_thread(execution, input, limit).await;
        let EvaluatedInput { execution, result, memory } = ended.evaluated;
        self.execution = execution;
        match result {
            Ok(decision) => self.accept_decision(decision),
            Err(TransitionError::Interrupted) if ended.timed_out && is_of_step => {
                let text =
                    format!("the evaluation took longer than the step's timeout of {limit:?}");
                let failure = Failure::new(codes::STEP_TIMEOUT, text);
                self.apply_input(TransitionInput::EvaluationFailed { step, progress, failure });
            }
            Err(TransitionError::Interrupted)
                if let Err(shortage) = &memory
                    && ended.messages.is_empty()
                    && !ended.timed_out =>
            {
                let failure = Failure::new(codes::MEMORY_SHORTAGE, shortage.to_string());
                self.apply_input(TransitionInput::EvaluationFailed { step, progress, failure });
            }
            Err(TransitionError::Interrupted) => {
                self.apply_input(TransitionInput::Timer);
                // Evaluated again, unless the messages make that needless.
                self.commands.push_back(Command::Evaluate { step });
            }
            // The step has changed before it was evaluated.
            Err(_) => {}
        }
        // The new values are counted by now.
        drop(memory);
        for message in ended.messages {
            self.handle_message(message);
        }
        Ok(())
    }

    /// Waits for a permit. Messages and timeouts take effect meanwhile: `None` after one, or if the
    /// execution has ended.
    async fn evaluation_permit(&mut self) -> Result<Option<OwnedSemaphorePermit>, StopReason> {
        if self.execution.status().is_final() {
            return Ok(None);
        }
        let permit = self.engine.evaluations.clone().acquire_owned();
        tokio::select! {
            biased;
            permit = permit => permit.map(Some).map_err(|_| StopReason::Stopped),
            handled = self.handle_next_message() => handled.map(|()| None),
        }
    }

    /// The time limit of an evaluation, and whether it is the step's timeout.
    fn evaluation_limit(&self, step: Option<&StepRunId>) -> (Duration, bool) {
        let default = self.engine.config().step_timeout();
        // The timeout of a block is about all steps inside it.
        let planned = step
            .map(|step| &self.execution.origin.plan[step.step])
            .filter(|planned| planned.block.is_none());
        let of_step = planned.map_or(default, |planned| planned.timeout.unwrap_or(default));
        let (now, elapsed) = self.engine.clocks();
        match self.execution.enclosing_timeout_left(step, now, elapsed) {
            Some(left) if left < of_step => (left, false),
            _ => (of_step, step.is_some()),
        }
    }

    async fn evaluate_on_thread(
        &mut self,
        execution: Execution,
        input: TransitionInput,
        limit: Duration,
    ) -> EvaluationEnd {
        let stop = Arc::new(AtomicBool::new(false));
        let is_stopped = stop.clone();
        let interrupt = EvalInterrupt::new(move || is_stopped.load(Ordering::Relaxed));
        let moment = self.engine.moment();
        let halt = Arc::new(Notify::new());
        let room = self.room_for_values(halt.clone());
        let work = async move {
            let memory = room.await;
            if memory.is_err() {
                return Ok(EvaluatedInput {
                    execution,
                    result: Err(TransitionError::Interrupted),
                    memory,
                });
            }
            let mut execution = execution;
            tokio::task::spawn_blocking(move || {
                faults::hit("evaluate_on_a_thread");
                let budget = EvalBudget::full_with_interrupt(interrupt);
                let result = execution.advance_within(input, moment, budget);
                EvaluatedInput { execution, result, memory }
            })
            .await
        };
        tokio::pin!(work);
        let mut messages = Vec::new();
        let mut timed_out = false;
        let over = tokio::time::sleep(limit);
        tokio::pin!(over);
        loop {
            tokio::select! {
                done = &mut work => match done {
                    Ok(evaluated) => return EvaluationEnd { evaluated, messages, timed_out },
                    Err(failed) => match failed.try_into_panic() {
                        // Handled as every panic of a runner.
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_) => std::future::pending().await,
                    },
                },
                () = &mut over, if !timed_out => {
                    timed_out = true;
                    stop.store(true, Ordering::Relaxed);
                    halt.notify_one();
                }
                message = receive_message(&mut self.mailbox), if messages.len() < MAX_RECEIVED => {
                    if matches!(message, Message::Control { .. } | Message::Inbox | Message::Drain) {
                        stop.store(true, Ordering::Relaxed);
                        halt.notify_one();
                    }
                    messages.push(message);
                }
            }
        }
    }
}

impl Runner {
    /// Reserves memory for the result of an evaluation, mostly a copy of an existing value. Ends early
    /// at `halt`.
    fn room_for_values(
        &self,
        halt: Arc<Notify>,
    ) -> impl Future<Output = Result<Reservation, MemoryShortage>> + Send + use<> {
        let (budget, bytes) = (self.engine.memory.clone(), self.retained.largest());
        let mut room = budget.empty_with_held(self.retained.bytes());
        async move {
            tokio::select! {
                biased;
                grown = room.grow_to(bytes, PATIENCE) => grown?,
                () = halt.notified() => {
                    return Err(MemoryShortage { bytes, limit: budget.limit() });
                }
            }
            Ok(room)
        }
    }
}
