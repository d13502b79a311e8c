//! `stepwell schedules …`.

mod fields;

use clap::Subcommand;
use serde_json::Value;
use stepwell_core::ids::ScheduleId;

use fields::ScheduleFields;

use super::workflows::resolve_workflow;
use crate::client::{Client, list_all, percent_encode};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::references::{self, printed_id};
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/workflow_schedules";

#[derive(Debug, Subcommand)]
pub enum Schedules {
    /// List schedules, newest first
    List {
        /// Only schedules of this workflow (ID or name)
        workflow: Option<String>,
    },
    /// Show a schedule and its last execution
    Show {
        /// ID or name of the schedule
        schedule: String,
    },
    /// Create a schedule; one of --cron, --every and --at is required
    Create {
        /// ID or name of the workflow
        workflow: String,
        /// Name of the schedule
        name: String,
        #[command(flatten)]
        fields: ScheduleFields,
        /// Create it paused
        #[arg(long)]
        disabled: bool,
    },
    /// Update the given fields of a schedule
    Update {
        /// ID or name of the schedule
        schedule: String,
        /// New name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: ScheduleFields,
    },
    /// Show when a cron expression fires
    Preview {
        /// Cron expression, such as '30 2 * * *'
        cron: String,
        /// IANA time zone
        #[arg(long, short, default_value = "UTC")]
        timezone: String,
        /// Number of firings, at most 100
        #[arg(long, short, default_value_t = 10)]
        count: u8,
    },
    /// Start an execution of a schedule immediately
    Trigger {
        /// ID or name of the schedule
        schedule: String,
    },
    /// Pause a schedule
    Pause {
        /// ID or name of the schedule
        schedule: String,
    },
    /// Resume a paused schedule
    Resume {
        /// ID or name of the schedule
        schedule: String,
    },
    /// Delete a schedule; its executions are kept
    Delete {
        /// ID or name of the schedule
        schedule: String,
    },
}

pub async fn run(args: Schedules, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Schedules, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Schedules::List { workflow } => list_schedules(client, workflow.as_deref(), as_json).await,
        Schedules::Show { schedule } => {
            let response = client.get(&schedule_path(client, &schedule, "").await?).await?;
            print_response(&response, as_json, print_schedule);
            Ok(())
        }
        Schedules::Create { workflow, name, fields, disabled } => {
            let mut body = fields.into_body(Some(name))?;
            if disabled {
                body.insert("enabled".into(), false.into());
            }
            let id = resolve_workflow(client, &workflow).await?;
            let path = format!("/api/v1/workflows/{id}/schedules");
            let response = client.post(&path, Some(&body.into())).await?;
            print_response(&response, as_json, print_schedule);
            Ok(())
        }
        Schedules::Update { schedule, name, fields } => {
            let body = fields.into_body(name)?;
            let path = schedule_path(client, &schedule, "").await?;
            let response = client.patch(&path, &body.into()).await?;
            print_response(&response, as_json, print_schedule);
            Ok(())
        }
        Schedules::Preview { cron, timezone, count } => {
            let (cron, timezone) = (percent_encode(&cron), percent_encode(&timezone));
            let query = format!("cron={cron}&timezone={timezone}&count={count}");
            let response = client.get(&format!("/api/v1/schedules/preview?{query}")).await?;
            print_response(&response, as_json, print_preview);
            Ok(())
        }
        Schedules::Trigger { schedule } => {
            let response =
                client.post(&schedule_path(client, &schedule, "/trigger").await?, None).await?;
            print_response(&response, as_json, print_started);
            Ok(())
        }
        Schedules::Pause { schedule } => {
            let response =
                client.post(&schedule_path(client, &schedule, "/pause").await?, None).await?;
            print_response(&response, as_json, print_schedule);
            Ok(())
        }
        Schedules::Resume { schedule } => {
            let response =
                client.post(&schedule_path(client, &schedule, "/resume").await?, None).await?;
            print_response(&response, as_json, print_schedule);
            Ok(())
        }
        Schedules::Delete { schedule } => {
            let response = client.delete(&schedule_path(client, &schedule, "").await?).await?;
            print_response(&response, as_json, |deleted| {
                terminal::print_line(&value_text(&deleted["id"]))
            });
            Ok(())
        }
    }
}

async fn schedule_path(client: &Client, schedule: &str, suffix: &str) -> Result<String, CliError> {
    let path = references::SCHEDULE.path_of::<ScheduleId>(client, schedule).await?;
    Ok(format!("{path}{suffix}"))
}

fn print_response(response: &Value, as_json: bool, print_text: impl Fn(&Value)) {
    if as_json {
        return terminal::print_json(response);
    }
    print_text(&response["data"]);
    terminal::print_warnings(&response["data"]);
}

fn print_started(started: &Value) {
    terminal::print_line(&printed_id(&started["execution_id"]));
}

async fn list_schedules(
    client: &Client,
    workflow: Option<&str>,
    as_json: bool,
) -> Result<(), CliError> {
    let filter = match workflow {
        Some(workflow) => format!("&workflow_id={}", resolve_workflow(client, workflow).await?),
        None => String::new(),
    };
    let schedules = list_all(client, PATH, &filter).await?;
    if as_json {
        terminal::print_items(&schedules, &Value::Null);
        return Ok(());
    }
    let rows: Vec<Vec<TableCell>> = schedules
        .iter()
        .map(|schedule| {
            vec![
                value_text(&schedule["id"]).into(),
                value_text(&schedule["name"]).into(),
                value_text(&schedule["workflow_name"]).into(),
                format_timing(schedule).into(),
                value_text(&schedule["next_execution"]).into(),
            ]
        })
        .collect();
    terminal::print_table(&["id", "name", "workflow", "schedule", "next"], &rows);
    Ok(())
}

/// The timing of a schedule in one line.
fn format_timing(schedule: &Value) -> String {
    match schedule["schedule_type"].as_str() {
        Some("cron") => {
            format!(
                "{} {}",
                value_text(&schedule["cron_expression"]),
                value_text(&schedule["timezone"])
            )
        }
        Some("interval") => format!(
            "every {} {}",
            value_text(&schedule["interval_value"]),
            value_text(&schedule["interval_unit"])
        ),
        _ => value_text(&schedule["execution_time"]),
    }
}

fn print_schedule(schedule: &Value) {
    for field in ["id", "name", "description", "workflow_id", "workflow_name"] {
        print_field(field, &printed_id(&schedule[field]));
    }
    print_field("schedule", &format_timing(schedule));
    for field in ["release_tag", "enabled", "misfire_policy", "overlap_policy", "next_execution"] {
        print_field(field, &value_text(&schedule[field]));
    }
    let last = &schedule["last_execution"];
    if !last.is_null() {
        let text = format!("{} {}", printed_id(&last["execution_id"]), value_text(&last["status"]));
        print_field("last_execution", &text);
    }
    let skipped = &schedule["last_skipped"];
    if !skipped.is_null() {
        let text = format!(
            "{} {}: {}",
            value_text(&skipped["scheduled_at"]),
            value_text(&skipped["code"]),
            value_text(&skipped["message"])
        );
        print_field("last_skipped", &text);
    }
}

fn print_field(name: &str, value: &str) {
    if !value.is_empty() {
        terminal::print_line(&format!("{name:<15} {value}"));
    }
}

fn print_preview(preview: &Value) {
    let firings = preview["next_executions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<TableCell>> = firings
        .iter()
        .map(|firing| {
            vec![value_text(&firing["local_time"]).into(), value_text(&firing["time"]).into()]
        })
        .collect();
    terminal::print_table(&["local time", "UTC"], &rows);
}
