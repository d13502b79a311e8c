//! `stepwell apply FILE…`: creates workflows or updates them by name.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use stepwell_core::definition::{self, DefinitionLimits};

use super::workflows::find_by_name;
use crate::client::Client;
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
    let item = |result: &str, id: &Value, release: &Value| {
        json!({"file": file, "name": name, "result": result, "workflow_id": id,
            "release": release})
    };
    let Some(id) = find_by_name(client, &name).await? else {
        if dry_run {
            return Ok(item("created", &Value::Null, &Value::Null));
        }
        let created = client.post("/workflows", Some(&source)).await.map_err(at_file)?;
        return Ok(item("created", &created["workflow_id"], &json!(1)));
    };
    let path = format!("/workflows/{id}");
    let current = client.get(&path).await?;
    if current["definition"] == source {
        return Ok(item("unchanged", &current["workflow_id"], &current["release"]));
    }
    if dry_run {
        return Ok(item("updated", &current["workflow_id"], &Value::Null));
    }
    let updated = client.put(&path, &source).await.map_err(at_file)?;
    Ok(item("updated", &updated["workflow_id"], &updated["release"]))
}

fn print_items(items: &[Value], as_json: bool) {
    if as_json {
        return terminal::print_items(items, &Value::Null);
    }
    let row = |item: &Value| -> Vec<TableCell> {
        ["result", "name", "release", "workflow_id", "file"]
            .map(|field| value_text(&item[field]).into())
            .into()
    };
    let rows: Vec<Vec<TableCell>> = items.iter().map(row).collect();
    terminal::print_table(&["result", "name", "release", "id", "file"], &rows);
}
