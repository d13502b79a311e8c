//! How attempts, step runs and the execution itself end.

use super::advance::Transition;
use super::begin::{evaluation_code, too_deep};
use super::bind;
use super::event::Event;
use super::failure::{Failure, codes};
use super::input::{Command, Done, Fault};
use super::retry::backoff;
use super::scope::ExecutionScope;
use super::state::Status;
use super::step_run_id::{AttemptId, StepRunId};
use super::step_runs::StepState;
use crate::definition::model::OnError;
use crate::expr::EvalErrorKind;
use crate::{MAX_VALUE_DEPTH, nests_deeper};

impl Transition<'_> {
    /// The result of an attempt that was under way.
    pub(super) fn attempt_ended(&mut self, id: &AttemptId, result: Result<Done, Fault>) {
        match result {
            Ok(done) => self.complete_step(&id.step_run, done),
            Err(fault) => self.attempt_failed(id, fault),
        }
        self.complete_if_settled();
    }

    /// A step run completed: what comes after it is reached.
    pub(super) fn complete_step(&mut self, id: &StepRunId, done: Done) {
        let Done { output, port } = done;
        self.record(Event::StepCompleted { step: id.clone(), output, port });
        self.reach_dependents(id);
        self.start_reached();
    }

    /// An attempt failed: another one follows, or the step run has failed.
    pub(super) fn attempt_failed(&mut self, id: &AttemptId, fault: Fault) {
        let AttemptId { step_run, attempt } = id;
        let plan = self.execution.origin.plan.clone();
        let retry = &plan[step_run.step].retry;
        let wanted = match retry.on.as_slice() {
            [] => fault.retryable,
            on => on.contains(&fault.failure.code),
        };
        if wanted && *attempt < retry.max_attempts {
            let pause = backoff(retry, *attempt, self.moment.entropy);
            let pause = pause.max(fault.retry_after.unwrap_or_default());
            let until = self.moment.now.after(pause);
            let error = self.failure_of(step_run, fault.failure);
            self.record(Event::StepRetrying { step: step_run.clone(), error, until });
        } else {
            self.settle_failed(step_run, fault.failure);
            self.start_reached();
        }
    }

    /// Settles a failed step run. Where the definition handles the failure, what comes after the
    /// step is reached; else the execution ends.
    pub(super) fn settle_failed(&mut self, id: &StepRunId, failure: Failure) {
        let handled = self.execution.origin.plan[id.step].on_error != OnError::Fail;
        let failure = self.failure_of(id, failure);
        let error = failure.clone();
        self.record(Event::StepFailed { step: id.clone(), error, handled });
        if handled {
            self.reach_dependents(id);
        } else {
            self.end(Event::Failed { error: failure });
        }
    }

    /// The failure with the step run and its attempt; one that fails before its first attempt has
    /// none.
    fn failure_of(&self, id: &StepRunId, failure: Failure) -> Failure {
        let attempts = self.execution.steps.run(id).attempts;
        let step = Some(id.display(&self.execution.origin.plan).to_string());
        Failure { step, attempt: Some(attempts).filter(|attempts| *attempts > 0), ..failure }
    }

    /// Completes the execution when every step run is settled.
    pub(super) fn complete_if_settled(&mut self) {
        if self.execution.phase != Status::Running || !self.execution.steps.are_settled() {
            return;
        }
        let outputs = bind::outputs(&ExecutionScope::within(self.execution, &self.budget));
        match outputs {
            Ok(output) if nests_deeper(&output, MAX_VALUE_DEPTH) => {
                let error = Failure::new(codes::VALUE_TOO_DEEP, too_deep("outputs"));
                self.end(Event::Failed { error });
            }
            Ok(output) => self.end(Event::Completed { output }),
            Err((name, error)) => match error.kind {
                EvalErrorKind::NeedsFullBudget => self.command(Command::Evaluate { step: None }),
                EvalErrorKind::Interrupted => self.is_interrupted = true,
                kind => {
                    let message = format!("output `{name}`: {error}");
                    self.end(Event::Failed { error: Failure::new(evaluation_code(kind), message) });
                }
            },
        }
    }

    /// Ends the execution: stops and settles what is under way, then records the final event.
    pub(super) fn end(&mut self, last: Event) {
        for id in self.execution.steps.ids() {
            let state = &self.execution.steps.run(&id).state;
            let stop = matches!(state, StepState::Running { .. });
            if stop || matches!(state, StepState::Waiting { .. } | StepState::Backoff { .. }) {
                self.record(Event::StepCancelled { step: id.clone() });
            }
            if stop {
                self.command(Command::Stop { step: id });
            }
        }
        self.record(last);
    }
}
