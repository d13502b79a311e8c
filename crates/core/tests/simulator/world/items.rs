//! Items of maps that the runtime runs on a copy of the execution.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::Timestamp;
use stepwell_core::execution::{
    AttemptError, AttemptId, BodyResult, Execution, Failure, StepResult, StepRunId,
    TransitionContext, TransitionInput,
};
use stepwell_core::expr::EvalBudget;

use super::World;

/// Results of consecutive items.
#[derive(Clone)]
pub(super) struct ItemResults {
    step: StepRunId,
    first: u32,
    results: Vec<BodyResult>,
}

impl World {
    /// As the runtime does: a command that is repeated while it is carried out has no effect.
    pub(super) fn begin_items(&mut self, step: StepRunId, first: u32) {
        if self.items.iter().all(|(block, _)| *block != step) {
            self.items.push((step, first));
        }
    }

    /// Some items are run, or results arrive: in any order, maybe late, maybe twice.
    pub(super) fn run_some_items(&mut self) {
        if !self.item_results.is_empty() && self.rng.chance(50) {
            let index = self.rng.below(self.item_results.len());
            let ended = match self.rng.chance(20) {
                true => self.item_results[index].clone(),
                false => self.item_results.remove(index),
            };
            let ItemResults { step, first, results } = ended;
            self.items.retain(|(block, begun)| *block != step || *begun != first);
            return self.try_input(TransitionInput::ItemsEnded { step, first, results });
        }
        if self.items.is_empty() {
            return;
        }
        let index = self.rng.below(self.items.len());
        let (step, first) = self.items[index].clone();
        let left = self.live.chunked_items(&step).expect("a block that runs its items") - first;
        let count = 1 + self.rng.below(left as usize) as u32;
        let results = self.item_results_of(&step, first, count);
        self.item_results.push(ItemResults { step, first, results });
    }

    fn item_results_of(&mut self, step: &StepRunId, first: u32, count: u32) -> Vec<BodyResult> {
        let moment = TransitionContext {
            now: self.now,
            elapsed: self.now.since(Timestamp::default()),
            entropy: self.rng.next(),
        };
        let mut copy = self.live.copy_for_items(step, moment);
        let rng = &mut self.rng;
        let mut run_step = |execution: &Execution, attempt: &AttemptId| {
            let planned = &execution.origin.plan[attempt.step_run.step];
            assert!(planned.secrets.is_empty() && !planned.is_retried());
            match rng.chance(85) {
                true => Ok(StepResult {
                    output: Arc::new(json!({"output_of": attempt.step_run})),
                    port: None,
                }),
                false => Err(AttemptError {
                    failure: Failure::new("SIMULATED", "simulated"),
                    retryable: rng.chance(50),
                    retry_after: None,
                }),
            }
        };
        (first..first + count)
            .map(|index| copy.run_item(index, EvalBudget::full(), &mut run_step).expect("a result"))
            .collect()
    }
}
