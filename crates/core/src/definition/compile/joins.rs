//! Joins of the graph: how many edges they need, and what is cancelled when they start.

use std::collections::BTreeSet;

use super::PlanCompiler;
use super::reader_position::ReaderPosition;
use crate::definition::model::{Definition, JoinRule, StepDefinition};
use crate::definition::plan::PlanEdge;
use crate::definition::step_index::StepIndex;
use crate::expr::{ValueTemplate, at_key};
use crate::{Problem, Problems};

/// Checks the joins of steps against the edges that lead to them.
pub(super) fn check_joins(
    definition: &Definition,
    after: &[Vec<PlanEdge>],
    problems: &mut Problems,
) {
    for (step, edges) in definition.steps.iter().zip(after) {
        if let JoinRule::Count(wanted) = step.join
            && wanted > edges.len()
        {
            problems.push(
                Problem::new(
                    format!("{}.join.n", step.path),
                    "the step waits for more edges than lead to it",
                )
                .with_expectation(format!("at most {}", edges.len()), wanted.to_string()),
            );
        }
        let message = match step.join {
            _ if !step.cancel_rest => continue,
            JoinRule::All => {
                "`cancel_rest` needs `join: any` or `join: {n: 2}`: with `all`, nothing is left to \
                 cancel"
            }
            _ if edges.len() < 2 => {
                "`cancel_rest` needs several steps in `after`: what leads only here is cancelled \
                 when enough of them have completed"
            }
            _ => continue,
        };
        problems.push(Problem::new(format!("{}.cancel_rest", step.path), message));
    }
}

impl PlanCompiler<'_> {
    /// The steps that are cancelled when a step starts: those from which every way leads into it.
    pub(super) fn rest_of_join(&self, index: usize, step: &StepDefinition) -> Vec<StepIndex> {
        if !step.cancel_rest {
            return Vec::new();
        }
        let mut rest = BTreeSet::new();
        // The steps after another one come first.
        for earlier in self.graph.order.iter().rev().copied() {
            let next = self.graph.dependents.get(earlier).map(Vec::as_slice).unwrap_or_default();
            let leads_here = |next: &StepIndex| next.position() == index || rest.contains(next);
            if earlier != index && !next.is_empty() && next.iter().all(leads_here) {
                rest.insert(StepIndex::at(earlier));
            }
        }
        rest.into_iter().collect()
    }

    /// The template of the count of a computed join; the outer `None`: it is wrong.
    pub(super) fn compile_join_count(
        &mut self,
        index: usize,
        step: &StepDefinition,
    ) -> Option<Option<ValueTemplate>> {
        let Some(value) = &step.join_count else { return Some(None) };
        let path = at_key(&at_key(&step.path, "join"), "n");
        let template = self.compile_template(value, &path, ReaderPosition::Step(index))?;
        let paths = &template.references().paths;
        if let Some(other) = paths.iter().find(|path| path.first().is_none_or(|r| r != "inputs")) {
            let root = other.first().map(String::as_str).unwrap_or_default();
            let reason =
                if root == "state" { ", which can change while the step waits" } else { "" };
            let message = format!(
                "the number of a join can read only `inputs`, not `{root}`{reason}; write a number \
                 or `{{{{ inputs.NAME }}}}`"
            );
            self.add_problem(&path, message);
            return None;
        }
        let schema = self.template_schema(&template, value);
        let known = schema.get("type").and_then(serde_json::Value::as_str);
        if let Some(other) = known.filter(|kind| !["integer", "number"].contains(kind)) {
            let problem = Problem::new(path, "the number of a join is a whole number");
            self.problems.push(problem.with_expectation("integer", other));
            return None;
        }
        Some(Some(template))
    }
}
