//! Maps of pure steps: the runtime runs many items at a time on a copy of the execution, and only
//! their results are recorded, in one event for many.

use super::block_run::{BlockRun, BodyResult, BodyRunId, BodyRunKey, ItemBody};
use super::item_counts::{room_for_result, too_large_results};
use crate::definition::blocks::ItemCollection;
use crate::definition::plan_block::PlanBlockKind;
use crate::execution::advance::Transition;
use crate::execution::begin::EvaluationError;
use crate::execution::compensation::CompensationLog;
use crate::execution::event::Event;
use crate::execution::failure::{Failure, codes};
use crate::execution::handled_failures::HandledFailures;
use crate::execution::input::{
    AttemptError, Command, StepResult, TransitionContext, TransitionError,
};
use crate::execution::signal_wait::ReceivedSignals;
use crate::execution::state::Execution;
use crate::execution::step_run_id::{AttemptId, StepRunId};
use crate::execution::wait_timers::WaitTimers;
use crate::expr::EvalBudget;
use crate::memory::json_size;

/// Runs the steps of single items of a `Map`, on a copy of the execution: nothing is recorded.
#[derive(Debug)]
pub struct ItemsRun {
    execution: Execution,
    block: StepRunId,
    moment: TransitionContext,
}

/// The code that runs an attempt of a step.
pub type RunStep<'a> =
    &'a mut dyn FnMut(&Execution, &AttemptId) -> Result<StepResult, AttemptError>;

impl BlockRun {
    /// The first item that has not ended, where the items are run in chunks.
    pub const fn next_chunk(&self) -> Option<u32> {
        if self.is_chunked { Some(self.started) } else { None }
    }
}

impl Execution {
    /// The run of a block that runs.
    pub fn block_run(&self, id: &StepRunId) -> Option<&BlockRun> {
        self.steps.block(id)
    }

    /// The number of items of a `Map` that runs its items in chunks; `None`: it does not.
    pub fn chunked_items(&self, id: &StepRunId) -> Option<u32> {
        self.steps.block(id).filter(|run| run.is_chunked)?;
        u32::try_from(self.item_count(id)).ok()
    }

    /// The number of items of a `Map` that runs.
    pub(in crate::execution) fn item_count(&self, id: &StepRunId) -> usize {
        let input = self.steps.run(id).input.as_ref();
        input.and_then(|input| input.as_array()).map_or(0, Vec::len)
    }

    /// Prepares to run items that a [`Command::RunItems`] names, on a copy of this execution.
    pub fn copy_for_items(&self, block: &StepRunId, moment: TransitionContext) -> ItemsRun {
        let execution = Self {
            origin: self.origin.clone(),
            steps: self.steps.copy_for_items(&self.origin.plan),
            input: self.input.clone(),
            // Items that run in chunks wait for nothing.
            signals: ReceivedSignals::default(),
            state: self.state.clone(),
            tag: self.tag.clone(),
            variables: self.variables.clone(),
            given: None,
            output: None,
            error: None,
            redaction: None,
            waits: WaitTimers::default(),
            parent: None,
            concurrency: None,
            handled_failures: HandledFailures::default(),
            ending: self.ending.clone(),
            compensations: CompensationLog::default(),
            ..*self
        };
        ItemsRun { execution, block: block.clone(), moment }
    }
}

impl ItemsRun {
    /// Runs the steps of an item. `run_step` runs their code; what fails is not repeated.
    ///
    /// # Errors
    /// [`TransitionError::Interrupted`] if the budget's interrupt ended an evaluation.
    pub fn run_item(
        &mut self,
        index: u32,
        budget: EvalBudget,
        run_step: RunStep<'_>,
    ) -> Result<BodyResult, TransitionError> {
        let key = BodyRunKey { body: 0, index };
        let body = BodyRunId { block: self.block.clone(), key };
        let mut transition = Transition::new(&mut self.execution, self.moment, budget);
        transition.item = Some(ItemBody { block: self.block.clone(), failure: None });
        transition.start_body(&body.block, key);
        transition.start_reached();
        while let Some(command) = transition.take_command() {
            match command {
                Command::Run(attempt) if transition.execution.is_under_way(&attempt) => {
                    let result = run_step(transition.execution, &attempt);
                    let result = result.map_err(|error| AttemptError { retryable: false, ..error });
                    transition.attempt_ended(&attempt, result);
                }
                Command::Continue { step } => {
                    transition.starts_left = u32::MAX;
                    transition.blocks.push_back(step);
                    transition.start_reached();
                }
                Command::Run(_)
                | Command::TakePlace(_)
                | Command::StartChild(_)
                | Command::RunItems { .. }
                | Command::Evaluate { .. }
                | Command::Stop { .. } => {}
            }
        }
        let result = transition.item_result(&body);
        let steps = &mut self.execution.steps;
        let inside = steps.inside(&self.execution.origin.plan, &body);
        steps.forget_runs(&inside);
        if let Some(run) = steps.block_mut(&self.block) {
            run.active.clear();
        }
        result
    }
}

