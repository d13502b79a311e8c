//! `stepwell audit`.

use clap::Args;
use serde_json::Value;

use crate::client::{Client, percent_encode};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/audit_log";

#[derive(Debug, Args)]
pub struct Audit {
    /// Only entries of this actor: a key's name, or system, cli, anonymous
    #[arg(long)]
    actor: Option<String>,
    /// Only entries of the key with this ID
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// Only this action, such as workflow.deleted
    #[arg(long)]
    action: Option<String>,
    /// Only objects of this type, such as workflow
    #[arg(long = "type", value_name = "TYPE")]
    object_type: Option<String>,
    /// Only the object with this ID
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only entries at or after this time or date
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only entries at or before this time or date
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// ID of the workspace [default: the workspace of the key]
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// Maximum number of entries, 1 to 100
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Continue after the `next` of an earlier list with the same filters
    #[arg(long)]
    cursor: Option<String>,
}

pub async fn run(args: Audit, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let response = client.get(&args.into_path()).await;
    client.close().await;
    let mut response = response?;
    let data = response["data"].take();
    if global.json {
        let items = data["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        terminal::print_items(items, &data["pagination"]["next_cursor"])
    } else {
        print_entries(&data["items"])
    }
    Ok(())
}

impl Audit {
    fn into_path(self) -> String {
        let Self {
            actor,
            key_id,
            action,
            object_type,
            object,
            since,
            until,
            workspace,
            limit,
            cursor,
        } = self;
        let filters = [
            ("actor", actor),
            ("key_id", key_id),
            ("action", action),
            ("object_type", object_type),
            ("object_id", object),
            ("start_date", since),
            ("end_date", until),
            ("workspace_id", workspace),
            ("cursor", cursor),
        ];
        let set_filters = filters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        set_filters.fold(format!("{PATH}?page_size={limit}"), |path, (name, value)| {
            format!("{path}&{name}={}", percent_encode(&value))
        })
    }
}

fn print_entries(entries: &Value) {
    let row = |entry: &Value| -> Vec<TableCell> {
        let object = &entry["object"];
        let changed = entry["changed_fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let changed: Vec<String> = changed.iter().map(value_text).collect();
        vec![
            value_text(&entry["created_at"]).into(),
            value_text(&entry["actor"]["name"]).into(),
            value_text(&entry["ip_address"]).into(),
            value_text(&entry["action"]).into(),
            value_text(&object["id"]).into(),
            value_text(&object["name"]).into(),
            changed.join(" ").into(),
        ]
    };
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<TableCell>> = entries.iter().map(row).collect();
    terminal::print_table(
        &["time", "actor", "address", "action", "object", "name", "fields"],
        &rows,
    );
}
