//! API keys: made, listed, changed, revoked; and who the caller is.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use stepwell_engine::api_key::ApiKey;
use stepwell_engine::app::{ChangeKey, CreateKey};
use stepwell_engine::objects::Object;
use stepwell_engine::{Clock, SystemClock};

use super::convert::{self, KeyOrder};
use super::cut::Cut;
use super::ids::OfKey;
use super::{choices, limits, responses, wire};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::ApiError;
use crate::once::once_unseen;
use crate::query::Params;
use crate::respond;
use crate::server::Api;

type Answer = Result<Response, ApiError>;

/// The routes of keys.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/auth/api-keys", post(create_key).get(list_keys))
        .route("/api/v1/auth/api-keys/{id}", get(get_key).patch(change_key).delete(revoke_key))
        .route("/api/v1/auth/me", get(me))
        .route("/api/v1/webhooks/signing-secret", get(signing_secret))
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
pub async fn create_key(State(api): State<Api>, Who(caller): Who, posted: Posted) -> Answer {
    let request: CreateKey = posted.fields()?.try_into()?;
    once_unseen(&api.app, &caller, posted.key, async {
        let new = api.app.create_key(&caller, request).await?;
        let data = convert::new_key(&new, SystemClock.now());
        let message = "keep the secret: it is not shown again";
        respond::json(StatusCode::CREATED, &wire::Envelope::saying(data, message))
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
pub async fn list_keys(State(api): State<Api>, Who(caller): Who, params: Params) -> Answer {
    let page = Cut::read(&params, &KeyOrder::ALL)?;
    let workspace = params.one("workspace_id")?.map(convert::parse_workspace_id);
    let workspace = workspace.transpose().map_err(ApiError::problem)?;
    let keys = api.app.keys(&caller, workspace).await?;
    let (keys, pagination) = page.cut(keys, KeyOrder::compare);
    let now = SystemClock.now();
    let items = keys.iter().map(|key| convert::api_key(key, now)).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Items { items, pagination }))
}

/// Get an API key
///
/// Without its secret. Scope `admin`; one of the default workspace sees the keys of all
/// workspaces.
#[utoipa::path(get, path = "/api/v1/auth/api-keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "`apk_…`")),
    responses((status = 200, description = "The key", body = wire::Envelope<wire::ApiKey>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_key(State(api): State<Api>, Who(caller): Who, of: OfKey) -> Answer {
    shown(&api.app.key(&caller, of.0).await?)
}

/// Change an API key
///
/// Its name or its limits, which hold at once; what is left out stays. What it may do is not
/// changed: make another key. Scope `admin`; one of the default workspace may change the keys of
/// all workspaces.
#[utoipa::path(patch, path = "/api/v1/auth/api-keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "`apk_…`")),
    request_body(content = Option<wire::ChangeKeyRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "The key", body = wire::Envelope<wire::ApiKey>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn change_key(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfKey,
    posted: Posted,
) -> Answer {
    let mut fields = posted.fields()?;
    let name = fields.text("name");
    let limits = limits::read(&mut fields);
    fields.finish()?;
    shown(&api.app.change_key(&caller, of.0, ChangeKey { name, limits }).await?)
}

/// Revoke an API key
///
/// At once; the key stays in the list. Scope `admin`; one of the default workspace may revoke the
/// keys of all workspaces.
#[utoipa::path(delete, path = "/api/v1/auth/api-keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "`apk_…`")),
    responses((status = 200, description = "Revoked", body = wire::Envelope<wire::ApiKey>),
        responses::NotFound, responses::CommonErrors))]
pub async fn revoke_key(State(api): State<Api>, Who(caller): Who, of: OfKey) -> Answer {
    let revoked = api.app.revoke_key(&caller, of.0).await?;
    let data = convert::api_key(&revoked, SystemClock.now());
    respond::json(StatusCode::OK, &wire::Envelope::saying(data, "the key is revoked"))
}

fn shown(record: &Object<ApiKey>) -> Answer {
    let data = convert::api_key(record, SystemClock.now());
    respond::json(StatusCode::OK, &wire::Envelope::of(data))
}

/// Who am I
///
/// The key that the request came with: its workspace, what it may do, and what it may use.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "keys",
    responses((status = 200, description = "Who", body = wire::Envelope<wire::Me>),
        responses::CommonErrors))]
pub async fn me(State(api): State<Api>, Who(caller): Who) -> Answer {
    let info = api.app.caller_info(&caller).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Me::from(info)))
}

/// Get the secret that signs webhooks
///
/// The audit log tells that it was read. Scope `admin`.
#[utoipa::path(get, path = "/api/v1/webhooks/signing-secret", tag = "keys",
    responses((status = 200, description = "The secret", body = wire::Envelope<wire::SigningSecret>),
        responses::CommonErrors))]
pub async fn signing_secret(State(api): State<Api>, Who(caller): Who) -> Answer {
    let data = wire::SigningSecret { secret: api.app.webhook_secret(&caller).await? };
    respond::json(StatusCode::OK, &wire::Envelope::of(data))
}
