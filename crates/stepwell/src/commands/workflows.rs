//! `stepwell workflows …`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use stepwell_core::ids::WorkflowId;

use super::execute;
use crate::client::{Client, CursorPages};
use crate::current_workflow::CurrentWorkflow;
use crate::differences::Difference;
use crate::documents;
use crate::error::{CliError, CliErrorKind};
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};

#[derive(Debug, Subcommand)]
pub enum Workflows {
    /// List workflows, newest first
    List,
    /// Show a workflow and its steps
    Show {
        /// ID or name; the newest of several with the same name
        workflow: String,
    },
    /// Create a workflow
    Create {
        /// Definition in JSON or YAML; `-` reads stdin
        file: PathBuf,
    },
    /// Update a workflow: creates a release
    Update {
        /// ID or name; the newest of several with the same name
        workflow: String,
        /// Definition in JSON or YAML; `-` reads stdin
        file: PathBuf,
    },
    /// Delete a workflow; running executions finish, ended ones are kept
    Delete {
        /// ID or name; the newest of several with the same name
        workflow: String,
    },
    /// Activate a workflow, so that it can be executed
    Activate {
        /// ID or name; the newest of several with the same name
        workflow: String,
    },
    /// Deactivate a workflow: running executions continue, no new ones start
    Deactivate {
        /// ID or name; the newest of several with the same name
        workflow: String,
    },
    /// Show how a definition differs from the one of the server; exit code 1 if it does
    Diff {
        /// Definition in JSON or YAML; `-` reads stdin
        file: PathBuf,
        /// ID or name of the workflow [default: the name in the definition]
        #[arg(long, short)]
        workflow: Option<String>,
    },
    /// Execute a workflow
    Execute(execute::Execute),
}

pub async fn run(args: Workflows, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Workflows, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Workflows::List => list_workflows(client, as_json).await,
        Workflows::Show { workflow } => show_workflow(client, &workflow, as_json).await,
        Workflows::Create { file } => {
            let definition = documents::read_definition(&file, CliErrorKind::Failed)?;
            let response = client.post("/workflows", Some(&definition)).await?;
            print_id(&response, "workflow_id", as_json);
            print_warnings(&response, as_json);
            Ok(())
        }
        Workflows::Update { workflow, file } => {
            let definition = documents::read_definition(&file, CliErrorKind::Failed)?;
            let id = resolve_workflow(client, &workflow).await?;
            let response = client.put(&format!("/workflows/{id}"), &definition).await?;
            print_release(&response, as_json);
            print_warnings(&response, as_json);
            Ok(())
        }
        Workflows::Delete { workflow } => {
            let id = resolve_workflow(client, &workflow).await?;
            client.delete(&format!("/workflows/{id}")).await?;
            print_id(&json!({"workflow_id": id}), "workflow_id", as_json);
            Ok(())
        }
        Workflows::Activate { workflow } => {
            change_status(client, &workflow, "activate", as_json).await
        }
        Workflows::Deactivate { workflow } => {
            change_status(client, &workflow, "deactivate", as_json).await
        }
        Workflows::Diff { file, workflow } => {
            let definition = documents::read_definition(&file, CliErrorKind::Usage)?;
            diff_definition(client, &definition, workflow.as_deref(), as_json).await
        }
        Workflows::Execute(args) => execute::execute_workflow(client, args, as_json).await,
    }
}

/// The ID of the workflow with this ID or name.
///
/// # Errors
/// `NotFound`.
pub async fn resolve_workflow(client: &Client, workflow: &str) -> Result<String, CliError> {
    if let Ok(id) = workflow.parse::<WorkflowId>() {
        return Ok(id.dataflow());
    }
    find_by_name(client, workflow).await?.ok_or_else(|| {
        CliError::not_found(format!(
            "no workflow has the ID or name `{workflow}`; `stepwell workflows list` lists all"
        ))
    })
}

/// The ID of the newest workflow with this name.
pub async fn find_by_name(client: &Client, name: &str) -> Result<Option<String>, CliError> {
    let mut pages = CursorPages::new("/workflows", "workflows");
    while let Some(page) = pages.next(client).await? {
        let found = page.iter().find(|item| item["name"] == name);
        if let Some(id) = found.and_then(|item| item["workflow_id"].as_str()) {
            return Ok(Some(id.to_owned()));
        }
    }
    Ok(None)
}

