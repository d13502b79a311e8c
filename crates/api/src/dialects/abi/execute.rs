//! Executing workflows, and running executions again.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use stepwell_core::execution::{RerunFrom, Status};
use stepwell_core::ids::WorkflowId;
use stepwell_core::{Problem, Problems};
use stepwell_engine::app::{RerunRequest as Rerun, Start};
use stepwell_engine::view::ExecutionView;
use stepwell_engine::{AppError, Caller};
use utoipa::ToSchema;

use super::executions_wire::{Accepted, Executed};
use super::ids::{OfExecution, OfWorkflow};
use super::{responses, wire};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::{ApiError, Kind, shortened};
use crate::json::Fields;
use crate::server::Api;
use crate::{large, secrets};

type Answer = Result<Response, ApiError>;

/// The longest time-out of an execution that nobody waits for: a year.
const LONGEST: f64 = 365.0 * 86_400.0;

/// Asks for an execution.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(example = json!({"parameters": {"text": "Hello, world!"},
    "execution_options": {"timeout_seconds": 30, "wait_for_completion": true}}))]
#[schema(as = abi::ExecuteRequest)]
pub struct ExecuteRequest {
    /// What the workflow is given; they must fit its inputs.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// How it is executed.
    #[schema(value_type = Option<ExecutionOptions>)]
    pub execution_options: Options,
    /// Where the execution is sent once it has ended, as a signed webhook.
    pub callback_url: Option<String>,
    /// Your own labels; lists can be filtered by them.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<stepwell_core::Map>,
}

/// How a workflow is executed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(as = abi::ExecutionOptions)]
pub struct ExecutionOptions {
    /// How long the execution may take from its acceptance on; past that it is stopped as
    /// `timed_out`. Where it is left out, only the definition's own time-out counts.
    pub timeout_seconds: Option<f64>,
    /// Whether to answer with the ended execution; `false` is the same as `execute_async`.
    #[schema(default = true)]
    pub wait_for_completion: Option<bool>,
}

/// As they are read.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    timeout: Option<Duration>,
    wait: Option<bool>,
}

/// Asks for an execution to be run again.
#[derive(ToSchema)]
#[schema(example = json!({"from_step": "generate_recommendations", "input": {"text": "better"}}))]
#[expect(dead_code, reason = "for the API's description")]
#[schema(as = abi::RerunRequest)]
pub struct RerunRequest {
    /// `start` (the default): all of it. `failed`: what failed or was not reached.
    pub from: Option<String>,
    /// From this step on, instead of `from`.
    pub from_step: Option<String>,
    /// With `from_step`: the step's input instead of the one it would be given.
    pub input: Option<Value>,
    /// With `from: start`: the parameters instead of the first ones.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// Where the new execution is sent once it has ended.
    pub callback_url: Option<String>,
}

fn misshapen(error: ApiError) -> ApiError {
    error.recast(Kind::InvalidRequest, Kind::InvalidParameters)
}

/// Places of what does not fit, as this dialect's requests name them.
fn placed(error: AppError) -> ApiError {
    misshapen(ApiError::from(error).replaced("input", "parameters"))
}

/// The input that a rerun does not accept is that of the step.
fn refused(error: AppError) -> ApiError {
    match error {
        AppError::InvalidInput(Problems(problems)) => {
            let intro = "the input does not fit the step's input schema";
            ApiError::with_problems(Kind::InvalidInput, intro, problems)
        }
        other => misshapen(other.into()),
    }
}

/// The parameters, which must be an object.
fn parameters(fields: &mut Fields) -> Option<Value> {
    fields.object("parameters").map(Value::Object)
}

impl TryFrom<Fields> for ExecuteRequest {
    type Error = ApiError;

    fn try_from(mut fields: Fields) -> Result<Self, ApiError> {
        let parameters = parameters(&mut fields);
        let execution_options = match fields.object("execution_options") {
            Some(options) => self::options(&mut fields, options),
            None => Options::default(),
        };
        let callback_url = fields.text("callback_url");
        let metadata = fields.object("metadata");
        fields.finish().map_err(misshapen)?;
        Ok(Self { parameters, execution_options, callback_url, metadata })
    }
}

