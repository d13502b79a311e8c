//! The audit log contains every change, and no secret.

mod calls;
mod log;
mod secrets;
mod stage;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::Server;
use calls::{CALLS, Noted};
use stage::{Stage, send};

pub const LOG: &str = "/api/v1/audit_log";

/// A page of the log: its entries, the newest first, and how many there are.
pub async fn page(server: &Server, query: &str) -> (Vec<Value>, u64) {
    let response = server.get(&format!("{LOG}?{query}")).await;
    assert_eq!(response.status.as_u16(), 200, "{query}: {}", response.text);
    let data = response.json()["data"].clone();
    let total = data["pagination"]["total_items"].as_u64().unwrap();
    (data["items"].as_array().unwrap().clone(), total)
}

#[test]
fn every_changing_operation_is_listed() {
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in all["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|method| *method != "get") {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let known: BTreeSet<String> = CALLS.iter().map(|call| call.call.to_owned()).collect();
    let missing: Vec<_> = described.difference(&known).collect();
    assert!(missing.is_empty(), "add the audit entries to calls.rs: {missing:#?}");
    let gone: Vec<_> = known.difference(&described).collect();
    assert!(gone.is_empty(), "calls.rs has operations that do not exist: {gone:#?}");
    for call in CALLS {
        if let Noted::Exempt(why) = call.noted {
            assert!(why.len() > 20, "{} is exempt without a reason", call.call);
        }
    }
}

#[tokio::test]
async fn logs_every_change_once() {
    let server = Server::start().await;
    let key = server.get("/api/v1/auth/me").await.text_at("/data/key_id");
    for (n, call) in CALLS.iter().enumerate() {
        let (action, object, made) = match call.noted {
            Noted::Of(action, object) => (action, object, ""),
            Noted::Made(action, at) => (action, "", at),
            Noted::Exempt(_) => continue,
        };
        let stage = Stage::new(&server).await;
        let (_, before) = page(&server, "page_size=1").await;
        let request_id = format!("r-{n}");
        let (path, body) = (stage.fill(call.path()), stage.fill(call.body));
        let response =
            send(&server, (&server.key, &request_id), (call.method(), &path), &body).await;
        assert!(response.status.is_success(), "{}: {}", call.call, response.text);
        let id = if made.is_empty() { stage.id(object).to_owned() } else { response.text_at(made) };

        // A new workspace has its own log.
        let elsewhere = action == "workspace.created";
        let of = if elsewhere { format!("&workspace_id={id}") } else { String::new() };
        let (found, after) = page(&server, &format!("page_size=1{of}")).await;
        let expect = if elsewhere { 1 } else { before + 1 };
        assert_eq!(after, expect, "{} is noted once", call.call);
        let entry = &found[0];
        assert_eq!(entry["action"], action, "{}: {entry}", call.call);
        assert_eq!(entry["actor"], json!({"type": "api_key", "id": key, "name": "test"}));
        assert_eq!(entry["request_id"], request_id.as_str(), "{entry}");
        assert!(entry["ip_address"].is_null(), "there is no connection: {entry}");
        let kind = action.split_once('.').unwrap().0;
        assert_eq!(entry["object"]["type"], kind, "{entry}");
        let logged_id = entry["object"]["id"].as_str().unwrap();
        assert_eq!(logged_id.replace('_', "-"), id.replace('_', "-"), "{}: {entry}", call.call);
        // A repeated request that changes nothing is not logged again.
        if matches!(action, "workflow.activated" | "workflow.deactivated" | "api_key.revoked") {
            let again = (call.method(), path.as_str());
            send(&server, (&server.key, "again"), again, &body).await;
            assert_eq!(page(&server, "page_size=1").await.1, after, "{}", call.call);
        }
    }
}

#[tokio::test]
async fn logs_no_rejected_or_repeated_request() {
    let server = Server::start().await;
    let stage = Stage::new(&server).await;
    let (_, before) = page(&server, "page_size=1").await;
    for (method, path, body, status) in [
        ("POST", "/workflows", r#"{"name": "x", "steps": [{"type": "Nope"}]}"#, 400),
        ("DELETE", "/workflows/wf_01h455vb4pex5vsknk084sn02q", "", 404),
        ("POST", "/api/v1/workflow_executions/<ended>/cancel", "", 409),
        ("POST", "/api/v1/workflow_executions/<running>/resume", "", 409),
        ("PATCH", "/api/v1/webhooks/<webhook>", r#"{"events": ["nope"]}"#, 400),
        ("PATCH", "/api/v1/workflow_schedules/<schedule>", r#"{"timezone": "Moon"}"#, 400),
        ("POST", "/api/v1/auth/api-keys", r#"{"name": "x", "scopes": ["fly"]}"#, 400),
    ] {
        let (path, body) = (stage.fill(path), stage.fill(body));
        let response = send(&server, (&server.key, "r"), (method, &path), &body).await;
        assert_eq!(response.status.as_u16(), status, "{method} {path}: {}", response.text);
    }
    assert_eq!(page(&server, "page_size=1").await.1, before);
    let body = json!({"name": "x", "steps": [{"type": "Echo", "input": 1}]}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    for _ in 0..2 {
        let made = server.send("POST", "/workflows", &headers, body.clone()).await;
        assert_eq!(made.status.as_u16(), 201, "{}", made.text);
    }
    assert_eq!(page(&server, "page_size=1").await.1, before + 1);
}
