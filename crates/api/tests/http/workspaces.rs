//! Workspaces over HTTP: creation, the first key, permissions.

use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Response, Server};

const PATH: &str = "/api/v1/workspaces";
const KEYS: &str = "/api/v1/auth/api-keys";
const JSON: (&str, &str) = ("content-type", "application/json");

pub async fn call(server: &Server, key: &str, method: &str, path: &str, body: &Value) -> Response {
    let mut request = Request::builder().method(method).uri(path).header("x-api-key", key);
    let text = if body.is_null() { String::new() } else { body.to_string() };
    if !text.is_empty() {
        request = request.header("content-type", "application/json");
    }
    server.raw(request.body(text.into()).unwrap()).await
}

/// Creates a workspace with an admin key; returns its id and the key.
async fn workspace(server: &Server, name: &str) -> (String, String) {
    let made = server.post(PATH, &json!({"name": name})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let id = made.text_at("/data/id");
    let body = json!({"name": "first", "scopes": ["admin"], "workspace_id": id});
    let key = server.post(KEYS, &body).await;
    assert_eq!(key.status, StatusCode::CREATED, "{}", key.text);
    assert_eq!(key.text_at("/data/workspace_id"), id);
    (id, key.text_at("/data/secret"))
}

#[tokio::test]
async fn creates_a_workspace_with_a_key_and_renames_it() {
    let server = Server::start().await;
    let body = json!({"name": "Acme", "rate_limits": {"requests_per_minute": 600}});
    let made = server.post(PATH, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let data = made.json()["data"].clone();
    let fields: Vec<_> = data.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["id", "name", "tier", "rate_limits", "created_at", "updated_at"]);
    assert_eq!(data["name"], "Acme");
    assert_eq!(
        data["rate_limits"],
        json!({"executions_per_second": null, "requests_per_minute": 600, "concurrent_executions": null})
    );
    let id = data["id"].as_str().unwrap();
    assert!(id.starts_with("ws_"), "{id}");
    let path = format!("{PATH}/{id}");
    let changed = call(&server, &server.key, "PATCH", &path, &json!({"name": "Acme 2"})).await;
    assert_eq!(changed.json()["data"]["name"], "Acme 2", "{}", changed.text);
    assert_eq!(
        changed.json()["data"]["rate_limits"]["requests_per_minute"],
        600,
        "omitted: unchanged"
    );
    assert_eq!(server.get(&path).await.json()["data"], changed.json()["data"]);
    let list = server.get(&format!("{PATH}?sort_by=name&sort_order=asc")).await.json();
    let names: Vec<_> =
        list["data"]["items"].as_array().unwrap().iter().map(|w| w["name"].clone()).collect();
    assert_eq!(names, ["Acme 2", "default"]);
    assert_eq!(list["data"]["pagination"]["total_items"], 2);
    let tier = call(&server, &server.key, "PATCH", &path, &json!({"tier": "standard"})).await;
    assert_eq!(tier.json()["data"]["tier"], "standard");
    assert_eq!(tier.json()["data"]["rate_limits"]["executions_per_second"], 5);
    assert_eq!(tier.json()["data"]["rate_limits"]["requests_per_minute"], Value::Null);
}

#[tokio::test]
async fn a_repeated_request_creates_one_workspace() {
    let server = Server::start().await;
    let headers = [JSON, ("idempotency-key", "w-1")];
    let body = json!({"name": "Acme"}).to_string();
    let first = server.send("POST", PATH, &headers, body.clone()).await;
    let again = server.send("POST", PATH, &headers, body.clone()).await;
    assert_eq!((again.status, &again.text), (StatusCode::CREATED, &first.text));
    let other = server.send("POST", PATH, &headers, body.replace("Acme", "B")).await;
    assert_eq!(other.abi_refusal(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
    assert_eq!(server.get(PATH).await.json()["data"]["pagination"]["total_items"], 2);
}

#[tokio::test]
async fn names_the_field_of_an_invalid_request() {
    let server = Server::start().await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": "x".repeat(101)}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"name": "a", "tier": "gold"}), "tier"),
        (json!({"name": "a", "tier": "standard", "rate_limits": {}}), "rate_limits"),
        (json!({"name": "a", "rate_limits": {"requests_per_minute": 0}}), "rate_limits."),
        (json!({"name": "a", "limits": {}}), "limits"),
    ] {
        let response = server.post(PATH, &body).await;
        assert_eq!(
            response.abi_refusal(),
            (400, "INVALID_REQUEST".into()),
            "{body}: {}",
            response.text
        );
        let found = response.text_at("/errors/0/field");
        assert!(found.starts_with(field), "{body}: {found}");
    }
    let body =
        json!({"name": "k", "role": "user", "workspace_id": "ws_01h455vb4pex5vsknk084sn02q"});
    for body in [&body, &json!({"name": "k", "role": "user", "workspace_id": "nonsense"})] {
        let response = server.post(KEYS, body).await;
        assert_eq!(response.abi_refusal(), (400, "INVALID_REQUEST".into()), "{}", response.text);
        assert_eq!(response.text_at("/errors/0/field"), "workspace_id");
    }
    for (method, path) in [("GET", "nonsense"), ("PATCH", "ws_01h455vb4pex5vsknk084sn02q")] {
        let response = server.send(method, &format!("{PATH}/{path}"), &[JSON], "{}").await;
        assert_eq!(response.abi_refusal(), (404, "NOT_FOUND".into()), "{}", response.text);
    }
}

#[tokio::test]
async fn only_admins_of_the_default_workspace_manage_workspaces() {
    let server = Server::start().await;
    let (own, admin) = workspace(&server, "one").await;
    let (other, _) = workspace(&server, "other").await;
    let reader = server.key(&["read:workflows"]).await;
    let (mine, theirs) = (format!("{PATH}/{own}"), format!("{PATH}/{other}"));
    let limits = json!({"rate_limits": {}});
    let key = json!({"name": "k", "role": "user", "workspace_id": other});
    for (key, method, path, body, expect) in [
        (&reader, "POST", PATH, json!({"name": "x"}), (403, "SCOPE_REQUIRED")),
        (&reader, "GET", PATH, Value::Null, (403, "SCOPE_REQUIRED")),
        (&reader, "GET", &mine, Value::Null, (403, "SCOPE_REQUIRED")),
        (&admin, "POST", PATH, json!({"name": "x"}), (403, "INSUFFICIENT_PERMISSIONS")),
        (&admin, "PATCH", &mine, limits.clone(), (403, "INSUFFICIENT_PERMISSIONS")),
        (&admin, "PATCH", &theirs, limits, (404, "NOT_FOUND")),
        (&admin, "GET", &theirs, Value::Null, (404, "NOT_FOUND")),
        (&admin, "POST", KEYS, key, (403, "INSUFFICIENT_PERMISSIONS")),
    ] {
        let response = call(&server, key, method, path, &body).await;
        let (status, code) = response.abi_refusal();
        assert_eq!((status, code.as_str()), expect, "{method} {path} {body}: {}", response.text);
    }
    let renamed = call(&server, &admin, "PATCH", &mine, &json!({"name": "mine"})).await;
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.text);
    let list = call(&server, &admin, "GET", PATH, &Value::Null).await.json();
    assert_eq!(list["data"]["pagination"]["total_items"], 1, "its own only: {list}");
    // Its admins create and revoke its keys; operators can do so, too.
    let made = call(&server, &admin, "POST", KEYS, &json!({"name": "k", "role": "user"})).await;
    assert_eq!(made.text_at("/data/workspace_id"), own);
    let listed = server.get(&format!("{KEYS}?workspace_id={own}")).await.json();
    assert_eq!(listed["data"]["pagination"]["total_items"], 2);
    let path = format!("{KEYS}/{}", made.text_at("/data/id"));
    let revoked = call(&server, &server.key, "DELETE", &path, &Value::Null).await;
    assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.text);
    let secret = made.text_at("/data/secret");
    let me = call(&server, &secret, "GET", "/api/v1/auth/me", &Value::Null).await;
    assert_eq!(me.abi_refusal(), (401, "REVOKED_TOKEN".into()));
}

