//! `stepwell run FILE`: executes one definition here and now. No server, no data folder; when it
//! is over, nothing is left.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::app::{CreateWorkflow, Start};
use stepwell_engine::view::{ExecutionView, Notice, StepStatus, StepView, What};
use stepwell_engine::{App, AppError, Caller};

use crate::cli::Global;
use crate::client::Client;
use crate::fault::{Fault, Kind};
use crate::{source, ui, wiring};

/// What to execute.
#[derive(Debug, Args)]
pub struct Run {
    /// The definition, JSON or YAML; `-` reads it from stdin
    file: PathBuf,
    /// The input: JSON, or @FILE
    #[arg(long, short, value_name = "JSON|@FILE")]
    input: Option<String>,
    /// A secret that steps may ask for as `secrets.NAME`
    #[arg(long, value_name = "NAME=VALUE", value_parser = source::pair)]
    secret: Vec<(String, String)>,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Executes it: progress on stderr, the output on stdout.
pub async fn run(args: Run, global: &Global) -> Result<(), Fault> {
    let config = global.load_config()?;
    let definition = source::definition(&args.file, Kind::Usage)?;
    let start = Start {
        input: args.input.as_deref().map(source::input).transpose()?,
        secrets: args.secret,
        ..Start::default()
    };
    let engine = config.engine_for_here();
    let app = wiring::start_engine(wiring::memory_store(), engine).await?;
    let result = execute(&app, definition, start, args.quiet).await;
    let json = match (&result, global.json) {
        (Ok(view), true) => Some(as_api_shows(&app, &config, view).await?),
        _ => None,
    };
    app.shutdown().await;
    finish(&result?, json)
}

async fn execute(
    app: &App,
    definition: Value,
    start: Start,
    quiet: bool,
) -> Result<ExecutionView, Fault> {
    let caller = Caller::internal();
    let create = CreateWorkflow { source: definition, active: true, idempotency: None };
    let workflow = app.create_workflow(&caller, create).await.map_err(usage)?;
    let id = app.execute(&caller, workflow, start).await.map_err(usage)?;
    follow(app, &caller, workflow, id, quiet).await?;
    Ok(app.execution(&caller, Some(workflow), id).await?)
}

/// What is wrong with the files of the command line is a matter of usage here.
fn usage(error: AppError) -> Fault {
    let fault = Fault::from(error);
    if fault.kind == Kind::Failed { Fault { kind: Kind::Usage, ..fault } } else { fault }
}

async fn follow(
    app: &App,
    caller: &Caller,
    workflow: WorkflowId,
    id: ExecutionId,
    quiet: bool,
) -> Result<(), Fault> {
    let mut follow = app.follow(caller, Some(workflow), id, 0).await?;
    while let Some(notice) = follow.next().await? {
        if !quiet && let Some(line) = progress(&notice) {
            ui::note(&line);
        }
    }
    Ok(())
}

/// A line for what is worth one.
fn progress(notice: &Notice) -> Option<String> {
    match &notice.what {
        What::Status { .. } | What::Delta { .. } => None,
        What::Log(line) => {
            let step = line.step_id.as_deref().unwrap_or_default();
            Some(format!("  {} {step}: {}", ui::err_paint(ui::Colour::Dim, "·"), line.message))
        }
        What::Step { step, settled, total } => {
            let (colour, mark, extra) = match step.status {
                StepStatus::Completed => (ui::Colour::Green, "✓", String::new()),
                StepStatus::Failed => (ui::Colour::Red, "✗", failure(step)),
                StepStatus::Skipped => (ui::Colour::Dim, "-", " skipped".into()),
                StepStatus::Cancelled => (ui::Colour::Dim, "-", " cancelled".into()),
                StepStatus::Waiting => (ui::Colour::Yellow, "…", " waiting".into()),
                StepStatus::Running if step.error.is_some() => {
                    (ui::Colour::Yellow, "↻", format!("{}, trying again", failure(step)))
                }
                StepStatus::Running | StepStatus::Pending => return None,
            };
            let mark = ui::err_paint(colour, mark);
            let time = took(step.started_at, step.ended_at)
                .map(|d| ui::err_paint(ui::Colour::Dim, &format!("  {}", ui::duration(d))))
                .unwrap_or_default();
            Some(format!("  {mark} [{settled}/{total}] {}{extra}{time}", step.step_id))
        }
    }
}

fn failure(step: &StepView) -> String {
    step.error.as_ref().map(|e| format!(" {}: {}", e.code, e.message)).unwrap_or_default()
}

fn took(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Duration> {
    Some(to?.since(from?))
}

/// The execution in the API's own shape.
async fn as_api_shows(
    app: &App,
    config: &crate::config::Config,
    view: &ExecutionView,
) -> Result<Value, Fault> {
    let client = Client::over(app.clone(), config);
    let (workflow, id) = (view.record.workflow.dataflow(), view.record.id.dataflow());
    client.get(&format!("/workflows/{workflow}/executions/{id}")).await
}

fn finish(view: &ExecutionView, json: Option<Value>) -> Result<(), Fault> {
    match (json, &view.output) {
        (Some(json), _) => ui::json(&json),
        (None, Some(output)) => ui::json(&Arc::unwrap_or_clone(output.clone())),
        (None, None) => {}
    }
    if view.record.status == Status::Completed {
        return Ok(());
    }
    let why = view.error.as_ref().map(|error| {
        let step = error.step.as_ref().map(|s| format!(" in step `{s}`")).unwrap_or_default();
        format!("{step}: {} ({})", error.message, error.code)
    });
    Err(Fault::failed(format!(
        "the execution ended as {}{}",
        view.record.status.name(),
        why.unwrap_or_default()
    )))
}
