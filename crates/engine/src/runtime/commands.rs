//! One attempt of a step.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use stepwell_core::definition::SharedPlan;
use stepwell_core::definition::plan::PlanStep;
use stepwell_core::execution::{
    AttemptError, AttemptId, Execution, Failure, StepResult, StepRun, StepRunId, codes,
};
use stepwell_core::expr::EvalInterrupt;
use stepwell_core::faults;
use stepwell_core::ids::ExecutionId;
use stepwell_core::{MAX_VALUE_DEPTH, nests_deeper};
use stepwell_steps::{
    PureCall, RunContext, StepBehaviour, StepOutput, StepType, WorkBound, WorkingMemory,
};
use tokio::sync::mpsc;

use super::attempt_error::permanent_error;
use super::checkpoints::{CheckpointAction, CheckpointLimiter, MAX_CHECKPOINT_BYTES};
use super::engine::Engine;
use super::feed::Feed;
use super::registry::Message;
use super::secrets::Secrets;
use super::step_memory::{NO_WAITING, StepMemory};
use crate::memory::{MemoryShortage, PATIENCE, Reservation, SMALL};
use stepwell_core::memory::json_size;

/// Pure steps whose work grows with their input and configuration run inline where both together
/// are smaller than this.
const INLINE_BYTES: usize = 64 << 10;

/// For calls that end before they could be interrupted.
static NEVER: LazyLock<EvalInterrupt> = LazyLock::new(|| EvalInterrupt::new(|| false));

/// Interrupts the thread of an attempt when the attempt is dropped: at the step's or the
/// execution's timeout, when it is cancelled, when the server stops.
#[derive(Default)]
struct InterruptOnDrop(Arc<AtomicBool>);

