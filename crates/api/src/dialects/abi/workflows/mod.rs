//! Workflows: the handlers.

pub(super) mod convert;
mod wire;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use stepwell_core::Problems;
use stepwell_engine::app::{DeletedWorkflow, Deletion, WorkflowView};
use stepwell_engine::memory::Hold;
use stepwell_engine::{AppError, Caller};
use stepwell_store::lists::{WorkflowFilter, WorkflowSort};

use super::envelope::{Envelope, Items, data_text};
use super::ids::PathWorkflowId;
use super::lists::{ListQuery, read_labels};
use super::warnings::warnings_body;
use super::{choices, etag, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::definition_errors::locate_error;
use crate::error::{ApiError, Kind};
use crate::idempotent::respond_once;
use crate::large;
use crate::query::{Params, invalid_parameter};
use crate::respond::{self, ApiResult};
use crate::state::Api;
use convert::{INVALID_WORKFLOW, WorkflowChange, switched_body, workflow_body};
use wire::{Deleted, Switched, Workflow, WorkflowDefinition, WorkflowRequest, WorkflowRow};

async fn workflow_response(api: &Api, view: &WorkflowView, status: StatusCode) -> ApiResult {
    let stats = api.app.stats_of(view).await?;
    let warnings = match status {
        StatusCode::CREATED => api.app.workflow_warnings(view).await,
        _ => Vec::new(),
    };
    let body = Workflow { warnings: warnings_body(&warnings), ..workflow_body(view, &stats) };
    let body = Envelope::of(body);
    let response = large::large_json(api.app.memory(), &Hold::default(), status, &body).await?;
    Ok(etag::with_etag(response, view.record.version))
}

/// Errors in the terms of this dialect: a problem need not be in the definition, but can be in the
/// type, the configuration or another field of a workflow.
fn refusal_error(error: AppError) -> ApiError {
    match error {
        AppError::InvalidDefinition(Problems(problems)) => {
            ApiError::with_problems(Kind::InvalidDefinition, INVALID_WORKFLOW, problems)
        }
        other => other.into(),
    }
}

/// Create a workflow
///
/// It is inactive until it is activated.
#[utoipa::path(post, path = "/api/v1/workflows", tag = "management", operation_id = "abi_create_workflow",
    security(("key" = ["write:workflows"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = WorkflowRequest,
    responses((status = 201, description = "Created", body = Envelope<Workflow>,
            headers(("ETag" = String, description = "Its version"))),
        responses::ConfigErrors, responses::InProgress, responses::CommonErrors))]
pub async fn create_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let new = convert::new_workflow(request_body.fields()?, request_body.key.clone());
    let new = new.map_err(|error| locate_error(&request_body, error))?;
    let view = api.app.create_of_kind(&caller, new).await;
    let view = view.map_err(|error| locate_error(&request_body, refusal_error(error)))?;
    workflow_response(&api, &view, StatusCode::CREATED).await
}

/// Get a workflow
#[utoipa::path(get, path = "/api/v1/workflows/{id}", tag = "management", operation_id = "abi_get_workflow",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "In any form: `wf_…`, `wf-…`, or a UUID")),
    responses((status = 200, description = "The workflow", body = Envelope<Workflow>,
            headers(("ETag" = String, description = "Its version"))),
        responses::NoWorkflow, responses::CommonErrors))]
pub async fn get_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
) -> ApiResult {
    let view = api.app.workflow(&caller, id.0).await?;
    workflow_response(&api, &view, StatusCode::OK).await
}

/// Get a workflow's definition
///
/// What its configuration amounts to.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/definition", tag = "management",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The workflow")),
    responses((status = 200, description = "The definition", body = Envelope<WorkflowDefinition>),
        responses::NoWorkflow, responses::CommonErrors))]
pub async fn get_definition(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
) -> ApiResult {
    let view = api.app.workflow(&caller, id.0).await?;
    let data = WorkflowDefinition {
        id: view.record.id.abi(),
        release: view.record.release,
        definition: &view.source,
        input_schema: &view.plan.input_schema,
    };
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}

/// List workflows
///
/// Other parameters than these name labels: `department=sales` finds those whose
/// `metadata.department` is `sales`. A name that is nearly that of a parameter is refused;
/// `metadata.status=sales` filters by the label `status`.
#[utoipa::path(get, path = "/api/v1/workflows", tag = "management", operation_id = "abi_list_workflows",
    security(("key" = ["read:workflows"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("sort_by" = inline(Option<choices::SortWorkflows>), Query, description = "`created_at` (default), `updated_at`, `name`, `type`, `status`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("status" = inline(Option<choices::ByActivity>), Query, description = "`active` or `inactive`"),
        ("type" = Option<String>, Query, description = "Only those of this type"),
        ("labels" = inline(Option<choices::Labels>), Query, style = Form, explode, description = "Any other parameter is a label that the items must have: `department=sales`. `metadata.NAME` is always the label `NAME`, also where a parameter has that name")),
    responses((status = 200, description = "A page", body = Envelope<Items<WorkflowRow>>),
        responses::BadRequest, responses::CommonErrors))]
pub async fn list_workflows(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read(&params, &SORT_KEYS)?;
    let filter = WorkflowFilter {
        active: read_active(&params)?,
        kind: params.one("type")?.map(str::to_owned),
        labels: read_labels(&params, &["status", "type"])?,
    };
    let page = api.app.workflows(&caller, query.list(filter)).await?;
    let page = page.by_ref().map_items(WorkflowRow::from);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// What workflows can be sorted by.
const SORT_KEYS: [(&str, WorkflowSort); 5] = [
    ("created_at", WorkflowSort::CreatedAt),
    ("updated_at", WorkflowSort::UpdatedAt),
    ("name", WorkflowSort::Name),
    ("type", WorkflowSort::Kind),
    ("status", WorkflowSort::Active),
];

fn read_active(params: &Params) -> Result<Option<bool>, ApiError> {
    match params.one("status")? {
        None => Ok(None),
        Some("active") => Ok(Some(true)),
        Some("inactive") => Ok(Some(false)),
        Some(other) => Err(invalid_parameter("status", "active or inactive", other)),
    }
}

/// Change a workflow
///
/// Omitted fields are unchanged; `description`, `integrations` and `metadata` that are `null` are
/// emptied. A whole workflow of a response may be sent back. A change of the definition is the next
/// release; running executions continue with the one they began with. Send the `ETag` of a response
/// as `If-Match`, and the workflow changes only if it still has that version.
#[utoipa::path(put, path = "/api/v1/workflows/{id}", tag = "management",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to change")),
    request_body(content = Option<WorkflowRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "The workflow as it is now", body = Envelope<Workflow>,
            headers(("ETag" = String, description = "Its version"))),
        responses::ConfigErrors, responses::NoWorkflow, responses::Precondition,
        responses::CommonErrors))]
