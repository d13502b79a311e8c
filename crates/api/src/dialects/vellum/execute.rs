//! Executing workflows, and the status of executions.

use std::io;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use stepwell_core::Problem;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::app::{Choose, Start, TrafficKey};
use stepwell_engine::view::ExecutionView;
use stepwell_engine::{AppError, Caller};

use super::ids::execution_id;
use super::meta::ExpandMeta;
use super::request::{Deployment, EventTypes, Execute};
use super::stream::{HeartbeatPace, StreamOptions};
use super::{convert, inputs, responses, stream as events, wire};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::error::{ApiError, Kind};
use crate::respond::{self, ApiResult};
use crate::state::{Api, Stopping};
use crate::{large, secrets};

/// The newer of the two versions of the API.
const NEWER: &str = "2025-07-30";

/// Whether the client knows the type `THINKING`.
pub(super) fn knows_thinking(headers: &HeaderMap) -> bool {
    headers.get("x-api-version").is_some_and(|version| version.as_bytes() >= NEWER.as_bytes())
}

/// What to execute, checked.
struct PreparedExecution {
    workflow: WorkflowId,
    start: Start,
    events: EventTypes,
    meta: ExpandMeta,
    /// Whether the client knows values of the type `THINKING`.
    thinking: bool,
}

/// Reads a request to execute and checks it against the workflow that it names.
async fn prepare_execution(
    api: &Api,
    caller: &Caller,
    request_body: RequestBody,
) -> Result<PreparedExecution, ApiError> {
    let thinking = knows_thinking(&request_body.headers);
    let request = Execute::try_from(request_body.fields()?)?;
    let Execute {
        deployment,
        inputs,
        release_tag,
        traffic_key,
        external_id,
        metadata,
        previous,
        events,
        meta,
    } = request;
    let choose = Choose {
        workflow: deployment.as_ref(),
        tag: release_tag.as_deref(),
        key: TrafficKey::of_execution(traffic_key.as_deref(), &metadata, external_id.as_deref()),
    };
    let target = api
        .app
        .target(caller, choose)
        .await
        .map_err(|error| missing_deployment(&deployment, error))?;
    check_name(&deployment, &target.workflow.name)?;
    let input = inputs::read_inputs(&target.plan, inputs).map_err(|problems| {
        ApiError::with_problems(Kind::InvalidInput, "the inputs do not fit", problems)
    })?;
    let start = Start {
        input: Some(input),
        external_id,
        metadata,
        release: Some(target.release),
        release_tag: target.tag,
        previous,
        secrets: secrets::from_headers(&request_body.headers)?,
        idempotency: request_body.key,
        memory: Some(request_body.memory),
        ..Start::default()
    };
    Ok(PreparedExecution { workflow: target.workflow.id, start, events, meta, thinking })
}

/// Names the field by which something was looked for that is not there.
fn missing_deployment(deployment: &Deployment, error: AppError) -> ApiError {
    let (kind, field) = match &error {
        AppError::NotFound { kind: "workflow", .. } => (Kind::NoWorkflow, deployment.field()),
        AppError::NotFound { kind: "release tag", .. } => (Kind::NoObject, "release_tag"),
        _ => return error.into(),
    };
    let problem = Problem::new(field, ApiError::from(error).message());
    ApiError::with_problems(kind, "the request names what is not there", vec![problem])
}

