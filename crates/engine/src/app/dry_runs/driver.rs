//! Drives the state machine of an execution in memory: what the runtime does for a real one, with
//! mocks and a simulated clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::catalog::{Effect, StepAction};
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{
    AcceptanceInput, ApprovalEvent, AttemptError, AttemptId, Command, Event, Execution,
    ExecutionOrigin, Failure, StepResult, StepRunId, TransitionContext, TransitionError,
    TransitionInput, codes,
};
use stepwell_core::expr::{EvalBudget, EvalInterrupt};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use uuid::Uuid;

use super::mocks::Mocks;
use super::trace::TraceRecorder;
use super::{DRY_RUN_LIMIT, DryRunReport, MOCK_MISSING, TIME_LIMIT};
use crate::AppError;
use crate::memory::{Hold, Reservation};
use crate::runtime::commands::{StepAttempt, timed_out};
use crate::runtime::engine::Engine;
use crate::runtime::secrets::Secrets;

/// The most step runs of a dry run.
const MAX_STEP_RUNS: usize = 10_000;
/// The most events of a dry run.
const MAX_EVENTS: u64 = 200_000;
/// The most bytes of the values of a dry run, without sharing.
const MAX_VALUE_BYTES: usize = 8 << 20;

/// A result on its way.
type PendingResult = (AttemptId, Result<StepResult, AttemptError>);

pub(super) struct DryRunDriver {
    plan: SharedPlan,
    mocks: Mocks,
    execution: Execution,
    trace: TraceRecorder,
    start: Timestamp,
    /// The simulated time since the start.
    elapsed: Duration,
    commands: VecDeque<Command>,
    /// Results of attempts, by the time at which they arrive and their order.
    results: BTreeMap<(Duration, u64), PendingResult>,
    /// The number of attempts until now.
    attempts: u64,
}

/// What a running dry run uses of the engine.
struct DryRunContext<'e> {
    engine: &'e Engine,
    interrupt: EvalInterrupt,
    /// The memory of the values.
    reserved: Reservation,
}

impl DryRunDriver {
    pub(super) fn new(plan: SharedPlan, mocks: Mocks, start: Timestamp) -> Self {
        let mut execution = Execution::new(ExecutionOrigin {
            // The same in each dry run, so that outputs can be compared.
            id: ExecutionId::from_uuid(Uuid::nil()),
            workflow: WorkflowId::from_uuid(Uuid::nil()),
            release: 1,
            plan: plan.clone(),
        });
        execution.record_all_items();
        Self {
            plan,
            mocks,
            execution,
            trace: TraceRecorder::new(start),
            start,
            elapsed: Duration::ZERO,
            commands: VecDeque::new(),
            results: BTreeMap::new(),
            attempts: 0,
        }
    }

    /// Runs to the end. Blocks the thread.
    ///
    /// # Errors
    /// `Internal`.
    pub(super) fn run(
        mut self,
        engine: &Engine,
        acceptance: AcceptanceInput,
        interrupt: EvalInterrupt,
    ) -> Result<DryRunReport, AppError> {
        let mut context = DryRunContext { engine, interrupt, reserved: engine.memory.empty() };
        self.apply_input(TransitionInput::Accept(acceptance), &context)?;
        self.apply_input(TransitionInput::Start, &context)?;
        while !self.execution.status().is_final() {
            if let Some(failure) = self.find_exceeded_limit(&mut context) {
                self.apply_input(TransitionInput::Abort { error: failure }, &context)?;
                break;
            }
            self.make_progress(&context)?;
        }
        let (steps, branches) = self.trace.finish(&self.plan);
        Ok(DryRunReport {
            status: self.execution.status(),
            output: self.execution.output.clone(),
            error: self.execution.error.clone(),
            elapsed: self.elapsed,
            steps,
            branches,
            memory: Hold::new(context.reserved),
        })
    }

