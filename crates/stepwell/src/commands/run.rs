//! `stepwell run FILE`: executes one definition in memory, without a server or a data folder.
//! Nothing is stored.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::app::{CreateWorkflow, Start};
use stepwell_engine::variable::Variable;
use stepwell_engine::view::{ExecutionView, Notice, NoticeKind, StepStatus, StepView};
use stepwell_engine::{App, AppError, Caller};

use crate::client::Client;
use crate::error::{CliError, CliErrorKind};
use crate::global::GlobalArgs;
use crate::inputs::{InputArgs, VarArgs};
use crate::{documents, terminal, wiring};

#[derive(Debug, Args)]
pub struct Run {
    /// Definition in JSON or YAML; `-` reads stdin
    file: PathBuf,
    /// Definition of a workflow that it starts as a sub-workflow; repeatable
    #[arg(long = "with", value_name = "FILE")]
    others: Vec<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    vars: VarArgs,
    /// Secret that steps can use as `secrets.NAME`; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = documents::parse_name_value)]
    secret: Vec<(String, String)>,
    /// Print no progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Prints progress on stderr and the output on stdout.
pub async fn run(args: Run, global: &GlobalArgs) -> Result<(), CliError> {
    let config = global.load_config()?;
    let read = |file: &PathBuf| documents::read_definition(file, CliErrorKind::Usage);
    let definition = read(&args.file)?;
    let others: Vec<Value> = args.others.iter().map(read).collect::<Result<_, _>>()?;
    let start = Start { input: args.input.read()?, secrets: args.secret, ..Start::default() };
    let engine = config.engine_for_local_use();
    let app = wiring::start_engine(wiring::in_memory_store(), engine).await?;
    let prepared = async {
        create_variables(&app, args.vars).await?;
        create_workflows(&app, others).await
    };
    let result = match prepared.await {
        Ok(()) => execute_definition(&app, definition, start, args.quiet).await,
        Err(error) => Err(error),
    };
    let json = match (&result, global.json) {
        (Ok(view), true) => Some(api_execution(&app, &config, view).await?),
        _ => None,
    };
    app.shutdown().await;
    print_result(&result?, json)
}

async fn create_variables(app: &App, vars: VarArgs) -> Result<(), CliError> {
    for (name, value) in vars.read() {
        let variable = Variable { name, description: None, value };
        app.create_object(&Caller::internal(), variable).await.map_err(usage_error)?;
    }
    Ok(())
}

async fn create_workflows(app: &App, definitions: Vec<Value>) -> Result<(), CliError> {
    for source in definitions {
        let create = CreateWorkflow { source, active: true, idempotency: None };
        app.create_workflow(&Caller::internal(), create).await.map_err(usage_error)?;
    }
    Ok(())
}

async fn execute_definition(
    app: &App,
    definition: Value,
    start: Start,
    quiet: bool,
) -> Result<ExecutionView, CliError> {
    let caller = Caller::internal();
    let create = CreateWorkflow { source: definition, active: true, idempotency: None };
    let workflow = app.create_workflow(&caller, create).await.map_err(usage_error)?;
    let id = app.execute(&caller, workflow, start).durable().await.map_err(usage_error)?;
    print_events(app, &caller, workflow, id, quiet).await?;
    Ok(app.execution(&caller, Some(workflow), id).await?)
}

/// An invalid definition or input is a usage error: both are files of the command line.
fn usage_error(error: AppError) -> CliError {
    let error = CliError::from(error);
    if error.kind == CliErrorKind::Failed {
        CliError { kind: CliErrorKind::Usage, ..error }
    } else {
        error
    }
}

async fn print_events(
    app: &App,
    caller: &Caller,
    workflow: WorkflowId,
    id: ExecutionId,
    quiet: bool,
) -> Result<(), CliError> {
    let mut events = app.follow(caller, Some(workflow), id, 0).await?;
    while let Some(notice) = events.next().await? {
        if !quiet && let Some(line) = format_progress(&notice) {
            terminal::print_stderr(&line);
        }
    }
    Ok(())
}

/// The progress line of a notice; `None` if it has none.
fn format_progress(notice: &Notice) -> Option<String> {
    match &notice.kind {
        NoticeKind::Status { .. } | NoticeKind::Delta { .. } => None,
        NoticeKind::Log(line) => {
            let step = line.step_id.as_deref().unwrap_or_default();
            Some(format!(
                "  {} {step}: {}",
                terminal::paint_stderr(terminal::Colour::Dim, "·"),
                line.message
            ))
        }
        NoticeKind::Step { step, finished, total } => {
            let (colour, mark, extra) = match step.status {
                StepStatus::Completed => (terminal::Colour::Green, "✓", String::new()),
                StepStatus::Failed => (terminal::Colour::Red, "✗", format_failure(step)),
                StepStatus::Skipped => (terminal::Colour::Dim, "-", " skipped".into()),
                StepStatus::Cancelled => (terminal::Colour::Dim, "-", " cancelled".into()),
                StepStatus::Waiting => (terminal::Colour::Yellow, "…", " waiting".into()),
                StepStatus::Running if step.error.is_some() => {
                    (terminal::Colour::Yellow, "↻", format!("{}, retrying", format_failure(step)))
                }
                StepStatus::Running | StepStatus::Pending | StepStatus::NotReached => return None,
            };
            let mark = terminal::paint_stderr(colour, mark);
            let time = duration_between(step.started_at, step.ended_at)
                .map(|d| {
                    terminal::paint_stderr(
                        terminal::Colour::Dim,
                        &format!("  {}", terminal::format_duration(d)),
                    )
                })
                .unwrap_or_default();
            Some(format!("  {mark} [{finished}/{total}] {}{extra}{time}", step.step_id))
        }
    }
}

fn format_failure(step: &StepView) -> String {
    step.error.as_ref().map(|e| format!(" {}: {}", e.code, e.message)).unwrap_or_default()
}

fn duration_between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Duration> {
    Some(to?.since(from?))
}

/// The execution as the API returns it.
async fn api_execution(
    app: &App,
    config: &crate::config::Config,
    view: &ExecutionView,
) -> Result<Value, CliError> {
    let client = Client::with_app(app.clone(), config);
    let (workflow, id) = (view.record.workflow.dataflow(), view.record.id.dataflow());
    client.get(&format!("/workflows/{workflow}/executions/{id}")).await
}

fn print_result(view: &ExecutionView, json: Option<Value>) -> Result<(), CliError> {
    match (json, &view.output) {
        (Some(json), _) => terminal::print_json(&json),
        (None, Some(output)) => terminal::print_json(&Arc::unwrap_or_clone(output.clone())),
        (None, None) => {}
    }
    if view.record.status == Status::Completed {
        return Ok(());
    }
    let cause = view.error.as_ref().map(|error| {
        let step = error.step.as_ref().map(|s| format!(" in step `{s}`")).unwrap_or_default();
        format!("{step}: {} ({})", error.message, error.code)
    });
    Err(CliError::failed(format!(
        "the execution ended with status {}{}",
        view.record.status.name(),
        cause.unwrap_or_default()
    )))
}
