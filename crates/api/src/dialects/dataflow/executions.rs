//! Executions: start, list, get, control, follow.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use stepwell_core::execution::Status;
use stepwell_core::ids::ExecutionId;
use stepwell_engine::AppError;
use stepwell_engine::app::{ExecutionsQuery, PageStart, Start};
use stepwell_engine::memory::Hold;
use stepwell_engine::view::ExecutionView;

use super::convert::status_filter;
use super::ids::{OfExecution, OfWorkflow};
use super::routes::{Answer, located};
use super::{responses, stream, wire};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::ApiError;
use crate::once::once;
use crate::query::Params;
use crate::server::Api;
use crate::sse::{Reader, ServerSentEvent};
use crate::{large, respond, secrets};

/// Execute a workflow
///
/// Queues an execution and answers its id; when this answers, the execution is durable. With
/// `wait=true` it answers with the finished execution instead; when that takes longer than
/// `timeout`, it answers 202 with the id, and the execution goes on. Scope `execute:workflows`.
#[utoipa::path(post, path = "/workflows/{workflow_id}/execute", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("wait" = Option<bool>, Query, description = "Answer with the finished execution"),
        ("timeout" = Option<String>, Query, description = "How long to wait: `500ms`, `30s`, `2m`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless"),
        ("X-OpenAI-Key" = Option<String>, Header, description = "The secret `OPENAI_KEY`, for this execution only. In general `X-Secret-<Name>`: `X-Secret-Stripe-Key` is the secret `STRIPE_KEY`. At least 6 characters")),
    request_body(content = Option<wire::ExecuteRequest>, description = "May be left out"),
    responses((status = 202, description = "Accepted", body = wire::ExecutionAccepted,
            headers(("Location" = String, description = "The execution's path"))),
        (status = 200, description = "With `wait=true`: the finished execution", body = wire::Execution),
        responses::BodyErrors, responses::NotFound, responses::Conflict,
        responses::CommonErrors))]
pub(super) async fn execute(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    params: Params,
    headers: HeaderMap,
    posted: Posted,
) -> Answer {
    let wait = params.flag("wait")?;
    let patience = params.duration("timeout")?.unwrap_or_else(|| api.config.default_wait());
    let start = start(&headers, posted)?;
    if !wait {
        let id = api.app.execute(&caller, of.0, start).durable().await?;
        return accepted(&of, id);
    }
    let patience = patience.min(api.config.max_wait());
    match api.app.execute(&caller, of.0, start).wait(patience).await {
        Ok(view) => shown(&api, &view).await,
        Err(AppError::StillRunning(id)) => accepted(&of, id),
        Err(error) => Err(error.into()),
    }
}

async fn shown(api: &Api, view: &ExecutionView) -> Answer {
    large::json(api.app.memory(), &view.memory, StatusCode::OK, &wire::Execution::from(view)).await
}

fn start(headers: &HeaderMap, posted: Posted) -> Result<Start, ApiError> {
    let wire::ExecuteRequest { input, webhook_url } = posted.fields()?.try_into()?;
    let secrets = secrets::from_headers(headers)?;
    Ok(Start {
        input,
        webhook_url,
        secrets,
        idempotency: posted.key,
        memory: Some(posted.memory),
        ..Start::default()
    })
}

fn accepted(of: &OfWorkflow, id: ExecutionId) -> Answer {
    let execution_id = id.dataflow();
    let path = format!("/workflows/{}/executions/{execution_id}", of.0.dataflow());
    let body = wire::ExecutionAccepted { execution_id };
    Ok(located(respond::json(StatusCode::ACCEPTED, &body)?, &path))
}

/// List a workflow's executions
///
/// Newest first. Scope `read:workflows`.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("status" = Option<String>, Query, description = "One or several of `PENDING`, `RUNNING`, `PAUSED`, `COMPLETED`, `FAILED`, `CANCELLED`, by comma"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = wire::ExecutionPage),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub(super) async fn list_executions(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    params: Params,
) -> Answer {
    let query = ExecutionsQuery {
        workflow: Some(of.0),
        statuses: status_filter(&params)?,
        at: PageStart::Cursor(params.cursor()?),
        limit: params.limit()?,
        ..ExecutionsQuery::default()
    };
    let page = api.app.executions(&caller, query).await?;
    respond::json(StatusCode::OK, &wire::ExecutionPage::from(&page))
}

