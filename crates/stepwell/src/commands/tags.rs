//! `stepwell tags …`: the release tags of a workflow.

use clap::Subcommand;
use serde_json::{Value, json};

use super::workflows::resolve_workflow;
use crate::client::{Client, list_all, percent_encode};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};

#[derive(Debug, Subcommand)]
pub enum Tags {
    /// List the release tags of a workflow
    List {
        /// ID or name of the workflow
        workflow: String,
    },
    /// Create or move a release tag
    Set {
        /// ID or name of the workflow
        workflow: String,
        /// Name of the tag
        tag: String,
        /// A release, or several with weights: 3, or 3=90 4=10
        #[arg(required = true, value_name = "RELEASE[=WEIGHT]", value_parser = parse_target)]
        targets: Vec<Target>,
    },
    /// Delete a release tag
    Delete {
        /// ID or name of the workflow
        workflow: String,
        /// Name of the tag
        tag: String,
    },
}

/// A release to which a tag points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    release: u32,
    weight: Option<u32>,
}

/// clap value parser of `RELEASE` or `RELEASE=WEIGHT`.
fn parse_target(text: &str) -> Result<Target, String> {
    let hint = "expected the number of a release, or RELEASE=WEIGHT such as 3=90";
    let number = |text: &str| text.parse::<u32>().map_err(|_| hint.to_owned());
    Ok(match text.split_once('=') {
        Some((release, weight)) => {
            Target { release: number(release)?, weight: Some(number(weight)?) }
        }
        None => Target { release: number(text)?, weight: None },
    })
}

pub async fn run(args: Tags, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Tags, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Tags::List { workflow } => {
            let tags = list_all(client, &tags_path(client, &workflow).await?, "").await?;
            if as_json { terminal::print_items(&tags, &Value::Null) } else { print_tags(&tags) }
        }
        Tags::Set { workflow, tag, targets } => {
            let body = target_body(&targets)?;
            let path = tag_path(client, &workflow, &tag).await?;
            let mut response = client.put(&path, &body).await?;
            let tag = response["data"].take();
            if as_json { terminal::print_json(&tag) } else { print_tags(&[tag]) }
        }
        Tags::Delete { workflow, tag } => {
            let path = tag_path(client, &workflow, &tag).await?;
            let response = client.delete(&path).await?;
            if as_json {
                terminal::print_json(&response["data"])
            } else {
                terminal::print_line(&tag)
            }
        }
    }
    Ok(())
}

fn target_body(targets: &[Target]) -> Result<Value, CliError> {
    if let [Target { release, weight: None }] = targets {
        return Ok(json!({"release": release}));
    }
    let mut traffic = Vec::new();
    for Target { release, weight } in targets {
        let Some(weight) = weight else {
            return Err(CliError::usage(format!(
                "release {release} has no weight; of several releases each needs one, such as \
                 {release}=10"
            )));
        };
        traffic.push(json!({"release": release, "weight": weight}));
    }
    Ok(json!({"traffic": traffic}))
}

async fn tags_path(client: &Client, workflow: &str) -> Result<String, CliError> {
    Ok(format!("/api/v1/workflows/{}/release_tags", resolve_workflow(client, workflow).await?))
}

async fn tag_path(client: &Client, workflow: &str, tag: &str) -> Result<String, CliError> {
    Ok(format!("{}/{}", tags_path(client, workflow).await?, percent_encode(tag)))
}

fn print_tags(tags: &[Value]) {
    let row = |tag: &Value| -> Vec<TableCell> {
        let shares = tag["traffic"].as_array().map(Vec::as_slice).unwrap_or_default();
        let releases = match shares {
            [one] => value_text(&one["release"]),
            several => several
                .iter()
                .map(|part| {
                    format!("{}={}", value_text(&part["release"]), value_text(&part["weight"]))
                })
                .collect::<Vec<_>>()
                .join(" "),
        };
        vec![
            value_text(&tag["name"]).into(),
            releases.into(),
            value_text(&tag["updated_at"]).into(),
        ]
    };
    let rows: Vec<Vec<TableCell>> = tags.iter().map(row).collect();
    terminal::print_table(&["tag", "releases", "moved"], &rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_releases_with_or_without_weights() {
        let body = |texts: &[&str]| {
            let targets =
                texts.iter().map(|text| parse_target(text)).collect::<Result<Vec<_>, _>>();
            target_body(&targets?).map_err(|error| error.message)
        };
        assert_eq!(body(&["3"]), Ok(json!({"release": 3})));
        let traffic = json!([{"release": 3, "weight": 90}, {"release": 4, "weight": 10}]);
        assert_eq!(body(&["3=90", "4=10"]), Ok(json!({"traffic": traffic})));
        for wrong in [&["x"][..], &["3="], &["-1"], &["3", "4"], &["3=1", "4"]] {
            assert!(body(wrong).is_err(), "{wrong:?}");
        }
    }
}
