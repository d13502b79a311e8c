//! `stepwell executions rerun`.

use clap::Args;
use serde_json::{Map, Value};
use stepwell_core::ids::ExecutionId;

use super::super::watch;
use super::parse_execution;
use crate::client::Client;
use crate::error::CliError;
use crate::inputs::InputArgs;
use crate::terminal::{self, value_text};

#[derive(Debug, Args)]
pub struct Rerun {
    /// ID of the execution, which must have ended
    #[arg(value_name = "EXECUTION")]
    id: String,
    /// This step, those after it, and steps that failed elsewhere; other results are reused.
    /// `--input` is then the input of this step: NAME=VALUE changes fields of the recorded one.
    /// Expressions that read `inputs` still get the input of the execution
    #[arg(long, value_name = "STEP", conflicts_with = "from_failed")]
    from_step: Option<String>,
    /// Only what failed or was not reached
    #[arg(long)]
    from_failed: bool,
    #[command(flatten)]
    input: InputArgs,
    /// Release tag that selects the release, instead of the release of the original
    #[arg(long, value_name = "TAG")]
    release_tag: Option<String>,
    /// Of several releases of the tag, the same key always selects the same one
    #[arg(long, value_name = "KEY", requires = "release_tag")]
    traffic_key: Option<String>,
    /// Wait for the result: progress on stderr, the output on stdout
    #[arg(long, short)]
    wait: bool,
}

pub async fn rerun_execution(args: Rerun, client: &Client, as_json: bool) -> Result<(), CliError> {
    let id = parse_execution(&args.id)?;
    let path = format!("/api/v1/workflow_executions/{}", id.abi());
    let mut body = Map::new();
    // Pairs edit the recorded input of the original, or of the step.
    let original = match (&args.from_step, args.input.has_only_pairs()) {
        (None, true) => client.get(&path).await?["data"]["parameters"].take(),
        (Some(step), true) => step_input(&client.get(&format!("{path}?include=io")).await?, step),
        _ => Value::Null,
    };
    if let Some(input) = args.input.read_over(original)? {
        let field = if args.from_step.is_some() { "input" } else { "parameters" };
        body.insert(field.into(), input);
    }
    if args.from_failed {
        body.insert("from".into(), "failed".into());
    }
    for (field, value) in [
        ("from_step", args.from_step),
        ("release_tag", args.release_tag),
        ("traffic_key", args.traffic_key),
    ] {
        if let Some(value) = value {
            body.insert(field.into(), value.into());
        }
    }
    let started = client.post(&format!("{path}/rerun"), Some(&body.into())).await?;
    let started = &started["data"];
    let execution: ExecutionId = parse_execution(&value_text(&started["execution_id"]))?;
    let shown = format!(
        "/workflows/{}/executions/{}",
        value_text(&started["workflow_id"]),
        execution.dataflow()
    );
    if args.wait {
        watch::follow_to_end(client, &shown, watch::EventFormat::StderrLines).await?;
        return watch::print_result(&client.get(&shown).await?, as_json);
    }
    if as_json {
        terminal::print_json(&client.get(&shown).await?);
    } else {
        terminal::print_line(&execution.dataflow());
    }
    Ok(())
}

/// The recorded input of a step; `null` if it has none with fields.
fn step_input(execution: &Value, name: &str) -> Value {
    let steps = execution["data"]["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let step = steps.iter().find(|step| step["name"] == name);
    let input = step.map(|step| &step["input"]).filter(|input| input.is_object());
    input.cloned().unwrap_or_default()
}
