//! Checks of every request: keys, limits, formats, methods, ids.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use serde_json::json;
use stepwell_api::ApiConfig;

use crate::support::{Server, waiting_steps};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn errors_of_invalid_bodies_name_the_problem() {
    let server = Server::start().await;
    let workflow = server.workflow(json!([{"type": "Echo"}])).await;
    let execute = format!("{workflow}/execute");
    let deep = "[".repeat(200_000);
    let deep_input = format!("{{\"input\": {}1{}}}", "[".repeat(100), "]".repeat(100));
    let cases: &[(&str, &[u8], u16, &str, &str)] = &[
        ("/workflows", b"", 400, "INVALID_WORKFLOW", "empty"),
        ("/workflows", b"{\"name\": }", 400, "INVALID_WORKFLOW", "line 1"),
        ("/workflows", b"[1]", 400, "INVALID_WORKFLOW", "object"),
        (
            "/workflows",
            b"{\"name\":\"a\",\"name\":\"b\",\"steps\":[]}",
            400,
            "INVALID_WORKFLOW",
            "name",
        ),
        ("/workflows", deep.as_bytes(), 400, "INVALID_WORKFLOW", "deep"),
        ("/workflows", b"{\"name\":\"\xff\"}", 400, "INVALID_REQUEST", "UTF-8"),
        (&execute, b"nonsense", 400, "INVALID_REQUEST", "line 1 column"),
        (&execute, b"[]", 400, "INVALID_REQUEST", "must be a JSON object"),
        (&execute, b"{\"inputs\": {}}", 400, "INVALID_REQUEST", "did you mean `input`?"),
        (&execute, b"{\"webhook_url\": 5}", 400, "INVALID_REQUEST", "webhook_url"),
        (&execute, b"{\"webhook_url\": \"ftp://x\"}", 400, "INVALID_REQUEST", "webhook_url"),
        (
            &execute,
            b"{\"input\": {\"a\": 1, \"a\": 2}}",
            400,
            "INVALID_REQUEST",
            "duplicate key `a`",
        ),
        (&execute, deep_input.as_bytes(), 400, "INVALID_REQUEST", "nested deeper"),
        (&execute, b"\xff", 400, "INVALID_REQUEST", "UTF-8"),
    ];
    for (path, body, status, code, expected) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let response = server.send("POST", path, &[JSON], Bytes::copy_from_slice(body)).await;
        assert_eq!(
            response.refusal(),
            (*status, (*code).into()),
            "{path} {shown}: {}",
            response.text
        );
        let message = response.text_at("/error/message");
        assert!(message.contains(expected), "{path} {shown}: {message}");
    }
    assert_eq!(server.get("/workflows").await.json()["workflows"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rejects_unsupported_content_types() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let execute = format!("{workflow}/execute");
    for (path, headers) in [
        (execute.as_str(), &[][..]),
        (&execute, &[("content-type", "application/x-www-form-urlencoded")]),
        (&execute, &[("content-type", "application/yaml")]),
        ("/workflows", &[]),
        ("/workflows", &[("content-type", "text/plain")]),
    ] {
        let response = server.send("POST", path, headers, "{}").await;
        assert_eq!(
            response.refusal(),
            (415, "UNSUPPORTED_MEDIA_TYPE".into()),
            "{path} {headers:?}"
        );
        assert!(response.text.contains("application/json"), "{}", response.text);
    }
    let empty = server.send("POST", &execute, &[], Body::empty()).await;
    assert_eq!(empty.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn rejects_compressed_bodies() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let execute = format!("{workflow}/execute");
    let gzip = b"\x1f\x8b\x08\x00".as_slice();
    for (encoding, expected) in [("gzip", "`Content-Encoding: gzip`"), ("identity, br", "br")] {
        let response =
            server.send("POST", &execute, &[JSON, ("content-encoding", encoding)], gzip).await;
        assert_eq!(response.refusal(), (415, "UNSUPPORTED_MEDIA_TYPE".into()), "{encoding}");
        assert!(response.text.contains(expected), "{}", response.text);
    }
    let plain = [JSON, ("content-encoding", "identity")];
    let taken = server.send("POST", &execute, &plain, "{}").await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.text);
}

#[tokio::test]
async fn rejects_large_bodies_with_and_without_a_length() {
    let config = ApiConfig { max_body_bytes: 1000, ..ApiConfig::default() };
    let server = Server::with(config).await;
    let big = vec![b' '; 1001];
    let whole = server.send("POST", "/workflows", &[JSON], big.clone()).await;
    assert_eq!(whole.refusal(), (413, "PAYLOAD_TOO_LARGE".into()));
    assert!(whole.text.contains("1000 bytes"), "{}", whole.text);
    let chunks = big.chunks(100).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c)));
    let stream = Body::from_stream(futures_util::stream::iter(chunks.collect::<Vec<_>>()));
    let streamed = server.send("POST", "/workflows", &[JSON], stream).await;
    assert_eq!(streamed.refusal(), (413, "PAYLOAD_TOO_LARGE".into()));
}

