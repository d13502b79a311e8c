//! `stepwell webhooks …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use stepwell_core::ids::WebhookId;

use crate::client::{Client, list_all, percent_encode};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::references;
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/webhooks";

#[derive(Debug, Subcommand)]
pub enum Webhooks {
    /// List webhooks, newest first
    List,
    /// Show a webhook
    Show {
        /// ID, URL or description of the webhook
        id: String,
    },
    /// Create a webhook; a generated secret is shown only once
    Create(Create),
    /// Delete a webhook
    Delete {
        /// ID, URL or description of the webhook
        id: String,
    },
    /// Send a test event to a webhook
    Test {
        /// ID, URL or description of the webhook
        id: String,
    },
    /// Replace the secret of a webhook; the new one is shown only once
    RotateSecret {
        /// ID, URL or description of the webhook
        id: String,
        /// How long deliveries are also signed with the old secret [default: 86400]
        #[arg(long, value_name = "SECONDS")]
        overlap: Option<u64>,
    },
    /// List the newest 100 deliveries of a webhook
    Deliveries {
        /// ID, URL or description of the webhook
        id: String,
        /// Only deliveries with this status: pending, delivered, exhausted
        #[arg(long)]
        status: Option<String>,
    },
    /// Send a delivery again
    Redeliver {
        /// ID of the delivery
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct Create {
    /// URL that receives the events
    url: String,
    /// Event to send, such as execution.completed; repeatable [default: all events]
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// Secret that signs deliveries, `whsec_…` [default: generated]
    #[arg(long)]
    secret: Option<String>,
    /// Description of the webhook
    #[arg(long)]
    description: Option<String>,
}

pub async fn run(args: Webhooks, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Webhooks, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Webhooks::List => {
            let webhooks = list_all(client, PATH, "").await?;
            if as_json {
                terminal::print_items(&webhooks, &Value::Null)
            } else {
                print_webhooks(&webhooks)
            }
        }
        Webhooks::Show { id } => {
            terminal::print_json(&client.get(&webhook_path(client, &id).await?).await?["data"])
        }
        Webhooks::Create(args) => {
            let response = client.post(PATH, Some(&args.into_body())).await?;
            print_secret(&response["data"], as_json);
        }
        Webhooks::Delete { id } => {
            let path = webhook_path(client, &id).await?;
            client.delete(&path).await?;
            let id = path.rsplit('/').next().unwrap_or_default();
            if as_json {
                terminal::print_json(&json!({"id": id}))
            } else {
                terminal::print_line(id)
            }
        }
        Webhooks::Test { id } => {
            let response =
                client.post(&format!("{}/test", webhook_path(client, &id).await?), None).await?;
            print_delivery(&response["data"], as_json);
        }
        Webhooks::RotateSecret { id, overlap } => {
            let body = overlap.map(|seconds| json!({"overlap_seconds": seconds}));
            let path = format!("{}/rotate_secret", webhook_path(client, &id).await?);
            print_secret(&client.post(&path, body.as_ref()).await?["data"], as_json);
        }
        Webhooks::Deliveries { id, status } => {
            let mut path = format!("{}/deliveries?page_size=100", webhook_path(client, &id).await?);
            if let Some(status) = status {
                path.push_str(&format!("&status={}", percent_encode(&status)));
            }
            let mut response = client.get(&path).await?;
            let data = response["data"].take();
            let items = data["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            if as_json {
                terminal::print_items(items, &data["pagination"]["next_cursor"])
            } else {
                print_deliveries(items)
            }
        }
        Webhooks::Redeliver { id } => {
            let path = format!("{PATH}/deliveries/{}/redeliver", percent_encode(&id));
            print_delivery(&client.post(&path, None).await?["data"], as_json);
        }
    }
    Ok(())
}

async fn webhook_path(client: &Client, webhook: &str) -> Result<String, CliError> {
    references::WEBHOOK.path_of::<WebhookId>(client, webhook).await
}

impl Create {
    fn into_body(self) -> Value {
        let Self { url, mut events, secret, description } = self;
        if events.is_empty() {
            events.push("*".to_owned());
        }
        json!({"url": url, "events": events, "secret": secret, "description": description})
    }
}

fn print_secret(webhook: &Value, as_json: bool) {
    if as_json {
        return terminal::print_json(webhook);
    }
    terminal::print_line(&value_text(&webhook["id"]));
    if let Some(secret) = webhook["secret"].as_str() {
        terminal::print_line(secret);
        terminal::print_stderr("the second line is the secret; it is not shown again");
    }
}

fn print_delivery(delivery: &Value, as_json: bool) {
    if as_json {
        terminal::print_json(delivery)
    } else {
        terminal::print_line(&value_text(&delivery["id"]))
    }
}

fn print_webhooks(webhooks: &[Value]) {
    let row = |webhook: &Value| -> Vec<TableCell> {
        let events = webhook["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let events: Vec<String> = events.iter().map(value_text).collect();
        vec![
            value_text(&webhook["id"]).into(),
            value_text(&webhook["url"]).into(),
            TableCell::status(&value_text(&webhook["status"])),
            events.join(" ").into(),
            value_text(&webhook["description"]).into(),
        ]
    };
    let rows: Vec<Vec<TableCell>> = webhooks.iter().map(row).collect();
    terminal::print_table(&["id", "url", "status", "events", "description"], &rows);
}

fn print_deliveries(deliveries: &[Value]) {
    let row = |delivery: &Value| -> Vec<TableCell> {
        let response = &delivery["response"];
        let field = if response["status"].is_null() { "error" } else { "status" };
        vec![
            value_text(&delivery["id"]).into(),
            value_text(&delivery["event"]).into(),
            TableCell::status(&value_text(&delivery["status"])),
            value_text(&delivery["attempt_count"]).into(),
            value_text(&response[field]).into(),
            value_text(&delivery["created_at"]).into(),
            value_text(&delivery["next_attempt_at"]).into(),
        ]
    };
    let rows: Vec<Vec<TableCell>> = deliveries.iter().map(row).collect();
    terminal::print_table(
        &["id", "event", "status", "attempts", "response", "created", "next attempt"],
        &rows,
    );
}
