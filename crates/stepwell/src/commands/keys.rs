//! `stepwell keys …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::workflows::text;
use super::workspaces::{self, Limits, pages};
use crate::cli::Global;
use crate::client::{Client, encode};
use crate::fault::Fault;
use crate::ui;
use crate::ui::Cell;

const PATH: &str = "/api/v1/auth/api-keys";
const WEBHOOK_SECRET: &str = "/api/v1/webhooks/signing-secret";

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Create a key; its secret is shown this once
    Create(Create),
    /// List keys, newest first
    List {
        /// Those of this workspace (id or name) instead of the default one
        #[arg(long, value_name = "WORKSPACE")]
        workspace: Option<String>,
    },
    /// Revoke a key at once
    Revoke {
        /// Its id
        id: String,
    },
    /// Show the secret with which webhooks are signed
    WebhookSecret,
}

/// What key to create.
#[derive(Debug, Args)]
pub struct Create {
    /// What people will call it
    name: String,
    /// What it may do: admin, or read:workflows, write:workflows, execute:workflows[:ID or name]
    #[arg(long = "scope", required_unless_present = "role", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A set of scopes: admin, developer, analyst, user
    #[arg(long)]
    role: Option<String>,
    /// The workspace (id or name) whose objects it opens [default: the default one]
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// What it may use
    #[command(flatten)]
    limits: Limits,
    /// When it stops being accepted: 2030-01-31T00:00:00Z, or a time from now: 90d
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires: Option<String>,
}

/// Does it.
pub async fn run(args: Keys, global: &Global) -> Result<(), Fault> {
    let client = global.connect().await?;
    let result = carry_out(args, &client, global.json).await;
    client.close().await;
    result
}

async fn carry_out(args: Keys, client: &Client, as_json: bool) -> Result<(), Fault> {
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
                body["workspace_id"] = workspaces::find(client, &workspace).await?.into();
            }
            args.limits.write(&mut body);
            let mut answer = client.post(PATH, Some(&body)).await?;
            let answer = answer["data"].take();
            if as_json { ui::json(&answer) } else { print_new(&answer) }
        }
        Keys::List { workspace } => {
            let more = match workspace {
                Some(named) => {
                    let id = workspaces::find(client, &named).await?;
                    format!("&workspace_id={}", encode(&id))
                }
                None => String::new(),
            };
            let keys = pages(client, PATH, &more).await?;
            if as_json { ui::json(&json!({"items": keys})) } else { print_list(&keys) }
        }
        Keys::Revoke { id } => {
            client.delete(&format!("{PATH}/{}", encode(&id))).await?;
            if as_json { ui::json(&json!({"id": id})) } else { ui::line(&id) }
        }
        Keys::WebhookSecret => {
            let mut answer = client.get(WEBHOOK_SECRET).await?;
            let answer = answer["data"].take();
            if as_json { ui::json(&answer) } else { ui::line(&text(&answer["secret"])) }
        }
    }
    Ok(())
}

fn print_new(key: &Value) {
    ui::line(&text(&key["secret"]));
    ui::note(&format!(
        "key {} `{}`; its secret is not shown again",
        text(&key["id"]),
        text(&key["name"])
    ));
}

fn print_list(keys: &[Value]) {
    let rows: Vec<Vec<Cell>> = keys
        .iter()
        .map(|key| {
            let scopes = key["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
            let scopes: Vec<String> = scopes.iter().map(text).collect();
            vec![
                text(&key["id"]).into(),
                text(&key["name"]).into(),
                text(&key["hint"]).into(),
                Cell::status(&text(&key["status"])),
                scopes.join(" ").into(),
                text(&key["expires_at"]).into(),
                text(&key["last_used_at"]).into(),
            ]
        })
        .collect();
    ui::table(&["id", "name", "secret", "status", "scopes", "expires", "last used"], &rows);
}

/// Reads a moment, or a time from now, as RFC 3339; for clap.
fn expiry(text: &str) -> Result<String, String> {
    expiry_from(text, jiff::Timestamp::now())
}

fn expiry_from(text: &str, now: jiff::Timestamp) -> Result<String, String> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.to_string());
    }
    let hint = "write a moment (2030-01-31T00:00:00Z) or a time from now (90d, 12h)";
    let span = humantime::parse_duration(text).map_err(|_| hint.to_owned())?;
    let moment = now.checked_add(span).map_err(|_| format!("that is too far away; {hint}"))?;
    Ok(format!("{moment:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_moments_or_times_from_now() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        for (text, expect) in [
            ("2030-01-31T00:00:00Z", Some("2030-01-31T00:00:00Z")),
            ("2030-01-31T01:00:00+01:00", Some("2030-01-31T00:00:00Z")),
            ("90d", Some("2026-04-01T00:00:00Z")),
            ("1h", Some("2026-01-01T01:00:00Z")),
            ("soon", None),
            ("2030-01-31", None),
        ] {
            assert_eq!(expiry_from(text, now).ok().as_deref(), expect, "{text}");
        }
    }
}
