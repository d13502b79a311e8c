//! API keys in the abi dialect.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use stepwell_engine::{Clock, SystemClock};

use crate::support::{Response, Server};
use crate::workspaces::call;

const PATH: &str = "/api/v1/auth/api-keys";

async fn me(server: &Server, secret: &str) -> Response {
    let request = Request::builder().uri("/api/v1/auth/me").header("x-api-key", secret);
    server.raw(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn creates_uses_lists_and_revokes_a_key() {
    let server = Server::start().await;
    let body =
        json!({"name": "ci", "scopes": ["read:workflows"], "expires_at": "2999-01-01T00:00:00Z"});
    let made = server.post("/api/v1/auth/api-keys", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.headers["cache-control"], "no-store");
    let keys: Vec<_> = made.json()["data"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "id",
            "name",
            "hint",
            "scopes",
            "role",
            "workspace_id",
            "tier",
            "rate_limits",
            "status",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
            "secret"
        ]
    );
    let (id, secret) = (made.text_at("/data/id"), made.text_at("/data/secret"));
    assert!(id.starts_with("apk_") && secret.starts_with("sk_live_"), "{id}");
    assert_eq!(made.text_at("/data/expires_at"), "2999-01-01T00:00:00.000000Z");

    let who = me(&server, &secret).await.json();
    assert_eq!(who["status"], "success");
    assert_eq!(who["data"]["key_id"], id.as_str());
    assert_eq!(who["data"]["user_id"], id.replace("apk_", "usr_"));
    let definition = json!({"steps": [{"type": "StaticTextInput", "input": "a"}]});
    let workflow = json!({"name": "w", "configuration": definition});
    let workflow = server.post("/api/v1/workflows", &workflow).await;
    let admin = me(&server, &server.key).await;
    assert_eq!(workflow.text_at("/data/created_by"), admin.text_at("/data/user_id"));
    assert_eq!(who["data"]["scopes"], json!(["read:workflows"]));

    let list = server.get("/api/v1/auth/api-keys?sort_by=name&sort_order=asc").await;
    assert!(!list.text.contains(&secret));
    let list = list.json();
    assert_eq!(list["data"]["items"][0]["id"], id.as_str());
    assert_eq!(
        list["data"]["pagination"],
        json!({"page": 1, "page_size": 10, "total_items": 2, "total_pages": 1})
    );

    let path = format!("/api/v1/auth/api-keys/{id}");
    let revoked = server.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.text);
    assert_eq!(revoked.json()["data"]["status"], "revoked");
    let at = revoked.text_at("/data/revoked_at");
    let again = server.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(again.text_at("/data/revoked_at"), at, "revoked once");
    assert_eq!(server.get(&path).await.text_at("/data/revoked_at"), at);
    assert_eq!(me(&server, &secret).await.abi_refusal(), (401, "REVOKED_TOKEN".into()));
}

/// This many different scopes.
fn many(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("read:workflows:{n}")).collect()
}

#[tokio::test]
async fn removes_duplicate_scopes_and_limits_their_number() {
    let server = Server::start().await;
    let twice = ["read:workflows", "admin", "read:workflows"];
    for (scopes, kept) in [(json!(twice), 2), (json!(many(100)), 100)] {
        let made = server.post(PATH, &json!({"name": "a", "scopes": scopes})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        assert_eq!(made.json()["data"]["scopes"].as_array().unwrap().len(), kept);
    }
}

#[tokio::test]
async fn shows_the_last_use_immediately() {
    let server = Server::start().await;
    let made = server.post(PATH, &json!({"name": "a", "role": "user"})).await;
    let path = format!("{PATH}/{}", made.text_at("/data/id"));
    assert_eq!(server.get(&path).await.json()["data"]["last_used_at"], Value::Null);
    me(&server, &made.text_at("/data/secret")).await;
    let used = server.get(&path).await.text_at("/data/last_used_at");
    assert!(used >= made.text_at("/data/created_at"), "{used}");
    let list = server.get(&format!("{PATH}?sort_by=name&sort_order=asc")).await;
    assert_eq!(list.text_at("/data/items/0/last_used_at"), used);
}

#[tokio::test]
async fn changes_name_and_limits_of_a_key() {
    let server = Server::start().await;
    let made = server.post(PATH, &json!({"name": "a", "role": "user"})).await;
    let path = format!("{PATH}/{}", made.text_at("/data/id"));
    let change = async |body: Value| call(&server, &server.key, "PATCH", &path, &body).await;
    for (body, name, tier, limit) in [
        (json!({}), "a", Value::Null, Value::Null),
        (json!({"name": "b"}), "b", Value::Null, Value::Null),
        (json!({"tier": "standard"}), "b", json!("standard"), Value::Null),
        (json!({"rate_limits": {"requests_per_minute": 9}}), "b", Value::Null, json!(9)),
        (json!({"name": "c", "rate_limits": {}}), "c", Value::Null, Value::Null),
    ] {
        let changed = change(body.clone()).await;
        assert_eq!(changed.status, StatusCode::OK, "{body}: {}", changed.text);
        let data = changed.json()["data"].clone();
        assert_eq!((&data["name"], &data["tier"]), (&json!(name), &tier), "{body}");
        assert_eq!(data["rate_limits"]["requests_per_minute"], limit, "{body}");
        assert_eq!(server.get(&path).await.json()["data"], data);
    }
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"scopes": ["admin"]}), "scopes"),
        (json!({"rate_limits": {"requests_per_minute": 0}}), "rate_limits.requests_per_minute"),
        (json!({"tier": "gold"}), "tier"),
    ] {
        let refused = change(body.clone()).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{body}");
        assert_eq!(refused.text_at("/errors/0/field"), field);
    }
    let unknown = format!("{PATH}/apk_01h455vb4pex5vsknk084sn02q");
    let missing = call(&server, &server.key, "PATCH", &unknown, &json!({"name": "x"})).await;
    assert_eq!(missing.abi_refusal(), (404, "NOT_FOUND".into()));
    assert_eq!(server.get(&unknown).await.abi_refusal(), (404, "NOT_FOUND".into()));
    let log = server.get("/api/v1/audit_log?action=api_key.updated&sort_order=asc").await.json();
    let fields: Vec<_> =
        log["data"]["items"].as_array().unwrap().iter().map(|e| &e["changed_fields"]).collect();
    let (name, limits) = (json!(["name"]), json!(["limits"]));
    assert_eq!(fields, [&name, &limits, &limits, &json!(["name", "limits"])]);
}

