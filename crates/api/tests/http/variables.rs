//! Variables over HTTP: managed as objects.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::managed::{VARIABLES, change};
use crate::support::{Response, Server};

const PATH: &str = VARIABLES.path;

fn region() -> Value {
    json!({"name": "REGION", "value": {"main": "eu", "others": ["us"]}, "description": "Where"})
}

async fn created(server: &Server, body: &Value) -> Response {
    VARIABLES.create(server, body).await
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
async fn the_values_of_a_workspace_are_limited() {
    let server = Server::start().await;
    created(&server, &region()).await;
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
async fn lists_have_the_values() {
    let server = Server::start().await;
    created(&server, &region()).await;
    let listed = server.get(PATH).await.json();
    assert_eq!(listed["data"]["items"][0]["value"], region()["value"]);
    let refused = server.get(&format!("{PATH}?team=x")).await;
    assert_eq!(refused.text_at("/errors/0/field"), "team");
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
