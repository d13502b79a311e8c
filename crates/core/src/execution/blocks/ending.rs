//! The end of a body all of whose steps have settled.

use std::sync::Arc;

use serde_json::Value;

use super::block_run::{BodyRunId, BodyRunKey};
use super::item_counts::{room_for_result, too_large_results};
use super::progress::{branch_outputs, loop_output};
use crate::definition::blocks::{ItemCollection, LoopCondition};
use crate::definition::plan_block::{PlanBlock, PlanBlockKind};
use crate::execution::advance::Transition;
use crate::execution::begin::{EvaluationError, too_deep};
use crate::execution::bind;
use crate::execution::event::Event;
use crate::execution::failure::codes;
use crate::expr::shared_null;
use crate::memory::json_size;
use crate::{MAX_VALUE_DEPTH, nests_deeper};

/// What a body gives when it has ended.
pub(super) struct BodyEnd {
    pub(super) output: Arc<Value>,
    /// Whether it was the last iteration of a `Loop`.
    is_last: bool,
}

impl Transition<'_> {
    /// Evaluates what a body gives, and records its end and what follows for its block.
    pub(super) fn end_body(
        &mut self,
        block: &PlanBlock,
        ended: &BodyRunId,
    ) -> Result<(), EvaluationError> {
        let BodyEnd { output, is_last } = self.evaluate_end(block, ended)?;
        let id = &ended.block;
        if matches!(block.kind, PlanBlockKind::Branch | PlanBlockKind::Switch) {
            self.complete_block(id, output);
            return Ok(());
        }
        let BodyRunKey { body, index } = ended.key;
        let event =
            Event::BodyEnded { step: id.clone(), body, index, output: Some(output), error: None };
        self.record_event(event);
        match &block.kind {
            PlanBlockKind::Loop(planned) if is_last => {
                if let Some(run) = self.execution.steps.block(id) {
                    let output = loop_output(planned, run);
                    self.complete_block(id, output);
                }
            }
            PlanBlockKind::Parallel { needed, cancel_rest: true } => {
                let needed = self.needed_branches(id, *needed);
                let outputs = self.execution.steps.block(id).and_then(|run| {
                    let is_enough = run.completed as usize >= needed;
                    is_enough.then(|| branch_outputs(block, run))
                });
                if let Some(outputs) = outputs {
                    self.cancel_bodies(id);
                    self.complete_block(id, outputs);
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn evaluate_end(
        &self,
        block: &PlanBlock,
        ended: &BodyRunId,
    ) -> Result<BodyEnd, EvaluationError> {
        let scope = self.decision_scope().of_body(ended.clone());
        let output = match block.output() {
            _ if block.drops_outputs() => shared_null().clone(),
            Some(template) => {
                let rendered = template
                    .render_value(&scope)
                    .map_err(|error| EvaluationError::from_eval_error("output", &error))?;
                rendered.value
            }
            None => bind::bind_body_output(&scope, ended),
        };
        if nests_deeper(&output, MAX_VALUE_DEPTH) {
            return Err(EvaluationError::failed_with(codes::VALUE_TOO_DEEP, too_deep("output")));
        }
        self.check_results(block, ended, &output)?;
        let mut end = BodyEnd { output, is_last: false };
        if let PlanBlockKind::Loop(planned) = &block.kind {
            end.is_last = match &planned.condition {
                LoopCondition::Until(condition) => condition
                    .eval_bool(&scope)
                    .map_err(|error| EvaluationError::from_eval_error("until", &error))?,
                LoopCondition::While(_) => false,
            };
        }
        Ok(end)
    }

    /// Checks the size of the results with this one.
    fn check_results(
        &self,
        block: &PlanBlock,
        ended: &BodyRunId,
        output: &Value,
    ) -> Result<(), EvaluationError> {
        let collection = match &block.kind {
            PlanBlockKind::Map(planned) if planned.collection.records_outputs() => {
                planned.collection
            }
            PlanBlockKind::Loop(planned) if planned.collect => ItemCollection::All,
            _ => return Ok(()),
        };
        let Some(run) = self.execution.steps.block(&ended.block) else { return Ok(()) };
        let left = room_for_result(collection, run.result_bytes);
        if json_size(output, left.saturating_add(1)) > left {
            return Err(EvaluationError::Failed(too_large_results(collection)));
        }
        Ok(())
    }
}
