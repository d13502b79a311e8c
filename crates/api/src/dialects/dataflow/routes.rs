//! This dialect's handlers: extract, convert, call the application, convert.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use stepwell_core::catalog::Catalog;
use stepwell_core::definition::{self, Format, Limits};
use stepwell_core::execution::Status;
use stepwell_core::ids::ExecutionId;
use stepwell_engine::AppError;
use stepwell_engine::app::{
    CreateWorkflow, Deletion, ExecutionsQuery, PageAt, Start, WorkflowsQuery,
};
use utoipa::OpenApi;

use super::convert::{self, active_filter, status_filter};
use super::ids::{OfExecution, OfWorkflow};
use super::{responses, stream, wire};
use crate::body::{Media, Posted};
use crate::edge::Who;
use crate::error::{ApiError, INVALID_DEFINITION, Kind};
use crate::once::once;
use crate::query::Params;
use crate::server::Api;
use crate::sse::Reader;
use crate::{json, respond, secrets};

type Answer = Result<Response, ApiError>;

/// The routes of this dialect.
pub fn routes() -> Router<Api> {
    let execution = "/workflows/{workflow_id}/executions/{execution_id}";
    Router::new()
        .route("/workflows", post(create_workflow).get(list_workflows))
        .route(
            "/workflows/{workflow_id}",
            get(get_workflow).put(update_workflow).delete(delete_workflow),
        )
        .route("/workflows/{workflow_id}/execute", post(execute))
        .route("/workflows/{workflow_id}/executions", get(list_executions))
        .route("/workflows/{workflow_id}/stats", get(workflow_stats))
        .route(execution, get(get_execution))
        .route(&format!("{execution}/cancel"), post(cancel))
        .route(&format!("{execution}/pause"), post(pause))
        .route(&format!("{execution}/resume"), post(resume))
        .route(&format!("{execution}/events"), get(events))
        .route(&format!("{execution}/logs"), get(logs))
        .route("/step-types", get(step_types))
}

/// Reads the definition in a body, JSON or YAML.
fn definition(posted: &Posted) -> Result<serde_json::Value, ApiError> {
    if posted.bytes.is_empty() {
        return Err(ApiError::new(
            Kind::InvalidDefinition,
            format!("{INVALID_DEFINITION}: the body is empty; send a definition"),
        ));
    }
    let format = match posted.media {
        Media::Json => Format::Json,
        Media::Yaml => Format::Yaml,
        _ => return Err(posted.unsupported("application/json")),
    };
    let text = json::utf8(&posted.bytes)?;
    definition::read(text, format, &Limits::default())
        .map_err(|problems| AppError::InvalidDefinition(problems).into())
}

fn located(mut response: Response, path: &str) -> Response {
    // Ids are ASCII, so this cannot fail.
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}

/// Create a workflow
///
/// The body is a definition, as JSON or YAML. It is checked whole, and every problem is told.
/// A created workflow is not executed.
#[utoipa::path(post, path = "/workflows", tag = "workflows",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(description = "A definition: see `/api/v1/schema/definition`", content(
        (Object = "application/json", example = json!({"name": "Dummy Workflow", "steps": [
            {"type": "StaticTextInput", "input": "Hello, world!"}, {"type": "TextOperation.Reverse"}, {"type": "Echo"}]})),
        (String = "application/yaml"))),
    responses((status = 201, description = "Created", body = wire::WorkflowCreated,
            headers(("Location" = String, description = "The workflow's path"))),
        responses::BodyErrors, responses::CommonErrors))]
async fn create_workflow(State(api): State<Api>, Who(caller): Who, posted: Posted) -> Answer {
    let source = definition(&posted)?;
    let create = CreateWorkflow { source, active: true, idempotency: posted.key };
    let id = api.app.create_workflow(&caller, create).await?.dataflow();
    let path = format!("/workflows/{id}");
    let body = wire::WorkflowCreated { workflow_id: id };
    Ok(located(respond::json(StatusCode::CREATED, &body)?, &path))
}

/// List workflows
///
/// Newest first.
#[utoipa::path(get, path = "/workflows", tag = "workflows",
    params(("status" = Option<String>, Query, description = "`active` or `inactive`"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = wire::WorkflowPage),
        responses::BadRequest, responses::CommonErrors))]
async fn list_workflows(State(api): State<Api>, Who(caller): Who, params: Params) -> Answer {
    let query = WorkflowsQuery {
        active: active_filter(&params)?,
        at: PageAt::Cursor(params.cursor()?),
        limit: params.limit()?,
        ..WorkflowsQuery::default()
    };
    let page = api.app.workflows(&caller, query).await?;
    respond::json(StatusCode::OK, &wire::WorkflowPage::from(&page))
}

