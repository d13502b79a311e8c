//! `stepwell operations …`: bulk operations.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::workflows::resolve_workflow;
use crate::client::{Client, ListRequest, list_page, percent_encode};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::references::printed_id;
use crate::terminal::{self, TableCell, value_text};

pub const PATH: &str = "/api/v1/operations";

/// How often the progress of an operation is read.
const POLL_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub enum Operations {
    /// List bulk operations, newest first
    List(List),
    /// Show a bulk operation and its progress
    Show {
        /// ID of the operation
        operation: String,
        /// Wait for its end: progress on stderr
        #[arg(long)]
        wait: bool,
    },
    /// Cancel a bulk operation; what was done remains
    Cancel {
        /// ID of the operation
        operation: String,
    },
}

#[derive(Debug, Args)]
pub struct List {
    /// Only operations on the executions of this workflow: its ID or name
    #[arg(long, short)]
    workflow: Option<String>,
    /// Only operations with this status: pending, running, completed, failed, cancelled
    #[arg(long)]
    status: Option<String>,
    /// Only operations with this action: cancel, pause, resume, purge
    #[arg(long)]
    action: Option<String>,
    /// Maximum number of operations
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Continue after the `next` of an earlier list with the same filters
    #[arg(long)]
    cursor: Option<String>,
}

pub async fn run(args: Operations, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Operations, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Operations::List(args) => list_operations(args, client, as_json).await?,
        Operations::Show { operation, wait } => {
            let shown = client.get(&operation_path(&operation)).await?;
            if wait {
                return wait_for_operation(client, &shown["data"], as_json).await;
            }
            print_operation(&shown["data"], as_json);
        }
        Operations::Cancel { operation } => {
            let path = format!("{}/cancel", operation_path(&operation));
            print_operation(&client.post(&path, None).await?["data"], as_json);
        }
    }
    Ok(())
}

fn operation_path(id: &str) -> String {
    format!("{PATH}/{}", percent_encode(id))
}

async fn list_operations(args: List, client: &Client, as_json: bool) -> Result<(), CliError> {
    let mut filters = String::new();
    if let Some(workflow) = args.workflow {
        let id = resolve_workflow(client, &workflow).await?;
        filters.push_str(&format!("&workflow_id={id}"));
    }
    for (name, value) in [("status", args.status), ("action", args.action)] {
        if let Some(value) = value {
            filters.push_str(&format!("&{name}={}", percent_encode(&value)));
        }
    }
    let request =
        ListRequest { path: PATH, filters: &filters, limit: args.limit, cursor: args.cursor };
    let page = list_page(client, request).await?;
    if as_json {
        terminal::print_items(&page.items, &page.next);
        return Ok(());
    }
    let row = |operation: &Value| -> Vec<TableCell> {
        vec![
            value_text(&operation["id"]).into(),
            value_text(&operation["action"]).into(),
            TableCell::status(&value_text(&operation["status"])),
            progress_text(operation).into(),
            value_text(&operation["created_at"]).into(),
            value_text(&operation["completed_at"]).into(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    terminal::print_table(&["id", "action", "status", "progress", "created", "completed"], &rows);
    Ok(())
}

/// Prints an operation on one line, and its failures below.
pub fn print_operation(operation: &Value, as_json: bool) {
    if as_json {
        return terminal::print_json(operation);
    }
    terminal::print_line(&format!(
        "{} {} {}: {}",
        value_text(&operation["id"]),
        value_text(&operation["action"]),
        value_text(&operation["status"]),
        progress_text(operation)
    ));
    for failure in operation["failures"].as_array().into_iter().flatten() {
        let (id, message) = (printed_id(&failure["execution_id"]), value_text(&failure["message"]));
        terminal::print_line(&format!("  {id}: {message}"));
    }
}

/// `300 of 1200 done, 2 failed, 5 skipped`.
fn progress_text(operation: &Value) -> String {
    let count = |name: &str| operation["progress"][name].as_u64().unwrap_or_default();
    let mut text = format!("{} of {} done", count("done"), count("matched"));
    for name in ["failed", "skipped"] {
        if count(name) > 0 {
            text.push_str(&format!(", {} {name}", count(name)));
        }
    }
    text
}

/// Follows an operation to its end and prints it.
///
/// # Errors
/// `Failed` if it was cancelled, or could not change some executions.
pub async fn wait_for_operation(
    client: &Client,
    started: &Value,
    as_json: bool,
) -> Result<(), CliError> {
    let path = operation_path(&value_text(&started["id"]));
    let mut operation = started.clone();
    let mut shown = String::new();
    while is_active(&operation) {
        let progress = progress_text(&operation);
        if progress != shown {
            terminal::print_stderr(&progress);
            shown = progress;
        }
        tokio::time::sleep(POLL_EVERY).await;
        operation = client.get(&path).await?["data"].take();
    }
    print_operation(&operation, as_json);
    match operation["status"].as_str() {
        Some("completed") => Ok(()),
        other => Err(CliError::failed(format!("the operation ended as {}", other.unwrap_or("?")))),
    }
}

fn is_active(operation: &Value) -> bool {
    matches!(operation["status"].as_str(), Some("pending" | "running"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn progress_names_what_is_not_done_only_if_there_is_any() {
        for (progress, expect) in [
            (json!({"matched": 9, "done": 4, "failed": 0, "skipped": 0}), "4 of 9 done"),
            (
                json!({"matched": 9, "done": 4, "failed": 2, "skipped": 3}),
                "4 of 9 done, 2 failed, 3 skipped",
            ),
        ] {
            assert_eq!(progress_text(&json!({"progress": progress})), expect);
        }
    }
}