#[tokio::test]
async fn times_out_slow_bodies() {
    let server = Server::with(ApiConfig { body_timeout_seconds: 1, ..ApiConfig::default() }).await;
    let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let response = server.send("POST", "/workflows", &[JSON], never).await;
    assert_eq!(response.refusal(), (408, "TIMEOUT".into()));
}

#[tokio::test]
async fn a_key_permits_what_its_scopes_include() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let reader = server.key(&["read:workflows"]).await;
    let bearer = format!("Bearer {reader}");
    let get = |headers: &[(&str, &str)]| {
        let mut request = Request::builder().uri(&workflow);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        server.raw(request.body(Body::empty()).unwrap())
    };
    assert_eq!(get(&[("x-api-key", &reader)]).await.status, StatusCode::OK);
    assert_eq!(get(&[("authorization", &bearer)]).await.status, StatusCode::OK);
    for (headers, code) in [
        (&[][..], "UNAUTHORIZED"),
        (&[("x-api-key", "sk_live_unknown")], "INVALID_TOKEN"),
        (&[("authorization", "Bearer sk_live_unknown")], "INVALID_TOKEN"),
        (&[("authorization", "Basic eDp5")], "INVALID_TOKEN"),
    ] {
        let response = get(headers).await;
        assert_eq!(response.refusal(), (401, code.into()), "{headers:?}");
        assert_eq!(response.headers["www-authenticate"], "Bearer realm=\"stepwell\"");
    }
    for (method, path) in [("DELETE", workflow.clone()), ("POST", format!("{workflow}/execute"))] {
        let request = Request::builder().method(method).uri(&path).header("x-api-key", &reader);
        let response = server.raw(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.refusal(), (403, "FORBIDDEN".into()), "{method} {path}");
        assert!(response.text.contains(":workflows"), "names the scope: {}", response.text);
    }
}

#[tokio::test]
async fn accepts_requests_without_a_key_if_authentication_is_off() {
    let server = Server::with(ApiConfig { auth_required: false, ..ApiConfig::default() }).await;
    let list = |key: Option<&str>| {
        let mut request = Request::builder().uri("/workflows");
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        server.raw(request.body(Body::empty()).unwrap())
    };
    assert_eq!(list(None).await.status, StatusCode::OK);
    assert_eq!(list(Some("sk_live_unknown")).await.refusal(), (401, "INVALID_TOKEN".into()));
}

