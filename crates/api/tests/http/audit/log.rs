//! The log: access, filters, pages, actors and addresses.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use stepwell_api::ApiConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Stage, send};
use super::{LOG, page};
use crate::sockets::Served;
use crate::support::{Server, golden};

const WORKSPACE: &str = "/api/v1/workspaces/ws_00000000000000000000000001";

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_entry_has_actor_action_object_and_origin() {
    let server = Server::start().await;
    let body = json!({"name": "greet", "configuration": {"steps": [{"type": "Echo", "input": 1}]}});
    let made = server.post("/api/v1/workflows", &body).await;
    let path = format!("/api/v1/workflows/{}", made.text_at("/data/id"));
    let body = json!({"name": "salute", "metadata": {"team": "a"},
        "configuration": {"steps": [{"type": "Echo", "input": 2}]}});
    let patched = send(&server, (&server.key, "r-1"), ("PATCH", &path), &body.to_string()).await;
    assert_eq!(patched.status.as_u16(), 200, "{}", patched.text);
    golden("audit_log.json", &server.get(&format!("{LOG}?action=workflow.updated")).await);
}

#[tokio::test]
async fn filters_entries() {
    let server = Server::start().await;
    let stage = Stage::new(&server).await;
    let body = json!({"name": "robot", "scopes": ["write:workflows"]});
    let other = server.post("/api/v1/auth/api-keys", &body).await;
    let secret = other.text_at("/data/secret");
    let path = stage.fill("/workflows/<workflow>");
    let deleted = send(&server, (&secret, "r-9"), ("DELETE", &path), "").await;
    assert!(deleted.status.is_success(), "{}", deleted.text);
    let (all, total) = page(&server, "page_size=100").await;
    assert_eq!(all.len() as u64, total);
    assert_eq!(all[0]["action"], "workflow.deleted");
    let (workflow, schedule) = (stage.id("workflow"), stage.id("schedule"));
    let uuid: stepwell_core::ids::WorkflowId = workflow.parse().unwrap();
    for (query, expect) in [
        ("actor=robot".to_owned(), vec!["workflow.deleted"]),
        (format!("key_id={}", other.text_at("/data/id")), vec!["workflow.deleted"]),
        // Created by the server's own process for the test.
        ("actor=system".to_owned(), vec!["api_key.created"]),
        ("actor=unknown".to_owned(), vec![]),
        ("action=webhook.created".to_owned(), vec!["webhook.created"]),
        ("object_type=webhook".to_owned(), vec!["webhook.tested", "webhook.created"]),
        (format!("object_id={schedule}"), vec!["schedule.created"]),
        (
            format!("object_id={workflow}"),
            vec!["workflow.deleted", "workflow.release_tag_moved", "workflow.created"],
        ),
        (format!("object_id={uuid}&action=workflow.created"), vec!["workflow.created"]),
        (
            format!("object_id={workflow}&object_type=workflow&actor=robot"),
            vec!["workflow.deleted"],
        ),
        (
            format!("object_id={}&object_type=api_key", other.text_at("/data/id")),
            vec!["api_key.created"],
        ),
        ("object_type=workspace".to_owned(), vec![]),
        ("start_date=2999-01-01".to_owned(), vec![]),
        ("end_date=2020-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        let (found, count) = page(&server, &format!("page_size=100&{query}")).await;
        assert_eq!(actions(&found), expect, "{query}");
        assert_eq!(count, expect.len() as u64, "{query}");
    }
    let at = all[3]["created_at"].as_str().unwrap();
    let (found, _) = page(&server, &format!("start_date={at}&end_date={at}")).await;
    assert!(found.contains(&all[3]) && found.iter().all(|entry| entry["created_at"] == at));
    let (found, _) = page(&server, &format!("page_size=100&end_date={at}")).await;
    assert_eq!(found, all[all.len() - found.len()..]);
}

#[tokio::test]
async fn pages_entries_by_number_and_by_cursor() {
    let server = Server::start().await;
    Stage::new(&server).await;
    let (all, total) = page(&server, "page_size=100").await;
    let mut numbered = Vec::new();
    for number in 1..=total.div_ceil(4) {
        let (found, count) = page(&server, &format!("page={number}&page_size=4")).await;
        assert_eq!(count, total);
        numbered.extend(found);
    }
    assert_eq!(numbered, all);
    for (order, expect) in
        [("desc", all.clone()), ("asc", all.iter().rev().cloned().collect::<Vec<_>>())]
    {
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{LOG}?page_size=3&sort_by=created_at&sort_order={order}{cursor}");
            let data = server.get(&path).await.json()["data"].clone();
            walked.extend(data["items"].as_array().unwrap().clone());
            match data["pagination"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(walked, expect, "{order}");
    }
    assert!(page(&server, "page=1000").await.0.is_empty());
}

#[tokio::test]
async fn names_an_invalid_parameter() {
    let server = Server::start().await;
    for (query, field) in [
        ("page=0", "page"),
        ("page_size=101", "page_size"),
        ("sort_by=actor", "sort_by"),
        ("sort_order=up", "sort_order"),
        ("cursor=x", "cursor"),
        ("cursor=12.x", "cursor"),
        ("cursor=1.01h455vb4pex5vsknk084sn02q&page=1", "cursor"),
        ("key_id=unknown", "key_id"),
        ("action=workflow.made", "action"),
        ("object_type=thing", "object_type"),
        ("object_id=x", "object_id"),
        ("object_id=wf_01h455vb4pex5vsknk084sn02q&object_type=webhook", "object_id"),
        ("start_date=yesterday", "start_date"),
        ("end_date=2026-13-01", "end_date"),
        ("start_date=2026-02-02&end_date=2026-02-01", "end_date"),
        ("workspace_id=x", "workspace_id"),
        ("workspace_id=ws_01h455vb4pex5vsknk084sn02q", "workspace_id"),
        ("actor=a&actor=b", "actor"),
    ] {
        let refused = server.get(&format!("{LOG}?{query}")).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
    }
    let (found, total) = page(&server, "cursor=-5.00000000-0000-0000-0000-000000000000").await;
    assert_eq!((found.len(), total), (0, 1));
}

#[tokio::test]
async fn logs_a_permission_error_once_and_is_limited_to_admins() {
    let server = Server::start().await;
    let key = server.key(&["read:workflows", "read:webhooks"]).await;
    for path in [LOG, LOG, "/api/v1/auth/api-keys", "/api/v1/workspaces"] {
        let refused = send(&server, (&key, "r-1"), ("GET", path), "").await;
        assert_eq!(refused.abi_refusal(), (403, "SCOPE_REQUIRED".into()), "{path}");
    }
    let hook = r#"{"url": "https://example.com", "events": ["*"]}"#;
    for _ in 0..3 {
        let refused = send(&server, (&key, "r-2"), ("POST", "/api/v1/webhooks"), hook).await;
        assert_eq!(refused.abi_refusal().0, 403, "{}", refused.text);
    }
    let refused = send(&server, (&key, "r-3"), ("DELETE", "/workflows/wf-x"), "").await;
    assert_eq!(refused.status.as_u16(), 403, "although there is none: {}", refused.text);
    let nothing = send(&server, (&server.key, "r"), ("PATCH", WORKSPACE), "{}").await;
    assert_eq!(nothing.status.as_u16(), 200, "{}", nothing.text);
    let same = r#"{"name": "default", "rate_limits": {}}"#;
    let nothing = send(&server, (&server.key, "r"), ("PATCH", WORKSPACE), same).await;
    assert_eq!(nothing.status.as_u16(), 200, "{}", nothing.text);
    assert_eq!(page(&server, "action=workspace.updated").await.1, 0, "nothing was changed");
    // The same reason within a minute is one entry, for all operations.
    let (found, total) = page(&server, "action=access.refused").await;
    assert_eq!(total, 3, "{found:#?}");
    assert_eq!(found[0]["details"]["reason"], "this key lacks the scope `write:workflows`");
    let expect = json!({"method": "POST", "route": "/api/v1/webhooks",
        "reason": "this key lacks the scope `write:webhooks`"});
    assert_eq!((&found[1]["details"], &found[1]["object"]), (&expect, &Value::Null));
    assert_eq!(
        (&found[1]["actor"]["name"], &found[1]["request_id"]),
        (&json!("test"), &json!("r-2"))
    );
    assert_eq!(found[2]["details"]["reason"], "this key lacks the scope `admin`");

    // Of another workspace: a log of its own, that the operator may read.
    let made = server.post("/api/v1/workspaces", &json!({"name": "elsewhere"})).await;
    let id = made.text_at("/data/id");
    let body = json!({"name": "boss", "scopes": ["admin"], "workspace_id": id});
    let theirs = server.post("/api/v1/auth/api-keys", &body).await.text_at("/data/secret");
    let own = send(&server, (&theirs, "r"), ("GET", LOG), "").await.json();
    let seen = actions(own["data"]["items"].as_array().unwrap()).join(" ");
    assert_eq!(seen, "api_key.created workspace.created");
    let (found, _) = page(&server, &format!("workspace_id={id}")).await;
    assert_eq!(found, *own["data"]["items"].as_array().unwrap());
    let me = server.get("/api/v1/auth/me").await.text_at("/data/workspace_id");
    let path = format!("{LOG}?workspace_id={me}");
    let refused = send(&server, (&theirs, "r"), ("GET", &path), "").await;
    assert_eq!(refused.abi_refusal(), (403, "INSUFFICIENT_PERMISSIONS".into()));
}

#[tokio::test]
async fn logs_the_use_of_a_revoked_key_once() {
    let server = Server::start().await;
    let body = json!({"name": "stolen", "role": "admin"});
    let made = server.post("/api/v1/auth/api-keys", &body).await;
    let (id, secret) = (made.text_at("/data/id"), made.text_at("/data/secret"));
    let path = format!("/api/v1/auth/api-keys/{id}");
    let revoked = send(&server, (&server.key, "r"), ("DELETE", &path), "").await;
    assert_eq!(revoked.status.as_u16(), 200, "{}", revoked.text);
    for n in 0..3 {
        let from = format!("r-{n}");
        let refused = send(&server, (&secret, &from), ("GET", "/api/v1/workflows"), "").await;
        assert_eq!(refused.abi_refusal(), (401, "REVOKED_TOKEN".into()));
    }
    let unknown = send(&server, ("sk_live_unknown", "r"), ("GET", "/api/v1/workflows"), "").await;
    assert_eq!(unknown.abi_refusal().0, 401);
    let (found, total) = page(&server, "action=access.refused").await;
    assert_eq!(total, 1, "{found:#?}");
    assert_eq!(found[0]["actor"], json!({"type": "api_key", "id": id, "name": "stolen"}));
    assert_eq!(
        found[0]["details"],
        json!({"method": "GET", "route": "/api/v1/workflows", "reason": "the API key was revoked"})
    );
    assert_eq!(found[0]["request_id"], "r-0");
}

#[tokio::test]
async fn logs_reads_of_a_signing_secret() {
    let server = Server::start().await;
    let read = server.get("/api/v1/webhooks/signing-secret").await;
    let secret = read.text_at("/data/secret");
    let log = server.get(&format!("{LOG}?action=workspace.signing_secret_read")).await;
    assert_eq!(log.json()["data"]["items"][0]["object"]["name"], "default");
    assert_eq!(log.json()["data"]["pagination"]["total_items"], 1);
    assert!(!log.text.contains(&secret), "{}", log.text);
}

#[tokio::test]
async fn names_the_actor_of_requests_without_a_key() {
    let open = ApiConfig { auth_required: false, ..ApiConfig::default() };
    let server = Server::with(open).await;
    let cli = stepwell_api::trusted_router(server.app.clone(), ApiConfig::default());
    let body = json!({"name": "x", "steps": [{"type": "Echo", "input": 1}]}).to_string();
    let request = || {
        Request::post("/workflows")
            .header("content-type", "application/json")
            .body(Body::from(body.clone()))
            .unwrap()
    };
    assert_eq!(server.raw(request()).await.status.as_u16(), 201);
    let response = tower::ServiceExt::oneshot(cli, request()).await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    let (found, _) = page(&server, "action=workflow.created").await;
    let actors: Vec<_> = found.iter().map(|entry| entry["actor"].clone()).collect();
    let actor = |name: &str| json!({"type": name, "id": null, "name": name});
    assert_eq!(actors, [actor("cli"), actor("anonymous")]);
    let request_id = found[0]["request_id"].as_str().unwrap();
    assert!(uuid::Uuid::parse_str(request_id).is_ok(), "made where none was sent");
}

/// Sends a request over a real connection, with another header.
async fn over_a_socket(served: &Served, header: &str) {
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let body = r#"{"name": "x", "steps": [{"type": "Echo", "input": 1}]}"#;
    let (key, length) = (&served.server.key, body.len());
    let head = format!(
        "POST /workflows HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-KEY: {key}\r\n{header}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    socket.write_all((head + body).as_bytes()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
}

#[tokio::test]
async fn logs_the_address_of_the_peer_or_of_a_trusted_proxy() {
    let forwarded = "X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\n";
    for (trusted, header, expect) in [
        (None, "", "127.0.0.1"),
        // Any client can send the header.
        (None, forwarded, "127.0.0.1"),
        (Some("10.0.0.0/8"), forwarded, "127.0.0.1"),
        (Some("127.0.0.0/8"), forwarded, "203.0.113.9"),
        (Some("127.0.0.1"), "", "127.0.0.1"),
    ] {
        let trusted_proxies = trusted.map(|text: &str| text.parse().unwrap()).into_iter().collect();
        let served = Served::with(ApiConfig { trusted_proxies, ..ApiConfig::default() }).await;
        over_a_socket(&served, header).await;
        let (found, _) = page(&served.server, "action=workflow.created").await;
        assert_eq!(found[0]["ip_address"], expect, "{trusted:?} {header}");
    }
}
