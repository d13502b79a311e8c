//! What each input means where an execution stands.

use std::cell::RefCell;
use std::time::Duration;

use super::Execution;
use super::bind;
use super::event::{Event, Recorded};
use super::failure::{Failure, codes};
use super::input::{Acceptance, Command, Decision, Done, Fault, Input, Moment, Refused};
use super::retry::backoff;
use super::state::{Status, StepState};
use crate::Timestamp;
use crate::catalog::{Action, Effect};
use crate::definition::model::OnError;
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
        let budget = RefCell::new(budget);
        let decision = Decision::default();
        let mut turn = Turn { execution: self, moment, decision, budget, is_interrupted: false };
        turn.handle(input)?;
        Ok(turn.decision)
    }

    /// The step under way that only this attempt's result can end.
    fn is_under_way(&self, step: usize, attempt: u32) -> bool {
        self.steps.get(step).is_some_and(|s| s.state == StepState::Running { attempt })
    }
}

/// One input being handled.
pub(super) struct Turn<'a> {
    pub(super) execution: &'a mut Execution,
    pub(super) moment: Moment,
    decision: Decision,
    /// What is left for the evaluation of expressions.
    pub(super) budget: RefCell<Budget>,
    /// An evaluation was interrupted: nothing was recorded.
    pub(super) is_interrupted: bool,
}

