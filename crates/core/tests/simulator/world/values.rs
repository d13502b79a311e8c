//! The values that flow between steps without being written, implemented a second time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stepwell_core::definition::Plan;
use stepwell_core::definition::plan::PlanEdge;
use stepwell_core::definition::plan_block::PlanBlockKind;
use stepwell_core::execution::{Event, ReusedOutcome, SkipReason, StepIndex, StepRunId};

/// The outputs of the step runs so far, and which of them were bypassed.
#[derive(Default)]
pub struct FlowingValues {
    input: Value,
    outputs: BTreeMap<StepRunId, Value>,
    bypassed: BTreeSet<StepRunId>,
    /// The inputs of blocks.
    block_inputs: BTreeMap<StepRunId, Value>,
    /// The output of the last iteration, by block.
    last: BTreeMap<StepRunId, Value>,
}

impl FlowingValues {
    pub fn read(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::Accepted { input, rerun, .. } => {
                self.input = Value::clone(input);
                for event in rerun.iter().flat_map(|rerun| &rerun.events) {
                    self.read(plan, event);
                }
                for reused in rerun.iter().flat_map(|rerun| &rerun.steps) {
                    let step = reused.step.clone();
                    match &reused.how {
                        ReusedOutcome::Completed { output, .. } => {
                            self.outputs.insert(step, Value::clone(output));
                        }
                        ReusedOutcome::Bypassed => drop(self.bypassed.insert(step)),
                        ReusedOutcome::Failed { .. } | ReusedOutcome::Skipped => {}
                    }
                }
            }
            Event::StepStarted { step, input: Some(input), .. }
                if plan[step.step].block.is_some() =>
            {
                self.block_inputs.insert(step.clone(), Value::clone(input));
                self.last.remove(step);
            }
            Event::BodyEnded { step, output: Some(output), .. } => {
                self.last.insert(step.clone(), Value::clone(output));
            }
            Event::StepCompleted { step, output, .. } => {
                self.outputs.insert(step.clone(), Value::clone(output));
            }
            Event::StepSkipped { step, reason: SkipReason::Condition } => {
                self.bypassed.insert(step.clone());
            }
            _ => {}
        }
    }

    /// The input of a step run for which none was written.
    pub fn flowing_into(&self, plan: &Plan, id: &StepRunId) -> Value {
        match plan[id.step].after.as_slice() {
            [] => self.given_by_block(plan, id),
            [edge] if edge.is_implicit && self.bypassed.contains(&id.sibling(edge.from)) => {
                self.flowing_into(plan, &id.sibling(edge.from))
            }
            [edge] => self.outputs.get(&id.sibling(edge.from)).cloned().unwrap_or_default(),
            several => self.completed(plan, id, several),
        }
    }

    /// What the first steps of a list get.
    fn given_by_block(&self, plan: &Plan, id: &StepRunId) -> Value {
        let Some(parent) = plan[id.step].parent else { return self.input.clone() };
        let kind = &plan[parent.block].block.as_ref().unwrap().kind;
        let indexes = id.path.indexes();
        let (path, index) = match (kind, indexes.split_last()) {
            (PlanBlockKind::Map(_) | PlanBlockKind::Loop(_), Some((index, rest))) => (rest, *index),
            _ => (indexes, 0),
        };
        let block = StepRunId { step: parent.block, path: path.into() };
        let input = self.block_inputs.get(&block).cloned().unwrap_or_default();
        match kind {
            PlanBlockKind::Map(_) => input[index as usize].clone(),
            PlanBlockKind::Loop(_) if index > 0 => self.last.get(&block).cloned().unwrap(),
            _ => input,
        }
    }

    /// The output of an execution whose only last step is `last`.
    pub fn last_output(&self, plan: &Plan, last: StepIndex) -> Value {
        let id = StepRunId::from(last);
        match plan[last].after.as_slice() {
            _ if !self.bypassed.contains(&id) => self.outputs.get(&id).cloned().unwrap_or_default(),
            [] => Value::Null,
            [edge] => self.last_output(plan, edge.from),
            several => self.completed(plan, &id, several),
        }
    }

    fn completed(&self, plan: &Plan, id: &StepRunId, edges: &[PlanEdge]) -> Value {
        let mut object = json!({});
        for edge in edges {
            if let Some(output) = self.outputs.get(&id.sibling(edge.from)) {
                object[&plan[edge.from].id] = output.clone();
            }
        }
        object
    }
}
