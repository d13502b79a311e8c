//! The page of expressions lists every filter, test and function, and its examples have the values
//! that it prints. `UPDATE_DOCS=1` writes the values.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::Map;
use stepwell_core::expr::{EvalScope, StepScope, TrialForm, evaluate_text, operation_names};

use crate::page::{read_file, repository_root};

const PAGE: &str = "docs/expressions.md";

/// The inputs of the examples.
#[derive(Debug)]
struct Inputs(Arc<Value>, Map);

impl EvalScope for Inputs {
    fn inputs(&self) -> &Arc<Value> {
        &self.0
    }

    fn step_scope(&self, _: &str) -> Option<StepScope<'_>> {
        None
    }

    fn step_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn state(&self) -> &Map {
        &self.1
    }

    fn extra_root(&self, _: &str) -> Option<Value> {
        None
    }
}

/// The section with this title.
fn section<'p>(page: &'p str, title: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("\n## {title}\n")).unwrap();
    rest.split_once("\n## ").map_or(rest, |(section, _)| section)
}

/// The code in the cells of a row of a table.
fn code_cells(row: &str) -> Vec<String> {
    let protected = row.replace("\\|", "\u{0}");
    let cells = protected.trim().trim_matches('|').split('|');
    cells.map(|cell| cell.trim().trim_matches('`').replace('\u{0}', "|")).collect()
}

fn rows(section: &str) -> impl Iterator<Item = &str> {
    section.lines().filter(|line| line.starts_with("| `"))
}

#[test]
fn every_operation_is_listed() {
    let page = read_file(PAGE);
    for (title, names) in operation_names() {
        let listed: Vec<String> =
            rows(section(&page, title)).map(|row| code_cells(row).swap_remove(0)).collect();
        assert_eq!(listed, names, "{title} in {PAGE}");
    }
}

#[test]
fn examples_have_their_values() {
    let page = read_file(PAGE);
    let (_, inputs) = section(&page, "Filters").split_once("```json\n").unwrap();
    let inputs: Value = serde_json::from_str(inputs.split_once("```").unwrap().0).unwrap();
    let scope = Inputs(Arc::new(inputs), Map::new());
    let mut updated = page.clone();
    for (title, names) in operation_names() {
        for row in rows(section(&page, title)) {
            let [name, _, example, value] = code_cells(row).try_into().unwrap();
            assert!(names.contains(&name.as_str()) && example.contains(&name), "{row}");
            let found = evaluate_text(&example, TrialForm::Expression, &scope);
            let found = found.unwrap_or_else(|error| panic!("{row}: {error:?}")).value;
            let (start, _) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
            let found_cell = found.to_string().replace('|', "\\|");
            updated = updated.replace(row, &format!("{start} | `{found_cell}` |"));
            if std::env::var_os("UPDATE_DOCS").is_none() {
                let printed: Value = serde_json::from_str(&value).unwrap_or(json!(value));
                assert_eq!(printed, found, "{row}");
            }
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(repository_root().join(PAGE), updated).unwrap();
    }
}
