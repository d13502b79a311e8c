//! `stepwell releases …`.

use clap::Subcommand;
use serde_json::Value;

use super::workflows::resolve_workflow;
use crate::client::{Client, ListRequest, list_page};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};

#[derive(Debug, Subcommand)]
pub enum Releases {
    /// List the releases of a workflow, newest first, without their definitions
    List {
        /// ID or name of the workflow
        workflow: String,
        /// Maximum number of releases
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Continue after the `next` of an earlier list
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a release with its definition
    Show {
        /// ID or name of the workflow
        workflow: String,
        /// Number of the release
        release: u32,
    },
}

pub async fn run(args: Releases, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Releases, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Releases::List { workflow, limit, cursor } => {
            let path = releases_path(client, &workflow).await?;
            let request = ListRequest { path: &path, filters: "", limit, cursor };
            let mut page = list_page(client, request).await?;
            for release in &mut page.items {
                if let Some(fields) = release.as_object_mut() {
                    fields.remove("definition");
                }
            }
            if as_json {
                terminal::print_items(&page.items, &page.next);
            } else {
                print_releases(&page.items);
            }
            Ok(())
        }
        Releases::Show { workflow, release } => {
            let path = releases_path(client, &workflow).await?;
            // Releases are numbered without gaps, so the number is the place in the list.
            let at = format!("{path}?sort_order=asc&page_size=1&page={release}");
            let found = client.get(&at).await?;
            let item = &found["data"]["items"][0];
            if item.is_null() {
                return Err(CliError::not_found(format!(
                    "`{workflow}` has no release {release}; `stepwell releases list {workflow}` \
                     lists all"
                )));
            }
            terminal::print_json(item);
            Ok(())
        }
    }
}

async fn releases_path(client: &Client, workflow: &str) -> Result<String, CliError> {
    Ok(format!("/api/v1/workflows/{}/releases", resolve_workflow(client, workflow).await?))
}

fn print_releases(releases: &[Value]) {
    let row = |release: &Value| -> Vec<TableCell> {
        vec![value_text(&release["number"]).into(), value_text(&release["created_at"]).into()]
    };
    let rows: Vec<Vec<TableCell>> = releases.iter().map(row).collect();
    terminal::print_table(&["release", "created"], &rows);
}
