//! `stepwell executions list`.

use clap::Args;
use serde_json::Value;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use super::super::workflows::resolve_workflow;
use crate::client::{Client, ListRequest, list_page, percent_encode};
use crate::documents;
use crate::error::CliError;
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/workflow_executions";

#[derive(Debug, Args)]
pub struct List {
    /// ID or name of the workflow [default: all workflows]
    #[arg(value_name = "WORKFLOW")]
    workflow: Option<String>,
    /// The same as WORKFLOW
    #[arg(long = "workflow", short, value_name = "WORKFLOW", conflicts_with = "workflow")]
    of_workflow: Option<String>,
    /// Only sub-workflows of this execution
    #[arg(long, value_name = "EXECUTION")]
    parent: Option<ExecutionId>,
    /// Only executions with this status: PENDING, RUNNING, WAITING, PAUSED, COMPLETED, FAILED,
    /// TIMED_OUT, CANCELLED; several by comma. FAILED includes TIMED_OUT
    #[arg(long, value_parser = parse_statuses)]
    status: Option<String>,
    /// Only executions accepted since then: a duration before now (2h, 7d), a date or a timestamp
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<String>,
    /// Only executions with this label; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = documents::parse_name_value)]
    metadata: Vec<(String, String)>,
    /// Maximum number of executions
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Continue after the `next` of an earlier list with the same filters
    #[arg(long)]
    cursor: Option<String>,
}

pub async fn list_executions(args: List, client: &Client, as_json: bool) -> Result<(), CliError> {
    let mut filters = String::new();
    if let Some(workflow) = args.workflow.or(args.of_workflow) {
        let id = resolve_workflow(client, &workflow).await?;
        filters.push_str(&format!("&workflow_id={id}"));
    }
    if let Some(parent) = args.parent {
        filters.push_str(&format!("&parent_execution_id={}", parent.abi()));
    }
    if let Some(status) = args.status {
        filters.push_str(&format!("&status={status}"));
    }
    if let Some(since) = args.since {
        filters.push_str(&format!("&start_date={}", percent_encode(&since)));
    }
    for (name, value) in &args.metadata {
        let (name, value) = (percent_encode(name), percent_encode(value));
        filters.push_str(&format!("&metadata.{name}={value}"));
    }
    let request =
        ListRequest { path: PATH, filters: &filters, limit: args.limit, cursor: args.cursor };
    let mut page = list_page(client, request).await?;
    page.items.iter_mut().for_each(rename_values);
    if as_json {
        terminal::print_items(&page.items, &page.next);
    } else {
        print_executions(&page.items);
    }
    Ok(())
}

/// Ids and statuses as in the output of the other commands.
fn rename_values(execution: &mut Value) {
    for field in ["execution_id", "parent_execution_id"] {
        if let Ok(id) = value_text(&execution[field]).parse::<ExecutionId>() {
            execution[field] = id.dataflow().into();
        }
    }
    if let Ok(id) = value_text(&execution["workflow_id"]).parse::<WorkflowId>() {
        execution["workflow_id"] = id.dataflow().into();
    }
    let status = value_text(&execution["status"]).to_uppercase();
    execution["status"] = if status == "QUEUED" { "PENDING".into() } else { status.into() };
}

/// clap value parser of statuses: those of the management API, by comma.
pub(super) fn parse_statuses(text: &str) -> Result<String, String> {
    let mut statuses = Vec::new();
    for status in text.split(',') {
        match status.trim().to_uppercase().as_str() {
            "PENDING" | "QUEUED" => statuses.push("queued"),
            "RUNNING" => statuses.push("running"),
            "WAITING" => statuses.push("waiting"),
            "PAUSED" => statuses.push("paused"),
            "COMPLETED" => statuses.push("completed"),
            "FAILED" => statuses.extend(["failed", "timed_out"]),
            "TIMED_OUT" => statuses.push("timed_out"),
            "CANCELLED" => statuses.push("cancelled"),
            _ => {
                return Err("expected PENDING, RUNNING, WAITING, PAUSED, COMPLETED, FAILED, \
                            TIMED_OUT or CANCELLED, several by comma"
                    .into());
            }
        }
    }
    statuses.dedup();
    Ok(statuses.join(","))
}

/// clap value parser of a time: a duration before now, a date or a timestamp.
pub(super) fn parse_since(text: &str) -> Result<String, String> {
    parse_since_at(text, jiff::Timestamp::now())
}

fn parse_since_at(text: &str, now: jiff::Timestamp) -> Result<String, String> {
    if text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::Date>().is_ok() {
        return Ok(text.to_owned());
    }
    let hint = "expected a duration before now (2h, 7d), a date (2026-01-31) or a timestamp \
                (2026-01-31T09:00:00Z)";
    let duration = humantime::parse_duration(text).map_err(|_| hint.to_owned())?;
    let since = now.checked_sub(duration).map_err(|_| format!("out of range; {hint}"))?;
    Ok(format!("{since:.6}"))
}

fn print_executions(executions: &[Value]) {
    let rows: Vec<Vec<TableCell>> = executions
        .iter()
        .map(|e| {
            vec![
                value_text(&e["execution_id"]).into(),
                value_text(&e["workflow_name"]).into(),
                TableCell::status(&value_text(&e["status"])),
                value_text(&e["created_at"]).into(),
                value_text(&e["completed_at"]).into(),
            ]
        })
        .collect();
    terminal::print_table(&["id", "workflow", "status", "created", "completed"], &rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_durations_dates_or_timestamps() {
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        for (text, expect) in [
            ("2h", Some("2026-01-01T22:00:00.000000Z")),
            ("1d 1h", Some("2025-12-31T23:00:00.000000Z")),
            ("2026-01-01", Some("2026-01-01")),
            ("2026-01-01T01:00:00+01:00", Some("2026-01-01T01:00:00+01:00")),
            ("yesterday", None),
            ("99999999999y", None),
            ("", None),
        ] {
            assert_eq!(parse_since_at(text, now).ok().as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn statuses_are_those_of_either_api() {
        for (text, expect) in [
            ("completed", Some("completed")),
            ("PENDING,Running", Some("queued,running")),
            ("FAILED", Some("failed,timed_out")),
            ("failed, timed_out", Some("failed,timed_out")),
            ("done", None),
            ("", None),
        ] {
            assert_eq!(parse_statuses(text).ok().as_deref(), expect, "{text}");
        }
    }
}
