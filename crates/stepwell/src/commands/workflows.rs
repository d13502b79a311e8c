//! `stepwell workflows …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use stepwell_core::ids::WorkflowId;

use super::watch;
use crate::client::{Client, CursorPages};
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
    /// Execute a workflow
    Execute(Execute),
}

#[derive(Debug, Args)]
pub struct Execute {
    /// ID or name; the newest of several with the same name
    workflow: String,
    /// Input: JSON, or @FILE
    #[arg(long, short, value_name = "JSON|@FILE")]
    input: Option<String>,
    /// URL that receives status changes
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Wait for the result: progress on stderr, the output on stdout
    #[arg(long, short)]
    wait: bool,
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
            Ok(())
        }
        Workflows::Update { workflow, file } => {
            let definition = documents::read_definition(&file, CliErrorKind::Failed)?;
            let id = resolve_workflow(client, &workflow).await?;
            let response = client.put(&format!("/workflows/{id}"), &definition).await?;
            print_release(&response, as_json);
            Ok(())
        }
        Workflows::Delete { workflow } => {
            let id = resolve_workflow(client, &workflow).await?;
            client.delete(&format!("/workflows/{id}")).await?;
            print_id(&json!({"workflow_id": id}), "workflow_id", as_json);
            Ok(())
        }
        Workflows::Execute(args) => execute_workflow(client, args, as_json).await,
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
    let mut pages = CursorPages::new("/workflows", "workflows");
    while let Some(page) = pages.next(client).await? {
        let found = page.iter().find(|item| item["name"] == workflow);
        if let Some(id) = found.and_then(|item| item["workflow_id"].as_str()) {
            return Ok(id.to_owned());
        }
    }
    Err(CliError::not_found(format!(
        "no workflow has the ID or name `{workflow}`; `stepwell workflows list` lists all"
    )))
}

async fn list_workflows(client: &Client, as_json: bool) -> Result<(), CliError> {
    let workflows = CursorPages::new("/workflows", "workflows").first(client, usize::MAX).await?;
    if as_json {
        terminal::print_json(&json!({"workflows": workflows}));
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

async fn execute_workflow(client: &Client, args: Execute, as_json: bool) -> Result<(), CliError> {
    let id = resolve_workflow(client, &args.workflow).await?;
    let mut body = Map::new();
    if let Some(input) = &args.input {
        body.insert("input".into(), documents::read_input(input)?);
    }
    if let Some(url) = args.webhook_url {
        body.insert("webhook_url".into(), url.into());
    }
    let path = format!("/workflows/{id}/execute");
    let response = client.post(&path, Some(&body.into())).await?;
    let execution = value_text(&response["execution_id"]);
    if !args.wait {
        print_id(&response, "execution_id", as_json);
        return Ok(());
    }
    let path = format!("/workflows/{id}/executions/{execution}");
    watch::follow_to_end(client, &path, watch::EventFormat::StderrLines).await?;
    watch::print_result(&client.get(&path).await?, as_json)
}

fn print_id(response: &Value, field: &str, as_json: bool) {
    if as_json {
        terminal::print_json(response)
    } else {
        terminal::print_line(&value_text(&response[field]))
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