#[tokio::test]
async fn reports_unknown_paths_and_methods_in_the_format_of_the_api() {
    let server = Server::start().await;
    assert_eq!(server.get("/nothing").await.refusal(), (404, "NOT_FOUND".into()));
    assert_eq!(server.get("/workflows/").await.refusal(), (404, "NOT_FOUND".into()));
    assert_eq!(server.get("/api/v1/nothing").await.abi_refusal(), (404, "NOT_FOUND".into()));
    for (method, path, allow) in [
        ("DELETE", "/workflows", "POST,GET,HEAD"),
        ("PATCH", "/workflows/x", "GET,HEAD,PUT,DELETE"),
        ("GET", "/workflows/x/execute", "POST"),
        ("BREW", "/step-types", "GET,HEAD"),
    ] {
        let response = server.send(method, path, &[], Body::empty()).await;
        assert_eq!(response.refusal(), (405, "METHOD_NOT_ALLOWED".into()), "{method} {path}");
        let mut found: Vec<_> = response.headers["allow"].to_str().unwrap().split(',').collect();
        let mut expect: Vec<_> = allow.split(',').collect();
        found.sort_unstable();
        expect.sort_unstable();
        assert_eq!(found, expect, "{method} {path}");
    }
    let options = server.send("OPTIONS", "/workflows", &[], Body::empty()).await;
    assert_eq!(options.status, StatusCode::NO_CONTENT);
    assert!(options.headers.contains_key("allow"));
    let head = server.send("HEAD", "/workflows", &[], Body::empty()).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn every_response_has_the_request_id() {
    let server = Server::start().await;
    let mine = server.send("GET", "/nothing", &[("x-request-id", "mine-1")], Body::empty()).await;
    assert_eq!(mine.headers["x-request-id"], "mine-1");
    assert_eq!(mine.text_at("/error/request_id"), "mine-1");
    let made = server.get("/workflows").await;
    assert_eq!(made.headers["x-request-id"].len(), 36);
    assert_eq!(made.headers["x-content-type-options"], "nosniff");
    let replaced =
        server.send("GET", "/workflows", &[("x-request-id", "a b")], Body::empty()).await;
    assert_eq!(replaced.headers["x-request-id"].len(), 36);
}

#[tokio::test]
async fn validates_the_timeout_of_a_wait() {
    let server = Server::with(ApiConfig { max_wait_seconds: 1, ..ApiConfig::default() }).await;
    let workflow = server.workflow(waiting_steps()).await;
    for query in ["wait=perhaps", "wait=true&timeout=soon", "wait=true&timeout=-1s"] {
        let response =
            server.send("POST", &format!("{workflow}/execute?{query}"), &[], Body::empty()).await;
        assert_eq!(response.refusal(), (400, "INVALID_REQUEST".into()), "{query}");
    }
    let path = format!("{workflow}/execute?wait=true&timeout=1h");
    let response = server.send("POST", &path, &[], Body::empty());
    let response = tokio::time::timeout(Duration::from_secs(20), response).await.unwrap();
    assert_eq!(response.status, StatusCode::ACCEPTED, "held to the longest patience");
}

#[tokio::test]
async fn reports_health_readiness_and_version() {
    stepwell_api::install_metrics().unwrap();
    let server = Server::start().await;
    let open = |path: &str| server.raw(Request::builder().uri(path).body(Body::empty()).unwrap());
    assert_eq!(open("/healthz").await.text, r#"{"status":"ok"}"#);
    assert_eq!(open("/readyz").await.status, StatusCode::OK);
    assert_eq!(open("/metrics").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(open("/openapi.json").await.json()["openapi"], "3.1.0");
    let docs = open("/docs").await;
    assert!(docs.text.starts_with("<!doctype html>"));
    assert!(!docs.text.contains("https://"), "loads nothing from elsewhere");
    assert!(
        docs.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'")
    );
    server.get("/workflows/nonsense").await;
    let metrics = server.get("/metrics").await.text;
    let counted = "stepwell_http_requests_total{method=\"GET\",route=\"/workflows/{workflow_id}\",status=\"404\"}";
    assert!(metrics.contains(counted), "{metrics}");
    server.app.shutdown().await;
    let ready = open("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.json()["reason"].is_string(), "{}", ready.text);
    let refused = server.post("/workflows/wf-01h455vb4pex5vsknk084sn02q/execute", &json!({})).await;
    assert!(refused.status.as_u16() == 503 || refused.status.as_u16() == 404, "{}", refused.text);
}