    /// Carries out a command, or lets time pass until something happens.
    fn make_progress(&mut self, context: &DryRunContext<'_>) -> Result<(), AppError> {
        match self.commands.pop_front() {
            Some(Command::Run(attempt) | Command::StartChild(attempt)) => {
                self.run_attempt(attempt, context)
            }
            // One execution alone: a place is always free.
            Some(Command::TakePlace(attempt)) => {
                self.apply_input(TransitionInput::PlaceTaken(attempt), context)
            }
            Some(Command::Stop { step }) => {
                self.forget_results(&step);
                Ok(())
            }
            Some(Command::Evaluate { step }) => {
                self.apply_input(TransitionInput::Evaluate { step }, context)
            }
            Some(Command::Continue { step }) => {
                self.apply_input(TransitionInput::Continue { step }, context)
            }
            Some(Command::RunItems { .. }) => {
                Err(AppError::Internal("a dry run records all items of a map".into()))
            }
            None => self.skip_time(context),
        }
    }

    /// Advances the clock to the next result or timer.
    fn skip_time(&mut self, context: &DryRunContext<'_>) -> Result<(), AppError> {
        let wake = self.execution.wakes_in(self.now(), self.elapsed);
        let wake = wake.map(|left| self.elapsed.saturating_add(left));
        let result = self.results.first_entry();
        let is_due = |at: Duration| wake.is_none_or(|wake| at <= wake);
        if let Some(entry) = result.filter(|entry| is_due(entry.key().0)) {
            let ((at, _), (attempt, result)) = entry.remove_entry();
            self.elapsed = self.elapsed.max(at);
            return self.apply_input(TransitionInput::StepEnded { attempt, result }, context);
        }
        let Some(wake) = wake else {
            let message = "the dry run cannot continue: nothing runs and nothing is waited for";
            let error = Failure::new(codes::INTERNAL, message);
            return self.apply_input(TransitionInput::Abort { error }, context);
        };
        self.elapsed = self.elapsed.max(wake);
        self.apply_input(TransitionInput::Timer, context)
    }

    fn now(&self) -> Timestamp {
        self.start.after(self.elapsed)
    }

    /// Applies an input and records what follows.
    fn apply_input(
        &mut self,
        input: TransitionInput,
        context: &DryRunContext<'_>,
    ) -> Result<(), AppError> {
        let budget = match input {
            TransitionInput::Evaluate { .. } => {
                EvalBudget::full_with_interrupt(context.interrupt.clone())
            }
            _ => EvalBudget::inline(),
        };
        let moment = TransitionContext { now: self.now(), elapsed: self.elapsed, entropy: 0 };
        match self.execution.advance_within(input, moment, budget) {
            Ok(decision) => {
                for recorded in &decision.events {
                    self.trace.record_event(&self.plan, recorded);
                    self.follow_wait(&recorded.event);
                }
                self.commands.extend(decision.commands);
                Ok(())
            }
            // The limit that interrupted it ends the run; what was stopped meanwhile is not needed.
            Err(TransitionError::Interrupted | TransitionError::Stale) => Ok(()),
            Err(TransitionError::Ended(_)) => Ok(()),
            Err(refused) => Err(AppError::Internal(format!("a dry run failed: {refused}"))),
        }
    }

