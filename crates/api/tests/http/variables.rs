//! Variables over HTTP: managed as objects.

use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Response, Server};

const PATH: &str = "/api/v1/variables";
const JSON: (&str, &str) = ("content-type", "application/json");

fn region() -> Value {
    json!({"name": "REGION", "value": {"main": "eu", "others": ["us"]}, "description": "Where"})
}

async fn created(server: &Server, body: &Value) -> Response {
    let response = server.post(PATH, body).await;
    assert_eq!(response.status, StatusCode::CREATED, "{}", response.text);
    response
}

async fn change(server: &Server, method: &str, path: &str, body: &Value) -> Response {
    server.send(method, path, &[JSON], body.to_string()).await
}

/// Like [`change`], with `If-Match`.
async fn change_if(server: &Server, method: &str, path: &str, tag: &str, body: &str) -> Response {
    server.send(method, path, &[JSON, ("if-match", tag)], body.to_owned()).await
}

#[tokio::test]
async fn creates_shows_changes_and_deletes_a_variable() {
    let server = Server::start().await;
    let made = created(&server, &region()).await;
    let data = made.json()["data"].clone();
    let fields: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    let expect = ["id", "name", "value", "description", "created_at", "updated_at", "version"];
    assert_eq!(fields, expect);
    assert!(made.text_at("/data/id").starts_with("var_"), "{}", made.text);
    assert_eq!(made.headers["etag"], "\"1\"");
    let path = format!("{PATH}/REGION");
    let shown = server.get(&path).await;
    assert_eq!(
        (shown.json()["data"].clone(), &shown.headers["etag"]),
        (data.clone(), &made.headers["etag"])
    );
    let changed = change(&server, "PATCH", &path, &json!({"value": null})).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!(changed.headers["etag"], "\"2\"");
    assert_eq!(changed.json()["data"]["value"], json!(null), "`null` is a value");
    assert_eq!(changed.json()["data"]["description"], "Where", "omitted: unchanged");
    let changed = change(&server, "PUT", &path, &json!({"description": null, "value": 7})).await;
    let changed = changed.json()["data"].clone();
    assert_eq!((&changed["description"], &changed["value"]), (&json!(null), &json!(7)));
    // A response can be sent back, and changes nothing.
    let same = change(&server, "PUT", &path, &changed).await;
    assert_eq!(same.json()["data"], changed, "{}", same.text);
    let same = server.send("PUT", &path, &[], "").await;
    assert_eq!(same.json()["data"], changed, "{}", same.text);

    let deleted = server.send("DELETE", &path, &[], "").await;
    let expect = json!({"name": "REGION", "deleted": true});
    assert_eq!(deleted.json()["data"], expect, "{}", deleted.text);
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let gone = server.send(method, &path, &[], "").await;
        assert_eq!(gone.abi_refusal(), (404, "NOT_FOUND".into()), "{method}: {}", gone.text);
        assert!(gone.text.contains("variable `REGION` was not found"), "{}", gone.text);
    }
    created(&server, &json!({"name": "REGION", "value": null})).await;
}

