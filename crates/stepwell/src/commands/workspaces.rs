//! `stepwell workspaces …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, list_all, percent_encode};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/workspaces";

#[derive(Debug, Subcommand)]
pub enum Workspaces {
    /// Create a workspace; create its first key with `keys create --workspace`
    Create {
        /// Name of the workspace
        name: String,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// List workspaces, newest first
    List,
    /// Show a workspace
    Show {
        /// ID or name of the workspace
        workspace: String,
    },
    /// Change a workspace's name or limits
    Update {
        /// ID or name of the workspace
        workspace: String,
        /// New name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        limits: LimitArgs,
        /// Remove all limits
        #[arg(long, conflicts_with_all = ["tier", "executions_per_second", "requests_per_minute", "concurrent_executions"])]
        no_limits: bool,
    },
}

/// Limits of a key, or of all keys of a workspace together.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// Preset: standard (5 executions per second) or enterprise (only the limits of the other flags)
    #[arg(long)]
    tier: Option<String>,
    /// Maximum executions started per second
    #[arg(long, value_name = "N")]
    executions_per_second: Option<u32>,
    /// Maximum requests per minute
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u32>,
    /// Maximum concurrent executions
    #[arg(long, value_name = "N")]
    concurrent_executions: Option<u32>,
}

impl LimitArgs {
    /// Adds the limits that are set to the body of a request.
    pub fn add_to(self, body: &mut Value) {
        let Self { tier, executions_per_second, requests_per_minute, concurrent_executions } = self;
        if let Some(tier) = tier {
            body["tier"] = tier.into();
        }
        for (name, limit) in [
            ("executions_per_second", executions_per_second),
            ("requests_per_minute", requests_per_minute),
            ("concurrent_executions", concurrent_executions),
        ] {
            if let Some(limit) = limit {
                body["rate_limits"][name] = limit.into();
            }
        }
    }
}

pub async fn run(args: Workspaces, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Workspaces, client: &Client, as_json: bool) -> Result<(), CliError> {
    let mut response = match args {
        Workspaces::List => {
            let workspaces = list_all(client, PATH, "").await?;
            if as_json {
                terminal::print_items(&workspaces, &Value::Null)
            } else {
                print_workspaces(&workspaces)
            }
            return Ok(());
        }
        Workspaces::Create { name, limits } => {
            let mut body = json!({"name": name});
            limits.add_to(&mut body);
            client.post(PATH, Some(&body)).await?
        }
        Workspaces::Show { workspace } => {
            client.get(&workspace_path(client, &workspace).await?).await?
        }
        Workspaces::Update { workspace, name, limits, no_limits } => {
            let mut body = json!({});
            if let Some(name) = name {
                body["name"] = name.into();
            }
            if no_limits {
                body["rate_limits"] = json!({});
            }
            limits.add_to(&mut body);
            client.patch(&workspace_path(client, &workspace).await?, &body).await?
        }
    };
    let workspace = response["data"].take();
    if as_json {
        terminal::print_json(&workspace)
    } else {
        print_workspaces(&[workspace])
    }
    Ok(())
}

async fn workspace_path(client: &Client, workspace: &str) -> Result<String, CliError> {
    Ok(format!("{PATH}/{}", percent_encode(&resolve_workspace(client, workspace).await?)))
}

/// The ID of the workspace with this ID or name.
///
/// # Errors
/// `NotFound`; `Usage` if several have the name.
pub async fn resolve_workspace(client: &Client, id_or_name: &str) -> Result<String, CliError> {
    let workspaces = list_all(client, PATH, "").await?;
    let ids_with = |field: &str| -> Vec<String> {
        let found = workspaces.iter().filter(|workspace| workspace[field] == id_or_name);
        found.map(|workspace| value_text(&workspace["id"])).collect()
    };
    let found = [ids_with("id"), ids_with("name")].concat();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(CliError::not_found(format!(
            "no workspace has the ID or name `{id_or_name}`; `stepwell workspaces list` lists all"
        ))),
        several => Err(CliError::usage(format!(
            "{} workspaces have the name `{id_or_name}`; use an ID: {}",
            several.len(),
            several.join(", ")
        ))),
    }
}

fn print_workspaces(workspaces: &[Value]) {
    let limit = |workspace: &Value, name: &str| value_text(&workspace["rate_limits"][name]);
    let rows: Vec<Vec<TableCell>> = workspaces
        .iter()
        .map(|workspace| {
            vec![
                value_text(&workspace["id"]).into(),
                value_text(&workspace["name"]).into(),
                value_text(&workspace["tier"]).into(),
                limit(workspace, "executions_per_second").into(),
                limit(workspace, "requests_per_minute").into(),
                limit(workspace, "concurrent_executions").into(),
                value_text(&workspace["created_at"]).into(),
            ]
        })
        .collect();
    terminal::print_table(
        &["id", "name", "tier", "exec/s", "req/min", "concurrent", "created"],
        &rows,
    );
}
