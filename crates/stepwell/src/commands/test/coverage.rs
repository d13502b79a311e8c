//! Which steps and branches of the definitions the cases ran.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::case_run::FileResult;
use crate::terminal::{self, TableCell, value_text};

/// The coverage of all definitions.
#[derive(Debug, Default)]
pub struct Coverage<'r> {
    definitions: BTreeMap<&'r Path, DefinitionCoverage>,
}

/// The coverage of one definition; several test files can have the same one.
#[derive(Debug, Default)]
struct DefinitionCoverage {
    /// Whether each step ran.
    steps: BTreeMap<String, bool>,
    /// Whether each list of steps of a block ran.
    branches: BTreeMap<String, bool>,
}

impl DefinitionCoverage {
    fn add_graph(&mut self, graph: &Value) {
        for step in graph["steps"].as_array().into_iter().flatten() {
            let id = value_text(&step["id"]);
            for body in step["bodies"].as_array().into_iter().flatten() {
                self.branches.entry(format!("{id}.{}", value_text(body))).or_default();
            }
            self.steps.entry(id).or_default();
        }
    }

    fn add_run(&mut self, run: &Value) {
        let steps = run["steps"].as_array().into_iter().flatten();
        for step in steps.filter(|step| step["attempts"].as_u64().unwrap_or_default() > 0) {
            self.steps.insert(value_text(&step["step_id"]), true);
        }
        for branch in run["branches"].as_array().into_iter().flatten() {
            let name = format!("{}.{}", value_text(&branch["step"]), value_text(&branch["branch"]));
            self.branches.insert(name, true);
        }
    }
}

fn count_true(covered: &BTreeMap<String, bool>) -> usize {
    covered.values().filter(|is_covered| **is_covered).count()
}

fn names_of_uncovered(covered: &BTreeMap<String, bool>) -> Vec<&str> {
    covered.iter().filter(|(_, is_covered)| !**is_covered).map(|(name, _)| name.as_str()).collect()
}

impl<'r> Coverage<'r> {
    pub fn of_results(results: &'r [FileResult]) -> Self {
        let mut coverage = Self::default();
        for result in results {
            let definition = coverage.definitions.entry(&result.definition).or_default();
            definition.add_graph(&result.graph);
            for case in &result.cases {
                definition.add_run(&case.run);
            }
        }
        coverage
    }

    /// The share of all steps and branches that ran, rounded down; 100 if there are none.
    pub fn percent(&self) -> u32 {
        let parts = || self.definitions.values().flat_map(|one| [&one.steps, &one.branches]);
        let total: usize = parts().map(BTreeMap::len).sum();
        let covered: usize = parts().map(count_true).sum();
        u32::try_from((100 * covered).checked_div(total).unwrap_or(100)).unwrap_or(100)
    }

    pub fn to_json(&self) -> Value {
        let definitions = self.definitions.iter().map(|(file, one)| {
            json!({
                "definition": file,
                "steps": {"total": one.steps.len(), "not_run": names_of_uncovered(&one.steps)},
                "branches":
                    {"total": one.branches.len(), "not_run": names_of_uncovered(&one.branches)},
            })
        });
        json!({"percent": self.percent(), "definitions": definitions.collect::<Vec<Value>>()})
    }

    pub fn print(&self) {
        let share =
            |covered: &BTreeMap<String, bool>| format!("{}/{}", count_true(covered), covered.len());
        let row = |(file, one): (&&Path, &DefinitionCoverage)| -> Vec<TableCell> {
            let missing = [&one.steps, &one.branches].map(names_of_uncovered).concat();
            vec![
                file.display().to_string().into(),
                share(&one.steps).into(),
                share(&one.branches).into(),
                missing.join(", ").into(),
            ]
        };
        let rows: Vec<Vec<TableCell>> = self.definitions.iter().map(row).collect();
        terminal::print_table(&["definition", "steps", "branches", "not run"], &rows);
        terminal::print_line(&format!("coverage: {} %", self.percent()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::case_run::CaseResult;
    use super::*;

    #[test]
    fn cases_of_a_definition_add_up() {
        let graph = json!({"steps": [
            {"id": "route", "bodies": ["cases[0]", "else"]}, {"id": "a"}, {"id": "b"}]});
        let run = |step: &str, branch: &str| {
            json!({"steps": [{"step_id": "route", "attempts": 1}, {"step_id": step, "attempts": 1},
                {"step_id": "b", "attempts": 0}], "branches": [{"step": "route", "branch": branch}]})
        };
        let result = |run: Value| FileResult {
            file: "t".into(),
            definition: "d".into(),
            problems: Vec::new(),
            cases: vec![CaseResult {
                name: "n".into(),
                failures: Vec::new(),
                run,
                duration: Duration::ZERO,
            }],
            graph: graph.clone(),
        };
        let results = [result(run("a", "cases[0]"))];
        let coverage = Coverage::of_results(&results);
        assert_eq!(coverage.percent(), 60);
        assert_eq!(
            coverage.to_json()["definitions"],
            json!([{"definition": "d", "steps": {"total": 3, "not_run": ["b"]},
                "branches": {"total": 2, "not_run": ["route.else"]}}])
        );
        let results = [result(run("a", "cases[0]")), result(run("b", "else"))];
        assert_eq!(Coverage::of_results(&results).percent(), 100);
    }
}
