//! Step runs as users write them: `charge`, `orders[3].charge`, and iterations: `orders[3]`.

use super::step_run_id::{IterationPath, StepRunId};
use crate::definition::did_you_mean;
use crate::definition::plan::{Plan, PlanStep};

/// A step run, or an iteration of a block, that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStepRun {
    /// The step run; that of the block if an iteration was written.
    pub step_run: StepRunId,
    /// The iteration, from 0, if one was written.
    pub iteration: Option<u32>,
}

/// Why a written step run does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchStepRun {
    /// No step has this id.
    #[error("there is no step `{id}` in the release that the execution ran{hint}")]
    Unknown {
        /// The id.
        id: String,
        /// Which step could be meant.
        hint: String,
    },
    /// The step runs in iterations, which were not written as they are.
    #[error("the step `{id}` runs in iterations; write, for example, `{example}`")]
    Iterations {
        /// The step.
        id: String,
        /// How a run of it is written.
        example: String,
    },
    /// The step has no iterations.
    #[error("the step `{0}` has no iterations; write it without an index")]
    NotRepeated(String),
}

impl NamedStepRun {
    /// Finds what was written.
    ///
    /// # Errors
    /// There is no such step, or it is not written with its iterations.
    pub fn find(plan: &Plan, written: &str) -> Result<Self, NoSuchStepRun> {
        let parts: Option<Vec<(&str, Option<u32>)>> = written.split('.').map(read_part).collect();
        let parts = parts.unwrap_or_default();
        let (last, around) = match parts.split_last() {
            Some((last, around)) => (*last, around),
            None => ((written, None), [].as_slice()),
        };
        let Some(&step) = plan.by_id.get(last.0) else {
            let hint = did_you_mean(last.0, plan.by_id.keys().map(String::as_str));
            return Err(NoSuchStepRun::Unknown { id: last.0.to_owned(), hint });
        };
        let planned = &plan[step];
        let blocks = planned.enclosing.iter().map(|block| plan[*block].id.as_str());
        let is_right = around.len() == planned.enclosing.len()
            && around
                .iter()
                .zip(blocks)
                .all(|((id, index), block)| *id == block && index.is_some());
        if !is_right {
            let (id, example) = (last.0.to_owned(), write_example(plan, planned));
            return Err(NoSuchStepRun::Iterations { id, example });
        }
        let is_repeating = planned.block.as_ref().is_some_and(|block| block.is_repeating());
        if last.1.is_some() && !is_repeating {
            return Err(NoSuchStepRun::NotRepeated(last.0.to_owned()));
        }
        let indexes: Vec<u32> = around.iter().filter_map(|(_, index)| *index).collect();
        let path = IterationPath::from(indexes.as_slice());
        Ok(Self { step_run: StepRunId { step, path }, iteration: last.1 })
    }
}

/// `orders[3]`: its id and its index. `None`: it is not written like this.
fn read_part(part: &str) -> Option<(&str, Option<u32>)> {
    match part.split_once('[') {
        None => Some((part, None)),
        Some((id, rest)) => Some((id, Some(rest.strip_suffix(']')?.parse().ok()?))),
    }
}

fn write_example(plan: &Plan, step: &PlanStep) -> String {
    let blocks = step.enclosing.iter().map(|block| format!("{}[0].", plan[*block].id));
    blocks.chain(std::iter::once(step.id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::{DefinitionLimits, plan_source};
    use crate::test_support::TestCatalog;

    #[test]
    fn step_runs_are_found_as_they_are_written() {
        let source = json!({"name": "n", "steps": [
            {"id": "first", "type": "Echo"},
            {"id": "rows", "type": "Map", "over": [[1]], "steps": [
                {"id": "cells", "type": "Map", "over": "{{ item }}", "steps": [
                    {"id": "sum", "type": "Echo"},
                ]},
            ]},
        ]});
        let limits = DefinitionLimits::default();
        let (_, plan) = plan_source(&source, &TestCatalog::new(), &limits).unwrap();
        for (written, step, path, iteration) in [
            ("first", 0, &[][..], None),
            ("rows", 1, &[], None),
            ("rows[7]", 1, &[], Some(7)),
            ("rows[7].cells", 2, &[7], None),
            ("rows[7].cells[0]", 2, &[7], Some(0)),
            ("rows[7].cells[12].sum", 3, &[7, 12], None),
        ] {
            let step_run = StepRunId { path: path.into(), ..step.into() };
            let found = NamedStepRun::find(&plan, written);
            assert_eq!(found, Ok(NamedStepRun { step_run, iteration }), "{written}");
        }
        for (written, message) in [
            (
                "frist",
                "there is no step `frist` in the release that the execution ran; did you mean `first`?",
            ),
            ("", "there is no step ``"),
            ("first[0]", "the step `first` has no iterations"),
            (
                "sum",
                "the step `sum` runs in iterations; write, for example, `rows[0].cells[0].sum`",
            ),
            ("rows[1].sum", "the step `sum` runs in iterations"),
            ("rows.cells[0].sum", "the step `sum` runs in iterations"),
            ("cells[0].rows[0].sum", "the step `sum` runs in iterations"),
            ("rows[-1]", "there is no step `rows[-1]`"),
            ("rows[0", "there is no step `rows[0`"),
            ("rows[4294967296]", "there is no step `rows[4294967296]`"),
        ] {
            let refused = NamedStepRun::find(&plan, written).unwrap_err().to_string();
            assert!(refused.starts_with(message), "{written}: {refused}");
        }
    }
}
