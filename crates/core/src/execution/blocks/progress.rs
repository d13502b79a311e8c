//! Starts the bodies of blocks and completes blocks.

use std::sync::Arc;

use serde_json::Value;

use super::block_run::{BlockRun, BodyResult, BodyRunId, BodyRunKey};
use super::map_results::item_result;
use crate::definition::blocks::{BodyRole, LoopCondition, MAX_ITERATIONS};
use crate::definition::parse_duration;
use crate::definition::plan::PlanStep;
use crate::definition::plan_block::{PlanBlock, PlanBlockKind, PlanLoop, PlanMap};
use crate::execution::advance::Transition;
use crate::execution::begin::EvaluationError;
use crate::execution::event::Event;
use crate::execution::failure::{Failure, codes};
use crate::execution::input::Command;
use crate::execution::scope::ExecutionScope;
use crate::execution::state::Status;
use crate::execution::step_run_id::StepRunId;
use crate::expr::shared_null;
use crate::{Map, Timestamp};

/// What follows from the present state of a block.
enum Next {
    /// Nothing, until a step inside it settles or its pause ends.
    Nothing,
    /// This body starts.
    Start(BodyRunKey),
    /// The runtime runs items, from this one on.
    RunItems(u32),
    /// It pauses until then.
    Pause(Timestamp),
    /// The block completes.
    Complete(Arc<Value>),
    /// The block fails.
    Fail(Failure),
}

