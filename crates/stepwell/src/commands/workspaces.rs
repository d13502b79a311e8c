//! `stepwell workspaces …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::workflows::text;
use crate::cli::Global;
use crate::client::{Client, encode};
use crate::fault::Fault;
use crate::ui;
use crate::ui::Cell;

const PATH: &str = "/api/v1/workspaces";

/// What to do with workspaces.
#[derive(Debug, Subcommand)]
pub enum Workspaces {
    /// Create a workspace; `keys create --workspace` makes its first key
    Create {
        /// What people will call it
        name: String,
        /// What all of its keys may use together
        #[command(flatten)]
        limits: Limits,
    },
    /// List workspaces, newest first
    List,
    /// Show a workspace
    Show {
        /// Its id or name
        workspace: String,
    },
    /// Change a workspace's name or limits
    Update {
        /// Its id or name
        workspace: String,
        /// What people will call it
        #[arg(long)]
        name: Option<String>,
        /// What all of its keys may use together, instead of what was set before
        #[command(flatten)]
        limits: Limits,
        /// Take all limits away
        #[arg(long, conflicts_with_all = ["tier", "executions_per_second", "requests_per_minute", "concurrent_executions"])]
        no_limits: bool,
    },
}

/// How much a key or a workspace may use.
#[derive(Debug, Args)]
pub struct Limits {
    /// A preset of limits: standard (5 executions per second) or enterprise (those given beside)
    #[arg(long)]
    tier: Option<String>,
    /// The most executions started per second
    #[arg(long, value_name = "N")]
    executions_per_second: Option<u32>,
    /// The most requests per minute
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u32>,
    /// The most executions at the same time
    #[arg(long, value_name = "N")]
    concurrent_executions: Option<u32>,
}

impl Limits {
    /// Writes what was given into the body of a request.
    pub fn write(self, body: &mut Value) {
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

/// Does it.
pub async fn run(args: Workspaces, global: &Global) -> Result<(), Fault> {
    let client = global.connect().await?;
    let result = carry_out(args, &client, global.json).await;
    client.close().await;
    result
}

async fn carry_out(args: Workspaces, client: &Client, as_json: bool) -> Result<(), Fault> {
    let mut answer = match args {
        Workspaces::List => {
            let all = pages(client, PATH, "").await?;
            if as_json {
                ui::json(&json!({"items": all}))
            } else {
                print_list(&all)
            }
            return Ok(());
        }
        Workspaces::Create { name, limits } => {
            let mut body = json!({"name": name});
            limits.write(&mut body);
            client.post(PATH, Some(&body)).await?
        }
        Workspaces::Show { workspace } => client.get(&path(client, &workspace).await?).await?,
        Workspaces::Update { workspace, name, limits, no_limits } => {
            let mut body = json!({});
            if let Some(name) = name {
                body["name"] = name.into();
            }
            if no_limits {
                body["rate_limits"] = json!({});
            }
            limits.write(&mut body);
            client.patch(&path(client, &workspace).await?, &body).await?
        }
    };
    let workspace = answer["data"].take();
    if as_json {
        ui::json(&workspace)
    } else {
        print_list(&[workspace])
    }
    Ok(())
}

async fn path(client: &Client, workspace: &str) -> Result<String, Fault> {
    Ok(format!("{PATH}/{}", encode(&find(client, workspace).await?)))
}

/// The id of a workspace that is named by its id or its name.
///
/// # Errors
/// `NotFound`; `Usage` where several have the name.
pub async fn find(client: &Client, named: &str) -> Result<String, Fault> {
    let all = pages(client, PATH, "").await?;
    let with = |field: &str| -> Vec<String> {
        let found = all.iter().filter(|workspace| workspace[field] == named);
        found.map(|workspace| text(&workspace["id"])).collect()
    };
    let found = [with("id"), with("name")].concat();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Fault::not_found(format!(
            "there is no workspace `{named}`; `stepwell workspaces list` shows them"
        ))),
        several => Err(Fault::usage(format!(
            "{} workspaces are called `{named}`; name one by its id: {}",
            several.len(),
            several.join(", ")
        ))),
    }
}

/// All items of a list, page by page; `more` goes to the query.
///
/// # Errors
/// As the API answers.
pub async fn pages(client: &Client, path: &str, more: &str) -> Result<Vec<Value>, Fault> {
    let mut items = Vec::new();
    for page in 1.. {
        let answer = client.get(&format!("{path}?page={page}&page_size=100{more}")).await?;
        let data = &answer["data"];
        items.extend(data["items"].as_array().cloned().unwrap_or_default());
        if page >= data["pagination"]["total_pages"].as_u64().unwrap_or_default() {
            break;
        }
    }
    Ok(items)
}

fn print_list(workspaces: &[Value]) {
    let limit = |workspace: &Value, name: &str| text(&workspace["rate_limits"][name]);
    let rows: Vec<Vec<Cell>> = workspaces
        .iter()
        .map(|workspace| {
            vec![
                text(&workspace["id"]).into(),
                text(&workspace["name"]).into(),
                text(&workspace["tier"]).into(),
                limit(workspace, "executions_per_second").into(),
                limit(workspace, "requests_per_minute").into(),
                limit(workspace, "concurrent_executions").into(),
                text(&workspace["created_at"]).into(),
            ]
        })
        .collect();
    ui::table(&["id", "name", "tier", "exec/s", "req/min", "concurrent", "created"], &rows);
}
