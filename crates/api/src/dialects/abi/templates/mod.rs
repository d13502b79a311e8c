//! Templates: the handlers.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use stepwell_core::ids::TemplateId;
use stepwell_engine::app::Template;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items, data_text};
use super::ids::PathId;
use super::{choices, etag, managed, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::idempotent::respond_once;
use crate::query::Params;
use crate::respond::ApiResult;
use crate::state::Api;

/// `/templates/{id}…`
type PathTemplateId = PathId<TemplateId>;

#[derive(OpenApi)]
#[openapi(tags((name = "templates", description = "Texts and JSON values with expressions, under a name")))]
struct Document;

/// The endpoints of templates.
pub(super) fn template_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(create_template, list_templates))
        .add(routes!(get_template, put_template, patch_template, delete_template))
        .add(routes!(preview_template))
}

/// Create a template
///
/// Its body is compiled: every error is listed with its place and line.
#[utoipa::path(post, path = "/api/v1/templates", tag = "templates",
    security(("key" = ["write:templates"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::TemplateRequest,
    responses((status = 201, description = "Created", body = Envelope<wire::Template>,
            headers(("ETag" = String, description = "Its version"))),
        responses::BodyErrors, responses::CommonErrors))]
async fn create_template(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let template = convert::new_template(request_body.read()?);
    managed::create_object(&api, &caller, request_body.key, template).await
}

/// List templates
///
/// Parameters other than these are labels: `team=sales` selects templates whose `metadata.team` is
/// `sales`.
#[utoipa::path(get, path = "/api/v1/templates", tag = "templates",
    security(("key" = ["read:templates"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("sort_by" = inline(Option<choices::SortObjects>), Query, description = "`created_at` (default), `updated_at`, `name`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("name" = Option<String>, Query, description = "Only the template with this name"),
        ("labels" = inline(Option<choices::Labels>), Query, style = Form, explode, description = "Any other parameter is a label that the templates must have: `team=sales`. `metadata.NAME` is always the label `NAME`")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::TemplateRow>>),
        responses::BadRequest, responses::CommonErrors))]
async fn list_templates(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    managed::list_objects::<Template>(&api, &caller, &params).await
}

/// Get a template
#[utoipa::path(get, path = "/api/v1/templates/{id}", tag = "templates",
    security(("key" = ["read:templates"])),
    params(("id" = String, Path, description = "`tpl_…`")),
    responses((status = 200, description = "The template", body = Envelope<wire::Template>,
            headers(("ETag" = String, description = "Its version"))),
        responses::NotFound, responses::CommonErrors))]
async fn get_template(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathTemplateId,
) -> ApiResult {
    managed::show_object::<Template>(api.app.object(&caller, id.0).await)
}

/// Change a template
///
/// Omitted fields are unchanged; `description`, `sample` and `metadata` that are `null` are
/// emptied. A template as a response shows it may be sent back. Send its `ETag` as `If-Match`, and
/// the template changes only if it still has that version.
#[utoipa::path(put, path = "/api/v1/templates/{id}", tag = "templates",
    security(("key" = ["write:templates"])),
    params(("id" = String, Path, description = "`tpl_…`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to change")),
    request_body(content = Option<wire::TemplateChange>, description = "Without it nothing changes"),
    responses((status = 200, description = "The template as it is now", body = Envelope<wire::Template>,
            headers(("ETag" = String, description = "Its version"))),
        responses::BodyErrors, responses::NotFound, responses::Precondition,
        responses::CommonErrors))]
async fn put_template(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathTemplateId,
    headers: HeaderMap,
    request_body: RequestBody,
) -> ApiResult {
    let change = convert::read_change(request_body.fields()?)?;
    let expected = etag::if_match(&headers)?;
    let edit = |template| change.apply(template);
    managed::show_object::<Template>(api.app.change_object(&caller, id.0, &expected, edit).await)
}

/// Change parts of a template
///
/// The same as `PUT`.
#[utoipa::path(patch, path = "/api/v1/templates/{id}", tag = "templates",
    security(("key" = ["write:templates"])),
    params(("id" = String, Path, description = "`tpl_…`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to change")),
    request_body(content = Option<wire::TemplateChange>, description = "Without it nothing changes"),
    responses((status = 200, description = "The template as it is now", body = Envelope<wire::Template>,
            headers(("ETag" = String, description = "Its version"))),
        responses::BodyErrors, responses::NotFound, responses::Precondition,
        responses::CommonErrors))]
async fn patch_template(
    api: State<Api>,
    who: Authenticated,
    id: PathTemplateId,
    headers: HeaderMap,
    request_body: RequestBody,
) -> ApiResult {
    put_template(api, who, id, headers, request_body).await
}

/// Delete a template
#[utoipa::path(delete, path = "/api/v1/templates/{id}", tag = "templates",
    security(("key" = ["write:templates"])),
    params(("id" = String, Path, description = "`tpl_…`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to delete")),
    responses((status = 200, description = "Deleted", body = Envelope<wire::DeletedTemplate>),
        responses::BadRequest, responses::NotFound, responses::Precondition,
        responses::CommonErrors))]
async fn delete_template(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathTemplateId,
    headers: HeaderMap,
) -> ApiResult {
    let expected = etag::if_match(&headers)?;
    let deleted = api.app.delete_object::<Template>(&caller, id.0, &expected).await;
    managed::show_deleted(deleted, wire::DeletedTemplate { id: id.0.abi(), deleted: true })
}

/// Preview a template
///
/// Renders it with `data`, or with its own sample; nothing is stored or sent.
#[utoipa::path(post, path = "/api/v1/templates/{id}/preview", tag = "templates",
    security(("key" = ["read:templates"])),
    params(("id" = String, Path, description = "`tpl_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body(content = Option<wire::PreviewRequest>, description = "Without it the template's sample is used"),
    responses((status = 200, description = "What it renders to", body = Envelope<wire::TemplatePreview>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn preview_template(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathTemplateId,
    request_body: RequestBody,
) -> ApiResult {
    let wire::PreviewRequest { data } = request_body.read()?;
    respond_once(&api.app, &caller, request_body.key, async {
        let rendered = api.app.preview_template(&caller, id.0, data).await?;
        data_text(StatusCode::OK, wire::TemplatePreview { rendered })
    })
    .await
}
