//! Wrong forms of every construct: each is reported at its line, with what to write instead.
//!
//! The rows are the files beside this one: one for each step type of control flow, `step.yaml` for
//! the fields of every step and `workflow.yaml` for those of a workflow. A row is a definition, or
//! only its list of steps. Each line `#! PATH: TEXT` is a problem that it has, with a part of its
//! text; `#<` or `#<2` is the line at which the first or second one is reported.

mod bounds;
mod rows;

use std::collections::BTreeSet;

use serde_json::Value;
use stepwell_core::catalog::StepAction;
use stepwell_core::catalog::StepCatalog;
use stepwell_core::definition::{DefinitionLimits, SourceFormat, read_source};

use self::rows::{Row, json_positions, read_rows};
use crate::support::Server;

const VALIDATE: &str = "/api/v1/workflows/validate";

/// A problem as an API reports it: path, line, column and text.
type Reported = (String, Option<u64>, Option<u64>, String);

fn reported(problem: &Value) -> Reported {
    let path = problem["path"].as_str().or_else(|| problem["field"].as_str()).unwrap_or_default();
    let message = problem["message"].as_str().unwrap_or_default();
    let text = match (problem["expected"].as_str(), problem["found"].as_str()) {
        (Some(expected), Some(found)) => {
            format!("{message} (expected {expected}, found {found})")
        }
        _ => message.to_owned(),
    };
    (path.to_owned(), problem["line"].as_u64(), problem["column"].as_u64(), text)
}

fn list_reported(problems: &Value) -> Vec<Reported> {
    let mut all: Vec<Reported> =
        problems.as_array().map(|all| all.iter().map(reported).collect()).unwrap_or_default();
    all.sort();
    all
}

/// What a validation and a creation report.
async fn report(server: &Server, media: &str, text: &str) -> [Vec<Reported>; 2] {
    let headers = [("content-type", media)];
    let validated = server.send("POST", VALIDATE, &headers, text.to_owned()).await;
    assert_eq!(validated.status, 200, "{}", validated.text);
    let created = server.send("POST", "/workflows", &headers, text.to_owned()).await;
    assert!([201, 400].contains(&created.status.as_u16()), "{}", created.text);
    [
        list_reported(&validated.json()["data"]["problems"]),
        list_reported(&created.json()["error"]["details"]),
    ]
}

/// The differences between what a row expects and what is reported.
fn compare(
    row: &Row,
    positions: &[(u64, Option<u64>)],
    found: &[Reported],
    differences: &mut Vec<String>,
) {
    let mut wrong = found.len() != row.expected.len();
    for ((path, text), (line, column)) in row.expected.iter().zip(positions) {
        wrong |= !found.iter().any(|(at, at_line, at_column, message)| {
            at == path
                && message.contains(text.as_str())
                && *at_line == Some(*line)
                && column.is_none_or(|column| *at_column == Some(column))
        });
    }
    if wrong {
        differences.push(format!(
            "{} at {positions:?}\n{:?}\n{}",
            row.file,
            row.expected,
            found.iter().map(|found| format!("  found {found:?}\n")).collect::<String>()
        ));
    }
}

#[tokio::test]
async fn each_is_reported_at_its_line_with_what_to_write() {
    let server = Server::start().await;
    let mut differences = Vec::new();
    for row in read_rows() {
        for found in report(&server, "application/yaml", &row.text).await {
            compare(&row, &row.positions, &found, &mut differences);
        }
        let value = read_source(&row.text, SourceFormat::Yaml, &DefinitionLimits::default());
        let value = value.unwrap_or_else(|problems| panic!("{}: {problems}", row.text));
        let text = serde_json::to_string_pretty(&value).unwrap();
        let positions = json_positions(&row, &value);
        for found in report(&server, "application/json", &text).await {
            compare(&row, &positions, &found, &mut differences);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The last name of a path: `cases` of `steps[0].cases[1]`.
fn field_of(path: &str) -> BTreeSet<String> {
    path.split(['.', '[']).map(str::to_owned).collect()
}

/// The schema of the definition format has every construct and field.
#[tokio::test]
async fn every_construct_and_field_has_a_row() {
    let server = Server::start().await;
    let schema = server.get("/api/v1/schema/definition").await.json();
    let rows = read_rows();
    let mut missing = Vec::new();
    let mut require = |file: &str, fields: &[&String]| {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.file == file).collect();
        let paths = rows.iter().flat_map(|row| &row.expected).map(|(path, _)| field_of(path));
        let named: BTreeSet<String> = paths.flatten().collect();
        let kinds = ["misspelt", "wrong type", "contradiction"];
        let lacking =
            kinds.iter().filter(|kind| !rows.iter().any(|row| row.kind.starts_with(**kind)));
        missing.extend(lacking.map(|kind| format!("{file}: a row of the kind {kind}")));
        let without = fields.iter().filter(|field| !named.contains(**field));
        missing.extend(without.map(|field| format!("{file}: a row for `{field}`")));
    };
    for spec in stepwell_steps::step_registry().all_types() {
        if spec.action == StepAction::Run {
            continue;
        }
        let written = spec.block.as_ref().unwrap_or(&spec.config);
        let fields = written["properties"].as_object().unwrap();
        require(spec.name, &fields.keys().collect::<Vec<_>>());
    }
    // Those that only some types have are `true`.
    let of_step = schema["$defs"]["step"]["anyOf"][1]["properties"].as_object().unwrap();
    let of_all = of_step.iter().filter(|(_, schema)| schema.is_object()).map(|(name, _)| name);
    require("step", &of_all.collect::<Vec<_>>());
    require("workflow", &schema["properties"].as_object().unwrap().keys().collect::<Vec<_>>());
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
