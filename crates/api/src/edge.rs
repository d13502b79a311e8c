//! What happens around every handler: request id, authentication, the scope and the query
//! parameters of the operation, time limit, panics, error bodies, what caches may keep, metrics and
//! the access log, in one layer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, VARY};
use axum::http::{HeaderName, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use stepwell_engine::app::Refusal;
use stepwell_engine::{App, AuthError, Caller};
use stepwell_store::audit::Origin;
use tracing::Instrument;
use uuid::Uuid;

use crate::dialects::Dialect;
use crate::endpoints::{Operation, Route, WAIT, Waiting};
use crate::error::{ApiError, Kind};
use crate::query::Params;
use crate::respond::Cacheable;
use crate::state::Api;
use crate::{limits, peer, public_url, secrets, telemetry};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

/// The longest request id that is taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// What the edge needs for the requests of one route.
pub struct EdgeState {
    pub api: Api,
    /// `None`: there is no such path.
    pub route: Option<Route>,
}

impl EdgeState {
    /// The route as metrics and logs name it.
    fn pattern(&self) -> &str {
        self.route.as_ref().map_or("none", |route| &route.pattern)
    }

    fn is_open(&self) -> bool {
        let Some(route) = &self.route else { return false };
        route.is_open() || (route.pattern == "/metrics" && self.api.config.metrics_public)
    }

    /// Time for the body and the response. An operation that waits for an execution has more.
    fn time_limit(&self, operation: Option<&Operation>, uri: &Uri) -> Duration {
        let config = &self.api.config;
        let limit = config.request_timeout() + config.body_timeout();
        let waits = match operation.map_or(Waiting::Never, |operation| operation.waiting) {
            Waiting::Never => false,
            Waiting::OnRequest => uri.query().is_some_and(|query| query.contains(WAIT)),
            Waiting::Always => true,
        };
        if waits { limit + config.max_wait() } else { limit }
    }
}

/// The layer around every route and fallback.
pub async fn handle_request(
    State(state): State<Arc<EdgeState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let dialect = Dialect::of(request.uri().path());
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = %method,
        path = request.uri().path()
    );
    let base = public_url::find_base(&state.api.config, request.extensions(), request.headers());
    if let Some(base) = &base {
        request.extensions_mut().insert(base.clone());
    }
    let mut response = authorize_request(&state, request, next, &id).instrument(span.clone()).await;
    let _in_span = span.enter();
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = refuse_request(dialect, &error, &id, response);
    }
    let status = response.status();
    if let (Some(base), Some(location)) = (base, response.headers().get(LOCATION))
        && let Some(url) = base.complete_location(location)
    {
        response.headers_mut().insert(LOCATION, url);
    }
    add_headers(&state.api.app, &mut response, dialect, &id);
    record_request(&method, state.pattern(), status, started.elapsed());
    response
}

