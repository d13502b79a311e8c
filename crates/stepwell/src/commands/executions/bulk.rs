//! Bulk operations on the executions that match filters.

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::operations::{PATH, print_operation, wait_for_operation};
use super::super::workflows::resolve_workflow;
use super::list::{parse_since, parse_statuses};
use crate::client::Client;
use crate::documents;
use crate::error::CliError;
use crate::terminal;

/// Which executions, and how.
#[derive(Debug, Args)]
#[group(id = "bulk", multiple = true)]
pub struct BulkArgs {
    /// Only executions with this status; several by comma, as for `list`
    #[arg(long, value_parser = parse_statuses)]
    status: Option<String>,
    /// Only executions accepted since then: a duration before now (2h, 7d), a date or a timestamp
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<String>,
    /// Only executions accepted until then: a duration before now, a date or a timestamp
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    until: Option<String>,
    /// Only executions with this label; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = documents::parse_name_value)]
    metadata: Vec<(String, String)>,
    /// Only count the executions
    #[arg(long)]
    dry_run: bool,
    /// Do it without a confirmation
    #[arg(long, short)]
    yes: bool,
    /// Wait for the end: progress on stderr
    #[arg(long)]
    wait: bool,
}

/// What is done to them.
pub struct Operation {
    pub action: &'static str,
    pub workflow: Option<String>,
    pub reason: Option<String>,
}

/// Counts the executions, has that confirmed, and starts the operation.
pub async fn run(
    client: &Client,
    operation: Operation,
    args: BulkArgs,
    as_json: bool,
) -> Result<(), CliError> {
    let action = operation.action;
    let body = request_body(client, operation, &args).await?;
    if args.dry_run || !args.yes {
        let count = client.post(&format!("{PATH}?dry_run=true"), Some(&body)).await?;
        let count = &count["data"];
        let matched = count["progress"]["matched"].as_u64().unwrap_or_default();
        if args.dry_run {
            match as_json {
                true => terminal::print_json(count),
                false => terminal::print_line(&format!("{matched} executions match")),
            }
            return Ok(());
        }
        let question = format!("{action} {matched} executions?");
        if !terminal::confirm(&question)? {
            return Err(CliError::failed("nothing was changed"));
        }
    }
    let mut response = client.post(PATH, Some(&body)).await?;
    let started = response["data"].take();
    if !args.wait {
        print_operation(&started, as_json);
        return Ok(());
    }
    wait_for_operation(client, &started, as_json).await
}

async fn request_body(
    client: &Client,
    operation: Operation,
    args: &BulkArgs,
) -> Result<Value, CliError> {
    let Operation { action, workflow, reason } = operation;
    let mut filter = Map::new();
    if let Some(workflow) = workflow {
        let id = resolve_workflow(client, &workflow).await?;
        filter.insert("workflow_id".into(), id.into());
    }
    if let Some(status) = &args.status {
        filter.insert("status".into(), status.split(',').collect());
    }
    for (field, time) in [("start_date", &args.since), ("end_date", &args.until)] {
        if let Some(time) = time {
            filter.insert(field.into(), time.as_str().into());
        }
    }
    if !args.metadata.is_empty() {
        let labels = args.metadata.iter().cloned().map(|(name, value)| (name, value.into()));
        filter.insert("metadata".into(), Value::Object(labels.collect()));
    }
    if filter.is_empty() {
        let hint = "name executions by --workflow, --status, --since, --until or --metadata";
        let one = if action == "purge" { "" } else { "name an EXECUTION, or " };
        return Err(CliError::usage(format!("{one}{hint}")));
    }
    let mut body = json!({"action": action, "filter": filter});
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    Ok(body)
}
