//! Web pages of other origins: those that are allowed, and all others.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use stepwell_api::{AllowedOrigin, ApiConfig};

use crate::support::{Response, Server};

const OURS: &str = "https://app.example.com";

async fn server(origins: &[&str]) -> Server {
    let origin = |text: &&str| AllowedOrigin::try_from((*text).to_owned()).unwrap();
    let allowed_origins = origins.iter().map(origin).collect();
    Server::with(ApiConfig { allowed_origins, ..ApiConfig::default() }).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// The preflight request that a browser sends before a request with a key.
async fn preflight(server: &Server, origin: &str) -> Response {
    let request = Request::options("/v1/execute-workflow")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-api-key");
    server.raw(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn allows_requests_from_a_configured_origin() {
    let server = server(&[OURS]).await;
    let response = preflight(&server, OURS).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(header(&response, "access-control-allow-origin"), OURS);
    assert_eq!(header(&response, "access-control-allow-headers"), "content-type,x-api-key");
    assert!(header(&response, "access-control-allow-methods").contains("POST"));
    // Errors can be read as well.
    let response = server.send("GET", "/workflows/wf-nope", &[("origin", OURS)], "").await;
    assert_eq!(response.status, StatusCode::NOT_FOUND);
    assert_eq!(header(&response, "access-control-allow-origin"), OURS);
    assert!(header(&response, "access-control-expose-headers").contains("x-request-id"));
}

#[tokio::test]
async fn forbids_requests_from_other_origins() {
    for origins in [&[][..], &[OURS]] {
        let server = server(origins).await;
        let response = preflight(&server, "https://elsewhere.example").await;
        assert_eq!(header(&response, "access-control-allow-origin"), "", "{origins:?}");
        let response =
            server.send("GET", "/workflows", &[("origin", "https://e.example")], "").await;
        assert_eq!(header(&response, "access-control-allow-origin"), "", "{origins:?}");
    }
    let any = server(&["*"]).await;
    let response = preflight(&any, "https://elsewhere.example").await;
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
}

#[tokio::test]
async fn without_configured_origins_a_preflight_request_needs_a_key() {
    let server = server(&[]).await;
    let response = preflight(&server, OURS).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
}
