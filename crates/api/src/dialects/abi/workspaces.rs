//! Workspaces: the tenants that objects and keys belong to.

use std::cmp::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use stepwell_engine::app::{ChangeWorkspace, CreateWorkspace};
use stepwell_engine::objects::Object;
use stepwell_engine::workspace::Workspace;

use super::cut::Cut;
use super::ids::OfWorkspace;
use super::{choices, limits, responses, wire};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::ApiError;
use crate::query::Params;
use crate::respond;
use crate::server::Api;

type Answer = Result<Response, ApiError>;

/// How a list of workspaces can be sorted.
#[derive(Clone, Copy)]
enum By {
    CreatedAt,
    UpdatedAt,
    Name,
}

impl By {
    const ALL: [(&str, Self); 3] =
        [("created_at", Self::CreatedAt), ("updated_at", Self::UpdatedAt), ("name", Self::Name)];

    fn compare(self, a: &Object<Workspace>, b: &Object<Workspace>) -> Ordering {
        let order = match self {
            Self::CreatedAt => a.created_at.cmp(&b.created_at),
            Self::UpdatedAt => a.updated_at.cmp(&b.updated_at),
            Self::Name => a.document.name.cmp(&b.document.name),
        };
        order.then(a.id.cmp(&b.id))
    }
}

/// Make a workspace
///
/// It has no key yet: make one with `POST /api/v1/auth/api-keys` and its `workspace_id`. Scope
/// `admin` of the default workspace.
#[utoipa::path(post, path = "/api/v1/workspaces", tag = "workspaces",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::CreateWorkspaceRequest,
    responses((status = 201, description = "Made", body = wire::Envelope<wire::Workspace>),
        responses::BodyErrors, responses::CommonErrors))]
pub async fn create_workspace(State(api): State<Api>, Who(caller): Who, posted: Posted) -> Answer {
    let mut fields = posted.fields()?;
    let name = fields.text("name");
    let name = fields.require("name", name);
    let limits = limits::read(&mut fields).unwrap_or_default();
    fields.finish()?;
    // It was required above, so `finish` refused a request without it.
    let name = name.unwrap_or_default();
    let create = CreateWorkspace { name, limits, idempotency: posted.key };
    let id = api.app.create_workspace(&caller, create).await?;
    let record = api.app.workspace(&caller, id).await?;
    let message = "make its first key with POST /api/v1/auth/api-keys and its workspace_id";
    let body = wire::Envelope::saying(wire::Workspace::from(record), message);
    respond::json(StatusCode::CREATED, &body)
}

/// List the workspaces
///
/// All of them for an admin of the default workspace, else the caller's own. Scope `admin`.
#[utoipa::path(get, path = "/api/v1/workspaces", tag = "workspaces",
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortObjects>), Query, description = "`created_at` (default), `updated_at`, `name`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`")),
    responses((status = 200, description = "A page", body = wire::Envelope<wire::Items<wire::Workspace>>),
        responses::BadRequest, responses::CommonErrors))]
pub async fn list_workspaces(State(api): State<Api>, Who(caller): Who, params: Params) -> Answer {
    let page = Cut::read(&params, &By::ALL)?;
    let (found, pagination) = page.cut(api.app.workspaces(&caller).await?, By::compare);
    let items = found.into_iter().map(wire::Workspace::from).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Items { items, pagination }))
}

/// Get a workspace
///
/// Scope `admin`.
#[utoipa::path(get, path = "/api/v1/workspaces/{id}", tag = "workspaces",
    params(("id" = String, Path, description = "`ws_…`")),
    responses((status = 200, description = "The workspace", body = wire::Envelope<wire::Workspace>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_workspace(State(api): State<Api>, Who(caller): Who, of: OfWorkspace) -> Answer {
    let record = api.app.workspace(&caller, of.0).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Workspace::from(record)))
}

/// Change a workspace
///
/// Scope `admin`; limits are changed by an admin of the default workspace only, and hold at once.
#[utoipa::path(patch, path = "/api/v1/workspaces/{id}", tag = "workspaces",
    params(("id" = String, Path, description = "`ws_…`")),
    request_body(content = Option<wire::ChangeWorkspaceRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "The workspace", body = wire::Envelope<wire::Workspace>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn change_workspace(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkspace,
    posted: Posted,
) -> Answer {
    let mut fields = posted.fields()?;
    let name = fields.text("name");
    let limits = limits::read(&mut fields);
    fields.finish()?;
    let change = ChangeWorkspace { name, limits };
    let record = api.app.change_workspace(&caller, of.0, change).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Workspace::from(record)))
}
