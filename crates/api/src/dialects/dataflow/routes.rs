//! This dialect's routes, and its part of the API's description.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use stepwell_core::catalog::StepCatalog;
use utoipa::OpenApi;

use super::{executions, responses, stream, wire, workflows};
use crate::error::ApiError;
use crate::respond;
use crate::server::Api;

pub(super) type Answer = Result<Response, ApiError>;

/// The routes of this dialect.
pub fn routes() -> Router<Api> {
    let execution = "/workflows/{workflow_id}/executions/{execution_id}";
    Router::new()
        .route("/workflows", post(workflows::create_workflow).get(workflows::list_workflows))
        .route(
            "/workflows/{workflow_id}",
            get(workflows::get_workflow)
                .put(workflows::update_workflow)
                .delete(workflows::delete_workflow),
        )
        .route("/workflows/{workflow_id}/execute", post(executions::execute))
        .route("/workflows/{workflow_id}/executions", get(executions::list_executions))
        .route("/workflows/{workflow_id}/stats", get(workflows::workflow_stats))
        .route(execution, get(executions::get_execution))
        .route(&format!("{execution}/cancel"), post(executions::cancel))
        .route(&format!("{execution}/pause"), post(executions::pause))
        .route(&format!("{execution}/resume"), post(executions::resume))
        .route(&format!("{execution}/events"), get(executions::events))
        .route(&format!("{execution}/logs"), get(executions::logs))
        .route("/step-types", get(step_types))
}

pub(super) fn located(mut response: Response, path: &str) -> Response {
    // Ids are ASCII, so this cannot fail.
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
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
        let specs = stepwell_steps::step_registry().all_types();
        let step_types = specs.into_iter().map(Into::into).collect();
        serde_json::to_vec(&wire::StepTypes { step_types }).unwrap_or_default().into()
    });
    respond::json_text(StatusCode::OK, TEXT.clone())
}

/// This dialect's part of the API's description.
#[derive(OpenApi)]
#[openapi(
    paths(
        workflows::create_workflow, workflows::list_workflows, workflows::get_workflow, workflows::update_workflow, workflows::delete_workflow,
        workflows::workflow_stats, executions::execute, executions::list_executions, executions::get_execution, executions::cancel, executions::pause, executions::resume, executions::events,
        executions::logs, step_types
    ),
    components(schemas(wire::ErrorBody, stream::StreamEvent)),
    tags(
        (name = "workflows", description = "What can be executed"),
        (name = "executions", description = "Executing, watching, and controlling"),
        (name = "step types", description = "What steps can do")
    )
)]
pub(crate) struct Doc;