/// Get a workflow
///
/// The definition as it was given, and its steps resolved with ids and schemas.
#[utoipa::path(get, path = "/workflows/{workflow_id}", tag = "workflows",
    params(("workflow_id" = String, Path, description = "In any form: `wf-…`, `wf_…`, or a UUID")),
    responses((status = 200, description = "The workflow", body = wire::Workflow),
        responses::NotFound, responses::CommonErrors))]
async fn get_workflow(State(api): State<Api>, Who(caller): Who, of: OfWorkflow) -> Answer {
    let view = api.app.workflow(&caller, of.0).await?;
    respond::json(StatusCode::OK, &wire::Workflow::from(&view))
}

/// Change a workflow
///
/// The body is a whole definition; it becomes the next release. Executions under way go on with
/// the release that they began with.
#[utoipa::path(put, path = "/workflows/{workflow_id}", tag = "workflows",
    params(("workflow_id" = String, Path, description = "The workflow")),
    request_body(description = "A definition: see `/api/v1/schema/definition`",
        content((Object = "application/json"), (String = "application/yaml"))),
    responses((status = 200, description = "The workflow with its new release", body = wire::Workflow),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn update_workflow(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    posted: Posted,
) -> Answer {
    let source = definition(&posted)?;
    let view = api.app.update_workflow(&caller, of.0, source).await?;
    respond::json(StatusCode::OK, &wire::Workflow::from(&view))
}

/// Delete a workflow
///
/// Executions under way finish, and its history stays readable.
#[utoipa::path(delete, path = "/workflows/{workflow_id}", tag = "workflows",
    params(("workflow_id" = String, Path, description = "The workflow")),
    responses((status = 204, description = "Deleted"),
        responses::NotFound, responses::CommonErrors))]
async fn delete_workflow(State(api): State<Api>, Who(caller): Who, of: OfWorkflow) -> Answer {
    api.app.delete_workflow(&caller, of.0, Deletion::default()).await?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

/// Count a workflow's executions
#[utoipa::path(get, path = "/workflows/{workflow_id}/stats", tag = "workflows",
    params(("workflow_id" = String, Path, description = "The workflow")),
    responses((status = 200, description = "The counts", body = wire::Stats),
        responses::NotFound, responses::CommonErrors))]
async fn workflow_stats(State(api): State<Api>, Who(caller): Who, of: OfWorkflow) -> Answer {
    let stats = api.app.workflow_stats(&caller, of.0).await?;
    respond::json(StatusCode::OK, &convert::stats(of.0.dataflow(), &stats))
}

/// Execute a workflow
///
/// Queues an execution and answers its id; when this answers, the execution is durable. With
/// `wait=true` it answers with the finished execution instead; when that takes longer than
/// `timeout`, it answers 202 with the id, and the execution goes on.
#[utoipa::path(post, path = "/workflows/{workflow_id}/execute", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("wait" = Option<bool>, Query, description = "Answer with the finished execution"),
        ("timeout" = Option<String>, Query, description = "How long to wait: `500ms`, `30s`, `2m`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless"),
        ("X-OpenAI-Key" = Option<String>, Header, description = "The secret `OPENAI_KEY`, for this execution only. In general `X-Secret-<Name>`: `X-Secret-Stripe-Key` is the secret `STRIPE_KEY`")),
    request_body(content = Option<wire::ExecuteRequest>, description = "May be left out"),
    responses((status = 202, description = "Accepted", body = wire::ExecutionAccepted,
            headers(("Location" = String, description = "The execution's path"))),
        (status = 200, description = "With `wait=true`: the finished execution", body = wire::Execution),
        responses::BodyErrors, responses::NotFound, responses::Conflict,
        responses::CommonErrors))]
async fn execute(
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
        let id = api.app.execute(&caller, of.0, start).await?;
        return accepted(&of, id);
    }
    let patience = patience.min(api.config.max_wait());
    match api.app.execute_and_wait(&caller, of.0, start, patience).await {
        Ok(view) => respond::json(StatusCode::OK, &wire::Execution::from(&view)),
        Err(AppError::StillRunning(id)) => accepted(&of, id),
        Err(error) => Err(error.into()),
    }
}

fn start(headers: &HeaderMap, posted: Posted) -> Result<Start, ApiError> {
    let wire::ExecuteRequest { input, webhook_url } = posted.fields()?.try_into()?;
    let secrets = secrets::from_headers(headers)?;
    Ok(Start { input, webhook_url, secrets, idempotency: posted.key, ..Start::default() })
}