impl InterruptOnDrop {
    fn interrupt(&self) -> EvalInterrupt {
        let is_dropped = self.0.clone();
        EvalInterrupt::new(move || is_dropped.load(Ordering::Relaxed))
    }
}

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The code of a pure step.
type PureCode = fn(&PureCall<'_>) -> Result<StepOutput, stepwell_steps::StepFailure>;

/// The result of an attempt, with the memory reserved for it.
type AttemptEnd = (StepResult, Reservation);

/// One attempt, ready to be run.
pub(crate) struct StepAttempt {
    id: AttemptId,
    step_type: &'static dyn StepType,
    behaviour: StepBehaviour,
    input: Arc<Value>,
    config: Arc<Value>,
    secrets: Secrets,
    execution: ExecutionId,
    plan: SharedPlan,
    timeout: Duration,
    max_bytes: usize,
    /// The memory reserved for the values of the execution.
    held: usize,
    /// The progress of the attempt before.
    checkpoint: Option<Arc<Value>>,
}

impl StepAttempt {
    /// Collects what an attempt needs from the execution.
    ///
    /// # Errors
    /// The error with which the attempt fails before it begins.
    pub(crate) fn prepare(
        engine: &Engine,
        execution: &Execution,
        secrets: &Secrets,
        id: &AttemptId,
        held: usize,
    ) -> Result<Self, AttemptError> {
        let planned = &execution.origin.plan[id.step_run.step];
        let run = execution.steps.run(&id.step_run);
        let registry = stepwell_steps::step_registry();
        let found =
            registry.step_type(planned.type_name).zip(registry.find_behaviour(planned.type_name));
        let Some((step_type, behaviour)) = found else {
            return Err(internal_error("the step type is not there any more"));
        };
        let input = run.input.clone().unwrap_or_default();
        let config = resolve_config(execution, planned, run)?;
        let (input, config) = secrets.insert(planned, run, input, config)?;
        Ok(Self {
            id: id.clone(),
            step_type,
            behaviour,
            input,
            config,
            secrets: secrets.clone(),
            execution: execution.origin.id,
            plan: execution.origin.plan.clone(),
            timeout: planned.timeout.unwrap_or_else(|| engine.config().step_timeout()),
            max_bytes: engine.config().max_value_bytes,
            held,
            checkpoint: run.checkpoint.clone(),
        })
    }

    /// Runs a pure step inline if it is quick, by its declared work and size; otherwise returns it.
    pub(crate) fn run_inline(self) -> Result<Result<StepResult, AttemptError>, Self> {
        match self.behaviour {
            StepBehaviour::Pure(WorkBound::Linear, code) if is_small(&self.input, &self.config) => {
                match self.call(code, &NO_WAITING, &NEVER) {
                    // It is computed again on a thread, with more memory.
                    Err(fault) if fault.failure.code == codes::MEMORY_SHORTAGE => Err(self),
                    done => Ok(done),
                }
            }
            _ => Err(self),
        }
    }

    /// How long it may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Runs a pure step on this thread, on which it may take long.
    pub(crate) fn run_blocking(
        &self,
        memory: &Arc<dyn WorkingMemory>,
        interrupt: &EvalInterrupt,
    ) -> Result<StepResult, AttemptError> {
        match self.behaviour {
            StepBehaviour::Pure(_, code) => self.call(code, memory, interrupt),
            _ => Err(internal_error("only pure steps run without a runner")),
        }
    }

    fn call(
        &self,
        code: PureCode,
        memory: &Arc<dyn WorkingMemory>,
        interrupt: &EvalInterrupt,
    ) -> Result<StepResult, AttemptError> {
        let call = PureCall { input: &self.input, config: &self.config, memory, interrupt };
        let result = catch_unwind(AssertUnwindSafe(|| {
            faults::hit("step");
            code(&call)
        }));
        self.finish(result.unwrap_or_else(|_| Err(panicked_step())))
    }

    /// As [`StepAttempt::run_blocking`], with memory of its own.
    pub(crate) fn run_with_memory(
        &self,
        engine: &Engine,
        interrupt: &EvalInterrupt,
    ) -> Result<StepResult, AttemptError> {
        let reserved = engine.memory.empty_with_held(self.held);
        let (memory, _attempt) = StepMemory::new(&engine.memory, reserved);
        let memory: Arc<dyn WorkingMemory> = memory;
        match memory.reserve_blocking(self.working_bytes()) {
            Ok(()) => self.run_blocking(&memory, interrupt),
            Err(failure) => self.finish(Err(failure)),
        }
    }

    /// Runs it to its end, its timeout, or a panic, and sends the result to the runner.
    pub(crate) async fn run(
        self,
        engine: Arc<Engine>,
        feed: Weak<Feed>,
        mailbox: mpsc::Sender<Message>,
    ) {
        let attempt = self.id.clone();
        let result = match self.behaviour {
            StepBehaviour::Pure(_, code) => {
                let timeout = self.timeout;
                let work = self.run_on_thread(code, &engine);
                tokio::time::timeout(timeout, work)
                    .await
                    .unwrap_or_else(|_| Err(timed_out(timeout)))
            }
            StepBehaviour::Async(code) => self.run_async(code, &engine, &feed, &mailbox).await,
            StepBehaviour::Control => Err(internal_error("a control step has no code to run")),
        };
        let (result, memory) = match result {
            Ok((done, memory)) => (Ok(done), memory),
            Err(fault) => (Err(fault), engine.memory.empty()),
        };
        // If the runner has ended, the result is not needed.
        let _ = mailbox.send(Message::StepEnded { attempt, result, memory }).await;
    }

    /// Runs pure code on a blocking thread, once there is a permit and memory for it.
    async fn run_on_thread(
        self,
        code: PureCode,
        engine: &Engine,
    ) -> Result<AttemptEnd, AttemptError> {
        let stopped = |_| internal_error("the step was stopped");
        let budget = &engine.memory;
        // Held by the thread until it ends, even if the attempt ends before.
        let place = engine.step_places.clone().acquire_owned().await;
        let place = place.map_err(|_| internal_error("the server stops"))?;
        // The estimate reads the whole input.
        let estimate = tokio::task::spawn_blocking(move || (self.working_bytes(), self, place));
        let (bytes, attempt, place) = estimate.await.map_err(stopped)?;
        // A call that was not run inline reserves memory, however little it needs.
        let bytes = bytes.max(SMALL);
        let mut reserved = budget.empty_with_held(attempt.held);
        reserved.grow_to(bytes, PATIENCE).await.map_err(no_memory)?;
        let (memory, _attempt) = StepMemory::new(budget, reserved);
        let given_up = InterruptOnDrop::default();
        let interrupt = given_up.interrupt();
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            let given: Arc<dyn WorkingMemory> = memory.clone();
            let done = attempt.call(code, &given, &interrupt)?;
            Ok((done, memory.take()))
        });
        work.await.map_err(stopped)?
    }

    fn working_bytes(&self) -> usize {
        let call = PureCall {
            input: &self.input,
            config: &self.config,
            memory: &NO_WAITING,
            interrupt: &NEVER,
        };
        self.step_type.working_bytes(&call)
    }

    async fn run_async(
        &self,
        code: for<'a> fn(&'a RunContext<'a>) -> stepwell_steps::StepFuture<'a>,
        engine: &Arc<Engine>,
        feed: &Weak<Feed>,
        mailbox: &mpsc::Sender<Message>,
    ) -> Result<AttemptEnd, AttemptError> {
        let log = |level: &'static str, message: String| {
            // Dropped if the mailbox is full: steps must not wait for log lines.
            let step = self.id.step_run.clone();
            let _ = mailbox.try_send(Message::StepLogged { step, level, message });
        };
        let limiter = CheckpointLimiter::default();
        let to_message =
            |value| Message::StepCheckpoint { attempt: self.id.clone(), value: Arc::new(value) };
        let save_checkpoint = |value: Value| {
            match limiter.add(value, engine.clocks().1) {
                // Dropped if the mailbox is full: the next one has more progress.
                CheckpointAction::Store(value) => drop(mailbox.try_send(to_message(value))),
                CheckpointAction::Keep => {}
                CheckpointAction::Refuse => {
                    let limit = MAX_CHECKPOINT_BYTES >> 10;
                    log("warn", format!("a checkpoint larger than {limit} KiB is not stored"));
                }
            }
        };
        let pieces = self.secrets.piece_redactor();
        let show = |piece: &str| {
            // Weak, so that attempts do not count as readers of the feed.
            let Some(feed) = feed.upgrade() else { return };
            feed.show_piece(engine.now(), &self.id, piece);
        };
        let delta = |piece: &str| match &pieces {
            Some(pieces) => show(&pieces.push(piece)),
            None => show(piece),
        };
        let (memory, _attempt) =
            StepMemory::new(&engine.memory, engine.memory.empty_with_held(self.held));
        let context = RunContext {
            input: self.input.clone(),
            config: &self.config,
            idempotency_key: &self.idempotency_key(),
            attempt: self.id.attempt,
            outbound: &engine.egress,
            log: &log,
            checkpoint: self.checkpoint.as_deref(),
            save_checkpoint: &save_checkpoint,
            delta: &delta,
            memory: &*memory,
            redact: self.secrets.redact_ref(),
        };
        let work = async {
            faults::hit("step");
            code(&context).await
        };
        let work = AssertUnwindSafe(work).catch_unwind();
        let ended = tokio::time::timeout(self.timeout, work).await;
        if let Some(pieces) = &pieces {
            show(&pieces.finish());
        }
        let ended = match ended {
            Ok(result) => self.finish(result.unwrap_or_else(|_| Err(panicked_step()))),
            Err(_) => Err(timed_out(self.timeout)),
        };
        if let (Err(_), Some(value)) = (&ended, limiter.take_pending()) {
            // For the next attempt. If the runner has ended, there is none here.
            let _ = mailbox.send(to_message(value)).await;
        }
        ended.map(|done| (done, memory.take()))
    }

    /// `execution/step/path`: the same at each attempt and after each crash.
    fn idempotency_key(&self) -> String {
        let StepRunId { step, path } = &self.id.step_run;
        format!("{}/{}/{path}", self.execution, self.plan[*step].id)
    }

    fn finish(
        &self,
        result: Result<StepOutput, stepwell_steps::StepFailure>,
    ) -> Result<StepResult, AttemptError> {
        match result {
            Ok(output) => {
                let size = json_size(&output.value, self.max_bytes + 1);
                if size > self.max_bytes {
                    let limit = self.max_bytes;
                    let message =
                        format!("the step's output is larger than the limit of {limit} bytes");
                    return Err(permanent_error(codes::VALUE_TOO_LARGE, message));
                }
                if nests_deeper(&output.value, MAX_VALUE_DEPTH) {
                    let message = format!(
                        "the step's output is nested deeper than the {MAX_VALUE_DEPTH} levels that are allowed"
                    );
                    return Err(permanent_error(codes::VALUE_TOO_DEEP, message));
                }
                Ok(StepResult { output: output.value, port: output.port.map(str::to_owned) })
            }
            Err(failure) => Err(AttemptError {
                failure: Failure {
                    details: failure.details,
                    ..Failure::new(failure.code, failure.message)
                },
                retryable: failure.retryable,
                retry_after: failure.retry_after,
            }),
        }
    }
}

