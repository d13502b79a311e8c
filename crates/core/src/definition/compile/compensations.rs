//! Compensations: which steps can have one, and what of an execution they read.

use super::PlanCompiler;
use crate::catalog::{StepAction, StepSpec};
use crate::definition::model::{StepDefinition, StepRole};
use crate::definition::plan::{InputBinding, PlanCompensation, PlanStep};
use crate::definition::step_index::StepIndex;
use crate::expr::References;

impl PlanCompiler<'_> {
    /// Checks that a compensation and the step that it compensates do work.
    pub(super) fn check_compensation(&mut self, step: &StepDefinition, spec: &StepSpec) {
        let StepRole::Compensation(of) = step.role else { return };
        if spec.action != StepAction::Run {
            let message = format!(
                "a `{}` does no work that compensates a step; write a step type that does, such \
                 as `HttpRequest`",
                spec.name
            );
            self.add_problem(&format!("{}.type", step.path), message);
        }
        let compensated = self.specs.get(of).copied().flatten();
        let does_work =
            |spec: &&StepSpec| matches!(spec.action, StepAction::Run | StepAction::SubWorkflow);
        if let Some(compensated) = compensated.filter(|spec| !does_work(spec)) {
            let message = format!(
                "a `{}` does no work that can be compensated; remove `compensate`",
                compensated.name
            );
            self.add_problem(&step.path, message);
        }
    }

    /// Gives each step its compensation.
    pub(super) fn connect_compensations(&self, steps: &mut [PlanStep]) {
        for (&of, &compensation) in &self.graph.compensations {
            let Some(planned) = steps.get(compensation) else { continue };
            let needed = self.needed_runs(of, planned, steps);
            let step = StepIndex::at(compensation);
            if let Some(compensated) = steps.get_mut(of) {
                compensated.compensation = Some(PlanCompensation { step, needed });
            }
        }
    }

    /// The steps inside repeating blocks whose runs a compensation reads: the step itself, the
    /// blocks that repeat it, and the steps that its expressions name.
    fn needed_runs(
        &self,
        of: usize,
        compensation: &PlanStep,
        steps: &[PlanStep],
    ) -> Vec<StepIndex> {
        let mut needed = vec![StepIndex::at(of)];
        needed.extend(&compensation.enclosing);
        let input = match &compensation.input {
            InputBinding::Template { template, .. } => Some(template.references()),
            InputBinding::Feed(_) => None,
        };
        for references in input.into_iter().chain([compensation.config.references()]) {
            needed.extend(self.named_steps(references));
        }
        needed.retain(|step| {
            steps.get(step.position()).is_some_and(|step| !step.enclosing.is_empty())
        });
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    /// The steps that expressions name; all if they name one that is computed.
    fn named_steps(&self, references: &References) -> Vec<StepIndex> {
        let mut named = Vec::new();
        for path in
            references.paths.iter().filter(|path| path.first().is_some_and(|r| r == "steps"))
        {
            match path.get(1).map(|id| self.graph.by_id.get(id)) {
                Some(index) => named.extend(index.map(|index| StepIndex::at(*index))),
                None => named.extend(self.graph.by_id.values().map(|index| StepIndex::at(*index))),
            }
        }
        named
    }
}