fn accepted(of: &OfWorkflow, id: ExecutionId) -> Answer {
    let execution_id = id.dataflow();
    let path = format!("/workflows/{}/executions/{execution_id}", of.0.dataflow());
    let body = wire::ExecutionAccepted { execution_id };
    Ok(located(respond::json(StatusCode::ACCEPTED, &body)?, &path))
}

/// List a workflow's executions
///
/// Newest first.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("status" = Option<String>, Query, description = "One or several of `PENDING`, `RUNNING`, `PAUSED`, `COMPLETED`, `FAILED`, `CANCELLED`, by comma"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = wire::ExecutionPage),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
async fn list_executions(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    params: Params,
) -> Answer {
    let query = ExecutionsQuery {
        workflow: Some(of.0),
        statuses: status_filter(&params)?,
        at: PageAt::Cursor(params.cursor()?),
        limit: params.limit()?,
        ..ExecutionsQuery::default()
    };
    let page = api.app.executions(&caller, query).await?;
    respond::json(StatusCode::OK, &wire::ExecutionPage::from(&page))
}

/// Get an execution
///
/// Every step of the definition is listed as a task, in its order, from the first moment on.
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The execution", body = wire::Execution),
        responses::NotFound, responses::CommonErrors))]
async fn get_execution(State(api): State<Api>, Who(caller): Who, of: OfExecution) -> Answer {
    let view = api.app.execution(&caller, Some(of.workflow), of.execution).await?;
    respond::json(StatusCode::OK, &wire::Execution::from(&view))
}

/// Cancel an execution
///
/// When this answers, the execution has ended as `CANCELLED`.
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/cancel", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets the first answer again")),
    request_body(content = Option<wire::CancelRequest>, description = "May be left out"),
    responses((status = 202, description = "Cancelled", body = wire::ExecutionChanged),
        responses::BodyErrors, responses::NotFound, responses::Conflict,
        responses::CommonErrors))]
async fn cancel(
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
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/pause", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets the first answer again")),
    responses((status = 202, description = "Paused", body = wire::ExecutionChanged),
        responses::NotFound, responses::Conflict, responses::CommonErrors))]
async fn pause(
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
#[utoipa::path(post, path = "/workflows/{workflow_id}/executions/{execution_id}/resume", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets the first answer again")),
    responses((status = 202, description = "Resumed", body = wire::ExecutionChanged),
        responses::NotFound, responses::Conflict, responses::CommonErrors))]
async fn resume(
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
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}/events", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Only what comes after that event"),
        ("after" = Option<u64>, Query, description = "The same, for clients that cannot set the header")),
    responses((status = 200, description = "The events", body = stream::StreamEvent, content_type = "text/event-stream"),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
async fn events(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfExecution,
    reader: Reader,
) -> Answer {
    let OfExecution { workflow, execution } = of;
    let follow = api.app.follow(&caller, Some(workflow), execution, reader.after).await?;
    Ok(reader.stream(follow, Box::new(move |notice| stream::messages(execution, notice))))
}

/// Read an execution's log
#[utoipa::path(get, path = "/workflows/{workflow_id}/executions/{execution_id}/logs", tag = "executions",
    params(("workflow_id" = String, Path, description = "The workflow"),
        ("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The lines, in order", body = wire::Logs),
        responses::NotFound, responses::CommonErrors))]
async fn logs(State(api): State<Api>, Who(caller): Who, of: OfExecution) -> Answer {
    let lines = api.app.logs(&caller, Some(of.workflow), of.execution).await?;
    let logs = lines.iter().map(Into::into).collect();
    respond::json(StatusCode::OK, &wire::Logs { logs })
}

/// List the step types
///
/// With their schemas, effects and examples.
#[utoipa::path(get, path = "/step-types", tag = "step types",
    responses((status = 200, description = "All of them", body = wire::StepTypes),
        responses::CommonErrors))]
async fn step_types() -> Response {
    // They do not change while the server runs.
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        let specs = stepwell_steps::registry().all();
        let step_types = specs.into_iter().map(Into::into).collect();
        serde_json::to_vec(&wire::StepTypes { step_types }).unwrap_or_default().into()
    });
    respond::json_text(StatusCode::OK, TEXT.clone())
}

/// This dialect's part of the API's description.
#[derive(OpenApi)]
#[openapi(
    paths(
        create_workflow, list_workflows, get_workflow, update_workflow, delete_workflow,
        workflow_stats, execute, list_executions, get_execution, cancel, pause, resume, events,
        logs, step_types
    ),
    components(schemas(wire::ErrorBody)),
    tags(
        (name = "workflows", description = "What can be executed"),
        (name = "executions", description = "Executing, watching, and controlling"),
        (name = "step types", description = "What steps can do")
    )
)]
pub(crate) struct Doc;