impl Transition<'_> {
    /// Starts the first bodies of a block that has just started. `chosen`: the first body.
    pub(in crate::execution) fn start_block(
        &mut self,
        planned: &PlanStep,
        id: &StepRunId,
        chosen: u32,
    ) {
        let Some(block) = &planned.block else { return };
        match &block.kind {
            PlanBlockKind::Branch | PlanBlockKind::Switch | PlanBlockKind::Try => {
                self.start_body(id, BodyRunKey { body: chosen, index: 0 });
            }
            PlanBlockKind::Parallel { .. } => {
                for (body, _) in (0..).zip(&block.bodies) {
                    self.start_body(id, BodyRunKey { body, index: 0 });
                }
            }
            PlanBlockKind::Loop(_) | PlanBlockKind::Map(_) => self.blocks.push_back(id.clone()),
        }
    }

    /// Lets the steps of a body start.
    pub(super) fn start_body(&mut self, id: &StepRunId, key: BodyRunKey) {
        let BodyRunKey { body, index } = key;
        self.record_event(Event::BodyStarted { step: id.clone(), body, index });
        let started = BodyRunId { block: id.clone(), key };
        let plan = self.execution.origin.plan.clone();
        let path = started.path(&plan);
        let list = started.step_list(&plan);
        let steps = match self.execution.rerun_of {
            // Steps can follow from runs that were taken over.
            Some(_) => list.map(|list| list.steps.as_slice()),
            None => list.map(|list| list.roots.as_slice()),
        };
        let steps = steps.unwrap_or_default().iter();
        self.reached.extend(steps.map(|step| StepRunId { step: *step, path: path.clone() }));
        if self.execution.rerun_of.is_some() {
            let inside = self.execution.steps.inside(&plan, &started);
            let steps = &self.execution.steps;
            let blocks = inside.into_iter().filter(|id| steps.block(id).is_some());
            let blocks: Vec<StepRunId> = blocks.collect();
            if !blocks.is_empty() {
                self.reached.extend(self.execution.reachable_runs());
                self.blocks.extend(blocks);
            }
        }
    }

    /// Does what follows from the present state of a block that runs.
    pub(in crate::execution) fn continue_block(&mut self, id: &StepRunId) {
        let plan = self.execution.origin.plan.clone();
        let Some(block) = plan[id.step].block.as_deref() else { return };
        if !self.execution.steps.is_reachable(&plan, id) {
            return;
        }
        // An item that runs alone is not continued by its block.
        let is_item = self.item.as_ref().is_some_and(|item| item.block == *id);
        while self.execution.phase == Status::Running && !is_item {
            let Some(run) = self.execution.steps.block(id) else { return };
            if let Some(key) = run.ended_body() {
                let ended = BodyRunId { block: id.clone(), key };
                match self.end_body(block, &ended) {
                    Ok(()) => continue,
                    Err(EvaluationError::Failed(failure)) => {
                        self.fail_body(&ended, failure);
                        continue;
                    }
                    Err(EvaluationError::NeedsFullBudget) => {
                        return self.push_command(Command::Evaluate { step: Some(id.clone()) });
                    }
                    Err(EvaluationError::Interrupted) => return self.is_interrupted = true,
                }
            }
            match self.next_of(block, id) {
                Ok(Next::Nothing) => return,
                Ok(Next::Start(key)) => {
                    if self.starts_left == 0 {
                        return self.continue_later(id);
                    }
                    self.starts_left -= 1;
                    self.start_body(id, key);
                    // Its steps start before the next body does, so that what runs is in order.
                    self.start_steps(&plan);
                }
                Ok(Next::RunItems(first)) => {
                    let command = Command::RunItems { step: id.clone(), first };
                    if !self.has_command(&command) {
                        self.push_command(command);
                    }
                    return;
                }
                Ok(Next::Pause(until)) => {
                    self.record_event(Event::StepWaiting { step: id.clone(), until });
                    return;
                }
                Ok(Next::Complete(output)) => return self.complete_block(id, output),
                Ok(Next::Fail(failure)) => return self.fail_block(id, failure),
                Err(EvaluationError::Failed(failure)) => return self.fail_block(id, failure),
                Err(EvaluationError::NeedsFullBudget) => {
                    return self.push_command(Command::Evaluate { step: Some(id.clone()) });
                }
                Err(EvaluationError::Interrupted) => return self.is_interrupted = true,
            }
        }
    }

    /// Leaves the rest to the runtime, which does other work first.
    fn continue_later(&mut self, id: &StepRunId) {
        let command = Command::Continue { step: id.clone() };
        if !self.has_command(&command) {
            self.push_command(command);
        }
    }

    /// Completes a block; what follows it is reached.
    pub(super) fn complete_block(&mut self, id: &StepRunId, output: Arc<Value>) {
        self.record_event(Event::StepCompleted { step: id.clone(), output, port: None });
        self.reach_dependents(id);
    }

    /// What follows if none of the bodies that run has ended.
    fn next_of(&self, block: &PlanBlock, id: &StepRunId) -> Result<Next, EvaluationError> {
        let Some(run) = self.execution.steps.block(id) else { return Ok(Next::Nothing) };
        match &block.kind {
            PlanBlockKind::Map(planned) => Ok(self.next_item(planned, run, id)),
            _ if !run.active.is_empty() => Ok(Next::Nothing),
            PlanBlockKind::Loop(planned) => self.next_iteration(planned, run, id),
            PlanBlockKind::Parallel { .. } => Ok(Next::Complete(branch_outputs(block, run))),
            PlanBlockKind::Try => Ok(next_of_try(block, run)),
            // They complete when their body ends.
            PlanBlockKind::Branch | PlanBlockKind::Switch => Ok(Next::Nothing),
        }
    }

    fn next_item(&self, planned: &PlanMap, run: &BlockRun, id: &StepRunId) -> Next {
        let count = self.execution.item_count(id);
        if count > MAX_ITERATIONS as usize {
            let message =
                format!("over: a list may have at most {MAX_ITERATIONS} items, this has {count}");
            return Next::Fail(Failure::new(codes::STEP_INPUT, message));
        }
        let index = run.next_index();
        let has_more = (index as usize) < count;
        if has_more && run.is_chunked {
            return Next::RunItems(index);
        }
        if has_more && run.active.len() < planned.max_concurrency as usize {
            return Next::Start(BodyRunKey { body: 0, index });
        }
        match run.active.is_empty() && !has_more {
            true => {
                let name = id.display_in(&self.execution.origin.plan).to_string();
                Next::Complete(Arc::new(run.map_output(planned.collection, &name)))
            }
            false => Next::Nothing,
        }
    }

    fn next_iteration(
        &self,
        planned: &PlanLoop,
        run: &BlockRun,
        id: &StepRunId,
    ) -> Result<Next, EvaluationError> {
        let key = BodyRunKey { body: 0, index: run.started };
        if run.pause.is_some() {
            return Ok(if self.is_wait_over(id) { Next::Start(key) } else { Next::Nothing });
        }
        let scope_of = |key| {
            let body = BodyRunId { block: id.clone(), key };
            self.decision_scope().of_body(body)
        };
        if let LoopCondition::While(condition) = &planned.condition {
            let continues = condition
                .eval_bool(&scope_of(key))
                .map_err(|error| EvaluationError::from_eval_error("while", &error))?;
            if !continues {
                return Ok(Next::Complete(loop_output(planned, run)));
            }
        }
        if run.started >= planned.max_iterations {
            let message = format!(
                "the loop did not end within its {} iterations (`max_iterations`)",
                planned.max_iterations
            );
            return Ok(Next::Fail(Failure::new(codes::LOOP_LIMIT, message)));
        }
        let Some(before) = run.started.checked_sub(1) else { return Ok(Next::Start(key)) };
        let pause = self.pause_end(planned, &scope_of(BodyRunKey { body: 0, index: before }))?;
        Ok(pause.map_or(Next::Start(key), Next::Pause))
    }

    fn pause_end(
        &self,
        planned: &PlanLoop,
        scope: &ExecutionScope<'_>,
    ) -> Result<Option<Timestamp>, EvaluationError> {
        let Some(template) = &planned.pause else { return Ok(None) };
        let rendered = template
            .render_value(scope)
            .map_err(|error| EvaluationError::from_eval_error("pause", &error))?;
        // A computed pause of zero is none.
        if rendered.value.as_f64() == Some(0.0) {
            return Ok(None);
        }
        let pause = parse_duration(&rendered.value).map_err(|message| {
            EvaluationError::failed_with(codes::STEP_INPUT, format!("pause: {message}"))
        })?;
        Ok(Some(self.moment.now.after(pause)))
    }

    /// Whether the wait of a step run is over.
    fn is_wait_over(&self, id: &StepRunId) -> bool {
        let (now, elapsed) = (self.moment.now, self.moment.elapsed);
        self.execution.wait_left(id, now, elapsed).is_none_or(|left| left.is_zero())
    }
}

