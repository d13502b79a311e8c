//! Reruns of an ended execution: which of its settled steps are taken over, and which are run
//! again. The decision is stored in the first event of the new execution, so that its replay does
//! not need the old one.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::blocks::block_run::{BodyRunId, BodyRunKey};
use super::event::{Event, RecordedEvent, SkipReason};
use super::named_step_run::{NamedStepRun, NoSuchStepRun};
use super::rerun_blocks::RerunSelection;
use super::rerun_source::{GivenInput, RerunSource, ReusedOutcome, ReusedStep};
use super::state::{Execution, Status};
use super::step_run::StepState;
use super::step_run_id::StepRunId;
use crate::Problems;
use crate::catalog::StepAction;
use crate::definition::{Plan, StepIndex};

/// Where a rerun starts.
#[derive(Debug, Clone, PartialEq)]
pub enum RerunFrom {
    /// From the steps that failed or were not reached; if the execution has completed, from the
    /// failed items of its maps.
    Failed,
    /// From this step and its dependents; steps that failed elsewhere are run as well.
    Step {
        /// Its id in the definition, with the iterations that it is in: `orders[3].charge`. An
        /// iteration, `orders[3]`, is run again as a whole.
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
    /// The step does not exist, or is not written with its iterations.
    #[error("{0}")]
    NoSuchStep(NoSuchStepRun),
    /// The iteration did not begin.
    #[error("`{0}` did not begin in this execution")]
    NoSuchIteration(String),
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
        let plan = &*self.origin.plan;
        let mut selection = RerunSelection::new(plan, journal);
        let given = match from {
            RerunFrom::Failed => self.select_failed(&mut selection)?,
            RerunFrom::Step { id, input } => select_step(plan, &mut selection, &id, input)?,
        };
        for step in self.compensated_steps() {
            selection.repeat_step(&step);
        }
        selection.repeat_broken(plan.top.steps.iter().map(|step| StepRunId::from(*step)));
        let mut again: BTreeSet<StepRunId> =
            plan.top.steps.iter().map(|step| (*step).into()).collect();
        again.retain(|id| {
            selection.is_repeated(id) || self.reusable_outcome(id, &selection).is_none()
        });
        let steps = self.reused_steps(journal, &again, &selection);
        let events = selection.kept_events();
        Ok(RerunSource { of: self.origin.id, steps, given, events })
    }

    /// The outcome of a step run that a rerun can take over.
    fn reusable_outcome(
        &self,
        id: &StepRunId,
        selection: &RerunSelection<'_>,
    ) -> Option<ReusedOutcome> {
        match &self.steps.run(id).state {
            StepState::Cancelled if selection.is_unneeded(id) => Some(ReusedOutcome::Skipped),
            state => reusable_outcome(state),
        }
    }

    fn select_failed(
        &self,
        selection: &mut RerunSelection<'_>,
    ) -> Result<Option<GivenInput>, RerunError> {
        if self.status() == Status::Completed {
            let maps = selection.maps_with_failures();
            if maps.is_empty() {
                return Err(RerunError::NothingFailed);
            }
            for map in maps {
                selection.repeat_bodies(&map);
            }
        }
        Ok(None)
    }

    /// The step runs that were compensated: what they did was undone.
    fn compensated_steps(&self) -> impl Iterator<Item = StepRunId> {
        let completed =
            self.steps.iter().filter(|(_, run)| matches!(run.state, StepState::Completed { .. }));
        completed.filter_map(|(id, _)| self.compensated_run(&id))
    }

    /// The reused steps in the order in which they settled, because they set the state in that order.
    fn reused_steps(
        &self,
        journal: &[RecordedEvent],
        again: &BTreeSet<StepRunId>,
        selection: &RerunSelection<'_>,
    ) -> Vec<ReusedStep> {
        let settled = journal.iter().flat_map(|recorded| settled_by(&recorded.event));
        let plan = &self.origin.plan;
        // Of iterations, and of blocks that continue, only what they set is taken over here.
        let sets_state = |step: &StepRunId| {
            plan.step(step.step).is_some_and(|planned| planned.action == StepAction::SetState)
        };
        let is_kept = |step: &StepRunId| {
            let is_whole = !again.contains(&outermost_step(plan, step.step).into());
            let is_listed = step.path.is_empty() && is_whole;
            let is_taken = is_listed || sets_state(step) && selection.is_kept(step);
            is_taken && !plan.is_handler(step.step)
        };
        let reused = settled.filter(is_kept).filter_map(|step| {
            let run = self.steps.get(&step)?;
            let how = self.reusable_outcome(&step, selection)?;
            Some(ReusedStep { input: run.input.clone(), step, how })
        });
        reused.collect()
    }
}

/// Selects the step run or iteration that a user named, with its new input.
fn select_step(
    plan: &Plan,
    selection: &mut RerunSelection<'_>,
    written: &str,
    input: Option<Value>,
) -> Result<Option<GivenInput>, RerunError> {
    let named = NamedStepRun::find(plan, written).map_err(RerunError::NoSuchStep)?;
    let missing = || RerunError::NoSuchIteration(written.to_owned());
    let NamedStepRun { step_run, iteration } = named;
    if plan.is_handler(step_run.step) {
        return Err(missing());
    }
    if let Some(index) = iteration {
        let key = BodyRunKey { body: 0, index };
        let body = BodyRunId { block: step_run, key };
        if !selection.has_begun(&body) {
            return Err(missing());
        }
        selection.repeat_body(&body);
        return Ok(None);
    }
    if BodyRunId::around(plan, &step_run).is_some_and(|body| !selection.has_begun(&body)) {
        return Err(missing());
    }
    let given = match input {
        Some(input) => {
            plan[step_run.step].check_given(&input).map_err(RerunError::InvalidInput)?;
            Some(GivenInput { step: step_run.clone(), input: Arc::new(input) })
        }
        None => None,
    };
    selection.repeat_step(&step_run);
    Ok(given)
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
        | Event::StepSkipped { step, .. }
        | Event::StepCancelled { step } => vec![step.clone()],
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
        | StepState::Child { .. }
        | StepState::AwaitingPlace(_)
        | StepState::AwaitingSignal(_)
        | StepState::AwaitingApproval(_)
        | StepState::Block(_)
        | StepState::Backoff { .. }
        | StepState::Cancelled => None,
    }
}
