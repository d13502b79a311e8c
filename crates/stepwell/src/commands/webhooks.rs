//! `stepwell webhooks …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::workflows::text;
use super::workspaces::pages;
use crate::cli::Global;
use crate::client::{Client, encode};
use crate::fault::Fault;
use crate::ui;
use crate::ui::Cell;

const PATH: &str = "/api/v1/webhooks";

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub enum Webhooks {
    /// List webhooks, newest first
    List,
    /// Show a webhook
    Show {
        /// Its id
        id: String,
    },
    /// Create a webhook; a secret that is made for it is shown this once
    Create(Create),
    /// Delete a webhook
    Delete {
        /// Its id
        id: String,
    },
    /// Send a webhook a test event
    Test {
        /// Its id
        id: String,
    },
    /// Give a webhook another secret, which is shown this once
    RotateSecret {
        /// Its id
        id: String,
        /// For how many seconds the old secret signs as well [default: a day]
        #[arg(long, value_name = "SECONDS")]
        overlap: Option<u64>,
    },
    /// List the newest 100 deliveries of a webhook
    Deliveries {
        /// Its id
        id: String,
        /// Only those that are pending, delivered or exhausted
        #[arg(long)]
        status: Option<String>,
    },
    /// Send a delivery again
    Redeliver {
        /// The delivery's id
        id: String,
    },
}

/// What webhook to create.
#[derive(Debug, Args)]
pub struct Create {
    /// Where events are sent
    url: String,
    /// An event, such as execution.completed; may be repeated [default: all of them]
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// The secret that signs, `whsec_…` [default: one is made]
    #[arg(long)]
    secret: Option<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
}

/// Does it.
pub async fn run(args: Webhooks, global: &Global) -> Result<(), Fault> {
    let client = global.connect().await?;
    let result = carry_out(args, &client, global.json).await;
    client.close().await;
    result
}

async fn carry_out(args: Webhooks, client: &Client, as_json: bool) -> Result<(), Fault> {
    match args {
        Webhooks::List => {
            let webhooks = pages(client, PATH, "").await?;
            if as_json { ui::json(&json!({"items": webhooks})) } else { print_list(&webhooks) }
        }
        Webhooks::Show { id } => ui::json(&client.get(&path(&id)).await?["data"]),
        Webhooks::Create(args) => {
            let made = client.post(PATH, Some(&args.body())).await?;
            print_secret(&made["data"], as_json);
        }
        Webhooks::Delete { id } => {
            client.delete(&path(&id)).await?;
            if as_json { ui::json(&json!({"id": id})) } else { ui::line(&id) }
        }
        Webhooks::Test { id } => {
            let made = client.post(&format!("{}/test", path(&id)), None).await?;
            print_delivery(&made["data"], as_json);
        }
        Webhooks::RotateSecret { id, overlap } => {
            let body = overlap.map(|seconds| json!({"overlap_seconds": seconds}));
            let path = format!("{}/rotate_secret", path(&id));
            print_secret(&client.post(&path, body.as_ref()).await?["data"], as_json);
        }
        Webhooks::Deliveries { id, status } => {
            let mut path = format!("{}/deliveries?page_size=100", path(&id));
            if let Some(status) = status {
                path.push_str(&format!("&status={}", encode(&status)));
            }
            let mut answer = client.get(&path).await?;
            let data = answer["data"].take();
            if as_json { ui::json(&data) } else { print_deliveries(&data["items"]) }
        }
        Webhooks::Redeliver { id } => {
            let path = format!("{PATH}/deliveries/{}/redeliver", encode(&id));
            print_delivery(&client.post(&path, None).await?["data"], as_json);
        }
    }
    Ok(())
}

fn path(id: &str) -> String {
    format!("{PATH}/{}", encode(id))
}

impl Create {
    fn body(self) -> Value {
        let Self { url, mut events, secret, description } = self;
        if events.is_empty() {
            events.push("*".to_owned());
        }
        json!({"url": url, "events": events, "secret": secret, "description": description})
    }
}

fn print_secret(webhook: &Value, as_json: bool) {
    if as_json {
        return ui::json(webhook);
    }
    ui::line(&text(&webhook["id"]));
    if let Some(secret) = webhook["secret"].as_str() {
        ui::line(secret);
        ui::note("the second line is its secret, which is not shown again");
    }
}

fn print_delivery(delivery: &Value, as_json: bool) {
    if as_json { ui::json(delivery) } else { ui::line(&text(&delivery["id"])) }
}

fn print_list(webhooks: &[Value]) {
    let row = |webhook: &Value| -> Vec<Cell> {
        let events = webhook["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let events: Vec<String> = events.iter().map(text).collect();
        vec![
            text(&webhook["id"]).into(),
            text(&webhook["url"]).into(),
            Cell::status(&text(&webhook["status"])),
            events.join(" ").into(),
            text(&webhook["description"]).into(),
        ]
    };
    let rows: Vec<Vec<Cell>> = webhooks.iter().map(row).collect();
    ui::table(&["id", "url", "status", "events", "description"], &rows);
}

fn print_deliveries(deliveries: &Value) {
    let row = |delivery: &Value| -> Vec<Cell> {
        let response = &delivery["response"];
        let came = if response["status"].is_null() { "error" } else { "status" };
        vec![
            text(&delivery["id"]).into(),
            text(&delivery["event"]).into(),
            Cell::status(&text(&delivery["status"])),
            text(&delivery["attempt_count"]).into(),
            text(&response[came]).into(),
            text(&delivery["created_at"]).into(),
            text(&delivery["next_attempt_at"]).into(),
        ]
    };
    let items = deliveries.as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<Cell>> = items.iter().map(row).collect();
    ui::table(&["id", "event", "status", "attempts", "answer", "created", "next try"], &rows);
}
