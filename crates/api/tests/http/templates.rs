//! Templates over HTTP.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::managed::{TEMPLATES, change};
use crate::support::{Response, Server};

const PATH: &str = TEMPLATES.path;

fn greeting() -> Value {
    json!({
        "name": "greeting",
        "description": "A greeting",
        "body": "Dear {{ customer.name }},\nyou have {{ items | length }} items.",
        "sample": {"customer": {"name": "Ada"}, "items": [1, 2]},
        "metadata": {"team": "sales"},
    })
}

async fn created(server: &Server, body: &Value) -> Response {
    TEMPLATES.create(server, body).await
}

#[tokio::test]
async fn creates_shows_changes_and_deletes_a_template() {
    let server = Server::start().await;
    let made = created(&server, &greeting()).await;
    let data = made.json()["data"].clone();
    let fields: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    let expect = [
        "id",
        "name",
        "description",
        "body",
        "sample",
        "metadata",
        "created_at",
        "updated_at",
        "version",
    ];
    assert_eq!(fields, expect);
    for field in ["name", "description", "body", "sample", "metadata"] {
        assert_eq!(data[field], greeting()[field], "{field}");
    }
    let id = made.text_at("/data/id");
    assert!(id.starts_with("tpl_"), "{id}");
    assert_eq!(made.headers["etag"], "\"1\"");

    let path = format!("{PATH}/{id}");
    let shown = server.get(&path).await;
    assert_eq!(
        (shown.json()["data"].clone(), &shown.headers["etag"]),
        (data.clone(), &made.headers["etag"])
    );
    let changed =
        change(&server, "PATCH", &path, &json!({"body": {"subject": "{{ a }}", "n": 1}})).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!(
        (changed.json()["data"]["version"].clone(), changed.headers["etag"].to_str().unwrap()),
        (json!(2), "\"2\"")
    );
    assert_eq!(changed.json()["data"]["description"], "A greeting", "omitted: unchanged");
    let emptied = json!({"description": null, "sample": null, "metadata": null, "name": "other"});
    let changed = change(&server, "PUT", &path, &emptied).await.json()["data"].clone();
    assert_eq!(changed["name"], "other");
    assert_eq!(
        (&changed["description"], &changed["sample"], &changed["metadata"]),
        (&json!(null), &json!({}), &json!({}))
    );
    assert_eq!(changed["body"], json!({"subject": "{{ a }}", "n": 1}));
    // A response can be sent back, and changes nothing.
    let same = change(&server, "PUT", &path, &changed).await;
    assert_eq!(same.json()["data"], changed, "{}", same.text);
    let same = server.send("PUT", &path, &[], "").await;
    assert_eq!(same.json()["data"], changed, "{}", same.text);

    let deleted = server.send("DELETE", &path, &[], "").await;
    assert_eq!(deleted.json()["data"], json!({"id": id, "deleted": true}), "{}", deleted.text);
    assert_eq!(server.get(&path).await.abi_refusal(), (404, "NOT_FOUND".into()));
    assert_eq!(server.send("DELETE", &path, &[], "").await.status, 404);
    assert_eq!(change(&server, "PATCH", &path, &json!({})).await.status, 404);
    created(&server, &greeting()).await;
}

#[tokio::test]
async fn errors_name_the_field_and_the_line() {
    let server = Server::start().await;
    let path = format!("{PATH}/{}", created(&server, &greeting()).await.text_at("/data/id"));
    for (body, fields, part) in [
        (json!({}), vec!["name", "body"], "is required"),
        (json!({"name": "a", "body": null}), vec!["body"], "is required"),
        (json!({"name": 1, "body": "a", "other": 1}), vec!["name", "other"], "string"),
        (json!({"name": "a", "body": "x\ny {{ a + }}"}), vec!["body"], "line 2"),
        (
            json!({"name": "a", "body": {"x": ["{{ a | nope }}", "{% if %}"]}}),
            vec!["body.x[0]", "body.x[1]"],
            "nope",
        ),
        (json!({"name": "a", "body": "{{ secrets.KEY }}"}), vec!["body"], "secrets"),
        (
            json!({"name": " ", "body": "a", "metadata": {"a\u{200b}": 1}}),
            vec!["name", "metadata.a"],
            "visible",
        ),
        (json!({"name": "a", "body": "a", "sample": [1]}), vec!["sample"], "object"),
    ] {
        let mut responses = vec![server.post(PATH, &body).await];
        // A change is checked in the same way; it requires nothing.
        if part != "is required" {
            responses.push(change(&server, "PATCH", &path, &body).await);
        }
        for refused in responses {
            assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{}", refused.text);
            let errors = refused.json()["errors"].as_array().unwrap().clone();
            let found: Vec<_> = errors.iter().map(|error| error["field"].clone()).collect();
            assert_eq!(found, fields, "{}", refused.text);
            assert!(refused.text.contains(part), "{part}: {}", refused.text);
        }
    }
    assert_eq!(server.get(&path).await.json()["data"]["version"], 1);
}

