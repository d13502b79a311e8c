//! Reruns of an ended execution: which of its settled steps are taken over, and which are run
//! again. The decision is stored in the first event of the new execution, so that its replay does
//! not need the old one.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::event::{
    Event, GivenInput, RecordedEvent, RerunSource, ReusedOutcome, ReusedStep, SkipReason,
};
use super::state::{Execution, Status};
use super::step_run::StepState;
use super::step_run_id::StepRunId;
use crate::Problems;
use crate::catalog::StepAction;
use crate::definition::{Plan, StepIndex};

/// Where a rerun starts.
#[derive(Debug, Clone, PartialEq)]
pub enum RerunFrom {
    /// From the steps that failed or were not reached.
    Failed,
    /// From this step and its dependents; steps that failed elsewhere are run as well.
    Step {
        /// Its id in the definition.
        id: String,
        /// An input that replaces the one of its binding.
        input: Option<Value>,
    },
}

/// Why a rerun is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RerunError {
    /// The execution has not ended.
    #[error("the execution has not ended; wait for its end or cancel it")]
    NotEnded,
    /// No step failed.
    #[error("the execution has completed, so there is no failed step to begin from; name a step")]
    NothingFailed,
    /// The step does not exist.
    #[error("there is no step `{0}` in the release that the execution ran")]
    NoSuchStep(String),
    /// The step is inside a block.
    #[error(
        "the step `{id}` is inside the block `{block}`, which is repeated as a whole; name `{block}`"
    )]
    InsideBlock {
        /// The step.
        id: String,
        /// The outermost block around it.
        block: String,
    },
    /// The input does not satisfy the step's schema.
    #[error("the step cannot take this input: {0}")]
    InvalidInput(Problems),
}

impl Execution {
    /// What a rerun takes over from this execution, whose journal is `journal`. The rerun must be
    /// accepted with the same input and the same initial state.
    ///
    /// # Errors
    /// Why the rerun is not possible.
    pub fn prepare_rerun(
        &self,
        journal: &[RecordedEvent],
        from: RerunFrom,
    ) -> Result<RerunSource, RerunError> {
        if !self.status().is_final() {
            return Err(RerunError::NotEnded);
        }
        let top = self.origin.plan.top.steps.iter().map(|step| StepRunId::from(*step));
        let mut again: BTreeSet<StepRunId> =
            top.filter(|id| reusable_outcome(&self.steps.run(id).state).is_none()).collect();
        let mut given = None;
        match from {
            RerunFrom::Failed if self.status() == Status::Completed => {
                return Err(RerunError::NothingFailed);
            }
            RerunFrom::Failed => {}
            RerunFrom::Step { id, input } => {
                let plan = &self.origin.plan;
                let Some(&step) = plan.by_id.get(&id) else {
                    return Err(RerunError::NoSuchStep(id));
                };
                if plan[step].parent.is_some() {
                    let block = outermost_step(plan, step);
                    return Err(RerunError::InsideBlock { id, block: plan[block].id.clone() });
                }
                let step_run = StepRunId::from(step);
                if let Some(input) = input {
                    plan[step].check_given(&input).map_err(RerunError::InvalidInput)?;
                    given = Some(GivenInput { step: step_run.clone(), input: Arc::new(input) });
                }
                again.insert(step_run);
            }
        }
        self.add_dependents(&mut again);
        let steps = self.reused_steps(journal, &again);
        Ok(RerunSource { of: self.origin.id, steps, given })
    }

    /// Adds all direct and indirect dependents.
    fn add_dependents(&self, again: &mut BTreeSet<StepRunId>) {
        let mut queue: VecDeque<StepRunId> = again.iter().cloned().collect();
        while let Some(step) = queue.pop_front() {
            for next in &self.origin.plan[step.step].dependents {
                let next = step.sibling(*next);
                if again.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
    }

    /// The reused steps in the order in which they settled, because they set the state in that order.
    fn reused_steps(
        &self,
        journal: &[RecordedEvent],
        again: &BTreeSet<StepRunId>,
    ) -> Vec<ReusedStep> {
        let settled = journal.iter().flat_map(|recorded| settled_by(&recorded.event));
        let plan = &self.origin.plan;
        // Of iterations, only what they set is taken over; the output of their block has the rest.
        let has_effect = |step: &StepRunId| {
            step.path.is_empty()
                || plan.step(step.step).is_some_and(|s| s.action == StepAction::SetState)
        };
        let kept = settled
            .filter(|step| !again.contains(&outermost_step(plan, step.step).into()))
            .filter(has_effect);
        let reused = kept.filter_map(|step| {
            let run = self.steps.get(&step)?;
            Some(ReusedStep { step, input: run.input.clone(), how: reusable_outcome(&run.state)? })
        });
        reused.collect()
    }
}

/// The outermost block around a step, or the step itself.
fn outermost_step(plan: &Plan, step: StepIndex) -> StepIndex {
    let blocks = std::iter::successors(Some(step), |step| {
        plan.step(*step)?.parent.map(|parent| parent.block)
    });
    blocks.last().unwrap_or(step)
}

/// The steps that this event settles.
fn settled_by(event: &Event) -> Vec<StepRunId> {
    match event {
        Event::Accepted { rerun: Some(rerun), .. } => {
            rerun.steps.iter().map(|reused| reused.step.clone()).collect()
        }
        Event::StepCompleted { step, .. }
        | Event::StepFailed { step, .. }
        | Event::StepSkipped { step, .. } => vec![step.clone()],
        _ => Vec::new(),
    }
}

/// The outcome of a step, if an execution can continue from it.
fn reusable_outcome(state: &StepState) -> Option<ReusedOutcome> {
    match state {
        StepState::Completed { output, port } => {
            Some(ReusedOutcome::Completed { output: output.clone(), port: port.clone() })
        }
        StepState::Failed { error, handled: true } => {
            Some(ReusedOutcome::Failed { error: error.clone() })
        }
        StepState::Skipped { reason: SkipReason::NotTaken } => Some(ReusedOutcome::Skipped),
        StepState::Skipped { reason: SkipReason::Condition } => Some(ReusedOutcome::Bypassed),
        StepState::Failed { handled: false, .. }
        | StepState::Pending
        | StepState::Running { .. }
        | StepState::Waiting { .. }
        | StepState::Block(_)
        | StepState::Backoff { .. }
        | StepState::Cancelled => None,
    }
}