    /// A wait for a signal or an approval is ended by the mock of its step, if not by its timeout.
    fn follow_wait(&mut self, event: &Event) {
        match event {
            Event::SignalAwaited { step, .. }
            | Event::Approval { step, event: ApprovalEvent::Requested { .. } } => {
                let attempt = self.execution.steps.run(step).attempts;
                let attempt = AttemptId { step_run: step.clone(), attempt };
                self.commands.push_back(Command::Run(attempt));
            }
            Event::StepCompleted { step, .. }
            | Event::StepRetrying { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepCancelled { step }
                if awaits_outside(self.plan[step.step].action) =>
            {
                self.forget_results(step);
                let is_other = |command: &Command| match command {
                    Command::Run(attempt) => attempt.step_run != *step,
                    _ => true,
                };
                self.commands.retain(is_other);
            }
            _ => {}
        }
    }

    fn forget_results(&mut self, step: &StepRunId) {
        self.results.retain(|_, (attempt, _)| attempt.step_run != *step);
    }

    /// Runs an attempt: by its mock, or if it is pure by its code.
    fn run_attempt(
        &mut self,
        attempt: AttemptId,
        context: &DryRunContext<'_>,
    ) -> Result<(), AppError> {
        let plan = self.plan.clone();
        let planned = &plan[attempt.step_run.step];
        let run = attempt.step_run.display_in(&plan).to_string();
        let (result, duration) = match self.mocks.next_outcome(&run, &planned.id) {
            Some(outcome) => {
                self.trace.mark_mocked(&attempt.step_run);
                (outcome.result, outcome.duration)
            }
            None if planned.effect == Effect::Pure && planned.action == StepAction::Run => {
                let prepared = StepAttempt::prepare(
                    context.engine,
                    &self.execution,
                    &Secrets::default(),
                    &attempt,
                    context.reserved.bytes(),
                );
                let run =
                    |ready: StepAttempt| ready.run_with_memory(context.engine, &context.interrupt);
                (prepared.and_then(run), Duration::ZERO)
            }
            None => {
                let why = match planned.action {
                    StepAction::Run => "has effects and is not run",
                    StepAction::SubWorkflow => "starts an execution and is not run",
                    _ => "waits for the outside",
                };
                let message = format!(
                    "the step `{run}` ({}) {why}: add a mock for it, such as \
                     {{\"{}\": {{\"output\": …}}}}",
                    planned.type_name, planned.id
                );
                let failure = Failure::new(MOCK_MISSING, message);
                let error = Failure { step: Some(run), attempt: Some(attempt.attempt), ..failure };
                return self.apply_input(TransitionInput::Abort { error }, context);
            }
        };
        let timeout = planned.timeout.unwrap_or_else(|| context.engine.config().step_timeout());
        // The state machine has the timeouts of waits.
        let is_too_long = duration > timeout && !awaits_outside(planned.action);
        let (result, duration) = match is_too_long {
            true => (Err(timed_out(timeout)), timeout),
            false => (result, duration),
        };
        self.attempts += 1;
        let due = self.elapsed.saturating_add(duration);
        self.results.insert((due, self.attempts), (attempt, result));
        Ok(())
    }

    /// The failure of a run that exceeds a limit.
    fn find_exceeded_limit(&self, context: &mut DryRunContext<'_>) -> Option<Failure> {
        let exceeded = |message: String| Some(Failure::new(DRY_RUN_LIMIT, message));
        if context.interrupt.is_due() {
            let seconds = TIME_LIMIT.as_secs();
            return exceeded(format!("the dry run took longer than {seconds} s"));
        }
        if self.trace.step_count() > MAX_STEP_RUNS || self.attempts > MAX_STEP_RUNS as u64 {
            return exceeded(format!(
                "the dry run has more than {MAX_STEP_RUNS} runs or attempts of steps"
            ));
        }
        if self.execution.seq > MAX_EVENTS {
            return exceeded(format!("the dry run has more than {MAX_EVENTS} events"));
        }
        let bytes = self.trace.value_bytes();
        if bytes > MAX_VALUE_BYTES {
            return exceeded(format!(
                "the inputs and outputs of the steps take more than {MAX_VALUE_BYTES} bytes together"
            ));
        }
        // The values and their text in the response.
        if !context.reserved.try_grow_to(2 * bytes) {
            let shortage = context.engine.memory.shortage(bytes);
            return Some(Failure::new(codes::MEMORY_SHORTAGE, shortage.to_string()));
        }
        None
    }
}

/// Whether a step with this action waits for a signal or an approval.
const fn awaits_outside(action: StepAction) -> bool {
    matches!(action, StepAction::WaitForSignal | StepAction::Approval)
}
