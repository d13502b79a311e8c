//! `stepwell executions …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use stepwell_core::ids::ExecutionId;

use super::execution_text::print_execution;
use super::watch;
use super::workflows::resolve_workflow;
use crate::client::{Client, CursorPages};
use crate::error::{CliError, CliErrorKind};
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};

#[derive(Debug, Subcommand)]
pub enum Executions {
    /// List a workflow's executions, newest first
    List {
        /// ID or name of the workflow
        workflow: String,
        /// Only executions with this status: PENDING, RUNNING, WAITING, PAUSED, COMPLETED, FAILED, CANCELLED
        #[arg(long)]
        status: Option<String>,
        /// Maximum number of executions
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show an execution and its steps
    Show(ExecutionArg),
    /// Follow an execution until it ends
    Watch(ExecutionArg),
    /// Cancel an execution
    Cancel {
        #[command(flatten)]
        execution: ExecutionArg,
        /// Reason, stored with the execution
        #[arg(long)]
        reason: Option<String>,
    },
    /// Pause an execution: running steps finish, no step starts
    Pause(ExecutionArg),
    /// Resume a paused execution
    Resume(ExecutionArg),
    /// Show the log of an execution
    Logs(ExecutionArg),
}

#[derive(Debug, Args)]
pub struct ExecutionArg {
    /// ID of the execution
    #[arg(value_name = "EXECUTION")]
    id: String,
    /// ID or name of its workflow; searched for if omitted
    #[arg(long, short)]
    workflow: Option<String>,
}

pub async fn run(args: Executions, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Executions, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Executions::List { workflow, status, limit } => {
            let id = resolve_workflow(client, &workflow).await?;
            list_executions(client, &id, status.as_deref(), limit, as_json).await
        }
        Executions::Show(execution) => {
            let response = client.get(&execution_path(client, &execution).await?).await?;
            if as_json {
                terminal::print_json(&response)
            } else {
                print_execution(&response)
            }
            Ok(())
        }
        Executions::Watch(execution) => {
            let path = execution_path(client, &execution).await?;
            let format = if as_json {
                watch::EventFormat::StdoutJson
            } else {
                watch::EventFormat::StdoutLines
            };
            watch::follow_to_end(client, &path, format).await?;
            if terminal::is_stdout_closed() {
                return Ok(());
            }
            watch::check_completed(&client.get(&path).await?)
        }
        Executions::Cancel { execution, reason } => {
            let body = reason.map(|reason| json!({"reason": reason}));
            control_execution(client, &execution, "cancel", body.as_ref(), as_json).await
        }
        Executions::Pause(execution) => {
            control_execution(client, &execution, "pause", None, as_json).await
        }
        Executions::Resume(execution) => {
            control_execution(client, &execution, "resume", None, as_json).await
        }
        Executions::Logs(execution) => print_logs(client, &execution, as_json).await,
    }
}

/// The path of the execution, which contains its workflow.
async fn execution_path(client: &Client, execution: &ExecutionArg) -> Result<String, CliError> {
    let id: ExecutionId = execution.id.parse().map_err(|e| CliError::usage(format!("{e}")))?;
    let id = id.dataflow();
    if let Some(workflow) = &execution.workflow {
        let workflow = resolve_workflow(client, workflow).await?;
        return Ok(format!("/workflows/{workflow}/executions/{id}"));
    }
    let mut pages = CursorPages::new("/workflows", "workflows");
    while let Some(page) = pages.next(client).await? {
        for workflow in page {
            let path =
                format!("/workflows/{}/executions/{id}", value_text(&workflow["workflow_id"]));
            match client.get(&path).await {
                Ok(_) => return Ok(path),
                Err(error) if error.kind == CliErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Err(CliError::not_found(format!(
        "execution {id} was not found; if its workflow was deleted, name that with --workflow"
    )))
}

async fn list_executions(
    client: &Client,
    workflow: &str,
    status: Option<&str>,
    limit: usize,
    as_json: bool,
) -> Result<(), CliError> {
    let mut path = format!("/workflows/{workflow}/executions");
    if let Some(status) = status {
        path = format!("{path}?status={}", crate::client::percent_encode(&status.to_uppercase()));
    }
    let executions = CursorPages::new(path, "executions").first(client, limit).await?;
    if as_json {
        terminal::print_json(&json!({"executions": executions}));
        return Ok(());
    }
    let rows: Vec<Vec<TableCell>> = executions
        .iter()
        .map(|e| {
            vec![
                value_text(&e["execution_id"]).into(),
                TableCell::status(&value_text(&e["status"])),
                value_text(&e["created_at"]).into(),
                value_text(&e["completed_at"]).into(),
            ]
        })
        .collect();
    terminal::print_table(&["id", "status", "created", "completed"], &rows);
    Ok(())
}

async fn control_execution(
    client: &Client,
    execution: &ExecutionArg,
    operation: &str,
    body: Option<&Value>,
    as_json: bool,
) -> Result<(), CliError> {
    let path = execution_path(client, execution).await?;
    client.post(&format!("{path}/{operation}"), body).await?;
    let response = client.get(&path).await?;
    if as_json {
        terminal::print_json(&response);
    } else {
        terminal::print_line(&format!(
            "{} {}",
            value_text(&response["execution_id"]),
            value_text(&response["status"])
        ));
    }
    Ok(())
}

async fn print_logs(
    client: &Client,
    execution: &ExecutionArg,
    as_json: bool,
) -> Result<(), CliError> {
    let path = execution_path(client, execution).await?;
    let response = client.get(&format!("{path}/logs")).await?;
    if as_json {
        terminal::print_json(&response);
        return Ok(());
    }
    for line in response["logs"].as_array().map(Vec::as_slice).unwrap_or_default() {
        terminal::print_line(&watch::format_log_line(line));
    }
    Ok(())
}
