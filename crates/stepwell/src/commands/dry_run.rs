//! `stepwell dry-run FILE`: runs a definition with mocks and a simulated clock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::client::Client;
use crate::documents;
use crate::error::{CliError, CliErrorKind};
use crate::global::GlobalArgs;
use crate::inputs::{InputArgs, VarArgs};
use crate::terminal::{self, Colour, value_text};

/// The endpoint that runs a definition of the request.
pub const PATH: &str = "/api/v1/workflows/dry-run";

#[derive(Debug, Args)]
pub struct DryRun {
    /// Definition in JSON or YAML; `-` reads stdin
    file: PathBuf,
    #[command(flatten)]
    input: InputArgs,
    /// Results of steps by step id: JSON, or a file with JSON or YAML
    #[arg(long, short, value_name = "MOCKS")]
    mocks: Option<String>,
    #[command(flatten)]
    vars: VarArgs,
    /// When the simulated clock begins, such as 2026-01-31T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// Print no progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Prints the steps on stderr and the output on stdout.
pub async fn run(args: DryRun, global: &GlobalArgs) -> Result<(), CliError> {
    let mut request = json!({
        "definition": documents::read_definition(&args.file, CliErrorKind::Usage)?,
    });
    if let Some(input) = args.input.read()? {
        request["parameters"] = input;
    }
    if let Some(mocks) = &args.mocks {
        request["mocks"] = read_mocks(mocks)?;
    }
    let vars = args.vars.read();
    if !vars.is_empty() {
        request["vars"] = vars.into();
    }
    if let Some(now) = args.now {
        request["now"] = now.into();
    }
    let client = Client::connect_or_in_memory(global).await?;
    let response = client.post(PATH, Some(&request)).await;
    client.close().await;
    let report = response?["data"].take();
    print_report(&report, args.quiet, global.json);
    if report["status"] == "completed" { Ok(()) } else { Err(failed_run(&report)) }
}

fn read_mocks(argument: &str) -> Result<Value, CliError> {
    let file = argument.strip_prefix('@').unwrap_or(argument);
    if Path::new(file).is_file() {
        return documents::read_definition(Path::new(file), CliErrorKind::Usage);
    }
    stepwell_core::json::from_str(argument).map_err(|error| {
        CliError::usage(format!(
            "--mocks is no file and not valid JSON: {error}; write '{{\"STEP\": {{\"output\": …}}}}' \
             or a file"
        ))
    })
}

fn print_report(report: &Value, is_quiet: bool, as_json: bool) {
    if as_json {
        return terminal::print_json(report);
    }
    if !is_quiet {
        for step in report["steps"].as_array().into_iter().flatten() {
            terminal::print_stderr(&format_step(step));
        }
        let elapsed = terminal::format_duration(duration_of(&report["elapsed_ms"]));
        let status = value_text(&report["status"]);
        let text = format!("  {status} after {elapsed} of simulated time");
        terminal::print_stderr(&terminal::paint_stderr(Colour::Dim, &text));
    }
    if !report["output"].is_null() {
        terminal::print_json(&report["output"]);
    }
}

/// The line of a step: its mark, step run, and what is special about it.
fn format_step(step: &Value) -> String {
    let status = value_text(&step["status"]);
    let (colour, mark) = match status.as_str() {
        "completed" => (Colour::Green, "✓"),
        "failed" => (Colour::Red, "✗"),
        _ => (Colour::Dim, "-"),
    };
    let mut notes = Vec::new();
    if !matches!(status.as_str(), "completed" | "failed") {
        notes.push(status);
    }
    if step["mocked"] == true {
        notes.push("mocked".to_owned());
    }
    if step["attempts"].as_u64().is_some_and(|attempts| attempts > 1) {
        notes.push(format!("{} attempts", step["attempts"]));
    }
    if let Some(code) = step["error"]["code"].as_str() {
        notes.push(format!("{code}: {}", value_text(&step["error"]["message"])));
    }
    let [started, ended] =
        ["started_after_ms", "ended_after_ms"].map(|name| duration_of(&step[name]));
    let taken = ended.saturating_sub(started);
    if !taken.is_zero() {
        notes.push(terminal::format_duration(taken));
    }
    let notes = match notes.is_empty() {
        true => String::new(),
        false => format!("  {}", terminal::paint_stderr(Colour::Dim, &notes.join(", "))),
    };
    format!("  {} {}{notes}", terminal::paint_stderr(colour, mark), value_text(&step["step"]))
}

/// A number of milliseconds as duration.
pub fn duration_of(milliseconds: &Value) -> Duration {
    Duration::from_millis(milliseconds.as_u64().unwrap_or_default())
}

fn failed_run(report: &Value) -> CliError {
    let error = &report["error"];
    let step = error["step"].as_str().map(|step| format!(" in step `{step}`")).unwrap_or_default();
    let cause = match error["code"].as_str() {
        Some(code) => format!("{step}: {} ({code})", value_text(&error["message"])),
        None => String::new(),
    };
    CliError::failed(format!(
        "the dry run ended with status {}{cause}",
        value_text(&report["status"])
    ))
}