#[tokio::test]
async fn a_template_can_have_another_name() {
    let server = Server::start().await;
    let first = created(&server, &greeting()).await.text_at("/data/id");
    let other = json!({"name": "Greeting", "body": "a"});
    let other = format!("{PATH}/{}", created(&server, &other).await.text_at("/data/id"));
    let taken = change(&server, "PATCH", &other, &json!({"name": "greeting"})).await;
    assert_eq!(taken.abi_refusal(), (409, "INVALID_STATE".into()));
    change(&server, "PATCH", &format!("{PATH}/{first}"), &json!({"name": "old"})).await;
    let renamed = change(&server, "PATCH", &other, &json!({"name": "greeting"})).await;
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.text);
}

#[tokio::test]
async fn lists_are_filtered_by_labels() {
    let server = Server::start().await;
    for (name, team) in [("b", "sales"), ("c", "support"), ("a", "sales")] {
        created(&server, &json!({"name": name, "body": "x", "metadata": {"team": team}})).await;
    }
    for (query, expect) in
        [("team=sales", "a b"), ("metadata.team=sales&name=a", "a"), ("team=other", "")]
    {
        let listed = server.get(&format!("{PATH}?{query}")).await.json();
        let items = listed["data"]["items"].as_array().unwrap().clone();
        let names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names.join(" "), expect, "{query}");
        assert_eq!(listed["data"]["pagination"]["total_items"], names.len(), "{query}");
    }
    let item = server.get(&format!("{PATH}?page_size=1")).await.json();
    let item = item["data"]["items"][0].as_object().unwrap().clone();
    let expect = ["id", "name", "description", "metadata", "created_at", "updated_at", "version"];
    assert_eq!(item.keys().collect::<Vec<_>>(), expect);
    let refused = server.get(&format!("{PATH}?nane=a")).await;
    assert_eq!(refused.text_at("/errors/0/field"), "nane");
}

#[tokio::test]
async fn previews_render_with_data_or_the_sample() {
    let server = Server::start().await;
    let path = format!("{PATH}/{}", created(&server, &greeting()).await.text_at("/data/id"));
    let preview = format!("{path}/preview");
    let rendered = server.send("POST", &preview, &[], "").await;
    assert_eq!(rendered.status, StatusCode::OK, "{}", rendered.text);
    assert_eq!(rendered.json()["data"], json!({"rendered": "Dear Ada,\nyou have 2 items."}));
    let data = json!({"data": {"customer": {"name": "Grace"}, "items": []}});
    let rendered = server.post(&preview, &data).await;
    assert_eq!(rendered.json()["data"]["rendered"], "Dear Grace,\nyou have 0 items.");
    let refused = server.post(&preview, &json!({"data": {"customer": {"name": "Grace"}}})).await;
    assert_eq!(refused.abi_refusal(), (400, "INVALID_REQUEST".into()), "{}", refused.text);
    assert_eq!(refused.text_at("/errors/0/field"), "body");
    assert!(refused.text_at("/errors/0/detail").contains("line 2"), "{}", refused.text);
    for (body, field) in [(json!({"data": 1}), "data"), (json!({"date": {}}), "date")] {
        let refused = server.post(&preview, &body).await;
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
    }
    let values = json!({"body": {"to": "{{ customer.name }}", "n": "{{ items | length }}"}});
    change(&server, "PATCH", &path, &values).await;
    let rendered = server.send("POST", &preview, &[], "").await;
    assert_eq!(rendered.json()["data"]["rendered"], json!({"to": "Ada", "n": 2}));
    let gone = format!("{PATH}/tpl_01h455vb4pex5vsknk084sn02q/preview");
    assert_eq!(server.send("POST", &gone, &[], "").await.status, 404);
}

#[tokio::test]
async fn the_audit_log_names_the_changed_fields() {
    let server = Server::start().await;
    let id = created(&server, &greeting()).await.text_at("/data/id");
    let path = format!("{PATH}/{id}");
    change(&server, "PATCH", &path, &json!({"body": "b", "description": null})).await;
    change(&server, "PATCH", &path, &json!({"body": "b"})).await;
    let log = server.get("/api/v1/audit_log?object_type=template").await.json();
    let entries = log["data"]["items"].as_array().unwrap().clone();
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["template.updated", "template.created"], "no change, no entry");
    assert_eq!(entries[0]["object"], json!({"type": "template", "id": id, "name": "greeting"}));
    let mut fields: Vec<_> = entries[0]["changed_fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(fields, ["body", "description"]);
    let of_it = server.get(&format!("/api/v1/audit_log?object_id={id}")).await.json();
    assert_eq!(of_it["data"]["pagination"]["total_items"], 2);
}
