//! Sub-workflows: step runs that start executions and wait for their ends.
//!
//! What an execution and its sub-workflows must know of each other follows from their events:
//! [`Transition::record_event`] calls the functions here for each of them, so nothing that ends a
//! step run or an execution can forget it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::advance::Transition;
use super::event::Event;
use super::failure::{Failure, codes};
use super::input::{AttemptError, StepResult, TransitionError};
use super::message::{ChildLink, ChildResult, ExecutionMessage, HeldKey, OutgoingMessage};
use super::state::{Execution, Status};
use super::step_run::StepState;
use super::step_run_id::{AttemptId, StepRunId};
use crate::ids::ExecutionId;
use crate::nests_deeper;

/// The deepest nesting of the details of a sub-workflow's error that are kept.
const MAX_DETAILS_DEPTH: usize = 32;

impl Transition<'_> {
    /// Records that the sub-workflow of a step run was started. Without `waits` the step run
    /// completes at once.
    pub(super) fn child_started(
        &mut self,
        attempt: &AttemptId,
        child: ChildLink,
        waits: bool,
    ) -> Result<(), TransitionError> {
        if !self.execution.is_under_way(attempt) {
            return Err(TransitionError::Stale);
        }
        let id = &attempt.step_run;
        let timeout = self.execution.origin.plan[id.step].timeout.filter(|_| waits);
        let until = timeout.map(|timeout| self.moment.now.after(timeout));
        let execution = child.execution;
        let output = (!waits).then(|| child_reference(&child));
        self.record_event(Event::ChildStarted { step: id.clone(), child, until });
        if let Some(output) = output {
            self.ended_child = Some(execution);
            self.attempt_ended(attempt, Ok(StepResult { output: Arc::new(output), port: None }));
        } else if self.execution.phase == Status::Paused {
            self.send_message(execution, ExecutionMessage::Pause);
        }
        Ok(())
    }

    /// Ends the attempt of a step run whose sub-workflow has ended.
    pub(super) fn child_ended(
        &mut self,
        step: &StepRunId,
        child: ExecutionId,
        result: ChildResult,
    ) -> Result<(), TransitionError> {
        if self.execution.child_of(step) != Some(child) {
            return Err(TransitionError::Stale);
        }
        self.ended_child = Some(child);
        let attempt = self.execution.steps.run(step).attempts;
        let attempt = AttemptId { step_run: step.clone(), attempt };
        let result = match result {
            ChildResult::Completed(output) => Ok(StepResult { output, port: None }),
            ChildResult::Failed(failure) => Err(AttemptError {
                failure: child_failure(child, failure),
                retryable: true,
                retry_after: None,
            }),
            ChildResult::Rejected(failure) => {
                Err(AttemptError { failure, retryable: true, retry_after: None })
            }
            ChildResult::Cancelled(reason) => Err(AttemptError {
                failure: cancelled_failure(child, reason),
                retryable: false,
                retry_after: None,
            }),
        };
        self.attempt_ended(&attempt, result);
        Ok(())
    }

    /// Fails the attempt of a step run whose sub-workflow took longer than its timeout.
    pub(super) fn end_child_wait(&mut self, id: &StepRunId) {
        let timeout = self.execution.origin.plan[id.step].timeout.unwrap_or_default();
        let message =
            format!("the sub-workflow took longer than the step's timeout of {timeout:?}");
        let failure = Failure::new(codes::STEP_TIMEOUT, message);
        let attempt = self.execution.steps.run(id).attempts;
        let attempt = AttemptId { step_run: id.clone(), attempt };
        self.attempt_failed(&attempt, AttemptError { failure, retryable: true, retry_after: None });
    }

    /// The sub-workflow that nothing waits for any more once this event is applied.
    pub(super) fn abandoned_child(&self, event: &Event) -> Option<ExecutionId> {
        let ends = matches!(
            event,
            Event::StepCompleted { .. }
                | Event::StepRetrying { .. }
                | Event::StepFailed { .. }
                | Event::StepCancelled { .. }
        );
        if !ends {
            return None;
        }
        let child = self.execution.child_of(event.step_run()?)?;
        (self.ended_child != Some(child)).then_some(child)
    }

    /// Sends what other executions must know of an event that was applied. `abandoned`: a
    /// sub-workflow that nothing waits for any more.
    pub(super) fn send_messages(&mut self, event: &Event, abandoned: Option<ExecutionId>) {
        if let Some(child) = abandoned {
            let id = self.execution.origin.id.dataflow();
            let reason =
                format!("the execution {id} that started it does not wait for it any more");
            self.send_message(child, ExecutionMessage::Cancel { reason });
            if self.execution.phase == Status::Paused {
                // One that compensates its steps rejects the former, and would stay paused.
                self.send_message(child, ExecutionMessage::Resume);
            }
        }
        let to_children = match event {
            Event::Paused => ExecutionMessage::Pause,
            Event::Resumed => ExecutionMessage::Resume,
            event => return self.report_end(event),
        };
        for child in self.execution.active_children() {
            self.send_message(child, to_children.clone());
        }
    }

    /// Reports the end of the execution to the step run that waits for it.
    fn report_end(&mut self, event: &Event) {
        let Some(parent) = self.execution.parent.as_ref().filter(|parent| parent.waits) else {
            return;
        };
        let result = match event {
            Event::Completed { output } => ChildResult::Completed(output.clone()),
            Event::Failed { error } | Event::TimedOut { error } => {
                ChildResult::Failed(error.clone())
            }
            Event::Cancelled { reason } => ChildResult::Cancelled(reason.clone()),
            _ => return,
        };
        let (to, step) = (parent.execution, parent.step.clone());
        let child = self.execution.origin.id;
        self.send_message(to, ExecutionMessage::ChildEnded { step, child, result });
    }

    fn send_message(&mut self, to: ExecutionId, message: ExecutionMessage) {
        self.decision.messages.push(OutgoingMessage { to, message });
    }
}

