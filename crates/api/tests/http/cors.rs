//! Web pages of other origins: those that are allowed, and all others.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use stepwell_api::{ApiConfig, Origin};

use crate::support::{Answer, Server};

const OURS: &str = "https://app.example.com";

async fn server(origins: &[&str]) -> Server {
    let origin = |text: &&str| Origin::try_from((*text).to_owned()).unwrap();
    let allowed_origins = origins.iter().map(origin).collect();
    Server::with(ApiConfig { allowed_origins, ..ApiConfig::default() }).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// What a browser asks before it lets a page send a key.
async fn asked_first(server: &Server, origin: &str) -> Answer {
    let request = Request::options("/v1/execute-workflow")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-api-key");
    server.raw(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_call() {
    let server = server(&[OURS]).await;
    let answer = asked_first(&server, OURS).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(header(&answer, "access-control-allow-origin"), OURS);
    assert_eq!(header(&answer, "access-control-allow-headers"), "content-type,x-api-key");
    assert!(header(&answer, "access-control-allow-methods").contains("POST"));
    // An error can be read, too.
    let answer = server.send("GET", "/workflows/wf-nope", &[("origin", OURS)], "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(header(&answer, "access-control-allow-origin"), OURS);
    assert!(header(&answer, "access-control-expose-headers").contains("x-request-id"));
}

#[tokio::test]
async fn pages_of_other_origins_may_not() {
    for origins in [&[][..], &[OURS]] {
        let server = server(origins).await;
        let answer = asked_first(&server, "https://elsewhere.example").await;
        assert_eq!(header(&answer, "access-control-allow-origin"), "", "{origins:?}");
        let answer = server.send("GET", "/workflows", &[("origin", "https://e.example")], "").await;
        assert_eq!(header(&answer, "access-control-allow-origin"), "", "{origins:?}");
    }
    let any = server(&["*"]).await;
    let answer = asked_first(&any, "https://elsewhere.example").await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
}

#[tokio::test]
async fn without_allowed_origins_a_browsers_question_needs_a_key_like_any_request() {
    let server = server(&[]).await;
    let answer = asked_first(&server, OURS).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
