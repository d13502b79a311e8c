//! `stepwell execute`, also as `stepwell workflows execute`.

use clap::Args;
use serde_json::Map;

use super::watch;
use super::workflows::{print_id, print_warnings, resolve_workflow};
use crate::client::Client;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::inputs::InputArgs;
use crate::terminal::value_text;

#[derive(Debug, Args)]
pub struct Execute {
    /// ID or name; the newest of several with the same name
    workflow: String,
    #[command(flatten)]
    input: InputArgs,
    /// URL that receives status changes
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Release tag that selects the release [default: the newest release]
    #[arg(long, value_name = "TAG")]
    release_tag: Option<String>,
    /// Of several releases of the tag, the same key always selects the same one
    #[arg(long, value_name = "KEY")]
    traffic_key: Option<String>,
    /// Wait for the result: progress on stderr, the output on stdout
    #[arg(long, short)]
    wait: bool,
}

pub async fn run(args: Execute, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = execute_workflow(&client, args, global.json).await;
    client.close().await;
    result
}

/// Starts an execution and, with `--wait`, follows it to its end.
pub async fn execute_workflow(
    client: &Client,
    args: Execute,
    as_json: bool,
) -> Result<(), CliError> {
    let input = args.input.read()?;
    let id = resolve_workflow(client, &args.workflow).await?;
    let mut body = Map::new();
    if let Some(input) = input {
        body.insert("input".into(), input);
    }
    for (field, value) in [
        ("webhook_url", args.webhook_url),
        ("release_tag", args.release_tag),
        ("traffic_key", args.traffic_key),
    ] {
        if let Some(value) = value {
            body.insert(field.into(), value.into());
        }
    }
    let path = format!("/workflows/{id}/execute");
    let response = client.post(&path, Some(&body.into())).await?;
    let execution = value_text(&response["execution_id"]);
    print_warnings(&response, as_json && !args.wait);
    if !args.wait {
        print_id(&response, "execution_id", as_json);
        return Ok(());
    }
    let path = format!("/workflows/{id}/executions/{execution}");
    watch::follow_to_end(client, &path, watch::EventFormat::StderrLines).await?;
    watch::print_result(&client.get(&path).await?, as_json)
}
