//! This dialect's handlers: extract, convert, call the application, convert.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use stepwell_core::Problem;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::app::{Choose, Start};
use stepwell_engine::view::ExecutionView;
use stepwell_engine::{AppError, Caller};
use utoipa::OpenApi;

use super::meta::ExpandMeta;
use super::request::{Deployment, EventTypes, Execute};
use super::stream::{Options, Pace};
use super::{
    actuals, convert, deployments, history, identity, inputs, raw_stream, release_tags, responses,
    stream as events, wire,
};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::{ApiError, Kind, shortened};
use crate::once::once;
use crate::server::{Api, Stopping};
use crate::{large, respond, secrets};

type Answer = Result<Response, ApiError>;

/// The newer of the two versions of the API.
const NEWER: &str = "2025-07-30";

/// The routes of this dialect.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/execute-workflow", post(execute_workflow))
        .route("/v1/execute-workflow-async", post(execute_workflow_async))
        .route("/v1/execute-workflow-stream", post(execute_workflow_stream))
        .route("/v1/submit-workflow-execution-actuals", post(submit_workflow_execution_actuals))
        .route("/v1/workflows/executions/{execution_id}/status", get(workflow_execution_status))
        .merge(deployments::routes())
        .merge(history::routes())
        .merge(identity::routes())
}

/// Whether the client knows the type `THINKING`.
pub(super) fn knows_thinking(headers: &HeaderMap) -> bool {
    headers.get("x-api-version").is_some_and(|version| version.as_bytes() >= NEWER.as_bytes())
}

/// What to execute, checked.
struct Prepared {
    workflow: WorkflowId,
    start: Start,
    events: EventTypes,
    meta: ExpandMeta,
}

/// Reads a request to execute and checks it against the workflow that it names.
async fn prepare(
    api: &Api,
    caller: &Caller,
    headers: &HeaderMap,
    posted: Posted,
) -> Result<Prepared, ApiError> {
    let request = Execute::try_from(posted.fields()?)?;
    let Execute { deployment, inputs, release_tag, external_id, metadata, previous, events, meta } =
        request;
    let choose = Choose {
        workflow: deployment.as_ref(),
        tag: release_tag.as_deref(),
        external_id: external_id.as_deref(),
    };
    let target =
        api.app.target(caller, choose).await.map_err(|error| missing(&deployment, error))?;
    let input = inputs::read(&target.plan, inputs).map_err(|problems| {
        ApiError::with_problems(Kind::InvalidInput, "the inputs do not fit", problems)
    })?;
    let start = Start {
        input: Some(input),
        external_id,
        metadata,
        release: Some(target.release),
        release_tag: target.tag,
        previous,
        secrets: secrets::from_headers(headers)?,
        idempotency: posted.key,
        memory: Some(posted.memory),
        ..Start::default()
    };
    Ok(Prepared { workflow: target.workflow.id, start, events, meta })
}

/// Names the field by which something was looked for that is not there.
fn missing(deployment: &Deployment, error: AppError) -> ApiError {
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
/// An execution that ran and failed is answered with 200 and the state `REJECTED`. Where it takes
/// long, the answer begins before it has ended, with white space. Scope `execute:workflows`.
#[utoipa::path(post, path = "/v1/execute-workflow", tag = "vellum",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::ExecuteRequest,
    responses((status = 200, description = "How it ended", body = wire::ExecuteResponse),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn execute_workflow(
    State(api): State<Api>,
    Who(caller): Who,
    headers: HeaderMap,
    posted: Posted,
) -> Answer {
    let Prepared { workflow, start, .. } = prepare(&api, &caller, &headers, posted).await?;
    let thinking = knows_thinking(&headers);
    match api.app.execute(&caller, workflow, start).wait(api.config.early_answer()).await {
        Ok(view) => {
            let plan = api.app.plan_of(&view.record).await?;
            let body = convert::ended(&view, &plan, thinking);
            large::json(api.app.memory(), &view.memory, StatusCode::OK, &body).await
        }
        Err(AppError::StillRunning(id)) => Ok(late(api, caller, id, thinking)),
        Err(error) => Err(error.into()),
    }
}

/// An answer that begins now and ends with the execution: white space until then.
fn late(api: Api, caller: Caller, id: ExecutionId, thinking: bool) -> Response {
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
        // Among others: the server stops, and the execution goes on at its next start. The
        // connection breaks off; the execution is found by its external id.
        let broken = |error| Body::from_stream(stream::once(async { Err::<Bytes, _>(error) }));
        Some((body.unwrap_or_else(broken), None))
    });
    let begun = stream::once(async { Body::from(" ") });
    let parts = begun.chain(chunks).map(Body::into_data_stream).flatten();
    respond::json_text(StatusCode::OK, Body::from_stream(parts))
}

/// The body of the answer about an execution that has ended.
async fn end_of(
    api: &Api,
    ended: Result<ExecutionView, AppError>,
    thinking: bool,
) -> io::Result<Body> {
    let view = ended.map_err(io::Error::other)?;
    let plan = api.app.plan_of(&view.record).await.map_err(io::Error::other)?;
    let body = convert::ended(&view, &plan, thinking);
    let response = large::json(api.app.memory(), &view.memory, StatusCode::OK, &body).await;
    let response = response.map_err(|error| io::Error::other(error.message().to_owned()))?;
    Ok(response.into_body())
}

