//! What must be true of compensations and `on_failure`.

use stepwell_core::definition::Plan;
use stepwell_core::definition::model::StepRole;
use stepwell_core::execution::{EndOutcome, Event, Execution, Failure, Status, StepRunId};

/// Follows what has completed and what of it is compensated.
#[derive(Default)]
pub struct EndingOracle {
    outcome: Option<EndOutcome>,
    /// The completed runs of steps that have a compensation, in order.
    completed: Vec<StepRunId>,
    has_handler: bool,
    /// Whether a caller cancelled the execution while `on_failure` ran.
    pub is_cut_short: bool,
}

impl EndingOracle {
    pub fn has_begun(&self) -> bool {
        self.outcome.is_some()
    }

    fn is_cancelled(&self) -> bool {
        matches!(self.outcome, Some(EndOutcome::Cancelled { .. }))
    }

    pub fn began(&mut self, plan: &Plan, outcome: &EndOutcome) {
        assert!(self.outcome.is_none(), "it ends once");
        self.outcome = Some(outcome.clone());
        self.has_handler = plan.failure_handler.is_some();
        let runs_handler = self.has_handler && !self.is_cancelled();
        assert!(!self.completed.is_empty() || runs_handler, "there is something to do");
    }

    /// The compensation of the run that completed last.
    pub fn next_compensation(&self, plan: &Plan) -> Option<StepRunId> {
        self.outcome.as_ref()?;
        let last = self.completed.last()?;
        Some(last.sibling(plan[last.step].compensation.as_ref().unwrap().step))
    }

    /// Nothing of what has completed so far will be compensated.
    pub fn forget_completed(&mut self) {
        self.completed.clear();
    }

    /// A step run starts for the first time.
    pub fn started(&self, plan: &Plan, step: &StepRunId) {
        let is_in_handler = plan.failure_handler.is_some_and(|handler| step.step >= handler);
        match plan[step.step].role {
            StepRole::Compensation(_) => {
                let next = self.next_compensation(plan);
                assert_eq!(next.as_ref(), Some(step), "in the reverse order of completion");
            }
            _ if is_in_handler => {
                assert!(self.has_begun() && !self.is_cancelled(), "only after a failure");
                assert!(self.completed.is_empty(), "after all compensations");
            }
            _ => assert!(!self.has_begun(), "nothing else starts once it ends: {step:?}"),
        }
    }

    /// A step run completes or fails.
    pub fn settled(&mut self, plan: &Plan, step: &StepRunId, is_completed: bool) {
        match plan[step.step].role {
            StepRole::Compensation(_) => {
                let next = self.next_compensation(plan);
                assert_eq!(next.as_ref(), Some(step), "one at a time");
                self.completed.pop();
            }
            _ if is_completed && plan[step.step].compensation.is_some() => {
                self.completed.push(step.clone());
            }
            _ => {}
        }
    }

    /// The execution ends without success.
    pub fn ended(&self, last: &Event, has_started: bool, is_handled: bool) {
        assert!(self.completed.is_empty(), "all that completed was compensated");
        let by_caller = matches!(last, Event::Cancelled { .. });
        match &self.outcome {
            None => assert!(by_caller || !has_started || is_handled, "`on_failure` runs"),
            Some(outcome) => {
                let is_same = match (outcome, last) {
                    (EndOutcome::Failed { error }, Event::Failed { error: last })
                    | (EndOutcome::TimedOut { error }, Event::TimedOut { error: last }) => {
                        error == last
                    }
                    (EndOutcome::Cancelled { .. }, Event::Cancelled { .. }) => true,
                    _ => false,
                };
                assert!(is_same, "it ends as it would have ended");
                let may_end = by_caller || is_handled || self.is_cut_short;
                assert!(may_end, "`on_failure` has ended");
            }
        }
    }
}

/// A step fails as its sub-workflow ended, or by its own timeout.
pub fn check_failure(child: &Execution, error: &Failure) {
    let is_right = match error.code.as_str() {
        "STEP_TIMEOUT" => child.status().is_final(),
        "SUB_WORKFLOW_CANCELLED" => child.status() == Status::Cancelled,
        code => child.error.as_ref().is_some_and(|error| error.code == code),
    };
    assert!(is_right, "{error:?} of {:?}", child.status());
}