/// Adds the headers that every response has.
fn add_headers(app: &App, response: &mut Response, dialect: Dialect, id: &str) {
    let headers = response.headers_mut();
    if dialect == Dialect::Abi {
        limits::insert_unlimited(headers, app.now());
    }
    headers.insert(CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A request id is visible ASCII, made so above.
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
    limit_caching(response);
}

/// The response to a request that could not be read, so that it has no route: with the error body
/// of its path, a request id of its own, and the headers of every response.
pub fn refuse_unrouted(app: &App, path: &str, error: &ApiError) -> Response {
    let id = new_request_id();
    let dialect = Dialect::of(path);
    let mut response = dialect.refuse(error, &id);
    add_headers(app, &mut response, dialect, &id);
    let status = response.status().as_u16();
    tracing::debug!(target: "stepwell::access", request_id = %id, status, "an unreadable request");
    response
}

/// Authenticates, counts the request against the limits, and runs the handler. A request for a path
/// that does not exist counts only if it has a valid key.
async fn authorize_request(
    state: &EdgeState,
    mut request: Request,
    next: Next,
    id: &str,
) -> Response {
    // Found by the connection, which leaves writing the response to this layer.
    if let Some(error) = request.extensions_mut().remove::<ApiError>() {
        return error.into_response();
    }
    let operation = state.route.as_ref().and_then(|route| route.operation(request.method()));
    let limit = state.time_limit(operation, request.uri());
    if state.is_open() {
        return run_with_limit(request, next, limit).await;
    }
    let api = &state.api;
    let trusted = &api.config.trusted_proxies;
    let address = peer::client_address(trusted, request.extensions(), request.headers());
    let origin = Origin { address, request_id: Some(id.into()) };
    let method = request.method().clone();
    let refusal = |reason| Refusal { method: method.as_str(), route: state.pattern(), reason };
    let caller = match authenticate_caller(api, request.headers()).await {
        Ok(caller) => Caller { origin, ..caller },
        Err(_) if state.route.is_none() => return run_with_limit(request, next, limit).await,
        Err(error) => {
            let dead = matches!(error.kind(), Kind::ExpiredKey | Kind::RevokedKey);
            if let (true, Ok(Some(token))) = (dead, bearer_token(request.headers())) {
                api.app.audit_invalid_key(token, origin, refusal(error.message())).await;
            }
            return error.into_response();
        }
    };
    let mut response = match admit_request(api, &caller, &mut request, operation) {
        Ok(()) => {
            request.extensions_mut().insert(caller.clone());
            run_with_limit(request, next, limit).await
        }
        Err(error) => error.into_response(),
    };
    limits::show_limits(&api.app, &caller.limits, &mut response);
    if let Some(reason) = denied_permission(&response) {
        api.app.audit_refusal(&caller, refusal(&reason)).await;
    }
    response
}

/// Checks the limits of the key, its scope, and the names of the query parameters, in this order.
/// Paths and methods that do not exist require no scope.
fn admit_request(
    api: &Api,
    caller: &Caller,
    request: &mut Request,
    operation: Option<&Operation>,
) -> Result<(), ApiError> {
    api.app.admit_request(caller)?;
    if let Some(operation) = operation {
        operation.scope.check(caller)?;
    }
    if request.uri().query().is_some() {
        let params = Params::read(request.uri())?;
        if let Some(known) = operation.and_then(|operation| operation.parameters.as_ref()) {
            known.check(&params)?;
        }
        request.extensions_mut().insert(params);
    }
    Ok(())
}

/// The message of a response that denies a permission.
fn denied_permission(response: &Response) -> Option<String> {
    let error = response.extensions().get::<ApiError>()?;
    let refused = matches!(error.kind(), Kind::Forbidden | Kind::NotPermitted);
    refused.then(|| error.message().to_owned())
}

/// Runs the handler with a time limit, and catches its panics.
async fn run_with_limit(request: Request, next: Next, limit: Duration) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let request = Request::from_parts(parts, body);
    // axum would respond in plain text.
    if let Err(RawPathParamsRejection::InvalidUtf8InPathParam(_)) = path {
        return ApiError::new(Kind::NoRoute, "the path is not valid UTF-8").into_response();
    }
    let run = tokio::time::timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind());
    match run.await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => ApiError::internal(panic_text(&*panic)).into_response(),
        Err(_) => ApiError::new(
            Kind::Timeout,
            format!("the request took longer than {} s; it may still take effect", limit.as_secs()),
        )
        .into_response(),
    }
}

async fn authenticate_caller(api: &Api, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let token = bearer_token(headers)?;
    if token.is_none() && !api.config.auth_required {
        return Ok(Caller { actor: api.keyless.clone(), ..Caller::internal() });
    }
    Ok(api.app.authenticate(token).await?)
}

/// The key that came with a request, in either of the headers.
fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    if let Some(value) = headers.get(API_KEY) {
        let text = value.to_str().map_err(|_| ApiError::from(AuthError::Invalid))?.trim();
        if !text.is_empty() {
            return Ok(Some(text));
        }
    }
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| ApiError::from(AuthError::Invalid))?;
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(ApiError::new(
            Kind::InvalidKey,
            "the Authorization header must be `Bearer <key>`",
        ));
    }
    Ok(Some(token.trim()))
}

/// The client's request id where it is harmless to repeat and to store, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let sane = |text: &&str| {
        (1..=MAX_REQUEST_ID).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b))
            && !secrets::are_held_by(text, headers)
    };
    match headers.get(REQUEST_ID).and_then(|v| v.to_str().ok()).filter(sane) {
        Some(text) => text.to_owned(),
        None => new_request_id(),
    }
}

