//! `stepwell keys …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use stepwell_core::ids::KeyId;

use super::workspaces::{self, LimitArgs};
use crate::client::{Client, list_all, percent_encode};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::references;
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/auth/api-keys";
const WEBHOOK_SECRET: &str = "/api/v1/webhooks/signing-secret";

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Create a key; its secret is shown only once
    Create(Create),
    /// List keys, newest first
    List {
        /// Workspace (ID or name) instead of the default one
        #[arg(long, value_name = "WORKSPACE")]
        workspace: Option<String>,
    },
    /// Revoke a key immediately
    Revoke {
        /// ID or name of the key
        id: String,
    },
    /// Show the secret that signs webhook deliveries
    WebhookSecret,
}

#[derive(Debug, Args)]
pub struct Create {
    /// Name of the key
    name: String,
    /// Scope: admin, read:workflows, write:workflows, execute:workflows[:ID or name]; repeatable
    #[arg(long = "scope", required_unless_present = "role", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Role, a set of scopes: admin, developer, analyst, user
    #[arg(long)]
    role: Option<String>,
    /// Workspace (ID or name) of the key [default: the default one]
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    /// Expiry: a timestamp (2030-01-31T00:00:00Z) or a duration from now (90d)
    #[arg(long, value_name = "TIME", value_parser = parse_expiry)]
    expires: Option<String>,
}

pub async fn run(args: Keys, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Keys, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Keys::Create(args) => {
            let mut body = json!({"name": args.name});
            if !args.scopes.is_empty() {
                body["scopes"] = args.scopes.into();
            }
            if let Some(role) = args.role {
                body["role"] = role.into();
            }
            if let Some(expires) = args.expires {
                body["expires_at"] = expires.into();
            }
            if let Some(workspace) = args.workspace {
                body["workspace_id"] =
                    workspaces::resolve_workspace(client, &workspace).await?.into();
            }
            args.limits.add_to(&mut body);
            let mut response = client.post(PATH, Some(&body)).await?;
            let response = response["data"].take();
            if as_json { terminal::print_json(&response) } else { print_created(&response) }
        }
        Keys::List { workspace } => {
            let filters = match workspace {
                Some(workspace) => {
                    let id = workspaces::resolve_workspace(client, &workspace).await?;
                    format!("&workspace_id={}", percent_encode(&id))
                }
                None => String::new(),
            };
            let keys = list_all(client, PATH, &filters).await?;
            if as_json { terminal::print_items(&keys, &Value::Null) } else { print_keys(&keys) }
        }
        Keys::Revoke { id } => {
            let path = references::API_KEY.path_of::<KeyId>(client, &id).await?;
            client.delete(&path).await?;
            let id = path.rsplit('/').next().unwrap_or_default();
            if as_json {
                terminal::print_json(&json!({"id": id}))
            } else {
                terminal::print_line(id)
            }
        }
        Keys::WebhookSecret => {
            let mut response = client.get(WEBHOOK_SECRET).await?;
            let response = response["data"].take();
            if as_json {
                terminal::print_json(&response)
            } else {
                terminal::print_line(&value_text(&response["secret"]))
            }
        }
    }
    Ok(())
}

fn print_created(key: &Value) {
    terminal::print_line(&value_text(&key["secret"]));
    terminal::print_stderr(&format!(
        "key {} `{}`; the secret is not shown again",
        value_text(&key["id"]),
        value_text(&key["name"])
    ));
}

fn print_keys(keys: &[Value]) {
    let rows: Vec<Vec<TableCell>> = keys
        .iter()
        .map(|key| {
            let scopes = key["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
            let scopes: Vec<String> = scopes.iter().map(value_text).collect();
            vec![
                value_text(&key["id"]).into(),
                value_text(&key["name"]).into(),
                value_text(&key["hint"]).into(),
                TableCell::status(&value_text(&key["status"])),
                scopes.join(" ").into(),
                value_text(&key["expires_at"]).into(),
                value_text(&key["last_used_at"]).into(),
            ]
        })
        .collect();
    terminal::print_table(
        &["id", "name", "secret", "status", "scopes", "expires", "last used"],
        &rows,
    );
}

/// clap value parser of a timestamp or a duration from now; returns RFC 3339.
fn parse_expiry(text: &str) -> Result<String, String> {
    parse_expiry_at(text, jiff::Timestamp::now())
}

fn parse_expiry_at(text: &str, now: jiff::Timestamp) -> Result<String, String> {
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(timestamp.to_string());
    }
    let hint = "expected a timestamp (2030-01-31T00:00:00Z) or a duration from now (90d, 12h)";
    let duration = humantime::parse_duration(text).map_err(|_| hint.to_owned())?;
    let timestamp = now.checked_add(duration).map_err(|_| format!("out of range; {hint}"))?;
    Ok(format!("{timestamp:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_timestamps_or_durations_from_now() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        for (text, expect) in [
            ("2030-01-31T00:00:00Z", Some("2030-01-31T00:00:00Z")),
            ("2030-01-31T01:00:00+01:00", Some("2030-01-31T00:00:00Z")),
            ("90d", Some("2026-04-01T00:00:00Z")),
            ("1h", Some("2026-01-01T01:00:00Z")),
            ("soon", None),
            ("2030-01-31", None),
        ] {
            assert_eq!(parse_expiry_at(text, now).ok().as_deref(), expect, "{text}");
        }
    }
}
