//! `stepwell signals …`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use stepwell_core::ids::ExecutionId;

use super::executions::parse_execution;
use crate::client::{Client, percent_encode};
use crate::documents;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::references::printed_id;
use crate::terminal::{self, value_text};

#[derive(Debug, Subcommand)]
pub enum Signals {
    /// Send a signal to an execution, or to the one that waits for a key
    Send(Send),
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("receiver").required(true).multiple(true))]
pub struct Send {
    /// Name of the signal
    name: String,
    /// ID of the execution
    #[arg(long, short, group = "receiver")]
    execution: Option<String>,
    /// Correlation key that the step waits for
    #[arg(
        id = "correlation_key",
        long = "for",
        short = 'f',
        value_name = "KEY",
        group = "receiver"
    )]
    key: Option<String>,
    /// Data of the signal, the output of the step: JSON or @FILE
    #[arg(long, short, value_name = "JSON")]
    data: Option<String>,
    /// ID of your own: further signals with the same name and ID are ignored
    #[arg(long)]
    id: Option<String>,
    /// Fail if no step waits for the signal, instead of keeping it
    #[arg(long)]
    no_keep: bool,
}

pub async fn run(args: Signals, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let Signals::Send(send) = args;
    let result = send_signal(send, &client, global.json).await;
    client.close().await;
    result
}

async fn send_signal(args: Send, client: &Client, as_json: bool) -> Result<(), CliError> {
    let Send { name, execution, key, data, id, no_keep } = args;
    let mut body = Map::new();
    if let Some(data) = data {
        body.insert("data".into(), documents::read_input("--data", &data)?);
    }
    for (field, text) in [("key", key), ("id", id)] {
        if let Some(text) = text {
            body.insert(field.into(), text.into());
        }
    }
    if no_keep {
        body.insert("keep".into(), false.into());
    }
    let name = percent_encode(&name);
    let path = match execution {
        Some(execution) => {
            let id: ExecutionId = parse_execution(&execution)?;
            format!("/api/v1/workflow_executions/{}/signals/{name}", id.abi())
        }
        None => format!("/api/v1/signals/{name}"),
    };
    let sent = client.post(&path, Some(&Value::Object(body))).await?;
    if as_json {
        terminal::print_json(&sent["data"]);
    } else {
        terminal::print_line(&describe_sent(&sent["data"]));
    }
    Ok(())
}

/// What became of a signal.
fn describe_sent(sent: &Value) -> String {
    let execution = printed_id(&sent["execution_id"]);
    let expires = value_text(&sent["expires_at"]);
    match (value_text(&sent["status"]).as_str(), execution.as_str()) {
        ("kept", "") => format!("kept until an execution waits for it, at most until {expires}"),
        ("kept", _) => format!("kept by {execution}"),
        ("repeated", _) => "ignored: a signal with this ID was received before".to_owned(),
        _ => format!("consumed by {execution}"),
    }
}
