//! `stepwell executions …`.

mod list;
mod rerun;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use stepwell_core::ids::ExecutionId;

use super::execution_text::print_execution;
use super::watch;
use super::workflows::resolve_workflow;
use crate::client::Client;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, value_text};

#[derive(Debug, Subcommand)]
pub enum Executions {
    /// List executions, newest first
    List(list::List),
    /// Run an ended execution again
    Rerun(rerun::Rerun),
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
    /// ID or name of its workflow; found if omitted
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
        Executions::List(args) => list::list_executions(args, client, as_json).await,
        Executions::Rerun(args) => rerun::rerun_execution(args, client, as_json).await,
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

fn parse_execution(id: &str) -> Result<ExecutionId, CliError> {
    id.parse().map_err(|e| CliError::usage(format!("{e}")))
}

/// The path of the execution, which contains its workflow.
async fn execution_path(client: &Client, execution: &ExecutionArg) -> Result<String, CliError> {
    let id = parse_execution(&execution.id)?;
    let workflow = match &execution.workflow {
        Some(workflow) => resolve_workflow(client, workflow).await?,
        None => {
            let found = client.get(&format!("/api/v1/workflow_executions/{}", id.abi())).await?;
            value_text(&found["data"]["workflow_id"])
        }
    };
    Ok(format!("/workflows/{workflow}/executions/{}", id.dataflow()))
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
