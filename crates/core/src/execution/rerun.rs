//! Running an ended execution again: which of its steps are taken over as they settled, and which
//! are run. What is decided here is written into the first event of the new execution, so that its
//! replay needs nothing of the old one.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::event::{Event, GivenInput, Recorded, Rerun, Reused, Settled};
use super::state::{Execution, Status};
use super::step_run_id::StepRunId;
use super::step_runs::{StepRun, StepState};
use crate::Problems;

/// From where an execution is run again.
#[derive(Debug, Clone, PartialEq)]
pub enum RerunFrom {
    /// From what failed or was not reached.
    Failed,
    /// From this step and all that follow from it; what failed elsewhere is run as well.
    Step {
        /// Its id in the definition.
        id: String,
        /// Its input instead of the one that its binding would make.
        input: Option<Value>,
    },
}

/// An execution cannot be run again like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RerunRefused {
    /// It has not ended.
    #[error("the execution has not ended; wait for its end or cancel it")]
    NotEnded,
    /// Nothing in it failed.
    #[error("the execution has completed, so there is no failed step to begin from; name a step")]
    NothingFailed,
    /// There is no such step.
    #[error("there is no step `{0}` in the release that the execution ran")]
    NoSuchStep(String),
    /// The step cannot take the input.
    #[error("the step cannot take this input: {0}")]
    InvalidInput(Problems),
}

impl Execution {
    /// What an execution takes over that runs this one again. It must be accepted with the same
    /// input and the same first state. `journal` is what this one was folded from.
    ///
    /// # Errors
    /// Why that cannot be.
    pub fn rerun(&self, journal: &[Recorded], from: RerunFrom) -> Result<Rerun, RerunRefused> {
        if !self.status().is_final() {
            return Err(RerunRefused::NotEnded);
        }
        let unusable =
            |(id, run): (StepRunId, &StepRun)| reusable(&run.state).is_none().then_some(id);
        let mut again: BTreeSet<StepRunId> = self.steps.iter().filter_map(unusable).collect();
        let mut given = None;
        match from {
            RerunFrom::Failed if self.status() == Status::Completed => {
                return Err(RerunRefused::NothingFailed);
            }
            RerunFrom::Failed => {}
            RerunFrom::Step { id, input } => {
                let plan = &self.origin.plan;
                let Some(&step) = plan.by_id.get(&id) else {
                    return Err(RerunRefused::NoSuchStep(id));
                };
                let step_run = StepRunId::from(step);
                if let Some(input) = input {
                    plan[step].check_given(&input).map_err(RerunRefused::InvalidInput)?;
                    given = Some(GivenInput { step: step_run.clone(), input: Arc::new(input) });
                }
                again.insert(step_run);
            }
        }
        self.spread(&mut again);
        let steps = self.taken_over(journal, &again);
        Ok(Rerun { of: self.origin.id, steps, given })
    }

    /// Whatever follows from a step that is run again is run again.
    fn spread(&self, again: &mut BTreeSet<StepRunId>) {
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

    /// In the order in which they settled: they set the state in that order.
    fn taken_over(&self, journal: &[Recorded], again: &BTreeSet<StepRunId>) -> Vec<Reused> {
        let settled = journal.iter().flat_map(|recorded| settled_by(&recorded.event));
        let kept = settled.filter(|step| !again.contains(step));
        let reused = kept.filter_map(|step| {
            let run = self.steps.get(&step)?;
            Some(Reused { step, input: run.input.clone(), how: reusable(&run.state)? })
        });
        reused.collect()
    }
}

/// The steps that are settled from this event on.
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

/// How a step settled, where an execution can go on from it.
fn reusable(state: &StepState) -> Option<Settled> {
    match state {
        StepState::Completed { output, port } => {
            Some(Settled::Completed { output: output.clone(), port: port.clone() })
        }
        StepState::Failed { error, handled: true } => {
            Some(Settled::Failed { error: error.clone() })
        }
        StepState::Skipped => Some(Settled::Skipped),
        StepState::Failed { handled: false, .. }
        | StepState::Pending
        | StepState::Running { .. }
        | StepState::Waiting { .. }
        | StepState::Backoff { .. }
        | StepState::Cancelled => None,
    }
}
