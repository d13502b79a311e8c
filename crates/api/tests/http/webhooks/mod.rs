//! Webhooks of the abi dialect: the example of the reference, and each kind of invalid input.

mod deliveries;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use stepwell_core::Topic;

use crate::receiver::Receiver;
use crate::support::{PATIENCE, Response, Server, golden};

const WEBHOOKS: &str = "/api/v1/webhooks";
const JSON: (&str, &str) = ("content-type", "application/json");

/// The request of the seed.
fn seed() -> Value {
    json!({
        "url": "https://example.com/webhooks/workflows",
        "events": ["workflow.created", "workflow.executed", "execution.completed"],
        "secret": "whsec_abcdefghijklmnopqrstuvwxyz",
        "description": "Production webhook for workflow events"
    })
}

async fn put(server: &Server, path: &str, body: &Value) -> Response {
    server.send("PUT", path, &[JSON], body.to_string()).await
}

async fn hook(server: &Server, body: &Value) -> (String, Response) {
    let created = server.post(WEBHOOKS, body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    (format!("{WEBHOOKS}/{}", created.text_at("/data/id")), created)
}

/// Waits until the newest delivery fulfils the condition.
async fn delivery(server: &Server, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let looking = async {
        loop {
            let list = server.get(&format!("{path}/deliveries")).await.json();
            let newest = list["data"]["items"][0].clone();
            if wanted(&newest) {
                return newest;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap()
}

#[tokio::test]
async fn creates_and_shows_the_webhook_of_the_reference() {
    let server = Server::start().await;
    let (path, created) = hook(&server, &seed()).await;
    golden("webhook_created.json", &created);
    assert!(!created.text.contains("whsec_"), "a secret that was given is not shown");
    let shown = server.get(&path).await;
    assert_eq!((shown.status, &shown.text), (StatusCode::OK, &created.text));
    let list = server.get(WEBHOOKS).await;
    golden("webhooks.json", &list);
    assert_eq!(list.json()["data"]["items"][0], shown.json()["data"]);
}

#[tokio::test]
async fn shows_a_generated_secret_once() {
    let server = Server::start().await;
    let (path, created) =
        hook(&server, &json!({"url": "https://example.com", "events": ["*"]})).await;
    let secret = created.text_at("/data/secret");
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(created.headers["cache-control"], "no-store");
    assert_eq!(created.json()["data"]["events"], json!(["*"]));
    assert!(!server.get(&path).await.text.contains(&secret));

    let rotate = format!("{path}/rotate_secret");
    let rotated = server.post(&rotate, &json!({"overlap_seconds": 3600})).await;
    assert_eq!(rotated.status, StatusCode::OK, "{}", rotated.text);
    let next = rotated.text_at("/data/secret");
    assert!(next.starts_with("whsec_") && next != secret);
    assert_eq!(rotated.headers["cache-control"], "no-store");
    let shown = server.get(&path).await;
    assert!(shown.text_at("/data/previous_secret_expires_at").ends_with('Z'));
    assert!(!shown.text.contains("whsec_"), "{}", shown.text);
    let given = json!({"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "overlap_seconds": 0});
    let rotated = server.post(&rotate, &given).await;
    assert_eq!(rotated.status, StatusCode::OK, "{}", rotated.text);
    let data = &rotated.json()["data"];
    assert_eq!(
        (&data["secret"], &data["previous_secret_expires_at"]),
        (&Value::Null, &Value::Null)
    );
    for (body, field) in [
        (json!({"secret": "hush"}), "secret"),
        (json!({"secret": "whsec_c2hvcnQ="}), "secret"),
        (json!({"overlap_seconds": 604_801}), "overlap_seconds"),
        (json!({"overlap_seconds": -1}), "overlap_seconds"),
        (json!({"overlap_seconds": 1.5}), "overlap_seconds"),
        (json!({"overlap": 1}), "overlap"),
    ] {
        let refused = server.post(&rotate, &body).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{body}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
    }
}

#[tokio::test]
async fn names_the_field_of_an_invalid_request() {
    let server = Server::start().await;
    let url = "https://example.com";
    let long = format!("https://example.com/{}", "x".repeat(2048));
    let text = "x".repeat(501);
    for (body, field) in [
        (json!({"events": ["*"]}), "url"),
        (json!({"url": url}), "events"),
        (json!({"url": url, "events": []}), "events"),
        (json!({"url": url, "events": "*"}), "events"),
        (json!({"url": url, "events": [1]}), "events[0]"),
        (json!({"url": url, "events": ["*", "execution.complete"]}), "events[1]"),
        (json!({"url": url, "events": ["webhook.test"]}), "events[0]"),
        (json!({"url": "example.com/hook", "events": ["*"]}), "url"),
        (json!({"url": "ftp://example.com", "events": ["*"]}), "url"),
        (json!({"url": "http:///hook", "events": ["*"]}), "url"),
        (json!({"url": "https://example.com/a b", "events": ["*"]}), "url"),
        (json!({"url": "https://example.com\n", "events": ["*"]}), "url"),
        (json!({"url": "https://me:secret@example.com", "events": ["*"]}), "url"),
        (json!({"url": long, "events": ["*"]}), "url"),
        (json!({"url": 5, "events": ["*"]}), "url"),
        (json!({"url": url, "events": ["*"], "secret": "hush"}), "secret"),
        (json!({"url": url, "events": ["*"], "secret": "whsec_!!"}), "secret"),
        (json!({"url": url, "events": ["*"], "secret": "whsec_c2hvcnQ="}), "secret"),
        (json!({"url": url, "events": ["*"], "description": text}), "description"),
        (json!({"url": url, "events": ["*"], "event": "x"}), "event"),
        (json!({"url": url, "events": ["*"], "status": "inactive"}), "status"),
    ] {
        let refused = server.post(WEBHOOKS, &body).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{body}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
    }
    let unknown = server.post(WEBHOOKS, &json!({"url": url, "events": ["workflow.create"]})).await;
    let detail = unknown.text_at("/errors/0/detail");
    assert!(detail.contains("did you mean `workflow.created`?"), "{detail}");
    assert!(Topic::ALL.iter().all(|topic| detail.contains(topic.name())), "{detail}");
    let count = server.get(WEBHOOKS).await.json()["data"]["pagination"]["total_items"].clone();
    assert_eq!(count, 0, "an invalid webhook is not stored");
}

#[tokio::test]
async fn names_the_field_of_an_invalid_change() {
    let server = Server::start().await;
    let (path, _) = hook(&server, &seed()).await;
    for (body, field) in [
        (json!({"events": []}), "events"),
        (json!({"events": ["*", "x"]}), "events[1]"),
        (json!({"url": ""}), "url"),
        (json!({"status": "disabled"}), "status"),
        (json!({"status": true}), "status"),
        (json!({"secret": "whsec_c2hvcnQ="}), "secret"),
        (json!({"id": "whk_1"}), "id"),
        (json!({"id": "whk_01h455vb4pex5vsknk084sn02q"}), "id"),
        (json!({"enabled": false}), "enabled"),
        (json!({"url": "https:/example.com"}), "url"),
    ] {
        for method in ["PUT", "PATCH"] {
            let refused = server.send(method, &path, &[JSON], body.to_string()).await;
            assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{method} {body}");
            assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
        }
    }
}

#[tokio::test]
async fn rejects_invalid_queries_and_bodies() {
    let server = Server::start().await;
    let (path, _) = hook(&server, &seed()).await;
    for query in
        ["page=0", "page_size=101", "sort_by=secret", "sort_order=up", "status=on", "event=x"]
    {
        let refused = server.get(&format!("{WEBHOOKS}?{query}")).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
    }
    for query in [
        "page=0",
        "page_size=0",
        "status=failed",
        "page=1&page=2",
        "event=x",
        "sort_by=status",
        "sort_order=up",
        "cursor=x",
        "cursor=msg_01h455vb4pex5vsknk084sn02q&page=1",
    ] {
        let refused = server.get(&format!("{path}/deliveries?{query}")).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
    }
    for body in ["[]", "{", "\"x\""] {
        for (method, path) in [("POST", WEBHOOKS), ("PUT", &path), ("PATCH", &path)] {
            let refused = server.send(method, path, &[JSON], body).await;
            assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{method} {body}");
        }
    }
    let untyped = server.send("POST", WEBHOOKS, &[], seed().to_string()).await;
    assert_eq!(untyped.abi_refusal(), (415, "UNSUPPORTED_MEDIA_TYPE".into()));
    let extra = server.post(&format!("{path}/test"), &json!({"event": "x"})).await;
    assert_eq!(extra.text_at("/errors/0/field"), "event");
    let count = server.get(WEBHOOKS).await.json()["data"]["pagination"]["total_items"].clone();
    assert_eq!(count, 1, "an invalid webhook is not stored");
}

#[tokio::test]
async fn changes_lists_and_deletes_webhooks() {
    let server = Server::start().await;
    let (path, created) = hook(&server, &seed()).await;
    let before = created.json()["data"].clone();
    let changed = put(&server, &path, &json!({"events": ["schedule.triggered"]})).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let after = changed.json()["data"].clone();
    assert_eq!(after["events"], json!(["schedule.triggered"]));
    for kept in ["id", "url", "description", "status", "created_at"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    let body = json!({"description": "", "status": "inactive", "url": "https://example.org/a"});
    let changed = server.send("PATCH", &path, &[JSON], body.to_string()).await.json();
    let data = &changed["data"];
    assert_eq!((&data["description"], &data["status"]), (&Value::Null, &json!("inactive")));
    assert_eq!(data["url"], "https://example.org/a");
    let off = server.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!(off.abi_refusal(), (409, "INVALID_STATE".into()));

    let (other, _) = hook(&server, &json!({"url": "https://a.example", "events": ["*"]})).await;
    let urls = async |query: &str| {
        let list = server.get(&format!("{WEBHOOKS}?{query}")).await.json();
        let items = list["data"]["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["url"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (a, b) = ("https://a.example".to_owned(), "https://example.org/a".to_owned());
    assert_eq!(urls("").await, [a.clone(), b.clone()]);
    assert_eq!(urls("sort_order=asc").await, [b.clone(), a.clone()]);
    let second = urls("sort_by=url&sort_order=asc&page_size=1&page=2").await;
    assert_eq!(second, urls("status=inactive").await);
    assert_eq!(second, [b]);
    assert_eq!(urls("status=disabled").await, Vec::<String>::new());

    let deleted = server.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);
    assert_eq!(deleted.json()["data"], json!({"id": before["id"], "deleted": true}));
    let gone = server.get(&path).await;
    assert_eq!(gone.abi_refusal(), (404, "NOT_FOUND".into()));
    assert!(gone.text.contains("webhook `whk_"), "{}", gone.text);
    assert_eq!(server.get(&other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn returns_404_for_missing_webhooks() {
    let server = Server::start().await;
    let missing = "whk_01h455vb4pex5vsknk084sn02q";
    for id in [missing, "whk_x", "nonsense", "wf_01h455vb4pex5vsknk084sn02q"] {
        for (method, rest) in [
            ("GET", ""),
            ("PUT", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/test"),
            ("POST", "/rotate_secret"),
            ("GET", "/deliveries"),
        ] {
            let response =
                server.send(method, &format!("{WEBHOOKS}/{id}{rest}"), &[], Body::empty()).await;
            assert_eq!(response.abi_refusal(), (404, "NOT_FOUND".into()), "{method} {id}{rest}");
        }
    }
    for id in ["msg_01h455vb4pex5vsknk084sn02q", "msg_x", missing] {
        let response =
            server.post(&format!("{WEBHOOKS}/deliveries/{id}/redeliver"), &json!({})).await;
        assert_eq!(response.abi_refusal(), (404, "NOT_FOUND".into()), "{id}");
    }
}

/// A client that sends a whole webhook back with one changed field changes only that field. So does
/// one that sends the fields of its creation again.
#[tokio::test]
async fn accepts_a_webhook_as_returned() {
    let server = Server::start().await;
    let (path, created) = hook(&server, &seed()).await;
    let mut whole = created.json()["data"].clone();
    let same = put(&server, &path, &whole).await;
    assert_eq!((same.status, &same.json()["data"]), (StatusCode::OK, &whole));
    whole["description"] = json!("another");
    let changed = put(&server, &path, &whole).await.json()["data"].clone();
    assert_eq!(changed["description"], "another");
    let same = put(&server, &path, &seed()).await.json()["data"].clone();
    assert_eq!(same["description"], seed()["description"]);
    let nulls = json!({"url": null, "events": null, "description": null, "status": null});
    let emptied = put(&server, &path, &nulls).await.json()["data"].clone();
    let mut expect = same.clone();
    expect["description"] = Value::Null;
    expect["updated_at"] = emptied["updated_at"].clone();
    assert_eq!(emptied, expect, "null empties what can be empty");
    assert_eq!(same["previous_secret_expires_at"], Value::Null, "the secret is the same");
    let other = json!({"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"});
    let rotated = put(&server, &path, &other).await;
    assert!(rotated.text_at("/data/previous_secret_expires_at").ends_with('Z'));
    assert!(!rotated.text.contains("whsec_"), "{}", rotated.text);
}

#[tokio::test]
async fn scopes_permit_what_they_name() {
    let server = Server::start().await;
    let (path, created) = hook(&server, &seed()).await;
    let id = created.text_at("/data/id");
    let calls: [(&str, String, &str, StatusCode); 8] = [
        ("GET", WEBHOOKS.into(), "read", StatusCode::OK),
        ("GET", path.clone(), "read", StatusCode::OK),
        ("GET", format!("{path}/deliveries"), "read", StatusCode::OK),
        ("PATCH", path.clone(), "write", StatusCode::OK),
        ("PUT", path.clone(), "write", StatusCode::OK),
        ("POST", format!("{path}/rotate_secret"), "write", StatusCode::OK),
        ("POST", format!("{path}/test"), "execute", StatusCode::ACCEPTED),
        ("DELETE", path.clone(), "write", StatusCode::OK),
    ];
    let send = async |key: &str, method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header("x-api-key", key);
        server.raw(request.body(Body::empty()).unwrap()).await
    };
    for (method, path, verb, status) in calls {
        for other in ["read", "write", "execute"].into_iter().filter(|other| *other != verb) {
            let key = server.key(&[&format!("{other}:webhooks"), "execute:workflows"]).await;
            let refused = send(&key, method, &path).await;
            assert_eq!(refused.abi_refusal(), (403, "SCOPE_REQUIRED".into()), "{method} {path}");
            assert!(refused.text.contains(&format!("{verb}:webhooks")), "{}", refused.text);
        }
        let scope = if path == WEBHOOKS {
            format!("{verb}:webhooks")
        } else {
            format!("{verb}:webhooks:{id}")
        };
        let key = server.key(&[&scope]).await;
        assert_eq!(send(&key, method, &path).await.status, status, "{method} {path}");
    }
    let other = server.key(&["read:webhooks:whk_01h455vb4pex5vsknk084sn02q"]).await;
    let (path, _) = hook(&server, &seed()).await;
    assert_eq!(send(&other, "GET", &path).await.abi_refusal().0, 403);
}

#[tokio::test]
async fn creation_and_tests_are_idempotent() {
    let server = Server::start().await;
    let headers = |key| [JSON, ("idempotency-key", key)];
    let body = seed().to_string();
    let first = server.send("POST", WEBHOOKS, &headers("a"), body.clone()).await;
    let again = server.send("POST", WEBHOOKS, &headers("a"), body.clone()).await;
    assert_eq!((again.status, &again.text), (StatusCode::CREATED, &first.text));
    let made = json!({"url": "https://example.com", "events": ["*"]}).to_string();
    let first = server.send("POST", WEBHOOKS, &headers("b"), made.clone()).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = server.send("POST", WEBHOOKS, &headers("b"), made).await;
    assert_eq!(again.abi_refusal(), (409, "IDEMPOTENCY_NOT_REPLAYABLE".into()));
    let path = format!("{WEBHOOKS}/{}", first.text_at("/data/id"));
    let test = format!("{path}/test");
    let one = server.send("POST", &test, &headers("c"), "").await;
    let two = server.send("POST", &test, &headers("c"), "").await;
    assert_eq!((one.status, &one.text), (StatusCode::ACCEPTED, &two.text));
    let total = server.get(&format!("{path}/deliveries")).await.json();
    assert_eq!(total["data"]["pagination"]["total_items"], 1);
}
