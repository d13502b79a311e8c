//! API keys and who they are, in the abi envelope.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answer, Server};

async fn me(server: &Server, secret: &str) -> Answer {
    let request = Request::builder().uri("/api/v1/auth/me").header("x-api-key", secret);
    server.raw(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_key_is_made_used_listed_and_revoked() {
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
    assert_eq!(made.text_at("/data/expires_at"), "2999-01-01T00:00:00Z");

    let who = me(&server, &secret).await.json();
    assert_eq!(who["status"], "success");
    assert_eq!(who["data"]["key_id"], id.as_str());
    assert_eq!(who["data"]["scopes"], json!(["read:workflows"]));

    let list = server.get("/api/v1/auth/api-keys?sort_by=name&sort_order=asc").await;
    assert!(!list.text.contains(&secret));
    let list = list.json();
    assert_eq!(list["data"]["items"][0]["id"], id.as_str());
    assert_eq!(
        list["data"]["pagination"],
        json!({"page": 1, "page_size": 10, "total_items": 2, "total_pages": 1, "next_cursor": null})
    );

    let path = format!("/api/v1/auth/api-keys/{id}");
    let revoked = server.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.text);
    assert_eq!(revoked.json()["data"], Value::Null);
    assert_eq!(me(&server, &secret).await.abi_refusal(), (401, "REVOKED_TOKEN".into()));
}

#[tokio::test]
async fn wrong_requests_name_the_field() {
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
        (json!({"name": "a", "scopes": ["admin"], "expire_at": "x"}), "expire_at"),
    ] {
        let answer = server.post(keys, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.text);
        let found = answer.text_at("/errors/0/field");
        assert!(found.starts_with(field), "{body}: {found}");
    }
    for query in ["page=0", "page_size=101", "sort_by=hash", "sort_order=up"] {
        let answer = server.get(&format!("{keys}?{query}")).await;
        assert_eq!(answer.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
    }
    let none = server.send("DELETE", &format!("{keys}/apk_x"), &[], Body::empty()).await;
    assert_eq!(none.abi_refusal(), (404, "NOT_FOUND".into()));
    let path = format!("{keys}/apk_01h455vb4pex5vsknk084sn02q");
    let missing = server.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(missing.abi_refusal(), (404, "NOT_FOUND".into()));
    assert!(missing.text.contains("apk_01h455vb4pex5vsknk084sn02q"), "{}", missing.text);
}

#[tokio::test]
async fn only_admins_see_keys_and_secrets() {
    let server = Server::start().await;
    let reader = server.key(&["read:workflows"]).await;
    for path in ["/api/v1/auth/api-keys", "/api/v1/webhooks/signing-secret"] {
        let request = Request::builder().uri(path).header("x-api-key", &reader);
        let answer = server.raw(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.abi_refusal(), (403, "SCOPE_REQUIRED".into()), "{path}");
    }
    let secret = server.get("/api/v1/webhooks/signing-secret").await;
    assert!(secret.text_at("/data/secret").starts_with("whsec_"));
    assert_eq!(secret.headers["cache-control"], "no-store");
}
