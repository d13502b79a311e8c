//! `stepwell validate FILE…`: lists every problem of every definition and stores nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::client::Client;
use crate::documents;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::quoted_text::QuotedText;
use crate::terminal::{self, Colour, TableCell, value_text};

const PATH: &str = "/api/v1/workflows/validate";

#[derive(Debug, Args)]
pub struct Validate {
    /// Definitions in JSON or YAML; `-` reads stdin
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print the steps of valid definitions and what each follows
    #[arg(long)]
    graph: bool,
}

pub async fn run(args: Validate, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect_or_in_memory(global).await?;
    let result = validate_files(&args, &client, global.json).await;
    client.close().await;
    let invalid = result?;
    if invalid > 0 {
        return Err(CliError::failed(format!(
            "{invalid} of {} definitions {} invalid",
            args.files.len(),
            if invalid == 1 { "is" } else { "are" }
        )));
    }
    Ok(())
}

/// The number of invalid definitions.
async fn validate_files(
    args: &Validate,
    client: &Client,
    as_json: bool,
) -> Result<usize, CliError> {
    let mut invalid = 0;
    let mut reports = Vec::new();
    for file in &args.files {
        let text = documents::read_text(file)?;
        let format = documents::source_format(file);
        let mut response = client.post_source(PATH, &text, format).await?;
        let mut report = response["data"].take();
        if client.is_in_memory() {
            without_variables(&mut report);
        }
        invalid += usize::from(report["valid"] != true);
        if as_json {
            reports.push(with_file(file, report));
            continue;
        }
        print_report(file, &text, &report);
        if args.graph && report["valid"] == true {
            print_graph(&report["graph"]);
        }
    }
    if as_json {
        terminal::print_json(&Value::Array(reports));
    }
    Ok(invalid)
}

/// Removes the warnings about variables: there is no workspace that could have them.
fn without_variables(report: &mut Value) {
    if let Some(warnings) = report["warnings"].as_array_mut() {
        warnings.retain(|warning| warning["code"] != "UNKNOWN_VARIABLE");
    }
}

/// The report with the name of the file in front.
fn with_file(file: &Path, report: Value) -> Value {
    let mut object = json!({"file": file});
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, report) {
        object.extend(fields);
    }
    object
}

fn print_report(file: &Path, text: &str, report: &Value) {
    let (colour, word) = match report["valid"] == true {
        true => (Colour::Green, "valid"),
        false => (Colour::Red, "invalid"),
    };
    terminal::print_line(&format!("{}: {}", file.display(), terminal::paint_stdout(colour, word)));
    let quoted = QuotedText::new(text);
    for problem in report["problems"].as_array().into_iter().flatten() {
        print_item(file, &quoted, problem, "");
    }
    let label = terminal::paint_stdout(Colour::Yellow, "warning: ");
    for warning in report["warnings"].as_array().into_iter().flatten() {
        print_item(file, &quoted, warning, &label);
    }
}

fn print_item(file: &Path, quoted: &QuotedText<'_>, item: &Value, label: &str) {
    let message = describe_problem(item);
    let position = |field: &str| item[field].as_u64().and_then(|n| usize::try_from(n).ok());
    let Some((line, column)) = position("line").zip(position("column")) else {
        terminal::print_line(&format!("  {label}{message}"));
        return;
    };
    terminal::print_line(&format!("  {}:{line}:{column}: {label}{message}", file.display()));
    for line in quoted.quote(line, column) {
        terminal::print_line(&terminal::paint_stdout(Colour::Dim, &line));
    }
}

/// Place, message, and what was expected.
fn describe_problem(item: &Value) -> String {
    let mut text = match value_text(&item["path"]) {
        path if path.is_empty() => String::new(),
        path => format!("{path}: "),
    };
    text.push_str(&value_text(&item["message"]));
    if let (Some(expected), Some(found)) = (item["expected"].as_str(), item["found"].as_str()) {
        text.push_str(&format!(" (expected {expected}, found {found})"));
    }
    text
}

fn print_graph(graph: &Value) {
    let edges = graph["edges"].as_array().map(Vec::as_slice).unwrap_or_default();
    let steps = graph["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |step: &Value| -> Vec<TableCell> {
        let before = edges.iter().filter(|edge| edge["to"] == step["id"]);
        let before: Vec<String> = before.map(describe_edge).collect();
        let within = match &step["parent"] {
            Value::Null => String::new(),
            parent => {
                format!("{}.{}", value_text(&parent["block"]), value_text(&parent["body"]))
            }
        };
        vec![
            value_text(&step["id"]).into(),
            value_text(&step["type"]).into(),
            value_text(&step["effect"]).into(),
            before.join(", ").into(),
            within.into(),
        ]
    };
    let rows: Vec<Vec<TableCell>> = steps.iter().map(row).collect();
    terminal::print_table(&["step", "type", "effect", "after", "in"], &rows);
}

/// As in `after`: `charge`, or `charge.error` for an edge out of a port.
fn describe_edge(edge: &Value) -> String {
    match edge["port"].as_str() {
        Some(port) => format!("{}.{port}", value_text(&edge["from"])),
        None => value_text(&edge["from"]),
    }
}