#[tokio::test]
async fn names_the_field_of_an_invalid_request() {
    let server = Server::start().await;
    let keys = "/api/v1/auth/api-keys";
    for (body, field) in [
        (json!({"scopes": ["admin"]}), "name"),
        (json!({"name": "a"}), "scopes"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "scopes": ["everything"]}), "scopes"),
        (json!({"name": "", "scopes": ["admin"]}), "name"),
        (json!({"name": "a", "scopes": ["admin"], "expires_at": "soon"}), "expires_at"),
        (
            json!({"name": "a", "scopes": ["admin"], "expires_at": "2001-01-01T00:00:00Z"}),
            "expires_at",
        ),
        (
            json!({"name": "a", "scopes": ["admin"], "expires_at": "2990-01-01T00:00:00+25:00"}),
            "expires_at",
        ),
        (json!({"name": "a", "scopes": ["admin"], "expire_at": "x"}), "expire_at"),
        (
            json!({"name": "a", "scopes": ["admin"], "expires_at": "10000-01-01T00:00:00Z"}),
            "expires_at",
        ),
        (json!({"name": " \t", "scopes": ["admin"]}), "name"),
        (json!({"name": "a\nb", "scopes": ["admin"]}), "name"),
        (json!({"name": "a\u{0}", "scopes": ["admin"]}), "name"),
        (json!({"name": "a".repeat(101), "scopes": ["admin"]}), "name"),
        (json!({"name": "a", "scopes": many(101)}), "scopes"),
        (
            json!({"name": "a", "scopes": [format!("read:workflows:{}", "x".repeat(1000))]}),
            "scopes",
        ),
    ] {
        let response = server.post(keys, &body).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{body}: {}", response.text);
        let found = response.text_at("/errors/0/field");
        assert!(found.starts_with(field), "{body}: {found}");
    }
    for query in ["page=0", "page_size=101", "sort_by=hash", "sort_order=up"] {
        let response = server.get(&format!("{keys}?{query}")).await;
        assert_eq!(response.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
    }
    let none = server.send("DELETE", &format!("{keys}/apk_x"), &[], Body::empty()).await;
    assert_eq!(none.abi_refusal(), (404, "NOT_FOUND".into()));
    let path = format!("{keys}/apk_01h455vb4pex5vsknk084sn02q");
    let missing = server.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(missing.abi_refusal(), (404, "NOT_FOUND".into()));
    assert!(missing.text.contains("apk_01h455vb4pex5vsknk084sn02q"), "{}", missing.text);
}

