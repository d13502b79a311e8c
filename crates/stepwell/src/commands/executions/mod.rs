//! `stepwell executions …`.

mod bulk;
mod files;
mod list;
mod rerun;

use clap::{Args, Subcommand};
use serde_json::json;
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
    /// Cancel an execution, or all that match filters
    Cancel {
        #[command(flatten)]
        which: ControlArgs,
        /// Reason, stored with each execution
        #[arg(long)]
        reason: Option<String>,
    },
    /// Pause an execution, or all that match filters: running steps finish, no step starts
    Pause(ControlArgs),
    /// Resume a paused execution, or all that match filters
    Resume(ControlArgs),
    /// Delete the ended executions that match filters
    Purge {
        /// Only executions of this workflow: its ID or name
        #[arg(long, short)]
        workflow: Option<String>,
        #[command(flatten)]
        bulk: bulk::BulkArgs,
    },
    /// Show the log of an execution
    Logs(ExecutionArg),
    /// List the files of an execution: the results of maps with `collect: file`
    Files(files::ListFiles),
    /// Print a file of an execution, or write it to a file: a line of JSON for each item
    File(files::ReadFile),
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

/// One execution, or filters for many.
#[derive(Debug, Args)]
pub struct ControlArgs {
    /// ID of the execution; without it, all executions that match the filters
    #[arg(value_name = "EXECUTION", conflicts_with = "bulk")]
    id: Option<String>,
    /// ID or name of the workflow
    #[arg(long, short)]
    workflow: Option<String>,
    #[command(flatten)]
    bulk: bulk::BulkArgs,
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
        Executions::Cancel { which, reason } => {
            control(client, which, "cancel", reason, as_json).await
        }
        Executions::Pause(which) => control(client, which, "pause", None, as_json).await,
        Executions::Resume(which) => control(client, which, "resume", None, as_json).await,
        Executions::Purge { workflow, bulk } => {
            let operation = bulk::Operation { action: "purge", workflow, reason: None };
            bulk::run(client, operation, bulk, as_json).await
        }
        Executions::Logs(execution) => print_logs(client, &execution, as_json).await,
        Executions::Files(args) => files::list_files(args, client, as_json).await,
        Executions::File(args) => files::read_file(args, client, as_json).await,
    }
}

pub(super) fn parse_execution(id: &str) -> Result<ExecutionId, CliError> {
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

/// Controls the named execution, or starts a bulk operation on those that match.
async fn control(
    client: &Client,
    which: ControlArgs,
    action: &'static str,
    reason: Option<String>,
    as_json: bool,
) -> Result<(), CliError> {
    let ControlArgs { id, workflow, bulk } = which;
    let Some(id) = id else {
        let operation = bulk::Operation { action, workflow, reason };
        return bulk::run(client, operation, bulk, as_json).await;
    };
    let path = execution_path(client, &ExecutionArg { id, workflow }).await?;
    let body = reason.map(|reason| json!({"reason": reason}));
    client.post(&format!("{path}/{action}"), body.as_ref()).await?;
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