#[tokio::test]
async fn me_shows_workspace_role_and_limits() {
    let server = Server::start().await;
    let (own, _) = workspace(&server, "Acme").await;
    let body = json!({"name": "ci", "role": "analyst", "workspace_id": own, "tier": "enterprise",
        "rate_limits": {"concurrent_executions": 3}, "expires_at": "2999-01-01T00:00:00Z"});
    let made = server.post(KEYS, &body).await;
    assert_eq!(made.json()["data"]["role"], "analyst", "{}", made.text);
    let secret = made.text_at("/data/secret");
    let me = call(&server, &secret, "GET", "/api/v1/auth/me", &Value::Null).await.json();
    let me = &me["data"];
    let fields: Vec<_> = me.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        fields,
        [
            "key_id",
            "user_id",
            "key_name",
            "workspace_id",
            "workspace",
            "scopes",
            "role",
            "tier",
            "rate_limits",
            "expires_at"
        ]
    );
    assert_eq!(me["key_name"], "ci");
    assert_eq!((&me["workspace_id"], &me["workspace"]["id"]), (&json!(own), &json!(own)));
    assert_eq!(me["workspace"]["name"], "Acme");
    assert_eq!((&me["role"], &me["tier"]), (&json!("analyst"), &json!("enterprise")));
    assert_eq!(me["rate_limits"]["concurrent_executions"], 3);
    assert!(me["scopes"].as_array().unwrap().contains(&json!("execute:workflows")), "{me}");
}

#[tokio::test]
async fn me_describes_a_server_without_keys() {
    let config = stepwell_api::ApiConfig { auth_required: false, ..Default::default() };
    let server = Server::with(config).await;
    let request = Request::get("/api/v1/auth/me").body(axum::body::Body::empty()).unwrap();
    let me = server.raw(request).await.json();
    assert_eq!(me["data"]["key_id"], Value::Null);
    assert_eq!(me["data"]["workspace"]["name"], "default");
    assert_eq!(me["data"]["role"], "admin");
}
