//! Whether a `Map` can run its items in chunks, of which only the results are recorded.

use super::PlanCompiler;
use crate::Problem;
use crate::catalog::{Effect, StepAction};
use crate::definition::blocks::{BlockKind, ItemRecord};
use crate::definition::plan::PlanStep;
use crate::definition::plan_block::{PlanBlock, PlanBlockKind};
use crate::expr::at_key;

/// From how many items on only the results are recorded, where the definition does not say it.
const CHUNKED_FROM: usize = 100;

impl PlanCompiler<'_> {
    /// Decides what is recorded of the items of a block, once the steps inside it are compiled.
    pub(super) fn choose_record(
        &mut self,
        index: usize,
        block: &mut PlanBlock,
        steps: &[Option<PlanStep>],
    ) {
        let PlanBlockKind::Map(planned) = &mut block.kind else { return };
        let Some(step) = self.definition.steps.get(index) else { return };
        let written = match step.block.as_ref().map(|block| &block.kind) {
            Some(BlockKind::Map(map)) => map.record,
            _ => return,
        };
        let inside = steps.get(index + 1..block.end.position()).unwrap_or_default();
        let unsuitable = inside.iter().flatten().find(|step| !can_be_repeated(step));
        planned.chunked_from = match (written, unsuitable) {
            (Some(ItemRecord::Steps), _) | (None, Some(_)) => None,
            (None, None) => Some(CHUNKED_FROM),
            (Some(ItemRecord::Results), None) => Some(1),
            (Some(ItemRecord::Results), Some(inner)) => {
                let problem = unsuitable_step(&at_key(&step.path, "record"), inner);
                self.problems.push(problem);
                None
            }
        };
    }
}

/// Whether a step can be run again after a crash without a record that it has started: it computes
/// only, waits for nothing and changes nothing.
fn can_be_repeated(step: &PlanStep) -> bool {
    let is_pure = match step.action {
        StepAction::Run => step.effect == Effect::Pure,
        StepAction::Fail | StepAction::Merge => true,
        StepAction::Block if step.timeout.is_some() => false,
        StepAction::Block => match step.block.as_ref().map(|block| &block.kind) {
            Some(PlanBlockKind::Loop(planned)) => planned.pause.is_none(),
            _ => true,
        },
        _ => false,
    };
    let is_plain = step.role.is_regular() && step.concurrency.is_none();
    is_pure && is_plain && !step.is_retried() && step.secrets.is_empty()
}

fn unsuitable_step(path: &str, step: &PlanStep) -> Problem {
    let why = match (step.action, step.effect) {
        (StepAction::Run, Effect::Pure) if step.is_retried() => "has `retry`",
        (StepAction::Run, Effect::Pure) if step.concurrency.is_some() => "has `concurrency`",
        (StepAction::Run, Effect::Pure) => "uses secrets",
        (StepAction::Run, _) => "has an effect outside",
        _ => "waits or changes the execution",
    };
    let message = format!(
        "only the results can be recorded if all steps inside compute only, but `{}` ({}) {why}",
        step.id, step.type_name
    );
    Problem::new(path, message).with_expectation("steps", "results")
}