#[tokio::test]
async fn rejects_a_change_of_another_version() {
    let server = Server::start().await;
    created(&server, &region()).await;
    let path = format!("{PATH}/REGION");
    let second = change_if(&server, "PATCH", &path, "\"1\"", r#"{"value": 2}"#).await;
    assert_eq!(second.json()["data"]["version"], 2, "{}", second.text);
    let outdated = (412, "PRECONDITION_FAILED".to_owned());
    for (method, body) in [("PATCH", r#"{"value": 3}"#), ("PUT", r#"{"value": 3}"#), ("DELETE", "")]
    {
        let refused = change_if(&server, method, &path, "\"1\"", body).await;
        assert_eq!(refused.abi_refusal(), outdated, "{method}");
    }
    assert_eq!(change_if(&server, "DELETE", &path, "\"2\"", "").await.status, 200);
}

#[tokio::test]
async fn errors_name_the_field_and_what_to_change() {
    let server = Server::start().await;
    created(&server, &region()).await;
    let path = format!("{PATH}/REGION");
    let long = |n| "x".repeat(n);
    for (body, fields, part) in [
        (json!({}), vec!["name", "value"], "is required"),
        (json!({"name": "A"}), vec!["value"], "is required"),
        (json!({"name": 1, "value": 1, "other": 1}), vec!["name", "other"], "string"),
        (json!({"name": "a-b", "value": 1}), vec!["name"], "letters"),
        (json!({"name": "1a", "value": 1}), vec!["name"], "begin with a letter"),
        (json!({"name": long(65), "value": 1}), vec!["name"], "1 to 64"),
        (json!({"name": "A", "value": long(65_536)}), vec!["value"], "65536 bytes"),
        (json!({"name": "A", "value": 1, "description": long(1_001)}), vec!["description"], "1000"),
    ] {
        let refused = server.post(PATH, &body).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{}", refused.text);
        let errors = refused.json()["errors"].as_array().unwrap().clone();
        let found: Vec<_> = errors.iter().map(|error| error["field"].clone()).collect();
        assert_eq!(found, fields, "{}", refused.text);
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    for (body, field, part) in [
        (json!({"name": "OTHER", "value": 1}), "name", "keeps its name"),
        (json!({"value": long(65_536)}), "value", "65536 bytes"),
        (json!({"valeu": 1}), "valeu", "value"),
    ] {
        let refused = change(&server, "PUT", &path, &body).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    assert_eq!(server.get(&path).await.json()["data"]["version"], 1);
}

#[tokio::test]
async fn a_name_is_taken_once_and_a_workspace_has_limits() {
    let server = Server::start().await;
    created(&server, &region()).await;
    let taken = server.post(PATH, &region()).await;
    assert_eq!(taken.abi_refusal(), (409, "INVALID_STATE".into()));
    assert!(taken.text.contains("another variable has this name"), "{}", taken.text);
    created(&server, &json!({"name": "region", "value": 1})).await;
    // 15 values of 64 KiB, and a bit, leave no place for another one.
    for n in 0..15 {
        created(&server, &json!({"name": format!("V{n}"), "value": "x".repeat(65_534)})).await;
    }
    let large = json!({"name": "LAST", "value": "x".repeat(65_534)});
    let refused = server.post(PATH, &large).await;
    assert_eq!(refused.abi_refusal(), (409, "INVALID_STATE".into()), "{}", refused.text);
    assert!(refused.text.contains("at most 1048576 bytes of values together"), "{}", refused.text);
    let path = format!("{PATH}/region");
    let refused = change(&server, "PUT", &path, &json!({"value": "x".repeat(65_534)})).await;
    assert_eq!(refused.abi_refusal(), (409, "INVALID_STATE".into()), "{}", refused.text);
    let shorter = change(&server, "PUT", &format!("{PATH}/V0"), &json!({"value": 1})).await;
    assert_eq!(shorter.status, 200, "{}", shorter.text);
    created(&server, &large).await;
}

#[tokio::test]
async fn at_most_a_thousand_variables() {
    let server = Server::start().await;
    for n in 0..1_000 {
        created(&server, &json!({"name": format!("V{n}"), "value": n})).await;
    }
    let refused = server.post(PATH, &region()).await;
    assert_eq!(refused.abi_refusal(), (409, "INVALID_STATE".into()), "{}", refused.text);
    assert!(refused.text.contains("at most 1000 variables"), "{}", refused.text);
}

#[tokio::test]
async fn filters_sorts_and_pages_lists() {
    let server = Server::start().await;
    for name in ["b", "c", "a"] {
        created(&server, &json!({"name": name, "value": {"of": name}})).await;
    }
    let list = async |query: &str| {
        let listed = server.get(&format!("{PATH}?{query}")).await;
        assert_eq!(listed.status, StatusCode::OK, "{query}: {}", listed.text);
        let data = listed.json()["data"].clone();
        let items = data["items"].as_array().unwrap().clone();
        let names: Vec<_> =
            items.iter().map(|item| item["value"]["of"].as_str().unwrap()).collect();
        (names.join(" "), data["pagination"].clone())
    };
    for (query, expect, total) in [
        ("", "a c b", 3),
        ("sort_order=asc", "b c a", 3),
        ("sort_by=name&sort_order=asc", "a b c", 3),
        ("name=b", "b", 1),
        ("name=missing", "", 0),
        ("page=2&page_size=2", "b", 3),
    ] {
        let (names, pagination) = list(query).await;
        assert_eq!(
            (names.as_str(), &pagination["total_items"]),
            (expect, &json!(total)),
            "{query}"
        );
    }
    let (_, pagination) = list("page_size=2").await;
    let cursor = pagination["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(list(&format!("page_size=2&cursor={cursor}")).await.0, "b");
    for (query, field) in [("team=x", "team"), ("sort_by=value", "sort_by"), ("page=0", "page")] {
        let refused = server.get(&format!("{PATH}?{query}")).await;
        assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{query}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{query}");
    }
}

#[tokio::test]
async fn a_repeat_with_the_same_key_creates_nothing() {
    let server = Server::start().await;
    let headers = [JSON, ("idempotency-key", "k-1")];
    let first = server.send("POST", PATH, &headers, region().to_string()).await;
    let again = server.send("POST", PATH, &headers, region().to_string()).await;
    assert_eq!((first.status, &first.text), (StatusCode::CREATED, &again.text), "{}", first.text);
    assert_eq!(again.headers["etag"], "\"1\"");
}

#[tokio::test]
async fn a_key_for_one_variable_cannot_access_others() {
    let server = Server::start().await;
    let id = created(&server, &region()).await.text_at("/data/id");
    created(&server, &json!({"name": "OTHER", "value": 1})).await;
    for scope in ["read:variables:REGION".to_owned(), format!("read:variables:{id}")] {
        let key = server.key(&[&scope]).await;
        let status_of = async |path: &str| {
            let request = Request::get(path).header("x-api-key", &key);
            server.raw(request.body(axum::body::Body::empty()).unwrap()).await.status.as_u16()
        };
        assert_eq!(status_of("/api/v1/variables/REGION").await, 200, "{scope}");
        assert_eq!(status_of("/api/v1/variables/OTHER").await, 403, "{scope}");
        assert_eq!(status_of(PATH).await, 403, "{scope}");
    }
}

#[tokio::test]
async fn the_audit_log_names_the_changed_fields_without_values() {
    let server = Server::start().await;
    let id = created(&server, &region()).await.text_at("/data/id");
    change(&server, "PATCH", &format!("{PATH}/REGION"), &json!({"value": "hunter2"})).await;
    let log = server.get("/api/v1/audit_log?object_type=variable").await;
    let entries = log.json()["data"]["items"].as_array().unwrap().clone();
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["variable.updated", "variable.created"]);
    assert_eq!(entries[0]["object"], json!({"type": "variable", "id": id, "name": "REGION"}));
    assert_eq!(entries[0]["changed_fields"], json!(["value"]));
    assert!(!log.text.contains("hunter2"), "{}", log.text);
}