pub async fn put_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    headers: HeaderMap,
    request_body: RequestBody,
) -> ApiResult {
    let read = convert::change_workflow(request_body.fields()?);
    let WorkflowChange { change, status } =
        read.map_err(|error| locate_error(&request_body, error))?;
    let expected = etag::if_match(&headers)?;
    let view = api.app.change_workflow(&caller, id.0, change, expected).await;
    let view = view.map_err(|error| locate_error(&request_body, refusal_error(error)))?;
    let stats = api.app.stats_of(&view).await?;
    let warnings = api.app.workflow_warnings(&view).await;
    let data = Workflow { warnings: warnings_body(&warnings), ..workflow_body(&view, &stats) };
    let stays = status.is_some_and(|wanted| wanted != data.status.name());
    let message = stays.then_some("status is as it was: activate and deactivate change it");
    let body = Envelope { message, ..Envelope::of(data) };
    Ok(etag::with_etag(respond::json_response(StatusCode::OK, &body)?, view.record.version))
}

/// Change parts of a workflow
///
/// The same as `PUT`.
#[utoipa::path(patch, path = "/api/v1/workflows/{id}", tag = "management",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to change")),
    request_body(content = Option<WorkflowRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "The workflow as it is now", body = Envelope<Workflow>,
            headers(("ETag" = String, description = "Its version"))),
        responses::ConfigErrors, responses::NoWorkflow, responses::Precondition,
        responses::CommonErrors))]
pub async fn patch_workflow(
    api: State<Api>,
    who: Authenticated,
    id: PathWorkflowId,
    headers: HeaderMap,
    request_body: RequestBody,
) -> ApiResult {
    put_workflow(api, who, id, headers, request_body).await
}

/// Activate a workflow
///
/// From now on it can be executed.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/activate", tag = "management",
    operation_id = "activate",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to activate")),
    responses((status = 200, description = "Active", body = Envelope<Switched>),
        responses::BodyErrors, responses::NoWorkflow, responses::Precondition, responses::Conflict,
        responses::CommonErrors))]
pub async fn activate_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    request_body: RequestBody,
) -> ApiResult {
    switch_workflow(&api, &caller, id, request_body, true).await
}

/// Deactivate a workflow
///
/// It accepts no further executions; running ones continue.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/deactivate", tag = "management",
    operation_id = "deactivate",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to deactivate")),
    responses((status = 200, description = "Inactive", body = Envelope<Switched>),
        responses::BodyErrors, responses::NoWorkflow, responses::Precondition, responses::CommonErrors))]
pub async fn deactivate_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    request_body: RequestBody,
) -> ApiResult {
    switch_workflow(&api, &caller, id, request_body, false).await
}

async fn switch_workflow(
    api: &Api,
    caller: &Caller,
    id: PathWorkflowId,
    request_body: RequestBody,
    active: bool,
) -> ApiResult {
    request_body.fields()?.finish()?;
    let expected = etag::if_match(&request_body.headers)?;
    respond_once(&api.app, caller, request_body.key, async {
        let record = api.app.set_active(caller, id.0, active, expected).await?;
        data_text(StatusCode::OK, switched_body(&record))
    })
    .await
}

/// Delete a workflow
///
/// Its executions and its history stay readable. Those that have not ended continue to their end, or
/// are cancelled with `cancel_running=true`: if that takes longer than a moment, the response has
/// the `operation_id` of the bulk operation that continues. Cancelling them also requires the scope
/// `execute:workflows`.
#[utoipa::path(delete, path = "/api/v1/workflows/{id}", tag = "management", operation_id = "abi_delete_workflow",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("cancel_running" = Option<bool>, Query, description = "Whether to cancel its executions that have not ended"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to delete")),
    responses((status = 200, description = "Deleted", body = Envelope<Deleted>),
        responses::BadRequest, responses::NoWorkflow, responses::Precondition,
        responses::CommonErrors))]
pub async fn delete_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    headers: HeaderMap,
    params: Params,
) -> ApiResult {
    let cancel_running = params.flag("cancel_running")?;
    let deletion = Deletion { expected: etag::if_match(&headers)?, cancel_running };
    let DeletedWorkflow { cancelled, operation } =
        api.app.delete_workflow(&caller, id.0, deletion).await?;
    let data = Deleted {
        id: id.0.abi(),
        deleted: true,
        cancelled_executions: cancelled,
        operation_id: operation.map(|operation| operation.abi()),
    };
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}