#[tokio::test]
async fn rejected_tokens_have_a_reason() {
    let server = Server::start().await;
    assert_eq!(me(&server, "sk_live_unknown").await.abi_refusal(), (401, "INVALID_TOKEN".into()));
    let none = Request::builder().uri("/api/v1/auth/me").body(Body::empty()).unwrap();
    assert_eq!(server.raw(none).await.abi_refusal(), (401, "INVALID_TOKEN".into()));
    // A key that expires while it is in use: soon, but late enough for a busy machine.
    let soon = SystemClock.now().after(Duration::from_secs(2));
    let body = json!({"name": "short", "role": "user", "expires_at": soon.to_string()});
    let made = server.post("/api/v1/auth/api-keys", &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let secret = made.text_at("/data/secret");
    let before = me(&server, &secret).await;
    assert!(before.status == StatusCode::OK || SystemClock.now() >= soon, "{}", before.text);
    // Expiry follows the real clock.
    tokio::time::sleep(soon.since(SystemClock.now())).await;
    let response = me(&server, &secret).await;
    assert_eq!(response.abi_refusal(), (401, "EXPIRED_TOKEN".into()));
    assert_eq!(response.headers["www-authenticate"], "Bearer realm=\"stepwell\"");
}

#[tokio::test]
async fn a_role_permits_what_its_scopes_include() {
    let server = Server::start().await;
    let workflow = server.workflow(json!([{"type": "Echo", "input": 1}])).await;
    let execute = format!("{workflow}/execute");
    let definition = json!({"name": "x", "steps": [{"type": "Echo", "input": 1}]});
    for (role, reads, executes, writes, admin) in [
        ("admin", 200, 202, 201, 200),
        ("developer", 200, 202, 201, 403),
        ("analyst", 200, 202, 403, 403),
        ("user", 200, 403, 403, 403),
    ] {
        let body = json!({"name": role, "role": role});
        let made = server.post("/api/v1/auth/api-keys", &body).await;
        assert_eq!(made.json()["data"]["role"], role, "{}", made.text);
        let key = made.text_at("/data/secret");
        for (method, path, body, expect) in [
            ("GET", workflow.as_str(), &Value::Null, reads),
            ("POST", &execute, &Value::Null, executes),
            ("POST", "/workflows", &definition, writes),
            ("GET", "/api/v1/auth/api-keys", &Value::Null, admin),
        ] {
            let response = call(&server, &key, method, path, body).await;
            assert_eq!(
                response.status.as_u16(),
                expect,
                "{role} {method} {path}: {}",
                response.text
            );
        }
    }
    let wrong = json!({"name": "x", "role": "boss"});
    let response = server.post("/api/v1/auth/api-keys", &wrong).await;
    assert_eq!(response.abi_refusal(), (400, "INVALID_REQUEST".into()));
    assert_eq!(response.text_at("/errors/0/field"), "role");
}

#[tokio::test]
async fn a_key_for_one_workflow_cannot_access_others() {
    let server = Server::start().await;
    let named = json!({"name": "greet", "steps": [{"type": "Echo", "input": 1}]});
    let created = server.post("/workflows", &named).await;
    let greet = format!("/workflows/{}", created.text_at("/workflow_id"));
    let other = server.workflow(json!([{"type": "Echo", "input": 1}])).await;
    let id = created.text_at("/workflow_id");
    for scope in ["execute:workflows:greet".to_owned(), format!("execute:workflows:{id}")] {
        let key = server.key(&[&scope]).await;
        let started = call(&server, &key, "POST", &format!("{greet}/execute"), &Value::Null).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text);
        let refused = call(&server, &key, "POST", &format!("{other}/execute"), &Value::Null).await;
        assert_eq!(refused.refusal(), (403, "FORBIDDEN".into()));
        assert_eq!(call(&server, &key, "GET", &greet, &Value::Null).await.status.as_u16(), 403);
        // It can read the workflow that it can execute, in every dialect, and nothing else.
        let execution = started.headers["location"].to_str().unwrap();
        let elsewhere = server.execution(&other).await;
        for (path, expect) in [
            (execution.to_owned(), 200),
            (format!("{execution}/logs"), 200),
            (elsewhere, 403),
            (format!("{greet}/executions"), 403),
        ] {
            let response = call(&server, &key, "GET", &path, &Value::Null).await;
            assert_eq!(response.status.as_u16(), expect, "{path}: {}", response.text);
        }
        let started = started.text_at("/execution_id");
        let uuid = started.parse::<stepwell_core::ids::ExecutionId>().unwrap();
        for path in [
            format!("/v1/workflows/executions/{uuid}/status"),
            format!("/api/v1/workflow_executions/{}/actuals", uuid.abi()),
        ] {
            let response = call(&server, &key, "GET", &path, &Value::Null).await;
            assert_eq!(response.status.as_u16(), 200, "{path}: {}", response.text);
        }
    }
    // Reading a workflow includes its executions.
    let reader = server.key(&["read:workflows:greet"]).await;
    let execution = server.execution(&greet).await;
    assert_eq!(call(&server, &reader, "GET", &execution, &Value::Null).await.status.as_u16(), 200);
    let writer = server.key(&["write:workflows"]).await;
    let refused = call(&server, &writer, "GET", &execution, &Value::Null).await;
    assert!(refused.text.contains("read:workflows"), "{}", refused.text);
}

#[tokio::test]
async fn only_admins_see_keys_and_secrets() {
    let server = Server::start().await;
    let reader = server.key(&["read:workflows"]).await;
    for path in ["/api/v1/auth/api-keys", "/api/v1/webhooks/signing-secret"] {
        let request = Request::builder().uri(path).header("x-api-key", &reader);
        let response = server.raw(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.abi_refusal(), (403, "SCOPE_REQUIRED".into()), "{path}");
    }
    let secret = server.get("/api/v1/webhooks/signing-secret").await;
    assert!(secret.text_at("/data/secret").starts_with("whsec_"));
    assert_eq!(secret.headers["cache-control"], "no-store");
}
