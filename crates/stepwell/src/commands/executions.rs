//! `stepwell executions …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use stepwell_core::ids::ExecutionId;

use super::watch;
use super::workflows::{Pages, resolve, text};
use crate::cli::Global;
use crate::client::Client;
use crate::fault::{Fault, Kind};
use crate::ui;
use crate::ui::Cell;

/// What to do with executions.
#[derive(Debug, Subcommand)]
pub enum Executions {
    /// List a workflow's executions, newest first
    List {
        /// The workflow's id or name
        workflow: String,
        /// Only those in this status: PENDING, RUNNING, PAUSED, COMPLETED, FAILED, CANCELLED
        #[arg(long)]
        status: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show an execution with all its steps
    Show(One),
    /// Follow an execution until it ends
    Watch(One),
    /// Cancel an execution
    Cancel {
        /// Which
        #[command(flatten)]
        one: One,
        /// Why, for those who look at it later
        #[arg(long)]
        reason: Option<String>,
    },
    /// Pause an execution: what is under way finishes, nothing further starts
    Pause(One),
    /// Resume a paused execution
    Resume(One),
    /// Show what its steps logged
    Logs(One),
}

/// One execution.
#[derive(Debug, Args)]
pub struct One {
    /// Its id
    execution: String,
    /// Its workflow's id or name; looked for where it is not given
    #[arg(long, short)]
    workflow: Option<String>,
}

/// Does it.
pub async fn run(args: Executions, global: &Global) -> Result<(), Fault> {
    let client = global.connect().await?;
    let result = carry_out(args, &client, global.json).await;
    client.close().await;
    result
}

async fn carry_out(args: Executions, client: &Client, as_json: bool) -> Result<(), Fault> {
    match args {
        Executions::List { workflow, status, limit } => {
            let id = resolve(client, &workflow).await?;
            list(client, &id, status.as_deref(), limit, as_json).await
        }
        Executions::Show(one) => {
            let answer = client.get(&find(client, &one).await?).await?;
            if as_json {
                ui::json(&answer)
            } else {
                show(&answer)
            }
            Ok(())
        }
        Executions::Watch(one) => {
            let path = find(client, &one).await?;
            let how = if as_json { watch::Show::Json } else { watch::Show::Lines };
            watch::until_end(client, &path, how).await?;
            if ui::is_output_closed() {
                return Ok(());
            }
            watch::verdict(&client.get(&path).await?)
        }
        Executions::Cancel { one, reason } => {
            let body = reason.map(|reason| json!({"reason": reason}));
            control(client, &one, "cancel", body.as_ref(), as_json).await
        }
        Executions::Pause(one) => control(client, &one, "pause", None, as_json).await,
        Executions::Resume(one) => control(client, &one, "resume", None, as_json).await,
        Executions::Logs(one) => logs(client, &one, as_json).await,
    }
}

/// The path of the execution. The API keeps executions under their workflow.
async fn find(client: &Client, one: &One) -> Result<String, Fault> {
    let id: ExecutionId = one.execution.parse().map_err(|e| Fault::usage(format!("{e}")))?;
    let id = id.dataflow();
    if let Some(workflow) = &one.workflow {
        let workflow = resolve(client, workflow).await?;
        return Ok(format!("/workflows/{workflow}/executions/{id}"));
    }
    let mut pages = Pages::new("/workflows", "workflows");
    while let Some(page) = pages.next(client).await? {
        for workflow in page {
            let path = format!("/workflows/{}/executions/{id}", text(&workflow["workflow_id"]));
            match client.get(&path).await {
                Ok(_) => return Ok(path),
                Err(fault) if fault.kind == Kind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    Err(Fault::not_found(format!(
        "execution {id} was not found; where its workflow was deleted, name it with --workflow"
    )))
}

async fn list(
    client: &Client,
    workflow: &str,
    status: Option<&str>,
    limit: usize,
    as_json: bool,
) -> Result<(), Fault> {
    let mut path = format!("/workflows/{workflow}/executions");
    if let Some(status) = status {
        path = format!("{path}?status={}", crate::client::encode(&status.to_uppercase()));
    }
    let executions = Pages::new(path, "executions").all(client, limit).await?;
    if as_json {
        ui::json(&json!({"executions": executions}));
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = executions
        .iter()
        .map(|e| {
            vec![
                text(&e["execution_id"]).into(),
                Cell::status(&text(&e["status"])),
                text(&e["created_at"]).into(),
                text(&e["completed_at"]).into(),
            ]
        })
        .collect();
    ui::table(&["id", "status", "created", "completed"], &rows);
    Ok(())
}

fn show(execution: &Value) {
    let status = text(&execution["status"]);
    ui::line(&format!(
        "{} {}",
        text(&execution["execution_id"]),
        ui::out_paint(ui::Colour::of_status(&status), &status)
    ));
    for field in ["workflow_id", "created_at", "started_at", "completed_at"] {
        if !execution[field].is_null() {
            ui::line(&format!("{field:<13} {}", text(&execution[field])));
        }
    }
    for field in ["input", "output", "error"] {
        if !execution[field].is_null() {
            ui::line(&format!("{field:<13} {}", execution[field]));
        }
    }
    let tasks = execution["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<Cell>> = tasks
        .iter()
        .map(|task| {
            vec![
                text(&task["step_id"]).into(),
                text(&task["type"]).into(),
                Cell::status(&text(&task["status"])),
                text(&task["attempt"]).into(),
                text(&task["error"]["message"]).into(),
            ]
        })
        .collect();
    ui::line("");
    ui::table(&["step", "type", "status", "attempt", "error"], &rows);
}

async fn control(
    client: &Client,
    one: &One,
    verb: &str,
    body: Option<&Value>,
    as_json: bool,
) -> Result<(), Fault> {
    let path = find(client, one).await?;
    client.post(&format!("{path}/{verb}"), body).await?;
    let answer = client.get(&path).await?;
    if as_json {
        ui::json(&answer);
    } else {
        ui::line(&format!("{} {}", text(&answer["execution_id"]), text(&answer["status"])));
    }
    Ok(())
}

async fn logs(client: &Client, one: &One, as_json: bool) -> Result<(), Fault> {
    let path = find(client, one).await?;
    let answer = client.get(&format!("{path}/logs")).await?;
    if as_json {
        ui::json(&answer);
        return Ok(());
    }
    for line in answer["logs"].as_array().map(Vec::as_slice).unwrap_or_default() {
        ui::line(&watch::log_line(line));
    }
    Ok(())
}