/// Execute a workflow in the background
///
/// When this answers, the execution is durable. Scope `execute:workflows`.
#[utoipa::path(post, path = "/v1/execute-workflow-async", tag = "vellum",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::ExecuteRequest,
    responses((status = 200, description = "Accepted", body = wire::ExecuteAsyncResponse),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn execute_workflow_async(
    State(api): State<Api>,
    Who(caller): Who,
    headers: HeaderMap,
    posted: Posted,
) -> Answer {
    let Prepared { workflow, start, .. } = prepare(&api, &caller, &headers, posted).await?;
    let id = api.app.execute(&caller, workflow, start).durable().await?;
    let body = wire::ExecuteAsyncResponse { execution_id: id.to_string() };
    respond::json(StatusCode::OK, &body)
}

/// Execute a workflow and follow it
///
/// One JSON object a line. The execution goes on when the client goes away.
/// Scope `execute:workflows`.
#[utoipa::path(post, path = "/v1/execute-workflow-stream", tag = "vellum",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat follows the same execution")),
    request_body = wire::ExecuteRequest,
    responses((status = 200, description = "Events, from `INITIATED` to the end", body = String, content_type = "application/x-ndjson"),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn execute_workflow_stream(
    State(api): State<Api>,
    Who(caller): Who,
    headers: HeaderMap,
    stopping: Option<Extension<Stopping>>,
    posted: Posted,
) -> Answer {
    let Prepared { workflow, start, events: wanted, meta } =
        prepare(&api, &caller, &headers, posted).await?;
    let external_id = start.external_id.clone();
    let follow = api.app.execute(&caller, workflow, start).follow().await?;
    let options = Options {
        events: wanted,
        meta,
        thinking: knows_thinking(&headers),
        pace: pace(&api, stopping),
    };
    Ok(events::answer(follow, external_id, options))
}

/// How a stream of this server keeps going.
pub(super) fn pace(api: &Api, stopping: Option<Extension<Stopping>>) -> Pace {
    let stopping = stopping.map(|Extension(stopping)| stopping);
    Pace { heartbeat: api.config.heartbeat(), stopping }
}

/// Check an execution
///
/// Where it stands, and what it made. Scope `read:workflows`, or `execute:workflows`.
#[utoipa::path(get, path = "/v1/workflows/executions/{execution_id}/status", tag = "vellum",
    params(("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "Where it stands", body = wire::StatusResponse),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
async fn workflow_execution_status(
    State(api): State<Api>,
    Who(caller): Who,
    path: RawPathParams,
) -> Answer {
    let id = execution_id(&path, "execution_id")?;
    let view = api.app.execution(&caller, None, id).await?;
    let body = convert::status(&view);
    large::json(api.app.memory(), &view.memory, StatusCode::OK, &body).await
}

/// Say how good the outputs of an execution were
///
/// All of the request is stored, or none. Scope `execute:workflows`.
#[utoipa::path(post, path = "/v1/submit-workflow-execution-actuals", tag = "vellum",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat stores nothing again")),
    request_body = wire::ActualsRequest,
    responses((status = 200, description = "Stored", body = Object),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn submit_workflow_execution_actuals(
    State(api): State<Api>,
    Who(caller): Who,
    posted: Posted,
) -> Answer {
    let fields = posted.fields()?;
    once(&api.app, &caller, posted.key, async {
        let actuals = actuals::read(&api.app, &caller, fields).await?;
        api.app.submit_actuals(&caller, actuals).await?;
        Ok((StatusCode::OK, "{}".to_owned()))
    })
    .await
}

/// The execution that a path names.
///
/// # Errors
/// `InvalidRequest` where it is not an id.
pub(super) fn execution_id(path: &RawPathParams, name: &str) -> Result<ExecutionId, ApiError> {
    let text = path.iter().find(|(known, _)| *known == name).map_or("", |(_, id)| id);
    text.parse().map_err(|_| {
        let shown = shortened(text);
        ApiError::problem(
            Problem::new(name, "is not a UUID").with_expectation("UUID", format!("`{shown}`")),
        )
    })
}

/// This dialect's part of the API's description.
#[derive(OpenApi)]
#[openapi(
    paths(execute_workflow, execute_workflow_async, execute_workflow_stream, workflow_execution_status, submit_workflow_execution_actuals,
        deployments::list_deployments, deployments::retrieve_deployment,
        deployments::list_deployment_releases, deployments::retrieve_deployment_release,
        release_tags::list_deployment_tags, release_tags::retrieve_deployment_tag,
        release_tags::update_deployment_tag, deployments::retrieve_history_item,
        raw_stream::execute_deployment_stream,
        history::list_execution_events, history::retrieve_execution_event,
        history::retrieve_execution_detail, history::retrieve_state,
        identity::workspace_identity, identity::environment_identity,
        identity::organization_identity),
    components(schemas(wire::ErrorBody)),
    tags((name = "vellum", description = "As the published clients of Vellum speak it"))
)]
pub(crate) struct Doc;
