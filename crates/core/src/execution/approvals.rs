//! Approvals: waits for the decisions of people.
//!
//! Votes are recorded as they arrive. When they decide the approval, its end is recorded and the
//! step completes by the port of the outcome. While the execution is paused, votes are only
//! recorded.

use std::sync::Arc;

use super::advance::Transition;
use super::approval_event::ApprovalEvent;
use super::approval_wait::{ApprovalOutcome, ApprovalWait};
use super::event::Event;
use super::input::{DecisionAction, DecisionInput, TransitionError};
use super::state::{Execution, Status};
use super::step_run::StepState;
use super::step_run_id::{AttemptId, StepRunId};

impl ApprovalWait {
    /// Whether this approver may decide.
    fn check_approver(&self, approver: &str) -> Result<(), TransitionError> {
        if self.votes.iter().any(|vote| vote.approver == approver) {
            return Err(TransitionError::AlreadyVoted);
        }
        let is_listed = self.approvers.iter().any(|listed| listed == approver);
        match self.approvers.is_empty() || is_listed {
            true => Ok(()),
            false => Err(TransitionError::NotApprover),
        }
    }
}

impl Execution {
    /// The approvals that steps wait for.
    pub fn approval_waits(&self) -> impl Iterator<Item = (StepRunId, &ApprovalWait)> {
        self.steps.iter_current().filter_map(|(id, run)| match &run.state {
            StepState::AwaitingApproval(wait) => Some((id, &**wait)),
            _ => None,
        })
    }

    /// Whether exactly this attempt waits for a signal or an approval. In a dry run, a mock ends it.
    pub(super) fn awaits_outside(&self, id: &AttemptId) -> bool {
        let run = self.steps.get(&id.step_run).filter(|run| run.attempts == id.attempt);
        run.is_some_and(|run| {
            matches!(run.state, StepState::AwaitingSignal(_) | StepState::AwaitingApproval(_))
        })
    }

    /// The approval that this attempt of a step waits for.
    pub fn approval(&self, id: &AttemptId) -> Option<&ApprovalWait> {
        let run = self.steps.get(&id.step_run).filter(|run| run.attempts == id.attempt)?;
        match &run.state {
            StepState::AwaitingApproval(wait) => Some(wait),
            _ => None,
        }
    }
}

impl Transition<'_> {
    /// Records a vote or a delegation, and what follows from it.
    pub(super) fn receive_decision(
        &mut self,
        decision: DecisionInput,
    ) -> Result<(), TransitionError> {
        let DecisionInput { approval, approver, action } = decision;
        let wait = self.execution.approval(&approval).ok_or(TransitionError::Stale)?;
        if wait.outcome().is_some() {
            return Err(TransitionError::Stale);
        }
        wait.check_approver(&approver)?;
        let step = approval.step_run;
        match action {
            DecisionAction::Vote { verdict, comment, data } => {
                let event = ApprovalEvent::Voted { approver, verdict, comment, data };
                self.record_event(Event::Approval { step: step.clone(), event });
            }
            DecisionAction::Delegate { to, comment } => {
                if wait.check_approver(&to) != Err(TransitionError::NotApprover) {
                    return Err(TransitionError::AlreadyApprover);
                }
                let event = ApprovalEvent::Delegated { approver, to, comment };
                self.record_event(Event::Approval { step, event });
                return Ok(());
            }
        }
        if self.execution.phase == Status::Running && self.settle_approval(&step) {
            self.start_reached();
        }
        Ok(())
    }

    /// Settles the approvals that votes have decided while the execution was paused.
    pub(super) fn settle_approvals(&mut self) {
        let waiting: Vec<StepRunId> = self.execution.approval_waits().map(|(id, _)| id).collect();
        for step in waiting {
            if self.execution.phase != Status::Running {
                return;
            }
            if self.settle_approval(&step) {
                self.start_reached();
            }
        }
    }

    /// Ends an approval if its votes decide it; returns whether they do.
    fn settle_approval(&mut self, step: &StepRunId) -> bool {
        // The steps that were started before may have cancelled it.
        let StepState::AwaitingApproval(wait) = &self.execution.steps.run(step).state else {
            return false;
        };
        let Some(outcome) = wait.outcome() else { return false };
        self.end_approval(step, outcome);
        true
    }

    /// Records the end of an approval and completes its step, unless it fails.
    pub(super) fn end_approval(&mut self, step: &StepRunId, outcome: ApprovalOutcome) {
        let StepState::AwaitingApproval(wait) = &self.execution.steps.run(step).state else {
            return;
        };
        let output = wait.output(outcome);
        let event = ApprovalEvent::Ended { outcome };
        self.record_event(Event::Approval { step: step.clone(), event });
        if let Some(port) = outcome.port() {
            let (output, port) = (Arc::new(output), Some(port.to_owned()));
            self.record_event(Event::StepCompleted { step: step.clone(), output, port });
            self.reach_dependents(step);
        }
    }
}
