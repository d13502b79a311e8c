//! What each input means in each phase of an execution.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::Execution;
use super::event::{Event, Recorded};
use super::input::{Acceptance, Command, Decision, Input, Moment, Refused};
use super::state::Status;
use super::step_run_id::{AttemptId, StepRunId};
use super::step_runs::StepState;
use crate::expr::Budget;

/// What follows from an input, without changing the execution: for dry runs and tests. The
/// runtime uses [`Execution::advance`], which is the same without the copy.
///
/// # Errors
/// The input does not fit where the execution stands.
pub fn decide(execution: &Execution, input: Input, moment: Moment) -> Result<Decision, Refused> {
    execution.clone().advance(input, moment)
}

impl Execution {
    /// Decides what an input means and applies the events that follow. All or nothing: where it
    /// refuses, nothing was changed.
    ///
    /// # Errors
    /// The input does not fit where the execution stands.
    pub fn advance(&mut self, input: Input, moment: Moment) -> Result<Decision, Refused> {
        self.advance_within(input, moment, Budget::full())
    }

    /// As [`Execution::advance`], with at most this much work for the evaluation of expressions.
    /// What does not fit in an inline budget is left to a [`Command::Evaluate`].
    ///
    /// # Errors
    /// As `advance`; [`Refused::Interrupted`] where the budget's interrupt ended an
    /// [`Input::Evaluate`].
    pub fn advance_within(
        &mut self,
        input: Input,
        moment: Moment,
        budget: Budget,
    ) -> Result<Decision, Refused> {
        let mut transition = Transition {
            execution: self,
            moment,
            decision: Decision::default(),
            reached: VecDeque::new(),
            budget: RefCell::new(budget),
            is_interrupted: false,
        };
        transition.handle(input)?;
        Ok(transition.decision)
    }

    /// Whether this attempt, and no other one, is under way.
    fn is_under_way(&self, id: &AttemptId) -> bool {
        let AttemptId { step_run, attempt } = id;
        self.steps.run(step_run).state == StepState::Running { attempt: *attempt }
    }
}

/// The handling of one input.
pub(super) struct Transition<'a> {
    pub(super) execution: &'a mut Execution,
    pub(super) moment: Moment,
    decision: Decision,
    /// Step runs that may be ready to start, since something before them has settled.
    pub(super) reached: VecDeque<StepRunId>,
    /// What is left for the evaluation of expressions.
    pub(super) budget: RefCell<Budget>,
    /// An evaluation was interrupted: nothing was recorded.
    pub(super) is_interrupted: bool,
}

impl Transition<'_> {
    /// Records an event and applies it at once, so that what follows sees it.
    pub(super) fn record(&mut self, event: Event) {
        let event = match &mut self.execution.redaction {
            Some(redaction) => redaction.event(event),
            None => event,
        };
        let recorded = Recorded { seq: self.execution.seq + 1, at: self.moment.now, event };
        self.execution.apply(&recorded);
        self.execution.measure(&recorded, self.moment.elapsed);
        self.decision.events.push(recorded);
    }

    pub(super) fn command(&mut self, command: Command) {
        self.decision.commands.push(command);
    }

    /// The table of phase and input.
    fn handle(&mut self, input: Input) -> Result<(), Refused> {
        let phase = self.execution.phase;
        match (phase, input) {
            (Status::Completed | Status::Failed | Status::TimedOut | Status::Cancelled, _) => {
                return Err(Refused::Ended(phase));
            }
            (_, Input::Accept(acceptance)) => {
                if self.execution.seq != 0 {
                    return Err(Refused::AlreadyStarted);
                }
                self.accept(acceptance);
            }
            (_, _) if self.execution.seq == 0 => return Err(Refused::NotStarted),
            (Status::Queued, Input::Start) => {
                if !self.time_out_if_due() {
                    self.record(Event::Started);
                    self.start_first_steps();
                }
            }
            (_, Input::Start) => return Err(Refused::AlreadyStarted),
            (_, Input::Cancel { reason }) => self.end(Event::Cancelled { reason }),
            (Status::Paused, Input::Pause) => return Err(Refused::AlreadyPaused),
            (_, Input::Pause) => self.record(Event::Paused),
            (Status::Paused, Input::Resume) => {
                self.record(Event::Resumed);
                self.start_held_back();
            }
            (_, Input::Resume) => return Err(Refused::NotPaused),
            (_, Input::StepEnded { attempt, result }) => {
                if !self.execution.is_under_way(&attempt) {
                    return Err(Refused::Stale);
                }
                self.attempt_ended(&attempt, result);
            }
            (_, Input::StepLogged { step, level, message }) => {
                if !matches!(self.execution.steps.run(&step).state, StepState::Running { .. }) {
                    return Err(Refused::Stale);
                }
                self.record(Event::StepLogged { step, level, message });
            }
            (_, Input::Abort { error }) => self.end(Event::Failed { error }),
            (Status::Running, Input::Evaluate { step }) => return self.evaluate(step),
            (Status::Running, Input::EvaluationFailed { step, failure }) => {
                self.evaluation_failed(step, failure)?;
            }
            (_, Input::Evaluate { .. } | Input::EvaluationFailed { .. }) => {
                return Err(Refused::Stale);
            }
            (Status::Queued, Input::Timer) => drop(self.time_out_if_due()),
            (Status::Queued, Input::Recover) => {}
            (_, Input::Timer) => self.timer(),
            (_, Input::Recover) => self.recover(),
        }
        Ok(())
    }

    fn accept(&mut self, acceptance: Acceptance) {
        let Acceptance { input, state, previous, tag, timeout, rerun } = acceptance;
        let timeout_millis =
            timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let secrets = self.execution.redaction.is_some();
        let accepted =
            Event::Accepted { input, state, previous, tag, timeout_millis, rerun, secrets };
        self.record(accepted);
    }

    /// Starts at the roots, or, where some steps are settled already, wherever a step is ready.
    fn start_first_steps(&mut self) {
        if self.execution.rerun_of.is_some() {
            return self.start_all_ready();
        }
        self.reached.extend(self.execution.origin.plan.roots.iter().map(|root| (*root).into()));
        self.start_reached();
    }
}
