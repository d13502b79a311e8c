//! Workflows: create, list, get, change, delete, count.

use axum::extract::State;
use axum::http::StatusCode;
use stepwell_core::definition::{self, DefinitionLimits, SourceFormat};
use stepwell_engine::AppError;
use stepwell_engine::app::{CreateWorkflow, Deletion};
use stepwell_engine::memory::Hold;
use stepwell_store::lists::WorkflowFilter;

use super::convert::{self, active_filter, read_list};
use super::errors::warnings_body;
use super::ids::PathWorkflowId;
use super::{responses, wire};
use crate::authenticated::Authenticated;
use crate::body::{Media, RequestBody};
use crate::definition_errors::locate_error;
use crate::error::{ApiError, INVALID_DEFINITION, Kind};
use crate::query::Params;
use crate::respond::{self, ApiResult, with_location};
use crate::state::Api;
use crate::{json, large};

/// Reads the definition in a body, JSON or YAML.
fn read_definition(request_body: &RequestBody) -> Result<serde_json::Value, ApiError> {
    if request_body.bytes.is_empty() {
        return Err(ApiError::new(
            Kind::InvalidDefinition,
            format!("{INVALID_DEFINITION}: the body is empty; send a definition"),
        ));
    }
    let format = match request_body.media {
        Media::Json => SourceFormat::Json,
        Media::Yaml => SourceFormat::Yaml,
        _ => return Err(request_body.unsupported("application/json")),
    };
    let text = json::decode_utf8(&request_body.bytes)?;
    definition::read_source(text, format, &DefinitionLimits::default()).map_err(|problems| {
        locate_error(request_body, AppError::InvalidDefinition(problems).into())
    })
}

/// Create a workflow
///
/// The body is a definition, as JSON or YAML. It is checked whole, and every problem is reported. A
/// created workflow is not executed.
#[utoipa::path(post, path = "/workflows", tag = "workflows",
    security(("key" = ["write:workflows"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body(description = "A definition: see `/api/v1/schema/definition`", content(
        (Object = "application/json", example = json!({"name": "Dummy Workflow", "steps": [
            {"type": "StaticTextInput", "input": "Hello, world!"}, {"type": "TextOperation.Reverse"}, {"type": "Echo"}]})),
        (String = "application/yaml"))),
    responses((status = 201, description = "Created", body = wire::WorkflowCreated,
            headers(("Location" = String, description = "The workflow's path"))),
        responses::BodyErrors, responses::CommonErrors))]
pub(super) async fn create_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let source = read_definition(&request_body)?;
    let idempotency = request_body.key.clone();
    let create = CreateWorkflow { source, active: true, idempotency };
    let created = api.app.create_workflow(&caller, create).await;
    let id = created.map_err(|error| locate_error(&request_body, error.into()))?;
    let warnings = api.app.definition_warnings(&caller, id).await;
    let workflow_id = id.dataflow();
    let path = format!("/workflows/{workflow_id}");
    let body = wire::WorkflowCreated { workflow_id, warnings: warnings_body(&warnings) };
    Ok(with_location(respond::json_response(StatusCode::CREATED, &body)?, &path))
}

/// List workflows
///
/// Newest first.
#[utoipa::path(get, path = "/workflows", tag = "workflows",
    security(("key" = ["read:workflows"])),
    params(("status" = Option<String>, Query, description = "`active` or `inactive`"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = wire::WorkflowPage),
        responses::BadRequest, responses::CommonErrors))]
pub(super) async fn list_workflows(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let filter = WorkflowFilter { active: active_filter(&params)?, ..WorkflowFilter::default() };
    let page = api.app.workflows(&caller, read_list(&params, filter)?).await?;
    respond::json_response(StatusCode::OK, &wire::WorkflowPage::from(&page))
}

/// Get a workflow
///
/// The definition as it was given, and its steps resolved with ids and schemas.
#[utoipa::path(get, path = "/workflows/{workflow_id}", tag = "workflows",
    security(("key" = ["read:workflows"])),
    params(("workflow_id" = String, Path, description = "In any form: `wf-…`, `wf_…`, or a UUID")),
    responses((status = 200, description = "The workflow", body = wire::Workflow),
        responses::NotFound, responses::CommonErrors))]
pub(super) async fn get_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathWorkflowId,
) -> ApiResult {
    let view = api.app.workflow(&caller, path_id.0).await?;
    large::large_json(
        api.app.memory(),
        &Hold::default(),
        StatusCode::OK,
        &wire::Workflow::from(&view),
    )
    .await
}

/// Change a workflow
///
/// The body is a whole definition; it becomes the next release. Running executions continue with the
/// release that they began with.
#[utoipa::path(put, path = "/workflows/{workflow_id}", tag = "workflows",
    security(("key" = ["write:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow")),
    request_body(description = "A definition: see `/api/v1/schema/definition`",
        content((Object = "application/json"), (String = "application/yaml"))),
    responses((status = 200, description = "The workflow with its new release", body = wire::Workflow),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub(super) async fn update_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathWorkflowId,
    request_body: RequestBody,
) -> ApiResult {
    let source = read_definition(&request_body)?;
    let view = api.app.update_workflow(&caller, path_id.0, source).await;
    let view = view.map_err(|error| locate_error(&request_body, error.into()))?;
    let warnings = api.app.workflow_warnings(&view).await;
    let body = wire::Workflow { warnings: warnings_body(&warnings), ..(&view).into() };
    large::large_json(api.app.memory(), &Hold::default(), StatusCode::OK, &body).await
}

/// Delete a workflow
///
/// Executions under way finish, and its history stays readable.
#[utoipa::path(delete, path = "/workflows/{workflow_id}", tag = "workflows",
    security(("key" = ["write:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow")),
    responses((status = 204, description = "Deleted"),
        responses::NotFound, responses::CommonErrors))]
pub(super) async fn delete_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathWorkflowId,
) -> ApiResult {
    api.app.delete_workflow(&caller, path_id.0, Deletion::default()).await?;
    Ok(respond::empty_response(StatusCode::NO_CONTENT))
}

/// Count a workflow's executions
#[utoipa::path(get, path = "/workflows/{workflow_id}/stats", tag = "workflows",
    security(("key" = ["read:workflows"])),
    params(("workflow_id" = String, Path, description = "The workflow")),
    responses((status = 200, description = "The counts", body = wire::Stats),
        responses::NotFound, responses::CommonErrors))]
pub(super) async fn workflow_stats(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path_id: PathWorkflowId,
) -> ApiResult {
    let stats = api.app.workflow_stats(&caller, path_id.0).await?;
    respond::json_response(StatusCode::OK, &convert::stats_body(path_id.0.dataflow(), &stats))
}
