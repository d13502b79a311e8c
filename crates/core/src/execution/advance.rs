//! What each input means in each phase of an execution.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::Execution;
use super::blocks::block_run::ItemBody;
use super::event::{Event, RecordedEvent};
use super::input::{
    AcceptanceInput, Command, Decision, TransitionContext, TransitionError, TransitionInput,
};
use super::scope::ExecutionScope;
use super::state::Status;
use super::step_run::StepState;
use super::step_run_id::{AttemptId, StepRunId};
use crate::expr::EvalBudget;
use crate::ids::ExecutionId;

impl Execution {
    /// Decides what an input means and applies the resulting events. All or nothing: an error
    /// leaves the execution unchanged.
    ///
    /// # Errors
    /// The input is not allowed in the execution's present state.
    pub fn advance(
        &mut self,
        input: TransitionInput,
        moment: TransitionContext,
    ) -> Result<Decision, TransitionError> {
        self.advance_within(input, moment, EvalBudget::full())
    }

    /// As [`Execution::advance`], with a budget for the evaluation of expressions. What exceeds an
    /// inline budget is returned as a [`Command::Evaluate`].
    ///
    /// # Errors
    /// As `advance`; [`TransitionError::Interrupted`] if the budget's interrupt ended an
    /// [`TransitionInput::Evaluate`].
    pub fn advance_within(
        &mut self,
        input: TransitionInput,
        moment: TransitionContext,
        budget: EvalBudget,
    ) -> Result<Decision, TransitionError> {
        let mut transition = Transition::new(self, moment, budget);
        transition.handle_input(input)?;
        Ok(transition.decision)
    }

    /// Whether exactly this attempt is running.
    pub(super) fn is_under_way(&self, id: &AttemptId) -> bool {
        let AttemptId { step_run, attempt } = id;
        self.steps.run(step_run).state == StepState::Running { attempt: *attempt }
    }
}

/// The most bodies of loops and maps that start in one transition: others wait for it.
const MAX_STARTS: u32 = 64;

/// The handling of one input.
pub(super) struct Transition<'a> {
    pub(super) execution: &'a mut Execution,
    pub(super) moment: TransitionContext,
    pub(super) decision: Decision,
    /// Step runs that may be ready to start because one that they depend on has settled.
    pub(super) reached: VecDeque<StepRunId>,
    /// Blocks in which a step has settled.
    pub(super) blocks: VecDeque<StepRunId>,
    /// How many bodies of loops and maps this transition may still start.
    pub(super) starts_left: u32,
    /// The sub-workflow whose end is handled: it needs no message.
    pub(super) ended_child: Option<ExecutionId>,
    /// The rest of the budget for the evaluation of expressions.
    pub(super) budget: RefCell<EvalBudget>,
    /// Whether the full budget is for one evaluation alone: after the first recorded event, others
    /// run inline, so that an interrupt never ends a transition that has recorded something.
    pub(super) is_single_evaluation: bool,
    /// Whether an evaluation was interrupted; then nothing was recorded.
    pub(super) is_interrupted: bool,
    /// If only the steps of one item of a `Map` run, on a copy of the execution.
    pub(super) item: Option<ItemBody>,
}

impl<'a> Transition<'a> {
    pub(super) fn new(
        execution: &'a mut Execution,
        moment: TransitionContext,
        budget: EvalBudget,
    ) -> Self {
        Self {
            execution,
            moment,
            decision: Decision::default(),
            reached: VecDeque::new(),
            blocks: VecDeque::new(),
            starts_left: MAX_STARTS,
            ended_child: None,
            budget: RefCell::new(budget),
            is_single_evaluation: false,
            is_interrupted: false,
            item: None,
        }
    }
}

