//! The service's own paths: health, metrics, and the API's description.

mod common;
mod description;
mod schemas;
mod security;

use std::sync::LazyLock;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::routes;

use crate::dialects::described::error_responses;
use crate::endpoints::Endpoints;
use crate::error::{ApiError, Kind};
use crate::public_url::BaseUrl;
use crate::state::Api;
use crate::{process_metrics, respond, telemetry};

pub use description::{all_endpoints, openapi};

/// The reference page; it shows `/openapi.json` and loads nothing from elsewhere.
const DOCS: &str = include_str!("docs.html");

/// The page's script and style are in it; it may talk to this server only.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The URL of the server in the serialised document.
const SERVERS: &[u8] = br#""servers":[{"url":"/""#;

#[derive(OpenApi)]
#[openapi(tags((name = "service", description = "The server itself")))]
struct Document;

/// The endpoints of the service alone.
fn own_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(get_health))
        .add(routes!(get_readiness))
        .add(routes!(get_metrics))
        .add(routes!(openapi_json))
        .add_page("/docs", get(get_docs))
        .add_page("/", get(redirect_to_docs))
}

/// Whether the server lives or is ready.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Why it is unavailable.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Check whether the process is alive
///
/// Needs no key.
#[utoipa::path(get, path = "/healthz", tag = "service",
    operation_id = "healthz", security(()),
    responses((status = 200, description = "It does", body = Health), OpenErrors))]
async fn get_health() -> Result<Response, ApiError> {
    respond::json_response(StatusCode::OK, &Health { status: "ok", reason: None })
}

/// Whether work can be taken
///
/// Needs no key.
#[utoipa::path(get, path = "/readyz", tag = "service",
    operation_id = "readyz", security(()),
    responses((status = 200, description = "It can", body = Health),
        (status = 503, description = "It cannot, and why", body = Health), OpenErrors))]
async fn get_readiness(State(api): State<Api>) -> Result<Response, ApiError> {
    let readiness = api.app.readiness().await;
    if readiness.ready {
        return respond::json_response(StatusCode::OK, &Health { status: "ok", reason: None });
    }
    let health = Health { status: "unavailable", reason: readiness.reason };
    respond::json_response(StatusCode::SERVICE_UNAVAILABLE, &health)
}

error_responses! { "ErrorBody";
    /// The errors of calls that need no key.
    OpenErrors {
        "400": "`INVALID_REQUEST`: the header `Host` is not a host",
    }
    /// The errors of requesting metrics.
    MetricsErrors {
        "401": "`UNAUTHORIZED`, `INVALID_TOKEN`, `EXPIRED_TOKEN`, `REVOKED_TOKEN`: send a valid key",
        "403": "`FORBIDDEN`: the key lacks the scope, or is one of another workspace",
        "404": "`NOT_FOUND`: this process records no metrics",
        "429": "`RATE_LIMIT_EXCEEDED`: try again after `Retry-After` seconds",
        "500": "`INTERNAL_ERROR`: a fault of the server; its log has the request id",
        "503": "`UNAVAILABLE`: try again after `Retry-After` seconds",
    }
}

/// Metrics
///
/// In the text format of Prometheus, of all workspaces together. Unless the server is configured
/// otherwise, it takes a key of the default workspace.
#[utoipa::path(get, path = "/metrics", tag = "service",
    operation_id = "metrics",
    security(("key" = ["read:metrics"])), extensions(("x-default-workspace" = json!(true))),
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"),
        MetricsErrors))]
async fn get_metrics(State(api): State<Api>) -> Result<Response, ApiError> {
    tokio::join!(api.app.refresh_metrics(), process_metrics::refresh_metrics());
    let text = telemetry::render_metrics()
        .ok_or_else(|| ApiError::new(Kind::NoRoute, "this process records no metrics"))?;
    Ok(typed_response("text/plain; version=0.0.4; charset=utf-8", text.into()))
}

/// This API's description
///
/// OpenAPI 3.1. Needs no key.
#[utoipa::path(get, path = "/openapi.json", tag = "service", security(()),
    responses((status = 200, description = "The description", body = Object), OpenErrors))]
async fn openapi_json(base: Option<Extension<BaseUrl>>) -> Response {
    static TEXT: LazyLock<Bytes> =
        LazyLock::new(|| serde_json::to_vec(&openapi()).unwrap_or_default().into());
    let Some(Extension(base)) = base else {
        return respond::mark_cacheable(respond::json_text(StatusCode::OK, TEXT.clone()));
    };
    let response = respond::json_text(StatusCode::OK, with_server(&TEXT, &base.url_of("/")));
    if base.is_configured { respond::mark_cacheable(response) } else { response }
}

/// The document with another URL of the server.
fn with_server(document: &[u8], url: &str) -> Bytes {
    let Some(start) = document.windows(SERVERS.len()).position(|part| part == SERVERS) else {
        return Bytes::copy_from_slice(document);
    };
    let rest = &document[start + SERVERS.len()..];
    let url = respond::to_text(url);
    [&document[..start], br#""servers":[{"url":"#, url.as_bytes(), rest].concat().into()
}

/// Leads visitors of the root to the reference. The target is relative, so that it is right under
/// any path of a proxy.
async fn redirect_to_docs() -> Response {
    respond::with_location(respond::empty_response(StatusCode::FOUND), "docs")
}

/// The API's reference, to be read in a browser.
async fn get_docs() -> Response {
    let mut response =
        typed_response("text/html; charset=utf-8", Bytes::from_static(DOCS.as_bytes()));
    let policy = HeaderValue::from_static(DOCS_POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    respond::mark_cacheable(response)
}

fn typed_response(media: &'static str, body: Bytes) -> Response {
    let mut response = respond::json_text(StatusCode::OK, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
