//! `stepwell schedules …`.

use clap::Subcommand;
use serde_json::Value;

use super::workflows::{resolve, text};
use crate::cli::Global;
use crate::client::{Client, encode};
use crate::fault::Fault;
use crate::ui;
use crate::ui::Cell;

/// Where schedules are.
const ALL: &str = "/api/v1/workflow_schedules";

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub enum Schedules {
    /// List schedules, newest first
    List {
        /// Only those of this workflow, by its id or name
        #[arg(long, short)]
        workflow: Option<String>,
    },
    /// Show a schedule with its last execution
    Show {
        /// Its id
        schedule: String,
    },
    /// Show when a cron expression fires
    Preview {
        /// The expression: '30 2 * * *'
        cron: String,
        /// An IANA time zone
        #[arg(long, short, default_value = "UTC")]
        timezone: String,
        /// How many firings, up to 100
        #[arg(long, short, default_value_t = 10)]
        count: u8,
    },
    /// Start an execution of a schedule now
    Trigger {
        /// Its id
        schedule: String,
    },
    /// Make a schedule fire no more
    Pause {
        /// Its id
        schedule: String,
    },
    /// Make a paused schedule fire from now on
    Resume {
        /// Its id
        schedule: String,
    },
    /// Delete a schedule; its executions stay
    Delete {
        /// Its id
        schedule: String,
    },
}

/// Does it.
pub async fn run(args: Schedules, global: &Global) -> Result<(), Fault> {
    let client = global.connect().await?;
    let result = carry_out(args, &client, global.json).await;
    client.close().await;
    result
}

async fn carry_out(args: Schedules, client: &Client, as_json: bool) -> Result<(), Fault> {
    match args {
        Schedules::List { workflow } => list(client, workflow.as_deref(), as_json).await,
        Schedules::Show { schedule } => {
            let answer = client.get(&path(&schedule, "")).await?;
            print(&answer, as_json, show);
            Ok(())
        }
        Schedules::Preview { cron, timezone, count } => {
            let (cron, timezone) = (encode(&cron), encode(&timezone));
            let query = format!("cron={cron}&timezone={timezone}&count={count}");
            let answer = client.get(&format!("/api/v1/schedules/preview?{query}")).await?;
            print(&answer, as_json, preview);
            Ok(())
        }
        Schedules::Trigger { schedule } => {
            let answer = client.post(&path(&schedule, "/trigger"), None).await?;
            print(&answer, as_json, |started| ui::line(&text(&started["execution_id"])));
            Ok(())
        }
        Schedules::Pause { schedule } => {
            let answer = client.post(&path(&schedule, "/pause"), None).await?;
            print(&answer, as_json, show);
            Ok(())
        }
        Schedules::Resume { schedule } => {
            let answer = client.post(&path(&schedule, "/resume"), None).await?;
            print(&answer, as_json, show);
            Ok(())
        }
        Schedules::Delete { schedule } => {
            let answer = client.delete(&path(&schedule, "")).await?;
            print(&answer, as_json, |deleted| ui::line(&text(&deleted["id"])));
            Ok(())
        }
    }
}

fn path(schedule: &str, rest: &str) -> String {
    format!("{ALL}/{}{rest}", encode(schedule))
}

fn print(answer: &Value, as_json: bool, show: impl Fn(&Value)) {
    if as_json { ui::json(answer) } else { show(&answer["data"]) }
}

async fn list(client: &Client, workflow: Option<&str>, as_json: bool) -> Result<(), Fault> {
    let of = match workflow {
        Some(workflow) => format!("&workflow_id={}", resolve(client, workflow).await?),
        None => String::new(),
    };
    let mut all = Vec::new();
    for page in 1.. {
        let answer = client.get(&format!("{ALL}?page_size=100&page={page}{of}")).await?;
        let items = answer["data"]["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.extend_from_slice(items);
        if page >= answer["data"]["pagination"]["total_pages"].as_u64().unwrap_or(0) {
            break;
        }
    }
    if as_json {
        ui::json(&serde_json::json!({"schedules": all}));
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = all
        .iter()
        .map(|schedule| {
            vec![
                text(&schedule["id"]).into(),
                text(&schedule["name"]).into(),
                text(&schedule["workflow_name"]).into(),
                timing(schedule).into(),
                text(&schedule["next_execution"]).into(),
            ]
        })
        .collect();
    ui::table(&["id", "name", "workflow", "fires", "next"], &rows);
    Ok(())
}

/// When a schedule fires, in a few words.
fn timing(schedule: &Value) -> String {
    match schedule["schedule_type"].as_str() {
        Some("cron") => {
            format!("{} {}", text(&schedule["cron_expression"]), text(&schedule["timezone"]))
        }
        Some("interval") => format!(
            "every {} {}",
            text(&schedule["interval_value"]),
            text(&schedule["interval_unit"])
        ),
        _ => text(&schedule["execution_time"]),
    }
}

fn show(schedule: &Value) {
    for field in ["id", "name", "description", "workflow_id", "workflow_name"] {
        field_line(field, &text(&schedule[field]));
    }
    field_line("fires", &timing(schedule));
    for field in ["enabled", "misfire_policy", "overlap_policy", "next_execution"] {
        field_line(field, &text(&schedule[field]));
    }
    let last = &schedule["last_execution"];
    if !last.is_null() {
        let told = format!("{} {}", text(&last["execution_id"]), text(&last["status"]));
        field_line("last_execution", &told);
    }
    let skipped = &schedule["last_skipped"];
    if !skipped.is_null() {
        let told = format!(
            "{} {}: {}",
            text(&skipped["scheduled_at"]),
            text(&skipped["code"]),
            text(&skipped["message"])
        );
        field_line("last_skipped", &told);
    }
}

fn field_line(name: &str, value: &str) {
    if !value.is_empty() {
        ui::line(&format!("{name:<15} {value}"));
    }
}

fn preview(preview: &Value) {
    let firings = preview["next_executions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<Cell>> = firings
        .iter()
        .map(|firing| vec![text(&firing["local_time"]).into(), text(&firing["time"]).into()])
        .collect();
    ui::table(&["local time", "UTC"], &rows);
}
