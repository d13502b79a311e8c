//! Every operation requires the scope that its description names. It is checked before anything
//! else about the request.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use stepwell_api::ApiConfig;
use stepwell_engine::Caller;
use stepwell_engine::app::{CreateKey, CreateWorkspace};

use crate::support::Server;

const KINDS: [&str; 6] =
    ["workflows", "schedules", "webhooks", "integrations", "templates", "variables"];

/// Operations that accept any key.
const ANY_KEY: [&str; 7] = [
    "/api/v1/auth/me",
    "/api/v1/step_types",
    "/api/v1/step_types/{type}",
    "/step-types",
    "/v1/environments/identity",
    "/v1/organizations/identity",
    "/v1/workspaces/identity",
];

/// All scopes that apply to every object.
fn scopes() -> Vec<String> {
    let on = |verb: &str| KINDS.map(|kind| format!("{verb}:{kind}"));
    let mut all = ["read", "write", "execute"].map(on).concat();
    all.push("read:metrics".to_owned());
    all.push("admin".to_owned());
    all
}

/// The scopes that a description names: "Scope `a`", or "Scope `a`, or `b`".
fn named(description: &str) -> Vec<&str> {
    let Some((_, rest)) = description.split_once("Scope") else { return Vec::new() };
    let mut parts = rest.split('`');
    let mut found = Vec::new();
    let mut before = parts.next().unwrap();
    // Wherever a line is broken.
    while before.trim().is_empty() || before.split_whitespace().eq([",", "or"]) {
        found.push(parts.next().unwrap());
        before = parts.next().unwrap();
    }
    found
}

#[tokio::test]
async fn every_operation_checks_its_scope_first() {
    let server = Server::start().await;
    let mut keys = BTreeMap::new();
    for scope in scopes() {
        keys.insert(scope.clone(), server.key(&[&scope]).await);
    }
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    let mut checked = 0;
    for (path, calls) in all["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let open = call["security"] == serde_json::json!([{}]);
            if open {
                continue;
            }
            let needed = named(call["description"].as_str().unwrap_or_default());
            let takes_any = ANY_KEY.contains(&path.as_str());
            assert_eq!(needed.is_empty(), takes_any, "{method} {path}: its description");
            for (scope, key) in &keys {
                let uri =
                    path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
                let uri = uri.collect::<Vec<_>>().join("/");
                let request = Request::builder()
                    .method(method.to_uppercase().as_str())
                    .uri(format!("{uri}?page=none"))
                    .header("x-api-key", key)
                    .header("content-type", "application/json")
                    .body(Body::from("["))
                    .unwrap();
                let response = server.raw(request).await;
                let status = response.status.as_u16();
                let may = takes_any || scope == "admin" || needed.contains(&scope.as_str());
                assert_eq!(status != 403, may, "{scope}: {method} {path}: {}", response.text);
                if !may {
                    if path.starts_with("/api/v1/") {
                        assert_eq!(response.abi_refusal().1, "SCOPE_REQUIRED", "{}", response.text);
                    }
                    assert!(response.text.contains(needed[0]), "{}", response.text);
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "{checked}");
}

#[tokio::test]
async fn a_key_for_one_object_passes_the_scope_check_of_its_operations() {
    let server = Server::start().await;
    let one = server.key(&["execute:workflows:greet"]).await;
    let status_of = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header("x-api-key", &one);
        server.raw(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    let unknown = "wf_01h455vb4pex5vsknk084sn02q";
    assert_eq!(status_of("POST", &format!("/api/v1/workflows/{unknown}/execute")).await, 404);
    assert_eq!(status_of("GET", &format!("/api/v1/workflows/{unknown}")).await, 403);
    assert_eq!(status_of("HEAD", &format!("/api/v1/workflows/{unknown}")).await, 403, "as GET");
    let greet = server.workflow(serde_json::json!([{"type": "Echo", "input": 1}])).await;
    let id = greet.rsplit('/').next().unwrap();
    assert_eq!(
        status_of("POST", &format!("/api/v1/workflows/{id}/execute")).await,
        403,
        "not its name"
    );
}

/// Metrics are about all workspaces.
#[tokio::test]
async fn only_keys_of_the_default_workspace_read_metrics() {
    stepwell_api::install_metrics().unwrap();
    let server = Server::start().await;
    let operator = Caller::internal();
    let create =
        CreateWorkspace { name: "elsewhere".into(), limits: Default::default(), idempotency: None };
    let elsewhere = server.app.create_workspace(&operator, create).await.unwrap();
    let key_of = async |workspace, scope: &str| {
        let create = CreateKey { workspace, ..CreateKey::new("scraper", &[scope]) };
        server.app.create_key(&operator, create).await.unwrap().secret
    };
    for (workspace, scope, expect) in [
        (None, "read:metrics", 200),
        (None, "admin", 200),
        (None, "read:workflows", 403),
        (Some(elsewhere), "read:metrics", 403),
        (Some(elsewhere), "admin", 403),
    ] {
        let key = key_of(workspace, scope).await;
        let request = Request::get("/metrics").header("x-api-key", key);
        let response = server.raw(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status.as_u16(), expect, "{workspace:?} {scope}: {}", response.text);
    }
    let config = ApiConfig { metrics_public: true, ..ApiConfig::default() };
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    assert_eq!(Server::with(config).await.raw(request).await.status, 200);
}

#[test]
fn reads_scopes_from_descriptions() {
    for (text, expect) in [
        ("Scope `admin`.", vec!["admin"]),
        ("It does. Scope `read:a`, or `execute:a`.", vec!["read:a", "execute:a"]),
        ("Scope\n`write:a`, to cancel also `execute:a`.", vec!["write:a"]),
        ("Nothing.", vec![]),
    ] {
        assert_eq!(named(text), expect, "{text}");
    }
    assert_eq!(Value::from(scopes().len()), 20);
}
