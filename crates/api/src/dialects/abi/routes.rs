//! This dialect's handlers: extract, convert, call the application, convert.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{RawPathParams, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{delete, get, post};
use bytes::Bytes;
use serde::Serialize;
use stepwell_engine::app::CreateKey;
use stepwell_engine::{Clock, SystemClock};
use utoipa::OpenApi;

use super::convert::{self, KeyOrder};
use super::cut::Cut;
use super::{
    audit, choices, execute, executions, releases, responses, schedules, step_types, webhooks,
    wire, workflows, workspaces,
};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::ApiError;
use crate::once::once_unseen;
use crate::query::Params;
use crate::respond;
use crate::server::Api;

type Answer = Result<Response, ApiError>;

/// The routes of this dialect.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/auth/api-keys", post(create_key).get(list_keys))
        .route("/api/v1/auth/api-keys/{id}", delete(revoke_key))
        .route("/api/v1/auth/me", get(me))
        .route("/api/v1/schema/definition", get(definition_schema))
        .route("/api/v1/webhooks/signing-secret", get(signing_secret))
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
        .merge(schedules::routes())
        .merge(webhooks::routes())
        .merge(audit::routes())
        .merge(step_types::routes())
}

/// An answer that holds a secret is kept by nobody in between.
pub(super) fn secret(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut response = respond::json(status, body)?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Make an API key
///
/// The secret is shown this once. Scope `admin`; for another workspace, that of the default
/// workspace.
#[utoipa::path(post, path = "/api/v1/auth/api-keys", tag = "keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat makes no second key and answers 409, since the secret is not stored")),
    request_body = wire::CreateKeyRequest,
    responses((status = 201, description = "Made", body = wire::Envelope<wire::NewApiKey>),
        responses::BodyErrors, responses::CommonErrors))]
async fn create_key(State(api): State<Api>, Who(caller): Who, posted: Posted) -> Answer {
    let request: CreateKey = posted.fields()?.try_into()?;
    once_unseen(&api.app, &caller, posted.key, async {
        let new = api.app.create_key(&caller, request).await?;
        let data = convert::new_key(&new, SystemClock.now());
        let message = "keep the secret: it is not shown again";
        secret(StatusCode::CREATED, &wire::Envelope::saying(data, message))
    })
    .await
}

/// List the API keys
///
/// Of the caller's workspace. Scope `admin`.
#[utoipa::path(get, path = "/api/v1/auth/api-keys", tag = "keys",
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortKeys>), Query, description = "`created_at` (default), `expires_at`, `last_used_at`, `name`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("workspace_id" = Option<String>, Query, description = "Those of another workspace; for an admin of the default one")),
    responses((status = 200, description = "A page", body = wire::Envelope<wire::Items<wire::ApiKey>>),
        responses::BadRequest, responses::CommonErrors))]
async fn list_keys(State(api): State<Api>, Who(caller): Who, params: Params) -> Answer {
    let page = Cut::read(&params, &KeyOrder::ALL)?;
    let workspace = params.one("workspace_id")?.map(convert::parse_workspace_id);
    let workspace = workspace.transpose().map_err(ApiError::problem)?;
    let keys = api.app.keys(&caller, workspace).await?;
    let (keys, pagination) = page.cut(keys, KeyOrder::compare);
    let now = SystemClock.now();
    let items = keys.iter().map(|key| convert::api_key(key, now)).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Items { items, pagination }))
}

/// Revoke an API key
///
/// At once. Scope `admin`; one of the default workspace may revoke the keys of all workspaces.
#[utoipa::path(delete, path = "/api/v1/auth/api-keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "`apk_…`")),
    responses((status = 200, description = "Revoked", body = wire::Envelope<Option<String>>),
        responses::NotFound, responses::CommonErrors))]
async fn revoke_key(State(api): State<Api>, Who(caller): Who, path: RawPathParams) -> Answer {
    let text = path.iter().next().map_or("", |(_, id)| id);
    api.app.revoke_key(&caller, convert::parse_key_id(text)?).await?;
    respond::json(StatusCode::OK, &wire::Envelope::saying((), "the key is revoked"))
}

/// Who am I
///
/// The key that the request came with: its workspace, what it may do, and what it may use.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "keys",
    responses((status = 200, description = "Who", body = wire::Envelope<wire::Me>),
        responses::CommonErrors))]
async fn me(State(api): State<Api>, Who(caller): Who) -> Answer {
    let myself = api.app.myself(&caller).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Me::from(myself)))
}

/// Get the secret that signs webhooks
///
/// Scope `admin`.
#[utoipa::path(get, path = "/api/v1/webhooks/signing-secret", tag = "keys",
    responses((status = 200, description = "The secret", body = wire::Envelope<wire::SigningSecret>),
        responses::CommonErrors))]
async fn signing_secret(State(api): State<Api>, Who(caller): Who) -> Answer {
    let data = wire::SigningSecret { secret: api.app.webhook_secret(&caller).await? };
    secret(StatusCode::OK, &wire::Envelope::of(data))
}

/// Get the JSON Schema of definitions
///
/// Bare, for editors and validators; needs no key.
#[utoipa::path(get, path = "/api/v1/schema/definition", tag = "definitions", security(()),
    responses((status = 200, description = "A JSON Schema", body = Object, content_type = "application/schema+json")))]
async fn definition_schema() -> Response {
    // It does not change while the server runs.
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        let schema = stepwell_core::definition::format_schema(stepwell_steps::registry());
        Bytes::from(schema.to_string())
    });
    let mut response = respond::json_text(StatusCode::OK, TEXT.clone());
    let media = HeaderValue::from_static("application/schema+json");
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

/// This dialect's part of the API's description.
#[derive(OpenApi)]
#[openapi(
    paths(create_key, list_keys, revoke_key, me, signing_secret, definition_schema,
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
pub(crate) struct Doc;
