//! The values that flow between steps without being written, implemented a second time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stepwell_core::definition::Plan;
use stepwell_core::definition::plan::PlanEdge;
use stepwell_core::execution::{Event, RecordedEvent, ReusedOutcome, SkipReason, StepIndex};

/// The outputs of the steps so far, and which steps were bypassed.
#[derive(Default)]
pub struct FlowingValues {
    input: Value,
    outputs: BTreeMap<StepIndex, Value>,
    bypassed: BTreeSet<StepIndex>,
}

impl FlowingValues {
    pub fn read(&mut self, recorded: &RecordedEvent) {
        match &recorded.event {
            Event::Accepted { input, rerun, .. } => {
                self.input = Value::clone(input);
                for reused in rerun.iter().flat_map(|rerun| &rerun.steps) {
                    let step = reused.step.step;
                    match &reused.how {
                        ReusedOutcome::Completed { output, .. } => {
                            self.outputs.insert(step, Value::clone(output));
                        }
                        ReusedOutcome::Bypassed => drop(self.bypassed.insert(step)),
                        ReusedOutcome::Failed { .. } | ReusedOutcome::Skipped => {}
                    }
                }
            }
            Event::StepCompleted { step, output, .. } => {
                self.outputs.insert(step.step, Value::clone(output));
            }
            Event::StepSkipped { step, reason: SkipReason::Condition } => {
                self.bypassed.insert(step.step);
            }
            _ => {}
        }
    }

    /// The input of a step for which none was written.
    pub fn flowing_into(&self, plan: &Plan, step: StepIndex) -> Value {
        match plan[step].after.as_slice() {
            [] => self.input.clone(),
            [edge] if edge.is_implicit && self.bypassed.contains(&edge.from) => {
                self.flowing_into(plan, edge.from)
            }
            [edge] => self.outputs.get(&edge.from).cloned().unwrap_or_default(),
            several => self.completed(plan, several),
        }
    }

    /// The output of an execution whose only last step is `last`.
    pub fn last_output(&self, plan: &Plan, last: StepIndex) -> Value {
        match plan[last].after.as_slice() {
            _ if !self.bypassed.contains(&last) => {
                self.outputs.get(&last).cloned().unwrap_or_default()
            }
            [] => Value::Null,
            [edge] => self.last_output(plan, edge.from),
            several => self.completed(plan, several),
        }
    }

    fn completed(&self, plan: &Plan, edges: &[PlanEdge]) -> Value {
        let mut object = json!({});
        for edge in edges {
            if let Some(output) = self.outputs.get(&edge.from) {
                object[&plan[edge.from].id] = output.clone();
            }
        }
        object
    }
}