/// Get an execution
///
/// Every step of the definition is listed as a task, in its order, from the first moment on.
/// Scope `read:workflows`, or `execute:workflows`.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The execution", body = wire::Execution),
        responses::NotFound, responses::CommonErrors))]
pub(super) async fn get_execution(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfExecution,
) -> Answer {
    let view = api.app.execution(&caller, Some(of.workflow), of.execution).await?;
    shown(&api, &view).await
}

/// Cancel an execution
///
/// When this answers, the execution has ended as `CANCELLED`. Scope `execute:workflows`.
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/cancel", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets the first answer again")),
    request_body(content = Option<wire::CancelRequest>, description = "May be left out"),
    responses((status = 202, description = "Cancelled", body = wire::ExecutionChanged),
        responses::BodyErrors, responses::NotFound, responses::Conflict,
        responses::CommonErrors))]
pub(super) async fn cancel(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfExecution,
    posted: Posted,
) -> Answer {
    let wire::CancelRequest { reason } = posted.fields()?.try_into()?;
    once(&api.app, &caller, posted.key, async {
        api.app.cancel(&caller, Some(of.workflow), of.execution, reason).await?;
        changed(&of, Status::Cancelled)
    })
    .await
}

/// Pause an execution
///
/// What is under way finishes, and nothing further starts until it is resumed.
/// Scope `execute:workflows`.
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/pause", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets the first answer again")),
    responses((status = 202, description = "Paused", body = wire::ExecutionChanged),
        responses::BodyErrors, responses::NotFound, responses::Conflict, responses::CommonErrors))]
pub(super) async fn pause(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfExecution,
    posted: Posted,
) -> Answer {
    posted.fields()?.finish()?;
    once(&api.app, &caller, posted.key, async {
        api.app.pause(&caller, Some(of.workflow), of.execution).await?;
        changed(&of, Status::Paused)
    })
    .await
}

/// Resume a paused execution
///
/// Scope `execute:workflows`.
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/resume", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets the first answer again")),
    responses((status = 202, description = "Resumed", body = wire::ExecutionChanged),
        responses::BodyErrors, responses::NotFound, responses::Conflict, responses::CommonErrors))]
pub(super) async fn resume(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfExecution,
    posted: Posted,
) -> Answer {
    posted.fields()?.finish()?;
    once(&api.app, &caller, posted.key, async {
        api.app.resume(&caller, Some(of.workflow), of.execution).await?;
        changed(&of, Status::Running)
    })
    .await
}

fn changed(of: &OfExecution, status: Status) -> Result<(StatusCode, String), ApiError> {
    let body =
        wire::ExecutionChanged { execution_id: of.execution.dataflow(), status: status.into() };
    let body = serde_json::to_string(&body)
        .map_err(|error| ApiError::internal(format!("an answer could not be written: {error}")))?;
    Ok((StatusCode::ACCEPTED, body))
}

/// Follow an execution
///
/// Server-sent events named `status`, `task`, `progress` and `log`, from the beginning or from
/// after the last one that was seen, until the execution has ended.
/// Scope `read:workflows`, or `execute:workflows`.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}/events", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Last-Event-ID" = Option<String>, Header, description = "Only what comes after that event"),
        ("after" = Option<String>, Query, description = "The same, for clients that cannot set the header, which takes precedence")),
    responses((status = 200, description = "The events; their `data` is a `StreamEvent`", body = ServerSentEvent, content_type = "text/event-stream"),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub(super) async fn events(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfExecution,
    reader: Reader,
) -> Answer {
    let OfExecution { workflow, execution } = of;
    let follow = api.app.follow(&caller, Some(workflow), execution, reader.after()).await?;
    Ok(reader.stream(follow, Box::new(move |notice| stream::messages(execution, notice))))
}

/// Read an execution's log
///
/// Scope `read:workflows`, or `execute:workflows`.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}/logs", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The lines, in order", body = wire::Logs),
        responses::NotFound, responses::CommonErrors))]
pub(super) async fn logs(State(api): State<Api>, Who(caller): Who, of: OfExecution) -> Answer {
    let lines = api.app.logs(&caller, Some(of.workflow), of.execution).await?;
    let logs = lines.iter().map(Into::into).collect();
    let hold = Hold::default();
    large::json(api.app.memory(), &hold, StatusCode::OK, &wire::Logs { logs }).await
}
