//! API keys: made, listed, changed, revoked; and who the caller is.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use stepwell_engine::api_key::ApiKey;
use stepwell_engine::objects::Object;
use stepwell_store::lists::Order;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items};
use super::ids::{PathKeyId, parse_workspace_id};
use super::lists::ListQuery;
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::error::ApiError;
use crate::idempotent::idempotent_secret;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;
use convert::KeyOrder;

/// The endpoints of keys.
pub fn key_endpoints() -> Endpoints {
    Endpoints::default()
        .add(routes!(create_key, list_keys))
        .add(routes!(get_key, change_key, revoke_key))
        .add(routes!(get_caller))
        .add(routes!(signing_secret))
}

/// Make an API key
///
/// The secret is shown this once. Only an admin of the default workspace can create a key for
/// another workspace.
#[utoipa::path(post, path = "/api/v1/auth/api-keys", tag = "keys",
    security(("key" = ["admin"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request creates no second key and returns 409, since the secret is not stored")),
    request_body = wire::CreateKeyRequest,
    responses((status = 201, description = "Made", body = Envelope<wire::NewApiKey>),
        responses::BodyErrors, responses::CommonErrors))]
pub async fn create_key(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let request = convert::create_key(request_body.fields()?)?;
    idempotent_secret(&api.app, &caller, request_body.key, async {
        let new = api.app.create_key(&caller, request).await?;
        let data = convert::new_key(&new, api.app.now());
        let message = "keep the secret: it is not shown again";
        respond::json_response(StatusCode::CREATED, &Envelope::with_message(data, message))
    })
    .await
}

/// List the API keys
///
/// Of the caller's workspace.
#[utoipa::path(get, path = "/api/v1/auth/api-keys", tag = "keys",
    security(("key" = ["admin"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortKeys>), Query, description = "`created_at` (default), `expires_at`, `last_used_at`, `name`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("workspace_id" = Option<String>, Query, description = "Those of another workspace; for an admin of the default one")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::ApiKey>>),
        responses::BadRequest, responses::CommonErrors))]
pub async fn list_keys(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read_numbered(&params, &KeyOrder::ALL, Order::Descending)?;
    let workspace = params.one("workspace_id")?.map(parse_workspace_id);
    let workspace = workspace.transpose().map_err(ApiError::problem)?;
    let keys = api.app.keys(&caller, workspace).await?;
    let page = query.cut_page(keys, KeyOrder::compare);
    let now = api.app.now();
    let page = page.by_ref().map_items(|key| convert::api_key(key, now));
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get an API key
///
/// Without its secret. An admin of the default workspace sees the keys of all workspaces.
#[utoipa::path(get, path = "/api/v1/auth/api-keys/{id}", tag = "keys",
    security(("key" = ["admin"])),
    params(("id" = String, Path, description = "`apk_…`")),
    responses((status = 200, description = "The key", body = Envelope<wire::ApiKey>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_key(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathKeyId,
) -> ApiResult {
    key_response(&api, &api.app.key(&caller, id.0).await?)
}

/// Change an API key
///
/// Its name or its limits, which apply at once; omitted fields are unchanged. What it may do cannot be
/// changed: create another key. An admin of the default workspace can change the keys of all
/// workspaces.
#[utoipa::path(patch, path = "/api/v1/auth/api-keys/{id}", tag = "keys",
    security(("key" = ["admin"])),
    params(("id" = String, Path, description = "`apk_…`")),
    request_body(content = Option<wire::ChangeKeyRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "The key", body = Envelope<wire::ApiKey>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn change_key(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathKeyId,
    request_body: RequestBody,
) -> ApiResult {
    let change = convert::change_key(request_body.fields()?)?;
    key_response(&api, &api.app.change_key(&caller, id.0, change).await?)
}

/// Revoke an API key
///
/// At once; the key stays in the list. An admin of the default workspace can revoke the keys of all
/// workspaces.
#[utoipa::path(delete, path = "/api/v1/auth/api-keys/{id}", tag = "keys",
    security(("key" = ["admin"])),
    params(("id" = String, Path, description = "`apk_…`")),
    responses((status = 200, description = "Revoked", body = Envelope<wire::ApiKey>),
        responses::NotFound, responses::CommonErrors))]
pub async fn revoke_key(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathKeyId,
) -> ApiResult {
    let revoked = api.app.revoke_key(&caller, id.0).await?;
    let data = convert::api_key(&revoked, api.app.now());
    respond::json_response(StatusCode::OK, &Envelope::with_message(data, "the key is revoked"))
}

fn key_response(api: &Api, record: &Object<ApiKey>) -> ApiResult {
    let data = convert::api_key(record, api.app.now());
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}

/// Who am I
///
/// The key that the request came with: its workspace, what it may do, and what it may use.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "keys",
    operation_id = "me",
    security(("key" = [])),
    responses((status = 200, description = "Who", body = Envelope<wire::Me>),
        responses::CommonErrors))]
pub async fn get_caller(State(api): State<Api>, Authenticated(caller): Authenticated) -> ApiResult {
    let myself = api.app.caller_info(&caller).await?;
    respond::json_response(StatusCode::OK, &Envelope::of(wire::Me::from(myself)))
}

/// Get the secret that signs webhooks
///
/// Reading it adds an entry to the audit log.
#[utoipa::path(get, path = "/api/v1/webhooks/signing-secret", tag = "keys",
    security(("key" = ["admin"])),
    responses((status = 200, description = "The secret", body = Envelope<wire::SigningSecret>),
        responses::CommonErrors))]
pub async fn signing_secret(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> ApiResult {
    let data = wire::SigningSecret { secret: api.app.webhook_secret(&caller).await? };
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}
