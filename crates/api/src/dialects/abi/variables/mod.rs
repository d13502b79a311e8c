//! Variables: the handlers.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::HeaderMap;
use stepwell_engine::variable::Variable;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items};
use super::ids::PathName;
use super::{choices, etag, managed, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::query::Params;
use crate::respond::ApiResult;
use crate::state::Api;

#[derive(OpenApi)]
#[openapi(tags((name = "variables", description = "Settings of a workspace that expressions read as `vars.NAME`")))]
struct Document;

/// The endpoints of variables.
pub(super) fn variable_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi()).add(routes!(create_variable, list_variables)).add(routes!(
        get_variable,
        put_variable,
        patch_variable,
        delete_variable
    ))
}

/// Create a variable
///
/// Executions that are started from now on read it as `vars.NAME`. Variables are not secret.
#[utoipa::path(post, path = "/api/v1/variables", tag = "variables",
    security(("key" = ["write:variables"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::VariableRequest,
    responses((status = 201, description = "Created", body = Envelope<wire::Variable>,
            headers(("ETag" = String, description = "Its version"))),
        responses::BodyErrors, responses::CommonErrors))]
async fn create_variable(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let variable = convert::new_variable(request_body.fields()?)?;
    managed::create_object(&api, &caller, request_body.key, variable).await
}

/// List variables
///
/// With their values.
#[utoipa::path(get, path = "/api/v1/variables", tag = "variables",
    security(("key" = ["read:variables"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("sort_by" = inline(Option<choices::SortObjects>), Query, description = "`created_at` (default), `updated_at`, `name`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("name" = Option<String>, Query, description = "Only the variable with this name")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::Variable>>),
        responses::BadRequest, responses::CommonErrors))]
async fn list_variables(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    managed::list_objects::<Variable>(&api, &caller, &params).await
}

/// Get a variable
#[utoipa::path(get, path = "/api/v1/variables/{name}", tag = "variables",
    security(("key" = ["read:variables"])),
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The variable", body = Envelope<wire::Variable>,
            headers(("ETag" = String, description = "Its version"))),
        responses::NotFound, responses::CommonErrors))]
async fn get_variable(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    name: PathName,
) -> ApiResult {
    managed::show_object(api.app.variable(&caller, &name.0).await)
}

/// Change a variable
///
/// Omitted fields are unchanged. Executions under way keep the value that they started with. A
/// variable as a response shows it may be sent back. Send its `ETag` as `If-Match`, and the variable
/// changes only if it still has that version.
#[utoipa::path(put, path = "/api/v1/variables/{name}", tag = "variables",
    security(("key" = ["write:variables"])),
    params(("name" = String, Path, description = "Its name"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to change")),
    request_body(content = Option<wire::VariableChange>, description = "Without it nothing changes"),
    responses((status = 200, description = "The variable as it is now", body = Envelope<wire::Variable>,
            headers(("ETag" = String, description = "Its version"))),
        responses::BodyErrors, responses::NotFound, responses::Precondition,
        responses::CommonErrors))]
async fn put_variable(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    name: PathName,
    headers: HeaderMap,
    request_body: RequestBody,
) -> ApiResult {
    let change = convert::read_change(request_body.fields()?, &name.0)?;
    let expected = etag::if_match(&headers)?;
    let edit = |variable| change.apply(variable);
    managed::show_object(api.app.change_variable(&caller, &name.0, &expected, edit).await)
}

/// Change parts of a variable
///
/// The same as `PUT`.
#[utoipa::path(patch, path = "/api/v1/variables/{name}", tag = "variables",
    security(("key" = ["write:variables"])),
    params(("name" = String, Path, description = "Its name"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to change")),
    request_body(content = Option<wire::VariableChange>, description = "Without it nothing changes"),
    responses((status = 200, description = "The variable as it is now", body = Envelope<wire::Variable>,
            headers(("ETag" = String, description = "Its version"))),
        responses::BodyErrors, responses::NotFound, responses::Precondition,
        responses::CommonErrors))]
async fn patch_variable(
    api: State<Api>,
    who: Authenticated,
    name: PathName,
    headers: HeaderMap,
    request_body: RequestBody,
) -> ApiResult {
    put_variable(api, who, name, headers, request_body).await
}

/// Delete a variable
///
/// Executions under way keep its value. Later ones that need it fail with `UNKNOWN_VARIABLE`.
#[utoipa::path(delete, path = "/api/v1/variables/{name}", tag = "variables",
    security(("key" = ["write:variables"])),
    params(("name" = String, Path, description = "Its name"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to delete")),
    responses((status = 200, description = "Deleted", body = Envelope<wire::DeletedVariable>),
        responses::BadRequest, responses::NotFound, responses::Precondition,
        responses::CommonErrors))]
async fn delete_variable(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    name: PathName,
    headers: HeaderMap,
) -> ApiResult {
    let expected = etag::if_match(&headers)?;
    let deleted = api.app.delete_variable(&caller, &name.0, &expected).await;
    managed::show_deleted(deleted, wire::DeletedVariable { name: &name.0, deleted: true })
}