impl Turn<'_> {
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
                    self.start(self.first_steps());
                }
            }
            (_, Input::Start) => return Err(Refused::AlreadyStarted),
            (_, Input::Cancel { reason }) => self.end(Event::Cancelled { reason }),
            (Status::Paused, Input::Pause) => return Err(Refused::AlreadyPaused),
            (_, Input::Pause) => self.record(Event::Paused),
            (Status::Paused, Input::Resume) => {
                self.record(Event::Resumed);
                self.go_on();
            }
            (_, Input::Resume) => return Err(Refused::NotPaused),
            (_, Input::StepEnded { step, attempt, result }) => {
                if !self.execution.is_under_way(step, attempt) {
                    return Err(Refused::Stale);
                }
                self.step_ended(step, attempt, result);
            }
            (_, Input::StepLogged { step, level, message }) => {
                if !matches!(
                    self.execution.steps.get(step).map(|s| &s.state),
                    Some(StepState::Running { .. })
                ) {
                    return Err(Refused::Stale);
                }
                self.record(Event::StepLogged { step: index(step), level, message });
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
        self.record(Event::Accepted { input, state, previous, tag, timeout_millis, rerun });
    }

    /// Where to look for what starts first: at the roots, but at every step where some are settled
    /// already.
    fn first_steps(&self) -> Vec<usize> {
        if self.execution.rerun_of.is_some() {
            return (0..self.execution.steps.len()).collect();
        }
        self.execution.origin.plan.roots.clone()
    }

    fn step_ended(&mut self, step: usize, attempt: u32, result: Result<Done, Fault>) {
        match result {
            Ok(done) => self.complete(step, done),
            Err(fault) => self.attempt_failed(step, attempt, fault),
        }
        self.settle_if_done();
    }

    fn attempt_failed(&mut self, step: usize, attempt: u32, fault: Fault) {
        let plan = self.execution.origin.plan.clone();
        let retry = &plan.steps[step].retry;
        let wanted = match retry.on.as_slice() {
            [] => fault.retryable,
            on => on.contains(&fault.failure.code),
        };
        let mut error = fault.failure;
        error.step = Some(plan.steps[step].id.clone());
        error.attempt = Some(attempt);
        if wanted && attempt < retry.max_attempts {
            let pause = backoff(retry, attempt, self.moment.entropy);
            let pause = pause.max(fault.retry_after.unwrap_or_default());
            let until = self.moment.now.after(pause);
            self.record(Event::StepRetrying { step: index(step), error, until });
        } else {
            self.fail_step(step, error);
        }
    }

    /// A step failed for good: the execution fails with it, unless the definition says how to go
    /// on.
    pub(super) fn fail_step(&mut self, step: usize, error: Failure) {
        let handled = self.execution.origin.plan.steps[step].on_error != OnError::Fail;
        self.record(Event::StepFailed { step: index(step), error: error.clone(), handled });
        if handled {
            self.flow_from(step);
        } else {
            self.end(Event::Failed { error });
        }
    }

    fn complete(&mut self, step: usize, done: Done) {
        self.record(Event::StepCompleted {
            step: index(step),
            output: done.output,
            port: done.port,
        });
        self.flow_from(step);
    }

    /// Everything that is due at this moment.
    fn timer(&mut self) {
        if self.time_out_if_due() {
            return;
        }
        if self.execution.phase == Status::Paused {
            return;
        }
        let Moment { now, elapsed, .. } = self.moment;
        for step in 0..self.execution.steps.len() {
            if self.execution.wait_left(step, now, elapsed) != Some(Duration::ZERO) {
                continue;
            }
            match self.execution.steps[step].state {
                StepState::Waiting { until, .. } => self.wait_is_over(step, until),
                StepState::Backoff { attempt, .. } => {
                    let attempt = attempt + 1;
                    let step_index = index(step);
                    self.record(Event::StepStarted {
                        step: step_index,
                        attempt,
                        input: None,
                        config: None,
                        secrets: None,
                    });
                    self.again(step, attempt);
                }
                _ => {}
            }
            if self.execution.phase.is_final() {
                return;
            }
        }
        self.settle_if_done();
    }

    fn time_out_if_due(&mut self) -> bool {
        let Moment { now, elapsed, .. } = self.moment;
        let is_over = self.execution.timeout_left(now, elapsed) == Some(Duration::ZERO);
        let deadline = self.execution.deadline().filter(|_| is_over);
        if let Some(deadline) = deadline {
            let message = format!("the execution's time-out was over at {deadline}");
            let error = Failure::new(codes::EXECUTION_TIMEOUT, message);
            self.end(Event::TimedOut { error });
        }
        deadline.is_some()
    }

    /// Begins another attempt of a step that was begun.
    fn again(&mut self, step: usize, attempt: u32) {
        let plan = self.execution.origin.plan.clone();
        let planned = &plan.steps[step];
        if planned.action != Action::Delay {
            return self.command(Command::Run { step, attempt });
        }
        let now = self.moment.now;
        let until = bind::delay_until(&bind::config(self.execution, step), now);
        // The attempt before had the same configuration, and waited.
        self.wait(planned, step, until.unwrap_or(now));
    }

    fn wait_is_over(&mut self, step: usize, until: Timestamp) {
        let plan = self.execution.origin.plan.clone();
        let planned = &plan.steps[step];
        let before_its_moment = self.execution.waits.is_for_moment(step) && until > self.moment.now;
        if before_its_moment
            || bind::is_cut_short(planned, &bind::config(self.execution, step), until)
        {
            let timeout = planned.timeout.unwrap_or_default();
            let message = format!("the step took longer than its time-out of {timeout:?}");
            let failure = Failure::new(codes::STEP_TIMEOUT, message);
            let fault = Fault { failure, retryable: true, retry_after: None };
            return self.attempt_failed(step, self.execution.steps[step].attempts, fault);
        }
        let output = self.execution.steps[step].input.clone().unwrap_or_default();
        self.complete(step, Done { output, port: None });
    }

    /// What was held back while it was paused.
    fn go_on(&mut self) {
        if self.execution.phase != Status::Running {
            return;
        }
        self.start((0..self.execution.steps.len()).collect());
        if !self.execution.phase.is_final() {
            self.timer();
        }
    }

    fn recover(&mut self) {
        let plan = self.execution.origin.plan.clone();
        let under_way: Vec<(usize, u32)> = self
            .execution
            .steps
            .iter()
            .enumerate()
            .filter_map(|(i, run)| match run.state {
                StepState::Running { attempt } => Some((i, attempt)),
                _ => None,
            })
            .collect();
        self.record(Event::Recovered);
        for (step, attempt) in under_way {
            if self.execution.phase.is_final() {
                return;
            }
            let planned = &plan.steps[step];
            if planned.repeat_after_crash || planned.effect == Effect::Pure {
                self.command(Command::Run { step, attempt });
            } else {
                let mut error = Failure::new(
                    codes::INTERRUPTED,
                    "the server stopped while this step ran, and it must not be repeated",
                );
                error.step = Some(planned.id.clone());
                error.attempt = Some(attempt);
                self.fail_step(step, error);
            }
        }
        if self.execution.phase == Status::Running {
            // Whose evaluation was still to come.
            self.start((0..self.execution.steps.len()).collect());
        }
        if !self.execution.phase.is_final() {
            self.timer();
        }
    }
}

/// A step's index as events write it.
pub(super) fn index(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}
