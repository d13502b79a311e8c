//! `Idempotency-Key` on every POST.

use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Server, waiting_steps};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn creates_and_executes_once() {
    let server = Server::start().await;
    let body = json!({"name": "x", "steps": waiting_steps()}).to_string();
    let headers = [JSON, ("idempotency-key", "create-1")];
    let first = server.send("POST", "/workflows", &headers, body.clone()).await;
    let again = server.send("POST", "/workflows", &headers, body.clone()).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    let other = server.send("POST", "/workflows", &headers, body.replace('x', "y")).await;
    assert_eq!(other.refusal(), (422, "IDEMPOTENCY_KEY_REUSED".into()));

    let execute = format!("/workflows/{}/execute", first.text_at("/workflow_id"));
    let headers = [("idempotency-key", "execute-1")];
    let first = server.send("POST", &execute, &headers, "").await;
    let again = server.send("POST", &execute, &headers, "").await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    assert_eq!(first.text, again.text);
    let list = server.get(&execute.replace("execute", "executions")).await.json();
    assert_eq!(list["executions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn other_posts_repeat_their_first_response() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let execution = server.execution(&workflow).await;
    let cancel = format!("{execution}/cancel");
    let headers = [("idempotency-key", "cancel-1")];
    let first = server.send("POST", &cancel, &headers, "").await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    let again = server.send("POST", &cancel, &headers, "").await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let elsewhere = server.send("POST", &format!("{execution}/pause"), &headers, "").await;
    assert_eq!(elsewhere.refusal(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
    let bad = server.send("POST", &cancel, &[("idempotency-key", "a b")], "").await;
    assert_eq!(bad.refusal(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn does_not_store_secrets_for_repeats() {
    let server = Server::start().await;
    let body = json!({"name": "ci", "scopes": ["admin"]}).to_string();
    let headers = [JSON, ("idempotency-key", "key-1")];
    let first = server.send("POST", "/api/v1/auth/api-keys", &headers, body.clone()).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let again = server.send("POST", "/api/v1/auth/api-keys", &headers, body).await;
    assert_eq!(again.abi_refusal(), (409, "IDEMPOTENCY_NOT_REPLAYABLE".into()));
    assert!(!again.text.contains(&first.text_at("/data/secret")));
    let list = server.get("/api/v1/auth/api-keys").await.json();
    assert_eq!(list["data"]["pagination"]["total_items"], 2, "the admin's and this one");
}

#[tokio::test]
async fn one_of_many_concurrent_requests_has_an_effect() {
    let server = Server::start().await;
    let body = json!({"name": "ci", "scopes": ["admin"]}).to_string();
    let headers = [JSON, ("idempotency-key", "key-1")];
    let send = || server.send("POST", "/api/v1/auth/api-keys", &headers, body.clone());
    let responses = futures_util::future::join_all((0..8).map(|_| send())).await;
    let made = responses.iter().filter(|a| a.status == StatusCode::CREATED).count();
    assert_eq!(made, 1);
    let refused = responses.iter().filter(|a| a.status == StatusCode::CONFLICT).count();
    assert_eq!(refused, 7);
}