fn options(fields: &mut Fields, options: stepwell_core::Map) -> Options {
    let mut read = Options::default();
    for (name, value) in &options {
        let path = format!("execution_options.{name}");
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("timeout_seconds", value) => {
                match value.as_f64().filter(|s| *s > 0.0 && *s <= LONGEST) {
                    Some(seconds) => read.timeout = Some(Duration::from_secs_f64(seconds)),
                    None => fields.push(Problem::new(
                        path,
                        "must be a number of seconds, more than 0, at most a year",
                    )),
                }
            }
            ("wait_for_completion", Value::Bool(wait)) => read.wait = Some(*wait),
            ("wait_for_completion", _) => {
                fields.push(Problem::new(path, "must be true or false"));
            }
            _ => {
                let shown: String = path.chars().take(100).collect();
                let known = "timeout_seconds, wait_for_completion";
                fields.push(Problem::new(shown, format!("is unknown; the options are {known}")));
            }
        }
    }
    read
}

/// Execute a workflow
///
/// Answers with the result once the execution has ended. Past `timeout_seconds` it is stopped and
/// the answer is 504; one that fails is answered with 500. Without `timeout_seconds`, an execution
/// that takes longer than the server waits is answered with 202, and goes on. Scope
/// `execute:workflows`.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/execute", tag = "runs", operation_id = "abi_execute",
    params(("id" = String, Path, description = "The workflow"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(content = Option<ExecuteRequest>, description = "May be left out"),
    responses((status = 200, description = "Completed", body = wire::Envelope<Executed>),
        (status = 202, description = "Accepted; it goes on", body = wire::Envelope<Accepted>),
        responses::ExecuteErrors, responses::NoWorkflow, responses::CommonErrors,
        responses::NotCompleted))]
pub async fn execute(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    headers: HeaderMap,
    posted: Posted,
) -> Answer {
    let request: ExecuteRequest = posted.fields()?.try_into()?;
    let Options { timeout, wait } = request.execution_options;
    let start = start(&headers, posted, request)?;
    if wait == Some(false) {
        return begin(&api, &caller, of.0, Start { timeout, ..start }).await;
    }
    let longest = api.config.max_wait();
    let ended = match timeout {
        Some(timeout) if timeout > longest => {
            let path = "execution_options.timeout_seconds";
            let message = format!(
                "must be at most {} where the answer waits for the end; use execute_async for more",
                longest.as_secs()
            );
            return Err(misshapen(ApiError::invalid(path, message)));
        }
        Some(timeout) => api.app.execute(&caller, of.0, start).wait_within(timeout).await,
        None => api.app.execute(&caller, of.0, start).wait(longest).await,
    };
    match ended {
        Ok(view) if view.record.status == Status::Completed => {
            let body = wire::Envelope::of(Executed::from(&view));
            large::json(api.app.memory(), &view.memory, StatusCode::OK, &body).await
        }
        Ok(view) => Err(ApiError::ended(&view)),
        Err(AppError::StillRunning(id)) if timeout.is_none() => {
            accepted(&api, &api.app.started_execution(&caller, id).await?).await
        }
        Err(error) => Err(placed(error)),
    }
}

/// Execute a workflow and do not wait
///
/// Answers as soon as the execution is durable. `callback_url` gets the ended execution, signed
/// and retried like every webhook. Scope `execute:workflows`.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/execute_async", tag = "runs",
    params(("id" = String, Path, description = "The workflow"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(content = Option<ExecuteRequest>, description = "May be left out"),
    responses((status = 202, description = "Accepted", body = wire::Envelope<Accepted>),
        responses::ExecuteErrors, responses::NoWorkflow, responses::CommonErrors))]
