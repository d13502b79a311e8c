//! `stepwell apply FILE…`: creates workflows or updates them by name.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use stepwell_core::definition::{self, DefinitionLimits};

use super::workflows::find_by_name;
use crate::client::Client;
use crate::current_workflow::CurrentWorkflow;
use crate::differences::Difference;
use crate::error::{CliError, CliErrorKind};
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};
use crate::{definition_files, documents, wiring};

#[derive(Debug, Args)]
pub struct Apply {
    /// Definitions in JSON or YAML, folders of them, or patterns such as 'workflows/*.yaml'
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only print what would be done
    #[arg(long)]
    dry_run: bool,
}

/// The most changed places that the table names for each file.
const MAX_SHOWN: usize = 3;

/// A valid definition of a file.
struct LocalDefinition {
    file: PathBuf,
    name: String,
    source: Value,
}

/// Validates all files before the first write.
pub async fn run(args: Apply, global: &GlobalArgs) -> Result<(), CliError> {
    let definitions = read_definitions(&args.files)?;
    let client = Client::connect(global).await?;
    let mut items = Vec::new();
    let mut result = Ok(());
    for local in definitions {
        match apply_definition(&client, local, args.dry_run).await {
            Ok(item) => items.push(item),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    client.close().await;
    print_items(&items, global.json);
    result
}

fn read_definitions(patterns: &[PathBuf]) -> Result<Vec<LocalDefinition>, CliError> {
    let mut found: Vec<LocalDefinition> = Vec::new();
    for file in definition_files::expand_patterns(patterns)? {
        let source = documents::read_definition(&file, CliErrorKind::Failed)?;
        let limits = DefinitionLimits::default();
        let (parsed, _) = definition::plan_source(&source, wiring::step_types(), &limits).map_err(
            |problems| {
                let message = format!("{} is not a valid definition", file.display());
                CliError::invalid(CliErrorKind::Failed, message, problems)
            },
        )?;
        if let Some(other) = found.iter().find(|other| other.name == parsed.name) {
            return Err(CliError::usage(format!(
                "{} and {} both define the workflow `{}`; give each its own name",
                other.file.display(),
                file.display(),
                parsed.name
            )));
        }
        found.push(LocalDefinition { file, name: parsed.name, source });
    }
    Ok(found)
}

/// Creates or updates one workflow; returns what was done.
async fn apply_definition(
    client: &Client,
    local: LocalDefinition,
    dry_run: bool,
) -> Result<Value, CliError> {
    let LocalDefinition { file, name, source } = local;
    let at_file = |error: CliError| {
        let message = format!("{}: {}", file.display(), error.message);
        CliError { message, ..error }
    };
    let item = |result: &str, changes: &[String], workflow: &Value| {
        let mut item = json!({"file": file, "name": name, "result": result, "changes": changes,
            "workflow_id": workflow["workflow_id"], "status": workflow["status"],
            "release": workflow["release"]});
        if let Some(warnings) = workflow.get("warnings") {
            item["warnings"] = warnings.clone();
        }
        item
    };
    let Some(id) = find_by_name(client, &name).await? else {
        if dry_run {
            return Ok(item("created", &[], &Value::Null));
        }
        let mut created = client.post("/workflows", Some(&source)).await.map_err(at_file)?;
        created["status"] = json!("active");
        created["release"] = json!(1);
        return Ok(item("created", &[], &created));
    };
    let current = CurrentWorkflow::read(client, &id).await?;
    let differences = current.find_differences(&source);
    let changes: Vec<String> =
        differences.into_iter().map(|Difference { path, .. }| path).collect();
    if changes.is_empty() {
        return Ok(item("unchanged", &[], &current.body));
    }
    if dry_run {
        let workflow = json!({"workflow_id": current.body["workflow_id"],
            "status": current.body["status"]});
        return Ok(item("updated", &changes, &workflow));
    }
    let updated = client.put(&format!("/workflows/{id}"), &source).await.map_err(at_file)?;
    Ok(item("updated", &changes, &updated))
}

fn print_items(items: &[Value], as_json: bool) {
    if as_json {
        return terminal::print_items(items, &Value::Null);
    }
    let row = |item: &Value| -> Vec<TableCell> {
        let fields = ["result", "name", "release", "status", "workflow_id", "file"];
        let mut cells: Vec<TableCell> = fields.map(|field| value_text(&item[field]).into()).into();
        cells.push(describe_changes(item).into());
        cells
    };
    let rows: Vec<Vec<TableCell>> = items.iter().map(row).collect();
    let headers = ["result", "name", "release", "status", "id", "file", "changes"];
    terminal::print_table(&headers, &rows);
    for item in items {
        terminal::print_warnings_at(&format!("{}: ", value_text(&item["file"])), item);
    }
}

/// The first places that changed, and how many more.
fn describe_changes(item: &Value) -> String {
    let changes = item["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (shown, more) = changes.split_at(changes.len().min(MAX_SHOWN));
    let mut parts: Vec<String> = shown.iter().map(value_text).collect();
    if !more.is_empty() {
        parts.push(format!("{} more", more.len()));
    }
    parts.join(", ")
}