impl Transition<'_> {
    /// What an item gives all of whose steps have settled.
    fn item_result(&mut self, body: &BodyRunId) -> Result<BodyResult, TransitionError> {
        if self.is_interrupted {
            return Err(TransitionError::Interrupted);
        }
        if let Some(failure) = self.item.take().and_then(|item| item.failure) {
            return Ok(BodyResult::Failed(failure));
        }
        let plan = self.execution.origin.plan.clone();
        let is_settled = |run: &BlockRun| run.active.get(&body.key) == Some(&0);
        let block = plan.step(body.block.step).and_then(|step| step.block.as_deref());
        let (Some(block), true) =
            (block, self.execution.steps.block(&body.block).is_some_and(is_settled))
        else {
            let text = "the steps of an item have not ended; this is a bug in Stepwell";
            return Ok(BodyResult::Failed(Failure::new(codes::INTERNAL, text)));
        };
        match self.evaluate_end(block, body) {
            Ok(end) => Ok(BodyResult::Completed(end.output)),
            Err(EvaluationError::Failed(failure)) => Ok(BodyResult::Failed(failure)),
            Err(EvaluationError::NeedsFullBudget | EvaluationError::Interrupted) => {
                Err(TransitionError::Interrupted)
            }
        }
    }

    /// Records the results of items that the runtime has run, from item `first` on, and continues
    /// their block.
    pub(in crate::execution) fn items_ended(
        &mut self,
        id: &StepRunId,
        first: u32,
        mut results: Vec<BodyResult>,
    ) -> Result<(), TransitionError> {
        let plan = self.execution.origin.plan.clone();
        let run = self.execution.steps.block(id).filter(|run| run.next_chunk() == Some(first));
        let left = self.execution.item_count(id).saturating_sub(first as usize);
        let block = plan.step(id.step).and_then(|step| step.block.as_deref());
        let (Some(run), Some(PlanBlockKind::Map(planned))) = (run, block.map(|block| &block.kind))
        else {
            return Err(TransitionError::Stale);
        };
        if results.is_empty() || results.len() > left {
            return Err(TransitionError::Stale);
        }
        limit_results(&mut results, planned.collection, run.result_bytes);
        let failure = match planned.collect_errors {
            true => None,
            false => take_failure(&mut results),
        };
        if !results.is_empty() {
            self.record_event(Event::ItemsEnded { step: id.clone(), index: first, results });
        }
        match failure {
            Some(failure) => self.fail_block(id, failure),
            None => self.blocks.push_back(id.clone()),
        }
        self.start_reached();
        Ok(())
    }
}

/// Fails the results that exceed what all results of a block together may have; those until now
/// have `bytes`.
fn limit_results(results: &mut [BodyResult], collection: ItemCollection, mut bytes: usize) {
    if !collection.records_outputs() {
        return;
    }
    for result in results {
        let BodyResult::Completed(output) = result else { continue };
        let left = room_for_result(collection, bytes);
        let size = json_size(output, left.saturating_add(1));
        if size > left {
            *result = BodyResult::Failed(too_large_results(collection));
        } else {
            bytes += size;
        }
    }
}

/// The first failure, if there is one: the results from it on are removed.
fn take_failure(results: &mut Vec<BodyResult>) -> Option<Failure> {
    let position = results.iter().position(|result| matches!(result, BodyResult::Failed(_)))?;
    match results.drain(position..).next() {
        Some(BodyResult::Failed(failure)) => Some(failure),
        _ => None,
    }
}
