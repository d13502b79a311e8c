//! `stepwell workflows …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use stepwell_core::ids::WorkflowId;

use super::watch;
use crate::cli::Global;
use crate::client::{Client, encode};
use crate::fault::{Fault, Kind};
use crate::ui::Cell;
use crate::{source, ui};

/// What to do with workflows. Wherever one is named, its id or its name will do; of several with
/// one name, the newest is meant.
#[derive(Debug, Subcommand)]
pub enum Workflows {
    /// List workflows, newest first
    List,
    /// Show a workflow with its steps
    Show {
        /// Its id or name
        workflow: String,
    },
    /// Create a workflow
    Create {
        /// The definition, JSON or YAML; `-` reads from stdin
        file: PathBuf,
    },
    /// Make a new release of a workflow
    Update {
        /// Its id or name
        workflow: String,
        /// The definition, JSON or YAML; `-` reads from stdin
        file: PathBuf,
    },
    /// Delete a workflow; running executions finish, history stays
    Delete {
        /// Its id or name
        workflow: String,
    },
    /// Execute a workflow
    Execute(Execute),
}

/// What to execute.
#[derive(Debug, Args)]
pub struct Execute {
    /// Its id or name
    workflow: String,
    /// The input: JSON, or @FILE
    #[arg(long, short, value_name = "JSON|@FILE")]
    input: Option<String>,
    /// Where status changes are sent
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Wait for the end: progress on stderr, the output on stdout
    #[arg(long, short)]
    wait: bool,
}

/// Does it.
pub async fn run(args: Workflows, global: &Global) -> Result<(), Fault> {
    let client = global.connect().await?;
    let result = carry_out(args, &client, global.json).await;
    client.close().await;
    result
}

async fn carry_out(args: Workflows, client: &Client, as_json: bool) -> Result<(), Fault> {
    match args {
        Workflows::List => list(client, as_json).await,
        Workflows::Show { workflow } => show(client, &workflow, as_json).await,
        Workflows::Create { file } => {
            let definition = source::definition(&file, Kind::Failed)?;
            let answer = client.post("/workflows", Some(&definition)).await?;
            print_id(&answer, "workflow_id", as_json);
            Ok(())
        }
        Workflows::Update { workflow, file } => {
            let definition = source::definition(&file, Kind::Failed)?;
            let id = resolve(client, &workflow).await?;
            let answer = client.put(&format!("/workflows/{id}"), &definition).await?;
            print_release(&answer, as_json);
            Ok(())
        }
        Workflows::Delete { workflow } => {
            let id = resolve(client, &workflow).await?;
            client.delete(&format!("/workflows/{id}")).await?;
            print_id(&json!({"workflow_id": id}), "workflow_id", as_json);
            Ok(())
        }
        Workflows::Execute(args) => execute(client, args, as_json).await,
    }
}

/// The id of the workflow that is known by that id or name.
pub async fn resolve(client: &Client, workflow: &str) -> Result<String, Fault> {
    if let Ok(id) = workflow.parse::<WorkflowId>() {
        return Ok(id.dataflow());
    }
    let mut pages = Pages::new("/workflows", "workflows");
    while let Some(page) = pages.next(client).await? {
        let found = page.iter().find(|item| item["name"] == workflow);
        if let Some(id) = found.and_then(|item| item["workflow_id"].as_str()) {
            return Ok(id.to_owned());
        }
    }
    Err(Fault::not_found(format!(
        "no workflow has the id or name `{workflow}`; `stepwell workflows list` shows all"
    )))
}

/// A list of the API, page by page.
pub struct Pages {
    path: String,
    items: &'static str,
    /// `None`: there is no further page.
    cursor: Option<String>,
}

impl Pages {
    /// The list at `path` (which may have a query), whose answers hold `items`.
    pub fn new(path: impl Into<String>, items: &'static str) -> Self {
        Self { path: path.into(), items, cursor: Some(String::new()) }
    }

