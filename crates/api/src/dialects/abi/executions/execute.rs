//! Executing workflows, and running executions again.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use stepwell_core::execution::Status;
use stepwell_core::ids::WorkflowId;
use stepwell_engine::app::{InputWarnings, RerunRequest as Rerun, Start};
use stepwell_engine::view::ExecutionView;
use stepwell_engine::{AppError, Caller};

use super::super::envelope::Envelope;
use super::super::ids::{PathExecutionId, PathWorkflowId};
use super::super::responses;
use super::super::warnings::warnings_body;
use super::convert::{
    execute_error, execute_request, invalid_parameters, rerun_error, rerun_request,
};
use super::wire::{Accepted, ExecuteRequest, Executed, RerunRequest};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::error::ApiError;
use crate::respond::ApiResult;
use crate::state::Api;
use crate::{large, secrets};

/// Execute a workflow
///
/// Returns the result once the execution has ended. After `timeout_seconds` it is stopped and this
/// returns 504; if it fails, 500. Without `timeout_seconds`, for an execution that takes longer than
/// the server waits, this returns 202, and the execution continues.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/execute", tag = "runs", operation_id = "abi_execute",
    security(("key" = ["execute:workflows"])), extensions(("x-waits" = json!(true))),
    params(("id" = String, Path, description = "The workflow"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(content = Option<ExecuteRequest>, description = "Optional"),
    responses((status = 200, description = "Completed", body = Envelope<Executed>),
        (status = 202, description = "Accepted; it continues", body = Envelope<Accepted>),
        responses::ExecuteErrors, responses::NoWorkflow, responses::CommonErrors,
        responses::NotCompleted))]
pub async fn execute_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    request_body: RequestBody,
) -> ApiResult {
    let request = execute_request(request_body.fields()?)?;
    let (timeout, wait) = execute_options(&request);
    let start = read_start(request_body, request)?;
    if wait == Some(false) {
        return begin_execution(&api, &caller, id.0, Start { timeout, ..start }).await;
    }
    let warnings = start.warnings.clone();
    let longest = api.config.max_wait();
    let ended = match timeout {
        Some(timeout) if timeout > longest => {
            let path = "execution_options.timeout_seconds";
            let message = format!(
                "must be at most {} if the response waits for the end; use execute_async for more",
                longest.as_secs()
            );
            return Err(invalid_parameters(ApiError::invalid(path, message)));
        }
        Some(timeout) => api.app.execute(&caller, id.0, start).wait_within(timeout).await,
        None => api.app.execute(&caller, id.0, start).wait(longest).await,
    };
    match ended {
        Ok(view) if view.record.status == Status::Completed => {
            let warnings = warnings_body(warnings.get().iter().chain(&view.warnings));
            let body = Envelope::of(Executed { warnings, ..(&view).into() });
            large::large_json(api.app.memory(), &view.memory, StatusCode::OK, &body).await
        }
        Ok(view) => Err(ApiError::ended(&view)),
        Err(AppError::StillRunning(id)) if timeout.is_none() => {
            let view = api.app.started_execution(&caller, id).await?;
            accepted_response(&api, &view, &warnings).await
        }
        Err(error) => Err(execute_error(error)),
    }
}

/// Execute a workflow and do not wait
///
/// Returns as soon as the execution is durable. `callback_url` gets the ended execution, signed and
/// retried like every webhook.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/execute_async", tag = "runs",
    security(("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(content = Option<ExecuteRequest>, description = "Optional"),
    responses((status = 202, description = "Accepted", body = Envelope<Accepted>),
        responses::ExecuteErrors, responses::NoWorkflow, responses::CommonErrors))]
pub async fn execute_async(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    request_body: RequestBody,
) -> ApiResult {
    let request = execute_request(request_body.fields()?)?;
    let (timeout, wait) = execute_options(&request);
    if wait == Some(true) {
        let path = "execution_options.wait_for_completion";
        let message = "cannot be true here; use execute to wait for the end";
        return Err(invalid_parameters(ApiError::invalid(path, message)));
    }
    let start = read_start(request_body, request)?;
    begin_execution(&api, &caller, id.0, Start { timeout, ..start }).await
}

fn execute_options(request: &ExecuteRequest) -> (Option<Duration>, Option<bool>) {
    let options = request.execution_options.as_ref();
    options.map_or((None, None), |options| (options.timeout_seconds, options.wait_for_completion))
}

fn read_start(request_body: RequestBody, request: ExecuteRequest) -> Result<Start, ApiError> {
    let ExecuteRequest {
        parameters,
        execution_options: _,
        callback_url,
        metadata,
        release_tag,
        traffic_key,
    } = request;
    Ok(Start {
        release_tag,
        traffic_key,
        input: parameters.map(Value::Object),
        callback_url,
        metadata: metadata.unwrap_or_default(),
        secrets: secrets::from_headers(&request_body.headers)?,
        idempotency: request_body.key,
        memory: Some(request_body.memory),
        ..Start::default()
    })
}

async fn begin_execution(
    api: &Api,
    caller: &Caller,
    workflow: WorkflowId,
    start: Start,
) -> ApiResult {
    let warnings = start.warnings.clone();
    let view = api.app.execute(caller, workflow, start).accepted().await.map_err(execute_error)?;
    accepted_response(api, &view, &warnings).await
}

async fn accepted_response(api: &Api, view: &ExecutionView, warnings: &InputWarnings) -> ApiResult {
    let warnings = warnings_body(warnings.get());
    let body = Envelope::of(Accepted { warnings, ..view.into() });
    large::large_json(api.app.memory(), &view.memory, StatusCode::ACCEPTED, &body).await
}

/// Run an execution again
///
/// A new execution of the same release: from the start, from what failed (`from: failed`), or from
/// any step (`from_step`), with another input if one is given. One from the start can have another
/// release (`release_tag`). Results of the steps before are taken over as they were recorded: those
/// steps are not run, and do nothing again.
#[utoipa::path(post, path = "/api/v1/workflow_executions/{id}/rerun", tag = "runs",
    operation_id = "rerun",
    security(("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution, which must have ended"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(content = Option<RerunRequest>, description = "Optional"),
    responses((status = 202, description = "Accepted", body = Envelope<Accepted>),
        responses::ExecuteErrors, responses::NoExecution, responses::CommonErrors))]
pub async fn rerun_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    request_body: RequestBody,
) -> ApiResult {
    let request = rerun_request(request_body.fields()?)?;
    let start = Start {
        secrets: secrets::from_headers(&request_body.headers)?,
        idempotency: request_body.key,
        memory: Some(request_body.memory),
        ..request.start.clone()
    };
    let rerun = api.app.rerun(&caller, id.0, Rerun { start, ..request }).await;
    let (workflow, start) = rerun.map_err(rerun_error)?;
    begin_execution(&api, &caller, workflow, start).await
}