/// Execute a workflow and wait for its end
///
/// For an execution that ran and failed, returns 200 with the state `REJECTED`. If it takes long, the
/// response begins before it has ended, with white space.
#[utoipa::path(post, path = "/v1/execute-workflow", tag = "vellum",
    security(("key" = ["execute:workflows"])), extensions(("x-waits" = json!(true))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::ExecuteRequest,
    responses((status = 200, description = "How it ended", body = wire::ExecuteResponse),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub(super) async fn execute_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let PreparedExecution { workflow, start, thinking, .. } =
        prepare_execution(&api, &caller, request_body).await?;
    match api.app.execute(&caller, workflow, start).wait(api.config.early_response()).await {
        Ok(view) => {
            let plan = api.app.plan_of(&view.record).await?;
            let body = convert::ended_response(&view, &plan, thinking);
            large::large_json(api.app.memory(), &view.memory, StatusCode::OK, &body).await
        }
        Err(AppError::StillRunning(id)) => Ok(respond_late(api, caller, id, thinking)),
        Err(error) => Err(error.into()),
    }
}

/// Checks that a request with the id and the name of a workflow means one workflow.
fn check_name(deployment: &Deployment, name: &str) -> Result<(), ApiError> {
    match deployment {
        Deployment::IdAndName(_, expected) if expected != name => {
            let message = format!(
                "the workflow of `workflow_deployment_id` has the name `{name}`: write that name, \
                 or only one of the two fields"
            );
            Err(ApiError::invalid("workflow_deployment_name", message))
        }
        _ => Ok(()),
    }
}

/// A response that begins now and ends with the execution: white space until then.
fn respond_late(api: Api, caller: Caller, id: ExecutionId, thinking: bool) -> Response {
    let chunks = stream::unfold(Some((api, caller)), move |state| async move {
        let (api, caller) = state?;
        let body = tokio::select! {
            biased;
            ended = api.app.wait_for(&caller, id, Duration::MAX) => {
                end_of(&api, ended, thinking).await
            }
            () = tokio::time::sleep(api.config.heartbeat()) => {
                return Some((Body::from(" "), Some((api, caller))));
            }
        };
        // Among others: the server stops, and the execution continues at its next start. The
        // connection is closed early; the execution is found by its external id.
        let broken = |error| Body::from_stream(stream::once(async { Err::<Bytes, _>(error) }));
        Some((body.unwrap_or_else(broken), None))
    });
    let begun = stream::once(async { Body::from(" ") });
    let parts = begun.chain(chunks).map(Body::into_data_stream).flatten();
    respond::json_text(StatusCode::OK, Body::from_stream(parts))
}

/// The body of the response about an execution that has ended.
async fn end_of(
    api: &Api,
    ended: Result<ExecutionView, AppError>,
    thinking: bool,
) -> io::Result<Body> {
    let view = ended.map_err(io::Error::other)?;
    let plan = api.app.plan_of(&view.record).await.map_err(io::Error::other)?;
    let body = convert::ended_response(&view, &plan, thinking);
    let response = large::large_json(api.app.memory(), &view.memory, StatusCode::OK, &body).await;
    let response = response.map_err(|error| io::Error::other(error.message().to_owned()))?;
    Ok(response.into_body())
}

/// Execute a workflow in the background
///
/// When this returns, the execution is durable.
#[utoipa::path(post, path = "/v1/execute-workflow-async", tag = "vellum",
    security(("key" = ["execute:workflows"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::ExecuteRequest,
    responses((status = 200, description = "Accepted", body = wire::ExecuteAsyncResponse),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub(super) async fn execute_workflow_async(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let PreparedExecution { workflow, start, .. } =
        prepare_execution(&api, &caller, request_body).await?;
    let id = api.app.execute(&caller, workflow, start).durable().await?;
    let body = wire::ExecuteAsyncResponse { execution_id: id.to_string() };
    respond::json_response(StatusCode::OK, &body)
}

/// Execute a workflow and follow it
///
/// One JSON object a line. The execution continues when the client disconnects.
#[utoipa::path(post, path = "/v1/execute-workflow-stream", tag = "vellum",
    security(("key" = ["execute:workflows"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat follows the same execution")),
    request_body = wire::ExecuteRequest,
    responses((status = 200, description = "Events, from `INITIATED` to the end", body = String, content_type = "application/x-ndjson"),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub(super) async fn execute_workflow_stream(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    stopping: Option<Extension<Stopping>>,
    request_body: RequestBody,
) -> ApiResult {
    let PreparedExecution { workflow, start, events: wanted, meta, thinking } =
        prepare_execution(&api, &caller, request_body).await?;
    let external_id = start.external_id.clone();
    let follow = api.app.execute(&caller, workflow, start).follow().await?;
    let options =
        StreamOptions { events: wanted, meta, thinking, pace: heartbeat_pace(&api, stopping) };
    Ok(events::stream_response(follow, external_id, options))
}

/// How a stream of this server keeps going.
pub(super) fn heartbeat_pace(api: &Api, stopping: Option<Extension<Stopping>>) -> HeartbeatPace {
    let stopping = stopping.map(|Extension(stopping)| stopping);
    HeartbeatPace { heartbeat: api.config.heartbeat(), stopping }
}

/// Check an execution
///
/// Its status, and its outputs.
#[utoipa::path(get, path = "/v1/workflows/executions/{execution_id}/status", tag = "vellum",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "Its status", body = wire::StatusResponse),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub(super) async fn workflow_execution_status(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
) -> ApiResult {
    let id = execution_id(&path, "execution_id")?;
    let view = api.app.execution(&caller, None, id).await?;
    let body = convert::status_response(&view);
    large::large_json(api.app.memory(), &view.memory, StatusCode::OK, &body).await
}
