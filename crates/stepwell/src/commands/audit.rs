//! `stepwell audit`.

use clap::Args;
use serde_json::Value;

use super::workflows::text;
use crate::cli::Global;
use crate::client::encode;
use crate::fault::Fault;
use crate::ui;
use crate::ui::Cell;

const PATH: &str = "/api/v1/audit_log";

/// Which entries of the audit log to show, the newest first.
#[derive(Debug, Args)]
pub struct Audit {
    /// Only what somebody of this name did: a key's name, or system, cli, anonymous
    #[arg(long)]
    actor: Option<String>,
    /// Only what was done with the key of this id
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// Only this, such as workflow.deleted
    #[arg(long)]
    action: Option<String>,
    /// Only what was done to this kind of object, such as workflow
    #[arg(long = "type", value_name = "TYPE")]
    object_type: Option<String>,
    /// Only what was done to the object of this id
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only what was done at that time or day or later
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what was done at that time or day or before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of the workspace of this id
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// At most so many, 1 to 100
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

/// Shows them.
pub async fn run(args: Audit, global: &Global) -> Result<(), Fault> {
    let client = global.connect().await?;
    let answer = client.get(&args.path()).await;
    client.close().await;
    let mut answer = answer?;
    let data = answer["data"].take();
    if global.json {
        ui::json(&data)
    } else {
        print(&data["items"])
    }
    Ok(())
}

impl Audit {
    fn path(self) -> String {
        let Self { actor, key_id, action, object_type, object, since, until, workspace, limit } =
            self;
        let filters = [
            ("actor", actor),
            ("key_id", key_id),
            ("action", action),
            ("object_type", object_type),
            ("object_id", object),
            ("start_date", since),
            ("end_date", until),
            ("workspace_id", workspace),
        ];
        let given = filters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.fold(format!("{PATH}?page_size={limit}"), |path, (name, value)| {
            format!("{path}&{name}={}", encode(&value))
        })
    }
}

fn print(entries: &Value) {
    let row = |entry: &Value| -> Vec<Cell> {
        let object = &entry["object"];
        let changed = entry["changed_fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let changed: Vec<String> = changed.iter().map(text).collect();
        vec![
            text(&entry["created_at"]).into(),
            text(&entry["actor"]["name"]).into(),
            text(&entry["ip_address"]).into(),
            text(&entry["action"]).into(),
            text(&object["id"]).into(),
            text(&object["name"]).into(),
            changed.join(" ").into(),
        ]
    };
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<Cell>> = entries.iter().map(row).collect();
    ui::table(&["time", "who", "address", "did", "to", "called", "changed"], &rows);
}
