//! `stepwell approvals …`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::client::{Client, list_all, percent_encode};
use crate::documents;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/approvals";

#[derive(Debug, Subcommand)]
pub enum Approvals {
    /// List approvals, newest first
    List {
        /// Only those with this status: pending, approved, rejected, expired or cancelled
        #[arg(long)]
        status: Option<String>,
        /// Only those about which this approver may decide
        #[arg(long)]
        approver: Option<String>,
        /// Only those of this execution
        #[arg(long)]
        execution: Option<String>,
    },
    /// Show an approval with its votes
    Get {
        /// ID of the approval
        approval: String,
    },
    /// Approve
    Approve(VoteArgs),
    /// Reject
    Reject(VoteArgs),
    /// Let another approver decide
    Delegate {
        /// ID of the approval
        approval: String,
        /// Name of the approver who delegates
        #[arg(long)]
        approver: Option<String>,
        /// Name of the approver who decides instead
        #[arg(long)]
        to: String,
        /// Why
        #[arg(long)]
        comment: Option<String>,
    },
    /// Create a link with which an approver can decide once, without a key
    Link {
        /// ID of the approval
        approval: String,
        /// Name of the approver
        #[arg(long)]
        approver: Option<String>,
        /// How long the link is valid, in seconds [default: 7 days]
        #[arg(long, value_name = "SECONDS")]
        expires_in: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub struct VoteArgs {
    /// ID of the approval
    approval: String,
    /// Name of the approver who votes
    #[arg(long)]
    approver: Option<String>,
    /// Why
    #[arg(long)]
    comment: Option<String>,
    /// Data of the form: JSON or @FILE
    #[arg(long, short, value_name = "JSON")]
    data: Option<String>,
}

pub async fn run(args: Approvals, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Approvals, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Approvals::List { status, approver, execution } => {
            let filters = [("status", status), ("approver", approver), ("execution_id", execution)];
            let filters = filters
                .into_iter()
                .filter_map(|(name, value)| Some(format!("&{name}={}", percent_encode(&value?))));
            let approvals = list_all(client, PATH, &filters.collect::<String>()).await?;
            if as_json {
                terminal::print_items(&approvals, &Value::Null);
            } else {
                print_list(&approvals);
            }
        }
        Approvals::Get { approval } => {
            terminal::print_json(&client.get(&path_of(&approval, "")).await?["data"]);
        }
        Approvals::Approve(vote) => send_vote(client, vote, "/approve", as_json).await?,
        Approvals::Reject(vote) => send_vote(client, vote, "/reject", as_json).await?,
        Approvals::Delegate { approval, approver, to, comment } => {
            let body = body_of([("approver", approver), ("to", Some(to)), ("comment", comment)]);
            let path = path_of(&approval, "/delegate");
            let delegated = client.post(&path, Some(&Value::Object(body))).await?;
            print_status(&delegated["data"], as_json);
        }
        Approvals::Link { approval, approver, expires_in } => {
            let mut body = body_of([("approver", approver)]);
            if let Some(seconds) = expires_in {
                body.insert("expires_in_seconds".into(), seconds.into());
            }
            let path = path_of(&approval, "/links");
            let link = client.post(&path, Some(&Value::Object(body))).await?;
            match as_json {
                true => terminal::print_json(&link["data"]),
                false => terminal::print_line(&value_text(&link["data"]["url"])),
            }
        }
    }
    Ok(())
}

async fn send_vote(
    client: &Client,
    vote: VoteArgs,
    verb: &str,
    as_json: bool,
) -> Result<(), CliError> {
    let VoteArgs { approval, approver, comment, data } = vote;
    let mut body = body_of([("approver", approver), ("comment", comment)]);
    if let Some(data) = data {
        body.insert("data".into(), documents::read_input("--data", &data)?);
    }
    let voted = client.post(&path_of(&approval, verb), Some(&Value::Object(body))).await?;
    print_status(&voted["data"], as_json);
    Ok(())
}

fn path_of(approval: &str, rest: &str) -> String {
    format!("{PATH}/{}{rest}", percent_encode(approval))
}

/// The fields that are given.
fn body_of<const N: usize>(fields: [(&str, Option<String>); N]) -> Map<String, Value> {
    let given =
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    given.collect()
}

fn print_status(approval: &Value, as_json: bool) {
    match as_json {
        true => terminal::print_json(approval),
        false => terminal::print_line(&value_text(&approval["status"])),
    }
}

fn print_list(approvals: &[Value]) {
    let rows = approvals.iter().map(|approval| {
        let approvers = approval["approvers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let approvers: Vec<String> = approvers.iter().map(value_text).collect();
        vec![
            value_text(&approval["id"]).into(),
            TableCell::status(&value_text(&approval["status"])),
            value_text(&approval["title"]).into(),
            approvers.join(", ").into(),
            value_text(&approval["created_at"]).into(),
        ]
    });
    let rows: Vec<Vec<TableCell>> = rows.collect();
    terminal::print_table(&["ID", "STATUS", "TITLE", "APPROVERS", "REQUESTED"], &rows);
}
