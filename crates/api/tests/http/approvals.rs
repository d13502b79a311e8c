//! Approvals through the API.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::abi;
use crate::support::{PATIENCE, Server};

const APPROVALS: &str = "/api/v1/approvals";

/// Starts an execution that waits for an approval; the paths of both.
pub async fn requested(server: &Server, config: Value) -> (String, String) {
    let steps = json!([
        {"id": "check", "type": "Approval", "config": config},
        {"id": "pay", "type": "Echo", "after": ["check.approved"], "input": "paid"},
    ]);
    let workflow = abi::active(server, steps).await;
    let execution = abi::begun(server, &workflow, &json!({})).await;
    let id = execution.rsplit('/').next().unwrap();
    let list = format!("{APPROVALS}?execution_id={id}&status=pending");
    let found = async {
        loop {
            let listed = server.get(&list).await.json();
            if let Some(id) = listed["data"]["items"][0]["id"].as_str() {
                return format!("{APPROVALS}/{id}");
            }
            tokio::task::yield_now().await;
        }
    };
    let approval = tokio::time::timeout(PATIENCE, found).await.unwrap();
    (execution, approval)
}

/// Sends a request without a key.
async fn keyless(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    let body = if method == "GET" { Body::empty() } else { Body::from(body.to_string()) };
    let response = server.raw(request.body(body).unwrap()).await;
    (response.status.as_u16(), response.json())
}

#[tokio::test]
async fn an_approval_is_shown_and_decided() {
    let server = Server::start().await;
    let config = json!({"title": "Refund", "approvers": ["ada", "bob"],
        "form": {"type": "object", "required": ["account"]}});
    let (execution, approval) = requested(&server, config).await;
    let shown = server.get(&approval).await.json()["data"].clone();
    assert_eq!((&shown["status"], &shown["title"]), (&json!("pending"), &json!("Refund")));
    assert_eq!((&shown["step"], &shown["quorum"]), (&json!("check"), &json!(1)));
    let waiting = server.get(&execution).await.json()["data"]["waiting"].clone();
    assert_eq!((&waiting["for"], &waiting["step"]), (&json!("approval"), &json!("check")));

    let approve = format!("{approval}/approve");
    for (body, code, field) in [
        (json!({}), "INVALID_REQUEST", json!("approver")),
        (json!({"approver": "ada"}), "INVALID_REQUEST", json!("data")),
        (json!({"approver": "ada", "data": {}}), "INVALID_REQUEST", json!("data.account")),
        (json!({"approver": 7}), "INVALID_REQUEST", json!("approver")),
        (
            json!({"approver": "ada", "comment": "x".repeat(2001)}),
            "INVALID_REQUEST",
            json!("comment"),
        ),
        (
            json!({"approver": "zoe", "data": {"account": 1}}),
            "INSUFFICIENT_PERMISSIONS",
            json!(null),
        ),
    ] {
        let refused = server.post(&approve, &body).await;
        assert_eq!(refused.abi_refusal().1, code, "{body}: {}", refused.text);
        assert_eq!(refused.json()["errors"][0]["field"], field, "{body}: {}", refused.text);
    }
    let body = json!({"approver": "ada", "data": {"account": 1}, "comment": "fine"});
    let voted = server.post(&approve, &body).await;
    assert_eq!(voted.status, 200, "{}", voted.text);
    assert_eq!(voted.text_at("/data/status"), "approved");
    assert_eq!(voted.text_at("/data/votes/0/comment"), "fine");
    let late = server.post(&format!("{approval}/reject"), &json!({"approver": "bob"})).await;
    assert_eq!(late.abi_refusal(), (409, "INVALID_STATE".into()), "{}", late.text);
    let none = server.get(&format!("{APPROVALS}?status=pending")).await;
    assert_eq!(none.json()["data"]["pagination"]["total_items"], 0);
    let wrong = server.get(&format!("{APPROVALS}?status=open")).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
}

#[tokio::test]
async fn scopes_separate_reading_and_deciding() {
    let server = Server::start().await;
    let (_, approval) = requested(&server, json!({"title": "t"})).await;
    let send = async |scope: &str, method: &str, path: &str| {
        let key = server.key(&[scope]).await;
        let request = Request::builder().method(method).uri(path).header("x-api-key", key);
        let request = request.header("content-type", "application/json");
        let body = if method == "GET" { "" } else { "{}" };
        server.raw(request.body(Body::from(body)).unwrap()).await.status.as_u16()
    };
    assert_eq!(send("execute:workflows", "GET", &approval).await, 403);
    assert_eq!(send("read:approvals", "GET", &approval).await, 200);
    assert_eq!(send("read:approvals", "POST", &format!("{approval}/approve")).await, 403);
    assert_eq!(send("write:approvals", "POST", &format!("{approval}/approve")).await, 200);
}

#[tokio::test]
async fn a_link_decides_once_without_a_key() {
    let server = Server::start().await;
    let (_, approval) = requested(&server, json!({"title": "t", "approvers": ["ada"]})).await;
    let link = server.post(&format!("{approval}/links"), &json!({})).await;
    assert_eq!(link.status, 201, "{}", link.text);
    let path = link.text_at("/data/path");
    let (status, shown) = keyless(&server, "GET", &path, &Value::Null).await;
    assert_eq!((status, &shown["data"]["approver"]), (200, &json!("ada")), "{shown}");
    let (status, wrong) = keyless(&server, "POST", &path, &json!({"verdict": "maybe"})).await;
    assert_eq!((status, &wrong["errors"][0]["field"]), (400, &json!("verdict")), "{wrong}");
    let (status, voted) = keyless(&server, "POST", &path, &json!({"verdict": "reject"})).await;
    assert_eq!((status, &voted["data"]["status"]), (200, &json!("rejected")), "{voted}");
    let (status, again) = keyless(&server, "POST", &path, &json!({"verdict": "approve"})).await;
    assert_eq!(status, 409, "{again}");
    let forged = format!("{path}x");
    let (status, unknown) = keyless(&server, "GET", &forged, &Value::Null).await;
    assert_eq!((status, &unknown["errors"][0]["code"]), (404, &json!("NOT_FOUND")), "{unknown}");
}