impl Execution {
    /// The sub-workflow for which a step run waits.
    pub(super) fn child_of(&self, step: &StepRunId) -> Option<ExecutionId> {
        match &self.steps.get(step)?.state {
            StepState::Child { execution, .. } => Some(*execution),
            _ => None,
        }
    }

    /// After the failure of a step run: a sub-workflow that was rejected does not exist.
    pub(super) fn unlink_rejected_child(&mut self, step: &StepRunId, error: &Failure) {
        // The failure of one that was accepted has its id in the details.
        let is_rejection = error.code == codes::CONCURRENCY_LIMIT && error.details.is_null();
        if is_rejection && let Some(run) = self.steps.get_mut(step) {
            run.child = None;
        }
    }

    /// The sub-workflows for whose ends step runs wait.
    pub fn active_children(&self) -> Vec<ExecutionId> {
        let children = self.steps.current_states().filter_map(|state| match state {
            StepState::Child { execution, .. } => Some(*execution),
            _ => None,
        });
        children.collect()
    }

    /// Whether a step run waits for the end of a sub-workflow.
    pub fn awaits_child(&self) -> bool {
        self.steps.current_states().any(|state| matches!(state, StepState::Child { .. }))
    }

    /// Whether other executions can send messages to this one.
    pub fn exchanges_messages(&self) -> bool {
        self.parent.is_some() || self.concurrency.is_some() || self.awaits_child()
    }

    /// The concurrency keys whose places are not free before a sub-workflow that a step waits for
    /// has ended: its own, and those of the executions that wait for it.
    pub fn held_keys(&self) -> Vec<HeldKey> {
        let above = self.parent.iter().flat_map(|parent| parent.held.iter().cloned());
        let own = self
            .concurrency
            .as_deref()
            .map(|place| HeldKey { workflow: self.origin.workflow, key: place.key.clone() });
        above.chain(own).collect()
    }

    /// How many executions are above this one.
    pub fn depth(&self) -> u32 {
        self.parent.as_ref().map_or(0, |parent| parent.depth)
    }
}

/// The output of a step that does not wait for its sub-workflow.
fn child_reference(child: &ChildLink) -> Value {
    json!({
        "execution_id": child.execution.dataflow(),
        "workflow_id": child.workflow.abi(),
        "release": child.release,
    })
}

/// The failure of a step whose sub-workflow failed: its code, and where it failed.
fn child_failure(child: ExecutionId, failure: Failure) -> Failure {
    let Failure { code, message, step, attempt: _, details } = failure;
    let mut reference = json!({"execution_id": child.dataflow()});
    if let Some(step) = &step {
        reference["step"] = json!(step);
    }
    if !details.is_null() && !nests_deeper(&details, MAX_DETAILS_DEPTH) {
        reference["details"] = details;
    }
    Failure {
        details: reference,
        ..Failure::new(code, format!("the sub-workflow failed: {message}"))
    }
}

fn cancelled_failure(child: ExecutionId, reason: Option<String>) -> Failure {
    let message = match reason {
        Some(reason) => format!("the sub-workflow was cancelled: {reason}"),
        None => "the sub-workflow was cancelled".to_owned(),
    };
    let details = json!({"execution_id": child.dataflow()});
    Failure { details, ..Failure::new(codes::SUB_WORKFLOW_CANCELLED, message) }
}
