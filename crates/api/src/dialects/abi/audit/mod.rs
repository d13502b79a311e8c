//! The audit log: the handler.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items};
use super::lists::{BY_CREATION, ListQuery};
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::endpoints::Endpoints;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;

#[derive(OpenApi)]
#[openapi(tags((name = "audit", description = "Who did what")))]
struct Document;

/// The endpoints of the audit log.
pub fn audit_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi()).add(routes!(audit_log))
}

/// Read the audit log
///
/// Who did what to which object, when, and from which address. Entries are written in the same
/// transaction as the change. Only an admin of the default workspace can read the log of
/// another workspace.
#[utoipa::path(get, path = "/api/v1/audit_log", tag = "audit",
    security(("key" = ["admin"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortByCreation>), Query, description = "`created_at`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("actor" = Option<String>, Query, description = "The name of a key, or `system`, `cli`, `anonymous`"),
        ("key_id" = Option<String>, Query, description = "`apk_…`"),
        ("action" = Option<String>, Query, description = "Such as `workflow.updated`"),
        ("object_type" = inline(Option<choices::ByObjectType>), Query, description = "A kind of object, such as `workflow`"),
        ("object_id" = Option<String>, Query, description = "In any form"),
        ("start_date" = Option<String>, Query, description = "An RFC 3339 time or a date: not before"),
        ("end_date" = Option<String>, Query, description = "An RFC 3339 time or a date: not after"),
        ("workspace_id" = Option<String>, Query, description = "`ws_…`, default the caller's")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::AuditEntry>>),
        responses::BadRequest, responses::CommonErrors))]
async fn audit_log(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read(&params, &BY_CREATION)?;
    let (workspace, filter) = convert::read_filter(&params)?;
    let page = api.app.audit_log(&caller, workspace, query.list(filter)).await?;
    let page = page.by_ref().map_items(convert::audit_entry);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}
