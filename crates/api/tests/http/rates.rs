//! Rate limits over HTTP: headers, and errors in the format of each dialect.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Response, Server, waiting_steps};
use crate::workspaces::call;

async fn limited(server: &Server, limits: Value) -> String {
    let mut body = json!({"name": "limited", "scopes": ["admin"]});
    body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let made = server.post("/api/v1/auth/api-keys", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    made.text_at("/data/secret")
}

fn limit_headers(response: &Response) -> Option<(u64, u64, u64)> {
    let number = |name: &str| response.headers.get(name)?.to_str().ok()?.parse().ok();
    Some((
        number("x-rate-limit-limit")?,
        number("x-rate-limit-remaining")?,
        number("x-rate-limit-reset")?,
    ))
}

fn retry_after(response: &Response) -> u64 {
    response.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn headers_report_the_state_of_the_limit() {
    let server = Server::start().await;
    let key = limited(&server, json!({"rate_limits": {"requests_per_minute": 3}})).await;
    let me = async || call(&server, &key, "GET", "/api/v1/auth/me", &Value::Null).await;
    for left in [2, 1, 0] {
        let response = me().await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.text);
        let (limit, remaining, reset) = limit_headers(&response).unwrap();
        assert_eq!((limit, remaining), (3, left));
        assert!(reset > 1_700_000_000, "seconds since 1970: {reset}");
    }
    let refused = me().await;
    assert_eq!(refused.abi_refusal(), (429, "RATE_LIMIT_EXCEEDED".into()), "{}", refused.text);
    assert!((1..=20).contains(&retry_after(&refused)), "one comes back each 20 s");
    assert_eq!(limit_headers(&refused).unwrap().1, 0);
    let message = refused.text_at("/message");
    assert!(message.contains("3 requests a minute for this key"), "{message}");
    // Requests that fail for another reason count as well.
    let other = limited(&server, json!({"rate_limits": {"requests_per_minute": 3}})).await;
    let missing = call(&server, &other, "GET", "/api/v1/nothing", &Value::Null).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(limit_headers(&missing).unwrap().1, 2);
    let missing = call(&server, &other, "GET", "/api/v1/workspaces/x", &Value::Null).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(limit_headers(&missing).unwrap().1, 1);
    let refused = call(&server, &other, "PUT", "/api/v1/workspaces", &Value::Null).await;
    assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
    for path in ["/api/v1/nothing", "/v1/nothing", "/nothing"] {
        let refused = call(&server, &other, "GET", path, &Value::Null).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{path}: {}", refused.text);
        assert!(retry_after(&refused) >= 1 && limit_headers(&refused).is_some(), "{path}");
    }
}

/// In the abi dialect every response has the headers; without a limit, with the largest number that
/// every client can read.
#[tokio::test]
async fn headers_report_that_there_is_no_limit() {
    let server = Server::start().await;
    let none = i32::MAX.unsigned_abs().into();
    let reader = server.key(&["read:workflows"]).await;
    for (key, method, path, status) in [
        (server.key.as_str(), "GET", "/api/v1/auth/me", 200),
        (&server.key, "GET", "/api/v1/nothing", 404),
        (&server.key, "GET", "/api/v1/workflows/wf_01h455vb4pex5vsknk084sn02q", 404),
        (&server.key, "DELETE", "/api/v1/workflows", 405),
        (&server.key, "POST", "/api/v1/workspaces", 400),
        (&reader, "POST", "/api/v1/workspaces", 403),
        ("sk_live_unknown", "GET", "/api/v1/workflows", 401),
        ("sk_live_unknown", "GET", "/api/v1/nothing", 404),
        ("sk_live_unknown", "GET", "/api/v1/schema/definition", 200),
    ] {
        let response = call(&server, key, method, path, &Value::Null).await;
        assert_eq!(response.status.as_u16(), status, "{method} {path}: {}", response.text);
        let (limit, remaining, reset) = limit_headers(&response).unwrap();
        assert_eq!((limit, remaining), (none, none), "{method} {path}");
        assert!(reset > 1_700_000_000, "{reset}");
    }
    assert_eq!(limit_headers(&server.get("/workflows").await), None, "another dialect");
}

#[tokio::test]
async fn changes_the_limits_of_a_key_in_use() {
    let server = Server::start().await;
    let body = json!({"name": "live", "role": "user"});
    let made = server.post("/api/v1/auth/api-keys", &body).await;
    let (id, key) = (made.text_at("/data/id"), made.text_at("/data/secret"));
    let path = format!("/api/v1/auth/api-keys/{id}");
    let me = async || call(&server, &key, "GET", "/api/v1/auth/me", &Value::Null).await;
    let limit = async |limits: Value| {
        let body = json!({"rate_limits": limits});
        let changed = call(&server, &server.key, "PATCH", &path, &body).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    };
    assert_eq!(me().await.status, StatusCode::OK);
    limit(json!({"requests_per_minute": 2})).await;
    for left in [1, 0] {
        assert_eq!(limit_headers(&me().await).unwrap().1, left);
    }
    assert_eq!(me().await.status, StatusCode::TOO_MANY_REQUESTS);
    // A higher limit applies at once; earlier requests still count.
    limit(json!({"requests_per_minute": 4})).await;
    for left in [1, 0] {
        let response = me().await;
        assert_eq!(limit_headers(&response).map(|(limit, left, _)| (limit, left)), Some((4, left)));
    }
    assert_eq!(me().await.status, StatusCode::TOO_MANY_REQUESTS);
    limit(json!({})).await;
    assert_eq!(me().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_triggered_schedule_counts_for_its_caller() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let id = workflow.rsplit('/').next().unwrap();
    let body = json!({"name": "s", "schedule_type": "cron", "cron_expression": "0 0 1 1 *"});
    let made = server.post(&format!("/api/v1/workflows/{id}/schedules"), &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let path = format!("/api/v1/workflow_schedules/{}/trigger", made.text_at("/data/id"));
    let key = limited(&server, json!({"rate_limits": {"concurrent_executions": 1}})).await;
    let trigger = async || call(&server, &key, "POST", &path, &Value::Null).await;
    let first = trigger().await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    assert_eq!(trigger().await.abi_refusal(), (429, "RATE_LIMIT_EXCEEDED".into()));
    // Its slot is free once it has ended.
    let id = first.text_at("/data/execution_id");
    let cancel = format!("/api/v1/workflow_executions/{id}/cancel");
    assert_eq!(call(&server, &key, "POST", &cancel, &Value::Null).await.status, StatusCode::OK);
    let second = trigger().await;
    assert_eq!(second.status, StatusCode::ACCEPTED, "{}", second.text);
}

/// The response to a call directly after an execution was started. A slow machine may need more
/// time between the two than the limit lasts: then it is repeated.
async fn refused(server: &Server, key: &str, execute: &str, call_: (&str, &Value)) -> Response {
    let (path, body) = call_;
    for _ in 0..20 {
        call(server, key, "POST", execute, &Value::Null).await;
        let response = call(server, key, "POST", path, body).await;
        if response.status == StatusCode::TOO_MANY_REQUESTS {
            return response;
        }
    }
    panic!("{path} was never refused");
}

#[tokio::test]
async fn every_dialect_rejects_in_its_own_format() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let id = workflow.rsplit('/').next().unwrap();
    let execute = format!("{workflow}/execute");
    let vellum = json!({"workflow_deployment_id": id, "inputs": []});
    let calls: [(&str, Value, &str); 6] = [
        (&execute, Value::Null, "/error/code"),
        (&format!("{execute}?wait=true&timeout=1s"), Value::Null, "/error/code"),
        ("/v1/execute-workflow", vellum.clone(), "/code"),
        ("/v1/execute-workflow-async", vellum.clone(), "/code"),
        ("/v1/execute-workflow-stream", vellum, "/code"),
        ("/api/v1/workspaces", json!({"name": "x"}), "/errors/0/code"),
    ];
    for limits in [
        json!({"rate_limits": {"executions_per_second": 1}}),
        json!({"rate_limits": {"concurrent_executions": 1}}),
        json!({"rate_limits": {"requests_per_minute": 1}}),
    ] {
        let by_request = limits["rate_limits"]["requests_per_minute"].is_number();
        for (path, body, code) in &calls {
            // The limit of executions applies only to executions.
            if !by_request && path.starts_with("/api/v1") {
                continue;
            }
            let key = limited(&server, limits.clone()).await;
            let refused = refused(&server, &key, &execute, (path, body)).await;
            assert_eq!(refused.status.as_u16(), 429, "{path} {limits}: {}", refused.text);
            assert_eq!(refused.text_at(code), "RATE_LIMIT_EXCEEDED", "{path}");
            assert!(retry_after(&refused) >= 1, "{path}");
            let (limit, remaining, _) = limit_headers(&refused).unwrap();
            assert_eq!((limit, remaining), (1, 0), "{path} {limits}");
        }
    }
}

#[tokio::test]
async fn a_standard_key_has_five_concurrent_executions() {
    let server = Server::start().await;
    let workflow = server.workflow(json!([{"type": "Echo", "input": 1}])).await;
    let execute = format!("{workflow}/execute");
    let key = limited(&server, json!({"tier": "standard"})).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(call(&server, &key, "POST", &execute, &Value::Null).await);
    }
    let started = statuses.iter().filter(|a| a.status == StatusCode::ACCEPTED).count();
    assert!(started >= 5, "a bucket of five: {started}");
    assert_eq!(limit_headers(&statuses[0]).map(|(limit, left, _)| (limit, left)), Some((5, 4)));
    // Reads are not limited.
    let read = call(&server, &key, "GET", &workflow, &Value::Null).await;
    assert_eq!(read.status, StatusCode::OK);
}

#[tokio::test]
async fn a_workspace_limit_applies_to_all_of_its_keys() {
    let server = Server::start().await;
    let workspace = server.post("/api/v1/workspaces", &json!({"name": "w"})).await;
    let id = workspace.text_at("/data/id");
    let key = |n: u32| json!({"workspace_id": id, "name": n.to_string()});
    let keys = [limited(&server, key(1)).await, limited(&server, key(2)).await];
    let me = async |key: &str| call(&server, key, "GET", "/api/v1/auth/me", &Value::Null).await;
    assert_eq!(me(&keys[0]).await.status, StatusCode::OK);
    let path = format!("/api/v1/workspaces/{id}");
    let body = json!({"rate_limits": {"requests_per_minute": 2}});
    assert_eq!(call(&server, &server.key, "PATCH", &path, &body).await.status, StatusCode::OK);
    assert_eq!(me(&keys[0]).await.status, StatusCode::OK);
    assert_eq!(me(&keys[1]).await.status, StatusCode::OK);
    let refused = me(&keys[0]).await;
    assert_eq!(refused.abi_refusal(), (429, "RATE_LIMIT_EXCEEDED".into()));
    assert!(refused.text.contains("for this workspace"), "{}", refused.text);
    // The operator is in another workspace.
    assert_eq!(server.get("/api/v1/auth/me").await.status, StatusCode::OK);
}