pub async fn execute_async(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    headers: HeaderMap,
    posted: Posted,
) -> Answer {
    let request: ExecuteRequest = posted.fields()?.try_into()?;
    let Options { timeout, wait } = request.execution_options;
    if wait == Some(true) {
        let path = "execution_options.wait_for_completion";
        let message = "cannot be true here; use execute to wait for the end";
        return Err(misshapen(ApiError::invalid(path, message)));
    }
    let start = start(&headers, posted, request)?;
    begin(&api, &caller, of.0, Start { timeout, ..start }).await
}

fn start(headers: &HeaderMap, posted: Posted, request: ExecuteRequest) -> Result<Start, ApiError> {
    let ExecuteRequest { parameters, execution_options: _, callback_url, metadata } = request;
    Ok(Start {
        input: parameters,
        callback_url,
        metadata: metadata.unwrap_or_default(),
        secrets: secrets::from_headers(headers)?,
        idempotency: posted.key,
        memory: Some(posted.memory),
        ..Start::default()
    })
}

async fn begin(api: &Api, caller: &Caller, workflow: WorkflowId, start: Start) -> Answer {
    let view = api.app.execute(caller, workflow, start).begun().await.map_err(placed)?;
    accepted(api, &view).await
}

async fn accepted(api: &Api, view: &ExecutionView) -> Answer {
    let body = wire::Envelope::of(Accepted::from(view));
    large::json(api.app.memory(), &view.memory, StatusCode::ACCEPTED, &body).await
}

/// Run an execution again
///
/// A new execution of the same release. From the start; from what failed (`from: failed`); or from
/// any step (`from_step`), with another input if one is given. Results of the steps before are
/// taken over as they were recorded: those steps are not run, and do nothing again. Scope
/// `execute:workflows`.
#[utoipa::path(post, path = "/api/v1/workflow_executions/{id}/rerun", tag = "runs",
    params(("id" = String, Path, description = "The execution, which must have ended"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(content = Option<RerunRequest>, description = "May be left out"),
    responses((status = 202, description = "Accepted", body = wire::Envelope<Accepted>),
        responses::ExecuteErrors, responses::NoExecution, responses::CommonErrors))]
pub async fn rerun(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfExecution,
    headers: HeaderMap,
    posted: Posted,
) -> Answer {
    let request = rerun_request(posted.fields()?)?;
    let start = Start {
        secrets: secrets::from_headers(&headers)?,
        idempotency: posted.key,
        memory: Some(posted.memory),
        ..request.start.clone()
    };
    let rerun = api.app.rerun(&caller, of.0, Rerun { start, ..request }).await;
    let (workflow, start) = rerun.map_err(refused)?;
    begin(&api, &caller, workflow, start).await
}

fn rerun_request(mut fields: Fields) -> Result<Rerun, ApiError> {
    let from = fields.text("from");
    let from_step = fields.text("from_step");
    let input = fields.value("input");
    let parameters = parameters(&mut fields);
    let callback_url = fields.text("callback_url");
    let from = match (from.as_deref(), from_step) {
        (Some(_), Some(_)) => {
            fields.push(Problem::new("from_step", "give either from or from_step, not both"));
            None
        }
        (None, Some(id)) => Some(RerunFrom::Step { id, input: input.clone() }),
        (Some("failed"), None) => Some(RerunFrom::Failed),
        (None | Some("start"), None) => None,
        (Some(other), None) => {
            let other = shortened(other);
            let problem = Problem::new("from", "must be start or failed; name a step as from_step");
            fields.push(problem.with_expectation("start or failed", other));
            None
        }
    };
    if input.is_some() && !matches!(from, Some(RerunFrom::Step { .. })) {
        fields.push(Problem::new("input", "is the input of a step: name the step as from_step"));
    }
    if parameters.is_some() && from.is_some() {
        let message = "only an execution that is run from its start can have other parameters";
        fields.push(Problem::new("parameters", message));
    }
    fields.finish().map_err(misshapen)?;
    let start = Start { callback_url, ..Start::default() };
    Ok(Rerun { from, input: parameters, start })
}
