//! What happens around every handler: request id, authentication, the scope and the query
//! parameters of the operation, time limit, panics, error bodies, what caches may keep, metrics and
//! the access log, in one layer. It knows no route's meaning.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use stepwell_engine::app::Refusal;
use stepwell_engine::{AuthError, Caller, Clock, SystemClock};
use stepwell_store::audit::Origin;
use tracing::Instrument;
use uuid::Uuid;

use crate::dialects::Dialect;
use crate::error::{ApiError, Kind};
use crate::query::Params;
use crate::server::Api;
use crate::telemetry;
use crate::{limits, parameters, peer, scopes, secrets};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

/// The longest request id that is taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// Routes that need no key: they tell nothing about anybody's objects.
const OPEN: [&str; 5] =
    ["/healthz", "/readyz", "/openapi.json", "/docs", "/api/v1/schema/definition"];

/// Open routes whose responses are the same for everyone for as long as the server runs.
const CACHEABLE: [&str; 3] = ["/openapi.json", "/docs", "/api/v1/schema/definition"];

/// The layer around every route and fallback.
pub async fn edge(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let dialect = Dialect::of(request.uri().path());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = %method,
        path = request.uri().path()
    );
    let answered = guarded(&api, request, next, (route.as_ref(), &id));
    let mut response = answered.instrument(span.clone()).await;
    let _in_span = span.enter();
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = refuse(dialect, &error, &id, response);
    }
    let status = response.status();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    add_headers(&mut response, dialect, &id, route);
    finish(&method, route, status, started.elapsed());
    response
}

/// Adds the headers that every response has.
fn add_headers(response: &mut Response, dialect: Dialect, id: &str, route: &str) {
    let status = response.status();
    let headers = response.headers_mut();
    if dialect == Dialect::Abi {
        limits::show_none(headers, SystemClock.now());
    }
    headers.insert(CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A request id is visible ASCII, made so above.
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
    limit_caching(route, status, headers);
}

/// The response to a request that could not be read, so that it has no route: with the error body
/// of its path, a request id of its own, and the headers of every response.
pub fn refuse_unrouted(path: &str, error: &ApiError) -> Response {
    let id = new_request_id();
    let dialect = Dialect::of(path);
    let mut response = dialect.refuse(error, &id);
    add_headers(&mut response, dialect, &id, "none");
    let status = response.status().as_u16();
    tracing::debug!(target: "stepwell::access", request_id = %id, status, "an unreadable request");
    response
}

/// Authenticates, counts the request against the limits, and runs the handler. A path that is not
/// there counts for whoever brings a key; for all others it is just not there.
async fn guarded(
    api: &Api,
    mut request: Request,
    next: Next,
    (route, id): (Option<&MatchedPath>, &str),
) -> Response {
    let pattern = route.map_or("none", MatchedPath::as_str);
    // Found by the connection, which leaves it to this layer to write the response.
    if let Some(fault) = request.extensions_mut().remove::<ApiError>() {
        return fault.into_response();
    }
    if is_open(api, pattern) {
        return bounded(api, request, next).await;
    }
    let trusted = &api.config.trusted_proxies;
    let address = peer::client_address(trusted, request.extensions(), request.headers());
    let origin = Origin { address, request_id: Some(id.into()) };
    let method = request.method().clone();
    let refusal = |reason| Refusal { method: method.as_str(), route: pattern, reason };
    let caller = match caller(api, request.headers()).await {
        Ok(caller) => Caller { origin, ..caller },
        Err(_) if route.is_none() => return bounded(api, request, next).await,
        Err(error) => {
            let dead = matches!(error.kind(), Kind::ExpiredKey | Kind::RevokedKey);
            if let (true, Ok(Some(token))) = (dead, token(request.headers())) {
                api.app.audit_invalid_key(token, origin, refusal(error.message())).await;
            }
            return error.into_response();
        }
    };
    let mut response = match admit(api, &caller, &mut request, pattern) {
        Ok(()) => {
            request.extensions_mut().insert(caller.clone());
            bounded(api, request, next).await
        }
        Err(error) => error.into_response(),
    };
    limits::show(&api.app, &caller.limits, &mut response);
    if let Some(reason) = lacking(&response) {
        api.app.audit_refusal(&caller, refusal(&reason)).await;
    }
    response
}

/// Whether the operation may run: the limits of the key, its scope, the names of the query
/// parameters, in this order.
fn admit(api: &Api, caller: &Caller, request: &mut Request, route: &str) -> Result<(), ApiError> {
    api.app.admit_request(caller)?;
    scopes::check(caller, request.method(), route)?;
    if request.uri().query().is_some() {
        let params = Params::read(request.uri())?;
        parameters::check(&params, request.method(), route)?;
        request.extensions_mut().insert(params);
    }
    Ok(())
}

/// What somebody was refused for want of a permission is told; `None`: nothing was.
fn lacking(response: &Response) -> Option<String> {
    let error = response.extensions().get::<ApiError>()?;
    let refused = matches!(error.kind(), Kind::Forbidden | Kind::NotPermitted);
    refused.then(|| error.message().to_owned())
}

/// Runs the handler, bounded in time and caught when it panics.
async fn bounded(api: &Api, request: Request, next: Next) -> Response {
    let limit = time_limit(api, request.uri());
    let (mut parts, body) = request.into_parts();
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let request = Request::from_parts(parts, body);
    // Said here once: axum would answer a handler's caller in plain text.
    if let Err(RawPathParamsRejection::InvalidUtf8InPathParam(_)) = path {
        return ApiError::new(Kind::NoRoute, "the path is not valid UTF-8").into_response();
    }
    let run = tokio::time::timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind());
    match run.await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => ApiError::internal(panic_text(&*panic)).into_response(),
        Err(_) => ApiError::new(
            Kind::Timeout,
            format!(
                "the request took longer than {} s; what it asked for may still happen",
                limit.as_secs()
            ),
        )
        .into_response(),
    }
}