async fn change_status(
    client: &Client,
    workflow: &str,
    operation: &str,
    as_json: bool,
) -> Result<(), CliError> {
    let id = resolve_workflow(client, workflow).await?;
    let mut response = client.post(&format!("/api/v1/workflows/{id}/{operation}"), None).await?;
    let data = response["data"].take();
    if as_json {
        terminal::print_json(&data);
    } else {
        terminal::print_line(&format!("{id} {}", value_text(&data["status"])));
    }
    Ok(())
}

/// Prints the places in which a definition differs from the one of the server.
async fn diff_definition(
    client: &Client,
    definition: &Value,
    workflow: Option<&str>,
    as_json: bool,
) -> Result<(), CliError> {
    let name = workflow.or_else(|| definition["name"].as_str()).ok_or_else(|| {
        CliError::usage("the definition has no name; name the workflow with --workflow")
    })?;
    let id = resolve_workflow(client, name).await?;
    let current = CurrentWorkflow::read(client, &id).await?;
    let found = current.find_differences(definition);
    if as_json {
        let items: Vec<Value> = found.iter().map(Difference::to_json).collect();
        terminal::print_items(&items, &Value::Null);
    }
    if found.is_empty() {
        return Ok(());
    }
    if !as_json {
        found.iter().for_each(print_difference);
    }
    let count = found.len();
    Err(CliError::failed(format!(
        "the definition differs from release {} of the workflow in {count} place{}",
        value_text(&current.body["release"]),
        if count == 1 { "" } else { "s" }
    )))
}

fn print_difference(difference: &Difference) {
    let Difference { path, before, after } = difference;
    let lines = [("-", before, terminal::Colour::Red), ("+", after, terminal::Colour::Green)];
    for (sign, value, colour) in lines {
        if let Some(value) = value {
            terminal::print_line(&terminal::paint_stdout(
                colour,
                &format!("{sign} {path}: {value}"),
            ));
        }
    }
}

async fn list_workflows(client: &Client, as_json: bool) -> Result<(), CliError> {
    let workflows = CursorPages::new("/workflows", "workflows").first(client, usize::MAX).await?;
    if as_json {
        terminal::print_items(&workflows, &Value::Null);
        return Ok(());
    }
    let rows: Vec<Vec<TableCell>> = workflows
        .iter()
        .map(|w| {
            let status = value_text(&w["status"]);
            vec![
                value_text(&w["workflow_id"]).into(),
                value_text(&w["name"]).into(),
                TableCell::status(&status),
                value_text(&w["updated_at"]).into(),
            ]
        })
        .collect();
    terminal::print_table(&["id", "name", "status", "updated"], &rows);
    Ok(())
}

async fn show_workflow(client: &Client, workflow: &str, as_json: bool) -> Result<(), CliError> {
    let id = resolve_workflow(client, workflow).await?;
    let response = client.get(&format!("/workflows/{id}")).await?;
    if as_json {
        terminal::print_json(&response);
        return Ok(());
    }
    for field in ["workflow_id", "name", "status", "release", "created_at", "updated_at"] {
        if !response[field].is_null() {
            terminal::print_line(&format!("{field:<12} {}", value_text(&response[field])));
        }
    }
    let steps = response["steps"].as_array().cloned().unwrap_or_default();
    let rows: Vec<Vec<TableCell>> = steps
        .iter()
        .map(|step| {
            let after = step["after"].as_array().map(Vec::as_slice).unwrap_or_default();
            let after: Vec<String> = after.iter().map(value_text).collect();
            vec![
                value_text(&step["step_id"]).into(),
                value_text(&step["type"]).into(),
                after.join(", ").into(),
            ]
        })
        .collect();
    terminal::print_line("");
    terminal::print_table(&["step", "type", "after"], &rows);
    Ok(())
}

/// Prints a response, or only the ID in it.
pub fn print_id(response: &Value, field: &str, as_json: bool) {
    if as_json {
        terminal::print_json(response)
    } else {
        terminal::print_line(&value_text(&response[field]))
    }
}

/// Prints the warnings of a response on stderr; with JSON they are in the response.
pub fn print_warnings(response: &Value, as_json: bool) {
    if !as_json {
        terminal::print_warnings(response);
    }
}

fn print_release(response: &Value, as_json: bool) {
    if as_json {
        return terminal::print_json(response);
    }
    terminal::print_line(&format!(
        "{} release {}",
        value_text(&response["workflow_id"]),
        value_text(&response["release"])
    ));
}
