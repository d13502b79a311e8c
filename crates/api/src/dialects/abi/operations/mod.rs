//! Bulk operations: the handlers.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use stepwell_core::ids::OperationId;
use stepwell_engine::bulk_operation::BulkOperation;
use stepwell_engine::objects::Object;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items, data_text};
use super::ids::PathId;
use super::lists::ListQuery;
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::idempotent::respond_once;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;
use convert::operation_body;

/// `/operations/{id}…`
type PathOperationId = PathId<OperationId>;

#[derive(OpenApi)]
#[openapi(tags((name = "operations", description = "One action on many executions, in the background")))]
struct Document;

/// The endpoints of bulk operations.
pub(super) fn operation_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(create_operation, list_operations))
        .add(routes!(get_operation))
        .add(routes!(cancel_bulk_operation))
}

fn accepted_response(
    operation: &Object<BulkOperation>,
) -> Result<Response, crate::error::ApiError> {
    let body = Envelope::of(operation_body(operation));
    let response = respond::json_response(StatusCode::ACCEPTED, &body)?;
    Ok(respond::with_location(response, &format!("/api/v1/operations/{}", operation.id.abi())))
}

/// Start a bulk operation
///
/// Cancels, pauses, resumes or deletes all executions that match the filter, in the background: this
/// returns at once, and the operation continues after a restart of the server. A workspace has at
/// most ten operations that have not ended. With `dry_run=true` nothing is changed, and the response
/// has the number of executions. `purge` requires the scope `write:workflows`, the others
/// `execute:workflows`, for the workflow of the filter or for all.
#[utoipa::path(post, path = "/api/v1/operations", tag = "operations",
    security(("key" = ["execute:workflows"]), ("key" = ["write:workflows"])),
    params(("dry_run" = Option<bool>, Query, description = "Whether to count the executions only"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::OperationRequest,
    responses((status = 202, description = "Accepted", body = Envelope<wire::Operation>,
            headers(("Location" = String, description = "Its path"))),
        (status = 200, description = "With `dry_run`", body = Envelope<wire::DryRun>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn create_operation(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
    request_body: RequestBody,
) -> ApiResult {
    let is_dry = params.flag("dry_run")?;
    let new = convert::new_operation(request_body.fields()?, request_body.key)?;
    if is_dry {
        let dry_run = api.app.preview_operation(&caller, &new).await?;
        let data = convert::dry_run_body(new.action, &dry_run);
        return respond::json_response(StatusCode::OK, &Envelope::of(data));
    }
    accepted_response(&api.app.create_operation(&caller, new).await?)
}

/// List bulk operations
///
/// They are kept for 30 days after their end.
#[utoipa::path(get, path = "/api/v1/operations", tag = "operations",
    security(("key" = ["read:workflows"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("sort_by" = inline(Option<choices::SortOperations>), Query, description = "`created_at` (default), `updated_at`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("status" = inline(Option<choices::ByOperationStatus>), Query, description = "Only those with this status"),
        ("action" = inline(Option<choices::ByBulkAction>), Query, description = "Only those with this action"),
        ("workflow_id" = Option<String>, Query, description = "Only those whose filter names this workflow")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::Operation>>),
        responses::BadRequest, responses::NoWorkflow, responses::CommonErrors))]
async fn list_operations(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read(&params, &convert::SORT_KEYS)?;
    let list = query.list(convert::read_filter(&params)?);
    let page = api.app.operations(&caller, list).await?;
    let page = page.by_ref().map_items(operation_body);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get a bulk operation
///
/// With its progress.
#[utoipa::path(get, path = "/api/v1/operations/{id}", tag = "operations",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"]), ("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "`op_…`")),
    responses((status = 200, description = "The operation", body = Envelope<wire::Operation>),
        responses::NotFound, responses::CommonErrors))]
async fn get_operation(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathOperationId,
) -> ApiResult {
    let operation = api.app.operation(&caller, id.0).await?;
    respond::json_response(StatusCode::OK, &Envelope::of(operation_body(&operation)))
}

/// Cancel a bulk operation
///
/// Executions that are being changed at this moment are still changed; what was done remains.
#[utoipa::path(post, path = "/api/v1/operations/{id}/cancel", tag = "operations",
    security(("key" = ["execute:workflows"]), ("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "`op_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    responses((status = 200, description = "Cancelled", body = Envelope<wire::Operation>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn cancel_bulk_operation(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathOperationId,
    request_body: RequestBody,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        let operation = api.app.cancel_operation(&caller, id.0).await?;
        data_text(StatusCode::OK, operation_body(&operation))
    })
    .await
}