/// Whether input and configuration are small; expressions can put callers' data into both.
fn is_small(input: &Value, config: &Value) -> bool {
    let taken = json_size(input, INLINE_BYTES);
    taken < INLINE_BYTES && json_size(config, INLINE_BYTES - taken) < INLINE_BYTES - taken
}

/// The configuration of an attempt: journaled if it has expressions, otherwise that of the plan.
fn resolve_config(
    execution: &Execution,
    planned: &PlanStep,
    run: &StepRun,
) -> Result<Arc<Value>, AttemptError> {
    if let Some(config) = &run.config {
        return Ok(config.clone());
    }
    let scope = stepwell_core::execution::ExecutionScope::new(execution);
    // A configuration that is not journaled has no expressions, and so no secrets.
    let rendered = planned.config.render_value(&scope);
    rendered
        .map(|rendered| rendered.value)
        .map_err(|error| permanent_error(codes::EXPRESSION, error.to_string()))
}

/// The error of an attempt that exceeded its timeout.
pub(crate) fn timed_out(timeout: Duration) -> AttemptError {
    let message = format!("the step took longer than its timeout of {timeout:?}");
    let failure = Failure::new(codes::STEP_TIMEOUT, message);
    AttemptError { failure, retryable: true, retry_after: None }
}

fn no_memory(shortage: MemoryShortage) -> AttemptError {
    let failure = Failure::new(codes::MEMORY_SHORTAGE, shortage.to_string());
    AttemptError { failure, retryable: true, retry_after: None }
}

fn internal_error(message: &str) -> AttemptError {
    permanent_error(codes::INTERNAL, message)
}

fn panicked_step() -> stepwell_steps::StepFailure {
    stepwell_steps::StepFailure::permanent_failure(
        codes::INTERNAL,
        "the step's code panicked; this is a bug in Stepwell",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn input_and_configuration_count_together() {
        for (input, config, expect) in [
            (0, 0, true),
            (60_000, 0, true),
            (0, 60_000, true),
            (30_000, 30_000, true),
            (40_000, 30_000, false),
            (30_000, 40_000, false),
            (70_000, 0, false),
            (0, 70_000, false),
        ] {
            let [input_text, config_text] =
                [input, config].map(|bytes| json!({"x": "a".repeat(bytes)}));
            assert_eq!(is_small(&input_text, &config_text), expect, "{input} {config}");
        }
    }
}
