//! Evaluations that may take long: on a thread of their own, bounded in number, ended by the
//! time-outs of step and execution, by what users want, and by the server's stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stepwell_core::execution::{
    Command, Decision, Execution, Failure, Input, Refused, StepRunId, codes,
};
use stepwell_core::expr::{Budget, Interrupt};
use stepwell_core::faults;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::hear::receive;
use super::{Gone, Runner};
use crate::memory::{MemoryShortage, PATIENCE, Reservation};
use crate::runtime::registry::Message;

/// How many messages are taken from the mailbox while an evaluation runs. The rest waits there.
const MOST_HELD: usize = 64;

/// How an evaluation on a thread ended.
struct Ended {
    evaluated: Evaluated,
    /// What came meanwhile.
    messages: Vec<Message>,
    timed_out: bool,
}

/// What a thread gives back.
struct Evaluated {
    execution: Execution,
    result: Result<Decision, Refused>,
    /// What was reserved for the values that it made; where that was not possible, nothing was
    /// evaluated.
    memory: Result<Reservation, MemoryShortage>,
}

impl Runner {
    /// Starts a step, or completes the execution, on a thread for blocking work.
    pub(super) async fn evaluate(&mut self, step: Option<StepRunId>) -> Result<(), Gone> {
        // What was acknowledged is durable before anything that may take the process down.
        self.commit().await?;
        let (limit, is_of_step) = self.evaluation_limit(step.as_ref());
        let Some(_permit) = self.evaluation_permit().await? else {
            // Decided on again: what came meanwhile may make it needless.
            self.commands.push_back(Command::Evaluate { step });
            return Ok(());
        };
        let blank = Execution::new(self.execution.origin.clone());
        let execution = std::mem::replace(&mut self.execution, blank);
        let input = Input::Evaluate { step: step.clone() };
        let ended = self.on_a_thread(execution, input, limit).await;
        let Evaluated { execution, result, memory } = ended.evaluated;
        self.execution = execution;
        match result {
            Ok(decision) => self.accept(decision),
            Err(Refused::Interrupted) if ended.timed_out && is_of_step => {
                let text =
                    format!("the evaluation took longer than the step's timeout of {limit:?}");
                let failure = Failure::new(codes::STEP_TIMEOUT, text);
                self.tell(Input::EvaluationFailed { step, failure });
            }
            Err(Refused::Interrupted)
                if let Err(shortage) = &memory
                    && ended.messages.is_empty()
                    && !ended.timed_out =>
            {
                let failure = Failure::new(codes::MEMORY_SHORTAGE, shortage.to_string());
                self.tell(Input::EvaluationFailed { step, failure });
            }
            Err(Refused::Interrupted) => {
                self.tell(Input::Timer);
                // Evaluated again, unless what happened meanwhile makes that needless.
                self.commands.push_back(Command::Evaluate { step });
            }
            // Something else happened to the step before it was its turn.
            Err(_) => {}
        }
        // The values are counted by now.
        drop(memory);
        for message in ended.messages {
            self.take(message);
        }
        Ok(())
    }

    /// Waits for one of the bounded places. Messages and timeouts take effect meanwhile: `None`
    /// once there was one, or where the execution has ended.
    async fn evaluation_permit(&mut self) -> Result<Option<OwnedSemaphorePermit>, Gone> {
        if self.execution.status().is_final() {
            return Ok(None);
        }
        let permit = self.engine.evaluations.clone().acquire_owned();
        tokio::select! {
            biased;
            permit = permit => permit.map(Some).map_err(|_| Gone::Stopped),
            heard = self.hear() => heard.map(|()| None),
        }
    }

    /// How long an evaluation may take, and whether the step's time-out says so.
    fn evaluation_limit(&self, step: Option<&StepRunId>) -> (Duration, bool) {
        let default = self.engine.config.step_timeout();
        let planned = step.map(|step| &self.execution.origin.plan[step.step]);
        let of_step = planned.map_or(default, |planned| planned.timeout.unwrap_or(default));
        let (now, elapsed) = self.engine.clocks();
        match self.execution.timeout_left(now, elapsed) {
            Some(left) if left < of_step => (left, false),
            _ => (of_step, step.is_some()),
        }
    }

    async fn on_a_thread(&mut self, execution: Execution, input: Input, limit: Duration) -> Ended {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let interrupt = Interrupt::new(move || asked.load(Ordering::Relaxed));
        let moment = self.engine.moment();
        let halt = Arc::new(Notify::new());
        let room = self.room_for_values(halt.clone());
        let work = async move {
            let memory = room.await;
            if memory.is_err() {
                return Ok(Evaluated { execution, result: Err(Refused::Interrupted), memory });
            }
            let mut execution = execution;
            tokio::task::spawn_blocking(move || {
                faults::hit("evaluate_on_a_thread");
                let budget = Budget::interruptible(interrupt);
                let result = execution.advance_within(input, moment, budget);
                Evaluated { execution, result, memory }
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
                    Ok(evaluated) => return Ended { evaluated, messages, timed_out },
                    Err(failed) => match failed.try_into_panic() {
                        // On the way that every panic of a runner takes.
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_) => std::future::pending().await,
                    },
                },
                () = &mut over, if !timed_out => {
                    timed_out = true;
                    stop.store(true, Ordering::Relaxed);
                    halt.notify_one();
                }
                message = receive(&mut self.mailbox), if messages.len() < MOST_HELD => {
                    if matches!(message, Message::Control { .. } | Message::Drain) {
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
    /// Reserves memory for what an evaluation makes: mostly a copy of a value that there is. Ends
    /// early at `halt`.
    fn room_for_values(
        &self,
        halt: Arc<Notify>,
    ) -> impl Future<Output = Result<Reservation, MemoryShortage>> + Send + use<> {
        let (budget, bytes) = (self.engine.memory.clone(), self.retained.largest());
        let mut room = budget.beside(self.retained.bytes());
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
