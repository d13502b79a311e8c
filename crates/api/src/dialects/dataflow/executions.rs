//! Executions: start, list, get, control, follow.

use axum::extract::State;
use axum::http::StatusCode;
use stepwell_core::execution::Status;
use stepwell_core::ids::ExecutionId;
use stepwell_engine::AppError;
use stepwell_engine::app::{InputWarnings, Start};
use stepwell_engine::memory::Hold;
use stepwell_engine::view::ExecutionView;
use stepwell_store::lists::ExecutionFilter;

use super::convert::{read_list, status_filter};
use super::errors::warnings_body;
use super::ids::{PathExecutionIds, PathWorkflowId};
use super::{responses, stream, wire};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::error::ApiError;
use crate::idempotent::respond_once;
use crate::query::Params;
use crate::respond::{self, ApiResult, with_location};
use crate::sse::EventReader;
use crate::state::Api;
use crate::{large, secrets};

/// Execute a workflow
///
/// Queues an execution and returns its id; when this returns, the execution is durable. With
/// `wait=true` it returns the finished execution instead; if that takes longer than `timeout`, it
/// returns 202 with the id, and the execution continues.
#[utoipa::path(post, path = "/workflows/{workflow_id}/execute", tag = "executions",
    operation_id = "execute",
    security(("key" = ["execute:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("wait" = Option<bool>, Query, description = "Return the finished execution"),
        ("timeout" = Option<String>, Query, description = "How long to wait: `500ms`, `30s`, `2m`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless"),
        ("X-OpenAI-Key" = Option<String>, Header, description = "The secret `OPENAI_KEY`, for this execution only. In general `X-Secret-<Name>`: `X-Secret-Stripe-Key` is the secret `STRIPE_KEY`. At least 6 characters")),
    request_body(content = Option<wire::ExecuteRequest>, description = "Optional"),
    responses((status = 202, description = "Accepted", body = wire::ExecutionAccepted,
            headers(("Location" = String, description = "The execution's path"))),
        (status = 200, description = "With `wait=true`: the finished execution", body = wire::Execution),
        responses::BodyErrors, responses::NotFound, responses::Conflict,
        responses::CommonErrors))]
pub(super) async fn execute_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathWorkflowId,
    params: Params,
    request_body: RequestBody,
) -> ApiResult {
    let wait = params.flag("wait")?;
    let patience = params.duration("timeout")?.unwrap_or_else(|| api.config.default_wait());
    let start = read_start(request_body)?;
    let warnings = start.warnings.clone();
    if !wait {
        let id = api.app.execute(&caller, path_id.0, start).durable().await?;
        return accepted_response(&path_id, id, &warnings);
    }
    let patience = patience.min(api.config.max_wait());
    match api.app.execute(&caller, path_id.0, start).wait(patience).await {
        Ok(view) => execution_response(&api, &view, &warnings).await,
        Err(AppError::StillRunning(id)) => accepted_response(&path_id, id, &warnings),
        Err(error) => Err(error.into()),
    }
}

async fn execution_response(
    api: &Api,
    view: &ExecutionView,
    warnings: &InputWarnings,
) -> ApiResult {
    let warnings = warnings_body(warnings.get().iter().chain(&view.warnings));
    let body = wire::Execution { warnings, ..view.into() };
    large::large_json(api.app.memory(), &view.memory, StatusCode::OK, &body).await
}

fn read_start(request_body: RequestBody) -> Result<Start, ApiError> {
    let wire::ExecuteRequest { input, webhook_url, release_tag, traffic_key } =
        request_body.read()?;
    let secrets = secrets::from_headers(&request_body.headers)?;
    Ok(Start {
        input,
        webhook_url,
        release_tag,
        traffic_key,
        secrets,
        idempotency: request_body.key,
        memory: Some(request_body.memory),
        ..Start::default()
    })
}

fn accepted_response(
    path_id: &PathWorkflowId,
    id: ExecutionId,
    warnings: &InputWarnings,
) -> ApiResult {
    let execution_id = id.dataflow();
    let path = format!("/workflows/{}/executions/{execution_id}", path_id.0.dataflow());
    let warnings = warnings_body(warnings.get());
    let body = wire::ExecutionAccepted { execution_id, warnings };
    Ok(with_location(respond::json_response(StatusCode::ACCEPTED, &body)?, &path))
}

