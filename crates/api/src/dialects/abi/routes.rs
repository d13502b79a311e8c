//! The routes of this dialect, put together from its topics, and its part of the API's description.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use utoipa::OpenApi;

use super::{
    audit, execute, executions, keys, releases, schedules, step_types, templates, webhooks, wire,
    workflows, workspaces,
};
use crate::respond;
use crate::server::Api;

/// The routes of this dialect.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/schema/definition", get(definition_schema))
        .route("/api/v1/workflows", post(workflows::create_workflow).get(workflows::list_workflows))
        .route(
            "/api/v1/workflows/{id}",
            get(workflows::get_workflow)
                .put(workflows::put_workflow)
                .patch(workflows::patch_workflow)
                .delete(workflows::delete_workflow),
        )
        .route("/api/v1/workflows/{id}/definition", get(workflows::get_definition))
        .route("/api/v1/workflows/{id}/activate", post(workflows::activate))
        .route("/api/v1/workflows/{id}/deactivate", post(workflows::deactivate))
        .route("/api/v1/workflows/{id}/execute", post(execute::execute))
        .route("/api/v1/workflows/{id}/execute_async", post(execute::execute_async))
        .route("/api/v1/workflow_executions", get(executions::list_executions))
        .route("/api/v1/workflow_executions/{id}", get(executions::get_execution))
        .route("/api/v1/workflow_executions/{id}/cancel", post(executions::cancel))
        .route("/api/v1/workflow_executions/{id}/pause", post(executions::pause))
        .route("/api/v1/workflow_executions/{id}/resume", post(executions::resume))
        .route("/api/v1/workflow_executions/{id}/rerun", post(execute::rerun))
        .route("/api/v1/workflow_executions/{id}/events", get(executions::events))
        .route("/api/v1/workflow_executions/{id}/logs", get(executions::logs))
        .route(
            "/api/v1/workspaces",
            post(workspaces::create_workspace).get(workspaces::list_workspaces),
        )
        .route(
            "/api/v1/workspaces/{id}",
            get(workspaces::get_workspace).patch(workspaces::change_workspace),
        )
        .route(
            "/api/v1/workflows/{id}/releases",
            post(releases::create_release).get(releases::list_releases),
        )
        .route("/api/v1/workflows/{id}/release_tags", get(releases::list_release_tags))
        .route(
            "/api/v1/workflows/{id}/release_tags/{tag}",
            get(releases::get_release_tag).put(releases::put_release_tag),
        )
        .route("/api/v1/workflows/{id}/quality", get(releases::get_quality))
        .route("/api/v1/workflow_executions/{id}/actuals", get(releases::list_actuals))
        .merge(keys::routes())
        .merge(schedules::routes())
        .merge(webhooks::routes())
        .merge(audit::routes())
        .merge(step_types::routes())
        .merge(templates::routes())
}

/// Get the JSON Schema of definitions
///
/// Bare, for editors and validators; needs no key.
#[utoipa::path(get, path = "/api/v1/schema/definition", tag = "definitions", security(()),
    responses((status = 200, description = "A JSON Schema", body = Object, content_type = "application/schema+json")))]
async fn definition_schema() -> Response {
    // It does not change while the server runs.
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        let schema = stepwell_core::definition::format_schema(stepwell_steps::step_registry());
        Bytes::from(schema.to_string())
    });
    let mut response = respond::json_text(StatusCode::OK, TEXT.clone());
    let media = HeaderValue::from_static("application/schema+json");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

/// This dialect's part of the API's description.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut all = Doc::openapi();
    let parts = [
        schedules::Doc::openapi(),
        webhooks::Doc::openapi(),
        audit::Doc::openapi(),
        step_types::Doc::openapi(),
        templates::Doc::openapi(),
    ];
    for part in parts {
        all.merge(part);
    }
    all
}

/// The operations that have no module with a part of its own.
#[derive(OpenApi)]
#[openapi(
    paths(keys::create_key, keys::list_keys, keys::get_key, keys::change_key, keys::revoke_key,
        keys::me, keys::signing_secret, definition_schema,
        releases::create_release, releases::list_releases, releases::list_release_tags,
        releases::get_release_tag, releases::put_release_tag, releases::get_quality,
        releases::list_actuals, workspaces::create_workspace, workspaces::list_workspaces,
        workspaces::get_workspace, workspaces::change_workspace, workflows::create_workflow,
        workflows::list_workflows, workflows::get_workflow, workflows::put_workflow,
        workflows::patch_workflow, workflows::delete_workflow, workflows::get_definition,
        workflows::activate, workflows::deactivate, execute::execute, execute::execute_async,
        execute::rerun, executions::list_executions, executions::get_execution,
        executions::cancel, executions::pause, executions::resume, executions::events,
        executions::logs),
    components(schemas(wire::ErrorEnvelope, executions::ExecutionEvent)),
    tags((name = "management", description = "Workflows as objects: create, change, activate, delete"),
        (name = "runs", description = "Executing, watching, controlling and running again"),
        (name = "keys", description = "Who may do what"),
        (name = "workspaces", description = "The tenants that objects and keys belong to"),
        (name = "releases", description = "Releases, their tags, and feedback on them"))
)]
struct Doc;