impl Transition<'_> {
    /// Records an event and applies it at once, so that the rest of the transition sees it.
    pub(super) fn record_event(&mut self, event: Event) {
        let event = match &mut self.execution.redaction {
            Some(redaction) => redaction.redact_event(event),
            None => event,
        };
        let recorded = RecordedEvent { seq: self.execution.seq + 1, at: self.moment.now, event };
        let abandoned = self.abandoned_child(&recorded.event);
        self.execution.apply_event(&recorded);
        self.execution.measure_wait(&recorded, self.moment.elapsed);
        // The steps of an item on a copy start no sub-workflows.
        if self.item.is_none() {
            self.send_messages(&recorded.event, abandoned);
            self.decision.events.push(recorded);
        }
        if std::mem::take(&mut self.is_single_evaluation) {
            self.budget = RefCell::new(EvalBudget::inline());
        }
    }

    /// The scope of expressions that this transition evaluates.
    pub(super) fn decision_scope(&self) -> ExecutionScope<'_> {
        ExecutionScope::new(self.execution).with_budget(&self.budget).with_now(self.moment.now)
    }

    pub(super) fn has_command(&self, command: &Command) -> bool {
        self.decision.commands.contains(command)
    }

    pub(super) fn push_command(&mut self, command: Command) {
        self.decision.commands.push(command);
    }

    /// Takes the next command, to carry it out in this transition.
    pub(super) fn take_command(&mut self) -> Option<Command> {
        (!self.decision.commands.is_empty()).then(|| self.decision.commands.remove(0))
    }

    fn handle_input(&mut self, input: TransitionInput) -> Result<(), TransitionError> {
        let is_ending = self.execution.ending.is_some() && !self.execution.phase.is_final();
        match input {
            TransitionInput::Cancel { .. } if self.execution.is_compensating() => {
                return Err(TransitionError::Compensating);
            }
            TransitionInput::Cancel { .. } | TransitionInput::Abort { .. } if is_ending => {
                self.end_at_once();
            }
            input => self.dispatch_input(input)?,
        }
        self.continue_ending();
        Ok(())
    }

    /// The table of phase and input.
    fn dispatch_input(&mut self, input: TransitionInput) -> Result<(), TransitionError> {
        let phase = self.execution.phase;
        match (phase, input) {
            (Status::Completed | Status::Failed | Status::TimedOut | Status::Cancelled, _) => {
                return Err(TransitionError::Ended(phase));
            }
            (_, TransitionInput::Accept(acceptance)) => {
                if self.execution.seq != 0 {
                    return Err(TransitionError::AlreadyStarted);
                }
                self.accept_input(acceptance);
            }
            (_, _) if self.execution.seq == 0 => return Err(TransitionError::NotStarted),
            (Status::Queued, TransitionInput::Start) => {
                if !self.time_out_if_due() {
                    self.record_event(Event::Started);
                    self.start_first_steps();
                }
            }
            (_, TransitionInput::Start) => return Err(TransitionError::AlreadyStarted),
            (_, TransitionInput::Cancel { reason }) => {
                self.end_execution(Event::Cancelled { reason })
            }
            (Status::Paused, TransitionInput::Pause) => return Err(TransitionError::AlreadyPaused),
            (_, TransitionInput::Pause) => self.record_event(Event::Paused),
            (Status::Paused, TransitionInput::Resume) => {
                self.record_event(Event::Resumed);
                self.start_held_back();
            }
            (_, TransitionInput::Resume) => return Err(TransitionError::NotPaused),
            (_, TransitionInput::Decide(decision)) => self.receive_decision(decision)?,
            (_, TransitionInput::Signal(signal)) => self.receive_signal(signal)?,
            (_, TransitionInput::ItemsEnded { step, first, results }) => {
                return self.items_ended(&step, first, results);
            }
            (
                _,
                input @ (TransitionInput::StepEnded { .. }
                | TransitionInput::StepCheckpoint { .. }
                | TransitionInput::StepLogged { .. }
                | TransitionInput::ChildStarted { .. }
                | TransitionInput::ChildEnded { .. }),
            ) => return self.handle_step_input(input),
            (Status::Running, TransitionInput::PlaceTaken(attempt)) => self.take_place(&attempt)?,
            (_, TransitionInput::PlaceTaken(_)) => return Err(TransitionError::Stale),
            (_, TransitionInput::Abort { error }) => self.end_execution(Event::Failed { error }),
            (Status::Running, TransitionInput::Evaluate { step }) => {
                return self.evaluate_pending(step);
            }
            (Status::Running, TransitionInput::EvaluationFailed { step, progress, failure }) => {
                self.evaluation_failed(step, progress, failure)?;
            }
            (Status::Running, TransitionInput::Continue { step }) => {
                self.blocks.push_back(step);
                self.start_reached();
            }
            (
                _,
                TransitionInput::Evaluate { .. }
                | TransitionInput::EvaluationFailed { .. }
                | TransitionInput::Continue { .. },
            ) => return Err(TransitionError::Stale),
            (Status::Queued, TransitionInput::Timer) => drop(self.time_out_if_due()),
            (Status::Queued, TransitionInput::Recover) => {}
            (_, TransitionInput::Timer) => self.handle_timer(),
            (_, TransitionInput::Recover) => self.recover_attempts(),
        }
        Ok(())
    }

    /// What an attempt of a step, or its sub-workflow, reports.
    fn handle_step_input(&mut self, input: TransitionInput) -> Result<(), TransitionError> {
        match input {
            TransitionInput::StepEnded { attempt, result } => {
                let is_awaited = self.execution.is_under_way(&attempt)
                    || self.execution.awaits_outside(&attempt);
                if !is_awaited {
                    return Err(TransitionError::Stale);
                }
                self.attempt_ended(&attempt, result);
            }
            TransitionInput::StepCheckpoint { attempt, value } => {
                if !self.execution.is_under_way(&attempt) {
                    return Err(TransitionError::Stale);
                }
                self.record_event(Event::StepCheckpoint { step: attempt.step_run, value });
            }
            TransitionInput::StepLogged { step, level, message } => {
                if !matches!(self.execution.steps.run(&step).state, StepState::Running { .. }) {
                    return Err(TransitionError::Stale);
                }
                self.record_event(Event::StepLogged { step, level, message });
            }
            TransitionInput::ChildStarted { attempt, child, waits } => {
                return self.child_started(&attempt, child, waits);
            }
            TransitionInput::ChildEnded { step, child, result } => {
                return self.child_ended(&step, child, result);
            }
            _ => {}
        }
        Ok(())
    }

    fn accept_input(&mut self, acceptance: AcceptanceInput) {
        let AcceptanceInput {
            input,
            state,
            previous,
            tag,
            timeout,
            rerun,
            parent,
            variables,
            concurrency,
        } = acceptance;
        let timeout_millis =
            timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let secrets = self.execution.redaction.is_some();
        self.record_event(Event::Accepted {
            input,
            state,
            previous,
            tag,
            timeout_millis,
            rerun,
            parent,
            vars: variables,
            secrets,
            concurrency,
        });
    }

    /// Starts the roots, or in a rerun, where some steps are settled already, every ready step.
    fn start_first_steps(&mut self) {
        if self.execution.rerun_of.is_some() {
            return self.start_all_ready();
        }
        self.reached.extend(self.execution.origin.plan.top.roots.iter().map(|root| (*root).into()));
        self.start_reached();
    }
}
