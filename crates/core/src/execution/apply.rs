//! Applies events to an execution. Total: an event of the journal is never rejected, and replay
//! uses nothing else.

use std::time::Duration;

use serde_json::Value;

use super::event::{Event, RecordedEvent, RerunSource, ReusedOutcome, ReusedStep, SkipReason};
use super::failure::Failure;
use super::state::{Execution, Status};
use super::step_runs::StepState;
use crate::Timestamp;
use crate::catalog::StepAction;

impl Execution {
    /// Applies the next event.
    pub fn apply_event(&mut self, recorded: &RecordedEvent) {
        self.seq = recorded.seq;
        let at = recorded.at;
        match &recorded.event {
            Event::Accepted { input, state, previous, tag, timeout_millis, rerun, secrets } => {
                self.input = input.clone();
                self.set_state_values(state.iter().flatten());
                self.previous = *previous;
                self.has_secrets = *secrets;
                self.tag.clone_from(tag);
                self.timeout = timeout_millis.map(Duration::from_millis);
                if let Some(rerun) = rerun {
                    self.take_over(rerun);
                }
                self.created_at = at;
            }
            Event::Started => {
                self.phase = Status::Running;
                self.started_at = Some(at);
            }
            Event::StepStarted { step, attempt, input, config, secrets } => {
                if let Some(run) = self.steps.get_mut(step) {
                    run.begin_attempt(*attempt, at);
                    if input.is_some() {
                        run.input.clone_from(input);
                        run.config.clone_from(config);
                        run.secrets.clone_from(secrets);
                    }
                }
            }
            Event::StepWaiting { step, until } => {
                if let Some(run) = self.steps.get_mut(step) {
                    run.state = StepState::Waiting { since: at, until: *until };
                }
            }
            Event::StepRetrying { step, error, until } => {
                if let Some(run) = self.steps.get_mut(step) {
                    run.await_retry(error, at, *until);
                }
            }
            Event::StepCompleted { step, output, port } => {
                let (output, port) = (output.clone(), port.clone());
                self.steps.settle_at(step, at, StepState::Completed { output, port });
            }
            Event::StepFailed { step, error, handled } => {
                let (error, handled) = (error.clone(), *handled);
                self.steps.settle_at(step, at, StepState::Failed { error, handled });
            }
            Event::StepSkipped { step, reason } => {
                self.steps.settle_at(step, at, StepState::Skipped { reason: *reason });
            }
            Event::StepCancelled { step } => self.steps.settle_at(step, at, StepState::Cancelled),
            Event::StateSet { values } => self.set_state_values(values),
            Event::StepLogged { .. } | Event::Recovered => {}
            Event::Paused => self.phase = Status::Paused,
            Event::Resumed => {
                let begun = self.started_at.is_some();
                self.phase = if begun { Status::Running } else { Status::Queued };
            }
            Event::Completed { output } => {
                self.output = Some(output.clone());
                self.set_ended(Status::Completed, at);
            }
            Event::Failed { error } => self.set_failed(Status::Failed, error, at),
            Event::TimedOut { error } => self.set_failed(Status::TimedOut, error, at),
            Event::Cancelled { .. } => self.set_ended(Status::Cancelled, at),
        }
    }

    /// Settles the steps that a rerun takes over.
    fn take_over(&mut self, rerun: &RerunSource) {
        let RerunSource { of, steps, given } = rerun;
        self.rerun_of = Some(*of);
        self.given.clone_from(given);
        for ReusedStep { step, input, how } in steps {
            if self.steps.get(step).is_none() {
                continue;
            }
            let state = match how {
                ReusedOutcome::Completed { output, port } => {
                    let planned = self.origin.plan.step(step.step);
                    if planned.is_some_and(|planned| planned.action == StepAction::SetState) {
                        self.set_state_values(output.as_object().into_iter().flatten());
                    }
                    StepState::Completed { output: output.clone(), port: port.clone() }
                }
                ReusedOutcome::Failed { error } => {
                    StepState::Failed { error: error.clone(), handled: true }
                }
                ReusedOutcome::Skipped => StepState::Skipped { reason: SkipReason::NotTaken },
                ReusedOutcome::Bypassed => StepState::Skipped { reason: SkipReason::Condition },
            };
            if let Some(run) = self.steps.settle_run(step, state) {
                run.input.clone_from(input);
                run.reused = true;
            }
        }
    }

    fn set_state_values<'v>(&mut self, values: impl IntoIterator<Item = (&'v String, &'v Value)>) {
        self.state.extend(values.into_iter().map(|(k, v)| (k.clone(), v.clone())));
    }

    fn set_failed(&mut self, status: Status, error: &Failure, at: Timestamp) {
        self.error = Some(error.clone());
        self.set_ended(status, at);
    }

    fn set_ended(&mut self, status: Status, at: Timestamp) {
        self.phase = status;
        self.ended_at = Some(at);
    }
}