fn is_open(api: &Api, route: &str) -> bool {
    OPEN.contains(&route) || (route == "/metrics" && api.config.metrics_public)
}

/// A request that waits for an execution brings its own, longer patience.
fn time_limit(api: &Api, uri: &Uri) -> Duration {
    let limit = api.config.request_timeout() + api.config.body_timeout();
    // Where it says so in the body, that is not known yet.
    let may_wait = Dialect::of(uri.path()) == Dialect::Abi && uri.path().ends_with("/execute");
    match uri.query() {
        Some(query) if query.contains("wait") => limit + api.config.max_wait(),
        _ if may_wait => limit + api.config.max_wait(),
        _ => limit,
    }
}

/// Who asks.
async fn caller(api: &Api, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let token = token(headers)?;
    if token.is_none() && !api.config.auth_required {
        return Ok(Caller { actor: api.keyless.clone(), ..Caller::internal() });
    }
    Ok(api.app.authenticate(token).await?)
}

/// The key that came with a request, in either of the headers.
fn token(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
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

/// Says what caches may keep. All else than [`CACHEABLE`] depends on the key or on the moment, and
/// some of it holds secrets; not every cache knows that a request with `X-API-KEY` is personal.
fn limit_caching(route: &str, status: StatusCode, headers: &mut HeaderMap) {
    if CACHEABLE.contains(&route) && status.is_success() {
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
fn refuse(dialect: Dialect, error: &ApiError, id: &str, refused: Response) -> Response {
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

fn finish(method: &Method, route: &str, status: StatusCode, took: Duration) {
    telemetry::count_request(method, route, status, took);
    let millis = took.as_secs_f64() * 1000.0;
    let status = status.as_u16();
    if status >= 500 {
        tracing::warn!(target: "stepwell::access", route, status, millis, "answered");
    } else {
        tracing::debug!(target: "stepwell::access", route, status, millis, "answered");
    }
}

/// Who asks, as the edge found out.
pub struct Who(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Refuse rather than guess where a route was left out of the edge.
        parts
            .extensions
            .remove::<Caller>()
            .map(Self)
            .ok_or_else(|| ApiError::internal("a handler ran without authentication"))
    }
}

/// There is no such path.
pub async fn no_route(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::new(Kind::NoRoute, format!("there is nothing at `{path}`; see /docs"))
}

/// The path knows other methods: axum names them in `Allow`. `OPTIONS` asks for just that.
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
            let found = token(&headers).map_err(|e| e.kind());
            assert_eq!(found, expect, "{name}: {value}");
        }
        let mut both = with("authorization", "Bearer k");
        both.insert(API_KEY, HeaderValue::from_static(""));
        assert_eq!(token(&both).unwrap(), Some("k"), "an empty one is none");
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
    fn panics_are_told_by_their_message() {
        let panic = std::panic::catch_unwind(|| panic!("no {}", 1)).unwrap_err();
        assert_eq!(panic_text(&*panic), "a handler panicked: no 1");
    }
}