/// What follows in a `Try` in which nothing runs: the `catch` that fits, then `finally`, then its
/// end.
fn next_of_try(block: &PlanBlock, run: &BlockRun) -> Next {
    let bodies = || (0..).zip(&block.bodies);
    let result = |body: u32| run.result(body as usize);
    let caught = bodies()
        .filter(|(_, planned)| matches!(planned.role, BodyRole::Catch(_)))
        .find_map(|(body, _)| result(body));
    let finally = bodies().find(|(_, planned)| matches!(planned.role, BodyRole::Finally));
    let is_over = finally.is_some_and(|(body, _)| result(body).is_some());
    let Some(outcome) = caught.or(result(0)) else { return Next::Nothing };
    if let (None, BodyResult::Failed(failure), false) = (caught, outcome, is_over) {
        let fits = |role: &BodyRole<_>| match role {
            BodyRole::Catch(codes) => codes.is_empty() || codes.contains(&failure.code),
            _ => false,
        };
        if let Some((body, _)) = bodies().find(|(_, planned)| fits(&planned.role)) {
            return Next::Start(BodyRunKey { body, index: 0 });
        }
    }
    match (finally, outcome) {
        (Some((body, _)), _) if !is_over => Next::Start(BodyRunKey { body, index: 0 }),
        (_, BodyResult::Completed(output)) => Next::Complete(output.clone()),
        (_, BodyResult::Failed(failure)) => Next::Fail(failure.clone()),
    }
}

/// The output of a loop that has ended.
pub(super) fn loop_output(planned: &PlanLoop, run: &BlockRun) -> Arc<Value> {
    match planned.collect {
        true => Arc::new(Value::Array(run.results.iter().map(item_result).collect())),
        false => run.last.as_ref().unwrap_or(shared_null()).clone(),
    }
}

/// The outputs of the branches of a `Parallel`; null for those that did not complete.
pub(super) fn branch_outputs(block: &PlanBlock, run: &BlockRun) -> Arc<Value> {
    let mut outputs = Map::new();
    for (position, body) in block.bodies.iter().enumerate() {
        let BodyRole::Parallel(name) = &body.role else { continue };
        let output = match run.results.get(position) {
            Some(Some(BodyResult::Completed(output))) => Value::clone(output),
            _ => Value::Null,
        };
        outputs.insert(name.clone(), output);
    }
    Arc::new(Value::Object(outputs))
}
