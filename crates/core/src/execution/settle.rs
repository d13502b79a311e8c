//! The end of attempts, of step runs and of the execution.

use super::advance::Transition;
use super::begin::{evaluation_code, too_deep};
use super::bind;
use super::blocks::block_run::BodyRunId;
use super::event::Event;
use super::failure::{Failure, codes};
use super::input::{AttemptError, Command, StepResult};
use super::retry::{NextRetry, next_retry, retry_pause};
use super::state::Status;
use super::step_run_id::{AttemptId, StepRunId};
use crate::definition::model::OnError;
use crate::expr::EvalErrorKind;
use crate::{MAX_VALUE_DEPTH, nests_deeper};

impl Transition<'_> {
    /// Handles the result of a running attempt.
    pub(super) fn attempt_ended(
        &mut self,
        id: &AttemptId,
        result: Result<StepResult, AttemptError>,
    ) {
        match result {
            Ok(done) => self.complete_step(&id.step_run, done),
            Err(fault) => self.attempt_failed(id, fault),
        }
        self.complete_if_settled();
    }

    /// Completes a step run and starts the steps that this makes ready.
    pub(super) fn complete_step(&mut self, id: &StepRunId, done: StepResult) {
        let StepResult { output, port } = done;
        self.record_event(Event::StepCompleted { step: id.clone(), output, port });
        self.reach_dependents(id);
        self.start_reached();
    }

    /// Handles a failed attempt: schedules another one, or fails the step run.
    pub(super) fn attempt_failed(&mut self, id: &AttemptId, fault: AttemptError) {
        let AttemptId { step_run, attempt: _ } = id;
        let plan = self.execution.origin.plan.clone();
        let failed = &self.execution.steps.run(step_run).failed_attempts;
        match next_retry(&plan[step_run.step].retry, &fault, failed) {
            Some(NextRetry { policy, position, failures }) => {
                let pause = retry_pause(policy, failures, self.moment.entropy);
                let pause = pause.max(fault.retry_after.unwrap_or_default());
                let until = self.moment.now.after(pause);
                let error = self.failure_of(step_run, fault.failure);
                let (step, policy) = (step_run.clone(), position);
                self.record_event(Event::StepRetrying { step, error, until, policy });
            }
            None => {
                self.settle_failed(step_run, fault.failure);
                self.start_reached();
            }
        }
    }

    /// Fails a step run. If the definition handles the failure, its dependents are reached; else
    /// the body of the block that it is in fails, or the execution ends.
    pub(super) fn settle_failed(&mut self, id: &StepRunId, failure: Failure) {
        let planned = &self.execution.origin.plan[id.step];
        let is_handler = !planned.role.is_regular();
        let handled = is_handler || planned.on_error != OnError::Fail;
        let failure = self.failure_of(id, failure);
        let error = failure.clone();
        self.record_event(Event::StepFailed { step: id.clone(), error, handled });
        if is_handler {
            // The execution ends as it would have ended.
            return;
        }
        if handled {
            return self.reach_dependents(id);
        }
        match BodyRunId::around(&self.execution.origin.plan, id) {
            Some(body) => self.fail_body(&body, failure),
            None => self.end_execution(Event::Failed { error: failure }),
        }
    }

    /// The failure with its step run and attempt; without an attempt if it failed before the first.
    /// That of a block is the failure of a step inside it, which it names already.
    fn failure_of(&self, id: &StepRunId, failure: Failure) -> Failure {
        if failure.step.is_some() {
            return failure;
        }
        let attempts = self.execution.steps.run(id).attempts;
        let step = Some(id.display_in(&self.execution.origin.plan).to_string());
        Failure { step, attempt: Some(attempts).filter(|attempts| *attempts > 0), ..failure }
    }

    /// Completes the execution when every step run is settled.
    pub(super) fn complete_if_settled(&mut self) {
        if self.execution.ending.is_some() {
            return self.continue_ending();
        }
        if self.execution.phase != Status::Running || !self.execution.steps.are_settled() {
            return;
        }
        let outputs = bind::bind_outputs(&self.decision_scope());
        match outputs {
            Ok(output) if nests_deeper(&output, MAX_VALUE_DEPTH) => {
                let error = Failure::new(codes::VALUE_TOO_DEEP, too_deep("outputs"));
                self.end_execution(Event::Failed { error });
            }
            Ok(output) => self.end_execution(Event::Completed { output }),
            Err((name, error)) => match error.kind {
                EvalErrorKind::NeedsFullBudget => {
                    self.push_command(Command::Evaluate { step: None })
                }
                EvalErrorKind::Interrupted => self.is_interrupted = true,
                kind => {
                    let message = format!("output `{name}`: {error}");
                    self.end_execution(Event::Failed {
                        error: Failure::new(evaluation_code(kind), message),
                    });
                }
            },
        }
    }
}
