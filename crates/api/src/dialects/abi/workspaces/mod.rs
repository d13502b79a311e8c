//! Workspaces: the tenants that objects and keys belong to.

mod convert;
pub(super) mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use stepwell_engine::app::CreateWorkspace;
use stepwell_store::lists::Order;

use super::envelope::{Envelope, Items};
use super::ids::PathWorkspaceId;
use super::lists::ListQuery;
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;
use convert::WorkspaceOrder;

/// Make a workspace
///
/// It has no key yet: make one with `POST /api/v1/auth/api-keys` and its `workspace_id`.
#[utoipa::path(post, path = "/api/v1/workspaces", tag = "workspaces",
    security(("key" = ["admin"])), extensions(("x-default-workspace" = json!(true))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::CreateWorkspaceRequest,
    responses((status = 201, description = "Made", body = Envelope<wire::Workspace>),
        responses::BodyErrors, responses::CommonErrors))]
pub async fn create_workspace(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let (name, limits) = convert::create_workspace(request_body.fields()?)?;
    let create = CreateWorkspace { name, limits, idempotency: request_body.key };
    let id = api.app.create_workspace(&caller, create).await?;
    let record = api.app.workspace(&caller, id).await?;
    let message = "make its first key with POST /api/v1/auth/api-keys and its workspace_id";
    let body = Envelope::with_message(wire::Workspace::from(record), message);
    respond::json_response(StatusCode::CREATED, &body)
}

/// List the workspaces
///
/// All of them for an admin of the default workspace, else the caller's own.
#[utoipa::path(get, path = "/api/v1/workspaces", tag = "workspaces",
    security(("key" = ["admin"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortObjects>), Query, description = "`created_at` (default), `updated_at`, `name`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::Workspace>>),
        responses::BadRequest, responses::CommonErrors))]
pub async fn list_workspaces(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read_numbered(&params, &WorkspaceOrder::ALL, Order::Descending)?;
    let page = query.cut_page(api.app.workspaces(&caller).await?, WorkspaceOrder::compare);
    let page = page.map_items(wire::Workspace::from);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get a workspace
#[utoipa::path(get, path = "/api/v1/workspaces/{id}", tag = "workspaces",
    security(("key" = ["admin"])),
    params(("id" = String, Path, description = "`ws_…`")),
    responses((status = 200, description = "The workspace", body = Envelope<wire::Workspace>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_workspace(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkspaceId,
) -> ApiResult {
    let record = api.app.workspace(&caller, id.0).await?;
    respond::json_response(StatusCode::OK, &Envelope::of(wire::Workspace::from(record)))
}

/// Change a workspace
///
/// Only an admin of the default workspace can change limits, which apply at once.
#[utoipa::path(patch, path = "/api/v1/workspaces/{id}", tag = "workspaces",
    security(("key" = ["admin"])),
    params(("id" = String, Path, description = "`ws_…`")),
    request_body(content = Option<wire::ChangeWorkspaceRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "The workspace", body = Envelope<wire::Workspace>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn change_workspace(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkspaceId,
    request_body: RequestBody,
) -> ApiResult {
    let change = convert::change_workspace(request_body.fields()?)?;
    let record = api.app.change_workspace(&caller, id.0, change).await?;
    respond::json_response(StatusCode::OK, &Envelope::of(wire::Workspace::from(record)))
}