/// The id of a request that brings none.
fn new_request_id() -> String {
    Uuid::now_v7().to_string()
}

/// Forbids caching, unless the handler allows it: responses depend on the key or the time, and some
/// contain secrets. Not every cache knows that a request with `X-API-KEY` is personal.
fn limit_caching(response: &mut Response) {
    let is_cacheable = response.extensions().get::<Cacheable>().is_some();
    let headers = response.headers_mut();
    if is_cacheable {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        return;
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Appended: CORS adds what it depends on.
    headers.append(VARY, HeaderValue::from_static("Authorization, X-API-KEY"));
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a handler panicked: {}", text.unwrap_or("no message"))
}

/// Has the dialect write the error, and keeps the headers that the handler or axum set.
fn refuse_request(dialect: Dialect, error: &ApiError, id: &str, refused: Response) -> Response {
    if let Some(log) = error.log() {
        tracing::error!(request_id = id, error = log, "an internal error");
    }
    let mut response = dialect.refuse(error, id);
    for (name, value) in refused.headers() {
        if !response.headers().contains_key(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn record_request(method: &Method, route: &str, status: StatusCode, took: Duration) {
    telemetry::count_request(method, route, status, took);
    let millis = took.as_secs_f64() * 1000.0;
    let status = status.as_u16();
    if status >= 500 {
        tracing::warn!(target: "stepwell::access", route, status, millis, "response sent");
    } else {
        tracing::debug!(target: "stepwell::access", route, status, millis, "response sent");
    }
}

/// There is no such path.
pub async fn no_route(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::new(Kind::NoRoute, format!("there is nothing at `{path}`; see /docs"))
}

/// The path knows other methods: axum names them in `Allow`. `OPTIONS` requests just that.
pub async fn wrong_method(request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return (StatusCode::NO_CONTENT, Body::empty()).into_response();
    }
    ApiError::new(
        Kind::MethodNotAllowed,
        format!(
            "{} is not a method of this path; those in the Allow header are",
            request.method().as_str().chars().take(20).collect::<String>()
        ),
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        [(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())]
            .into_iter()
            .collect()
    }

    #[test]
    fn tokens_come_in_two_headers() {
        for (name, value, expect) in [
            ("x-api-key", "k", Ok(Some("k"))),
            ("x-api-key", " ", Ok(None)),
            ("authorization", "Bearer k", Ok(Some("k"))),
            ("authorization", "bearer  k ", Ok(Some("k"))),
            ("authorization", "Bearer", Err(Kind::InvalidKey)),
            ("authorization", "Basic abc", Err(Kind::InvalidKey)),
            ("cookie", "k", Ok(None)),
        ] {
            let headers = with(name, value);
            let found = bearer_token(&headers).map_err(|e| e.kind());
            assert_eq!(found, expect, "{name}: {value}");
        }
        let mut both = with("authorization", "Bearer k");
        both.insert(API_KEY, HeaderValue::from_static(""));
        assert_eq!(bearer_token(&both).unwrap(), Some("k"), "an empty one is none");
    }

    #[test]
    fn request_ids_are_taken_when_sane() {
        assert_eq!(request_id(&with("x-request-id", "abc-1.2:3")), "abc-1.2:3");
        for bad in ["", "a b", "a\"b", &"x".repeat(129)] {
            let id = request_id(&with("x-request-id", bad));
            assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 7, "{bad}");
        }
        // It is stored in the audit log and in logs.
        let mut headers = with("x-request-id", "job-hunter2hunter2");
        headers.insert("x-secret-tok", HeaderValue::from_static("hunter2hunter2"));
        assert!(!request_id(&headers).contains("hunter2"));
        headers.insert("x-secret-tok", HeaderValue::from_static("another"));
        assert_eq!(request_id(&headers), "job-hunter2hunter2");
    }

    #[test]
    fn panics_are_reported_by_their_message() {
        let panic = std::panic::catch_unwind(|| panic!("no {}", 1)).unwrap_err();
        assert_eq!(panic_text(&*panic), "a handler panicked: no 1");
    }
}