/// List a workflow's executions
///
/// Newest first.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions", tag = "executions",
    security(("key" = ["read:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("status" = Option<String>, Query, description = "One or several of `PENDING`, `RUNNING`, `WAITING`, `PAUSED`, `COMPLETED`, `FAILED`, `CANCELLED`, by comma. `WAITING`: those that are `RUNNING` in which nothing runs before a timer, the next attempt of a step or the end of a sub-workflow"),
        ("parent_execution_id" = Option<String>, Query, description = "Only those that steps of this execution started"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = wire::ExecutionPage),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub(super) async fn list_executions(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathWorkflowId,
    params: Params,
) -> ApiResult {
    let filter = ExecutionFilter {
        workflow: Some(path_id.0),
        parent: params.parent_execution()?,
        statuses: status_filter(&params)?,
        ..ExecutionFilter::default()
    };
    let page = api.app.executions(&caller, read_list(&params, filter)?).await?;
    respond::json_response(StatusCode::OK, &wire::ExecutionPage::from(&page))
}

/// Get an execution
///
/// Every step of the definition is listed as a task, in its order, from the first moment on.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}", tag = "executions",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The execution", body = wire::Execution),
        responses::NotFound, responses::CommonErrors))]
pub(super) async fn get_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathExecutionIds,
) -> ApiResult {
    let view = api.app.execution(&caller, Some(path_id.workflow), path_id.execution).await?;
    execution_response(&api, &view, &InputWarnings::default()).await
}

/// Cancel an execution
///
/// When this returns, the execution has ended as `CANCELLED`.
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/cancel", tag = "executions",
    operation_id = "cancel",
    security(("key" = ["execute:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body(content = Option<wire::CancelRequest>, description = "Optional"),
    responses((status = 202, description = "Cancelled", body = wire::ExecutionChanged),
        responses::BodyErrors, responses::NotFound, responses::Conflict,
        responses::CommonErrors))]
pub(super) async fn cancel_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathExecutionIds,
    request_body: RequestBody,
) -> ApiResult {
    let wire::CancelRequest { reason } = request_body.read()?;
    respond_once(&api.app, &caller, request_body.key, async {
        api.app.cancel(&caller, Some(path_id.workflow), path_id.execution, reason).await?;
        status_response(&path_id, Status::Cancelled)
    })
    .await
}

/// Pause an execution
///
/// What is under way finishes, and nothing further starts until it is resumed.
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/pause", tag = "executions",
    operation_id = "pause",
    security(("key" = ["execute:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    responses((status = 202, description = "Paused", body = wire::ExecutionChanged),
        responses::BodyErrors, responses::NotFound, responses::Conflict, responses::CommonErrors))]
pub(super) async fn pause_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathExecutionIds,
    request_body: RequestBody,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        api.app.pause(&caller, Some(path_id.workflow), path_id.execution).await?;
        status_response(&path_id, Status::Paused)
    })
    .await
}

/// Resume a paused execution
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/resume", tag = "executions",
    operation_id = "resume",
    security(("key" = ["execute:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    responses((status = 202, description = "Resumed", body = wire::ExecutionChanged),
        responses::BodyErrors, responses::NotFound, responses::Conflict, responses::CommonErrors))]
pub(super) async fn resume_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathExecutionIds,
    request_body: RequestBody,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        api.app.resume(&caller, Some(path_id.workflow), path_id.execution).await?;
        status_response(&path_id, Status::Running)
    })
    .await
}

fn status_response(
    path_id: &PathExecutionIds,
    status: Status,
) -> Result<(StatusCode, String), ApiError> {
    let body = wire::ExecutionChanged {
        execution_id: path_id.execution.dataflow(),
        status: status.into(),
    };
    let body = serde_json::to_string(&body)
        .map_err(|error| ApiError::internal(format!("a response could not be written: {error}")))?;
    Ok((StatusCode::ACCEPTED, body))
}

/// Follow an execution
///
/// Server-sent events named `status`, `task`, `progress` and `log`, from the beginning or from
/// after the last one that was seen, until the execution has ended.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}/events", tag = "executions",
    operation_id = "events",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Last-Event-ID" = Option<String>, Header, description = "Only what comes after that event"),
        ("after" = Option<String>, Query, description = "The same, for clients that cannot set the header, which takes precedence")),
    responses((status = 200, description = "The events; their `data` is a `StreamEvent`", body = inline(stream::EventStream), content_type = "text/event-stream"),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub(super) async fn stream_events(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathExecutionIds,
    reader: EventReader,
) -> ApiResult {
    let PathExecutionIds { workflow, execution } = path_id;
    let follow = api.app.follow(&caller, Some(workflow), execution, reader.after()).await?;
    Ok(reader.stream(follow, Box::new(move |notice| stream::event_messages(execution, notice))))
}

/// Read an execution's log
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}/logs", tag = "executions",
    operation_id = "logs",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The lines, in order", body = wire::Logs),
        responses::NotFound, responses::CommonErrors))]
pub(super) async fn list_logs(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathExecutionIds,
) -> ApiResult {
    let lines = api.app.logs(&caller, Some(path_id.workflow), path_id.execution).await?;
    let logs = lines.iter().map(Into::into).collect();
    let hold = Hold::default();
    large::large_json(api.app.memory(), &hold, StatusCode::OK, &wire::Logs { logs }).await
}