    /// The next page; `None` after the last one.
    pub async fn next(&mut self, client: &Client) -> Result<Option<Vec<Value>>, Fault> {
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let mark = if self.path.contains('?') { '&' } else { '?' };
        let mut path = format!("{}{mark}limit=100", self.path);
        if !cursor.is_empty() {
            path = format!("{path}&cursor={}", encode(&cursor));
        }
        let mut answer = client.get(&path).await?;
        self.cursor = answer["next_cursor"].as_str().map(Into::into);
        let items = answer[self.items].take();
        Ok(Some(items.as_array().cloned().unwrap_or_default()))
    }

    /// All items, at most `limit`.
    pub async fn all(mut self, client: &Client, limit: usize) -> Result<Vec<Value>, Fault> {
        let mut all = Vec::new();
        while all.len() < limit
            && let Some(page) = self.next(client).await?
        {
            all.extend(page);
        }
        all.truncate(limit);
        Ok(all)
    }
}

async fn list(client: &Client, as_json: bool) -> Result<(), Fault> {
    let workflows = Pages::new("/workflows", "workflows").all(client, usize::MAX).await?;
    if as_json {
        ui::json(&json!({"workflows": workflows}));
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = workflows
        .iter()
        .map(|w| {
            let status = text(&w["status"]);
            vec![
                text(&w["workflow_id"]).into(),
                text(&w["name"]).into(),
                Cell::status(&status),
                text(&w["updated_at"]).into(),
            ]
        })
        .collect();
    ui::table(&["id", "name", "status", "updated"], &rows);
    Ok(())
}

async fn show(client: &Client, workflow: &str, as_json: bool) -> Result<(), Fault> {
    let id = resolve(client, workflow).await?;
    let answer = client.get(&format!("/workflows/{id}")).await?;
    if as_json {
        ui::json(&answer);
        return Ok(());
    }
    for field in ["workflow_id", "name", "status", "release", "created_at", "updated_at"] {
        if !answer[field].is_null() {
            ui::line(&format!("{field:<12} {}", text(&answer[field])));
        }
    }
    let steps = answer["steps"].as_array().cloned().unwrap_or_default();
    let rows: Vec<Vec<Cell>> = steps
        .iter()
        .map(|step| {
            let after = step["after"].as_array().map(Vec::as_slice).unwrap_or_default();
            let after: Vec<String> = after.iter().map(text).collect();
            vec![text(&step["step_id"]).into(), text(&step["type"]).into(), after.join(", ").into()]
        })
        .collect();
    ui::line("");
    ui::table(&["step", "type", "after"], &rows);
    Ok(())
}

async fn execute(client: &Client, args: Execute, as_json: bool) -> Result<(), Fault> {
    let id = resolve(client, &args.workflow).await?;
    let mut body = Map::new();
    if let Some(input) = &args.input {
        body.insert("input".into(), source::input(input)?);
    }
    if let Some(url) = args.webhook_url {
        body.insert("webhook_url".into(), url.into());
    }
    let path = format!("/workflows/{id}/execute");
    let answer = client.post(&path, Some(&body.into())).await?;
    let execution = text(&answer["execution_id"]);
    if !args.wait {
        print_id(&answer, "execution_id", as_json);
        return Ok(());
    }
    let path = format!("/workflows/{id}/executions/{execution}");
    watch::until_end(client, &path, watch::Show::Progress).await?;
    watch::result(&client.get(&path).await?, as_json)
}

fn print_id(answer: &Value, field: &str, as_json: bool) {
    if as_json { ui::json(answer) } else { ui::line(&text(&answer[field])) }
}

fn print_release(answer: &Value, as_json: bool) {
    if as_json {
        return ui::json(answer);
    }
    ui::line(&format!("{} release {}", text(&answer["workflow_id"]), text(&answer["release"])));
}

/// A value as people read it: text without quotes, nothing for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
