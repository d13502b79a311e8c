//! Concurrent changes of a workflow, and requests that send a response back.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::workflows::{create, steps};
use super::{WORKFLOWS, refusal, refused, send};
use crate::support::Server;

#[tokio::test]
async fn rejects_one_of_two_changes_of_the_same_version() {
    let server = Server::start().await;
    let body = json!({"name": "w", "configuration": {"steps": steps("a")}});
    let workflow = create(&server, &body).await;
    let got = server.get(&workflow).await;
    let tag = got.headers["etag"].to_str().unwrap().to_owned();
    let json_type = ("content-type", "application/json");
    let put = async |tag: &str, body: Value| {
        let headers = [json_type, ("if-match", tag)];
        server.send("PUT", &workflow, &headers, body.to_string()).await
    };
    let first = put(&tag, json!({"description": "one"})).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    let newer = first.headers["etag"].to_str().unwrap().to_owned();
    assert_ne!(newer, tag);
    let second = put(&tag, json!({"configuration": {"steps": steps("two")}})).await;
    assert_eq!(refusal(&second), refused(412, "PRECONDITION_FAILED", "none"));
    assert_eq!(server.get(&workflow).await.headers["etag"], newer.as_str());
    assert_eq!(put("*", json!({})).await.status, StatusCode::OK);
    let listed = put("\"1\", \"2\"", json!({})).await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.text);
    assert_eq!(put("W/\"4\"", json!({})).await.status, StatusCode::PRECONDITION_FAILED);
    let wrong = put("four", json!({})).await;
    assert_eq!(refusal(&wrong), refused(400, "INVALID_REQUEST", "If-Match"));
    let delete = server.send("DELETE", &workflow, &[("if-match", "\"1\"")], Body::empty()).await;
    assert_eq!(delete.status, StatusCode::PRECONDITION_FAILED, "{}", delete.text);
    let delete =
        server.send("DELETE", &workflow, &[("if-match", newer.as_str())], Body::empty()).await;
    assert_eq!(delete.status, StatusCode::OK, "{}", delete.text);
}

#[tokio::test]
async fn applies_all_concurrent_changes() {
    let server = std::sync::Arc::new(Server::start().await);
    let body = json!({"name": "w", "configuration": {"steps": steps("a")}});
    let workflow = create(&server, &body).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (server, workflow) = (server.clone(), workflow.clone());
        tasks.spawn(async move {
            let change = match n % 2 {
                0 => json!({"description": format!("d{n}")}),
                _ => json!({"configuration": {"steps": steps(&n.to_string())}}),
            };
            send(&server, "PUT", &workflow, &change).await.status
        });
    }
    assert!(tasks.join_all().await.iter().all(|status| *status == StatusCode::OK));
    let after = server.get(&workflow).await.json()["data"].clone();
    assert_eq!((&after["version"], &after["release"]), (&json!(41), &json!(21)));
    assert!(after["description"].as_str().unwrap().starts_with('d'));
}

/// A change after which everything is as before writes nothing: no release, version, or audit
/// entry.
#[tokio::test]
async fn a_change_of_nothing_writes_nothing() {
    let server = Server::start().await;
    let body = json!({"name": "w", "description": "d", "configuration": {"steps": steps("a")},
        "integrations": [{"id": "i", "required": false}], "metadata": {"a": 1}});
    let configured = create(&server, &body).await;
    let definition = json!({"name": "v", "description": "d", "metadata": {"a": 1},
        "steps": steps("a")});
    let defined = server.post("/workflows", &definition).await.text_at("/workflow_id");
    let dataflow = format!("/workflows/{defined}");
    let defined = format!("{WORKFLOWS}/{defined}");
    let entries = async || {
        let log = server.get("/api/v1/audit_log?action=workflow.updated").await;
        log.json()["data"]["pagination"]["total_items"].clone()
    };
    for workflow in [&configured, &defined] {
        let before = server.get(workflow).await;
        let shown = before.json()["data"].clone();
        let pick = |names: &[&str]| {
            names.iter().map(|name| ((*name).to_owned(), shown[*name].clone())).collect::<Value>()
        };
        for body in [
            json!({}),
            pick(&["name"]),
            pick(&["description", "metadata", "integrations"]),
            pick(&["type", "configuration"]),
            shown.clone(),
        ] {
            let same = send(&server, "PUT", workflow, &body).await;
            assert_eq!(same.status, StatusCode::OK, "{body} {}", same.text);
            assert_eq!(same.json()["data"], shown, "{body}");
            assert_eq!(same.headers["etag"], before.headers["etag"], "{body}");
        }
    }
    let before = server.get(&defined).await.json()["data"].clone();
    let same = send(&server, "PUT", &dataflow, &definition).await;
    assert_eq!(same.json()["release"], 1, "{}", same.text);
    assert_eq!(server.get(&defined).await.json()["data"], before);
    assert_eq!(entries().await, 0);

    // The definition is the same, the description is not.
    send(&server, "PATCH", &defined, &json!({"description": "e"})).await;
    send(&server, "PUT", &dataflow, &definition).await;
    let after = server.get(&defined).await.json()["data"].clone();
    assert_eq!((&after["description"], &after["release"]), (&json!("d"), &json!(1)));
    assert_eq!((after["version"].clone(), entries().await), (json!(3), json!(2)));
    let other = json!({"name": "v", "steps": steps("b")});
    assert_eq!(send(&server, "PUT", &dataflow, &other).await.json()["release"], 2);
    assert_eq!(entries().await, 3);
}

/// A client reads a workflow, changes some of it, and sends all of it back.
#[tokio::test]
async fn accepts_a_workflow_as_returned() {
    let server = Server::start().await;
    let body = json!({"name": "w", "description": "d", "configuration": {"steps": steps("a")},
        "integrations": [{"id": "i", "required": false}], "metadata": {"a": 1}});
    let workflow = create(&server, &body).await;
    let mut whole = server.get(&workflow).await.json()["data"].clone();
    server.post(&format!("{workflow}/activate"), &json!({})).await;
    whole["name"] = json!("v");
    whole["metadata"]["b"] = json!(2);
    for (field, other) in [
        ("id", json!("wf_01h455vb4pex5vsknk084sn02q")),
        ("created_at", json!("2000-01-01T00:00:00Z")),
        ("created_by", json!("usr_me")),
        ("stats", json!({"runs_total": 99})),
        ("release", json!(9)),
    ] {
        whole[field] = other;
    }
    let before = server.get(&workflow).await.json()["data"].clone();
    let changed = send(&server, "PUT", &workflow, &whole).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let after = changed.json();
    let mut expect = before.clone();
    for (field, value) in [
        ("name", json!("v")),
        ("metadata", json!({"a": 1, "b": 2})),
        ("release", json!(2)),
        ("version", json!(3)),
        ("updated_at", after["data"]["updated_at"].clone()),
    ] {
        expect[field] = value;
    }
    assert_eq!(after["data"], expect, "what is not a user's to change is as it was");
    // The status that was sent differs: the error names the calls that change it.
    assert_eq!(after["data"]["status"], "active");
    assert!(after["message"].as_str().unwrap().contains("deactivate"), "{}", changed.text);
    let same = send(&server, "PUT", &workflow, &json!({"status": "active"})).await;
    assert_eq!(same.json().get("message"), None, "{}", same.text);
    for body in [json!({"status": 5}), json!({"statsu": {}}), json!({"deleted_at": null})] {
        let field = body.as_object().unwrap().keys().next().unwrap().clone();
        let response = send(&server, "PUT", &workflow, &body).await;
        assert_eq!(refusal(&response), refused(400, "INVALID_WORKFLOW_CONFIG", &field));
    }
    // A response that shows a workflow is not a valid request for a new one.
    let response = server.post(WORKFLOWS, &whole).await;
    assert_eq!(refusal(&response), refused(400, "INVALID_WORKFLOW_CONFIG", "id"));
}

#[tokio::test]
async fn null_clears_optional_fields() {
    let server = Server::start().await;
    let body = json!({"name": "w", "description": "d", "configuration": {"steps": steps("a")},
        "integrations": [{"id": "i", "required": false}], "metadata": {"a": 1}});
    let workflow = create(&server, &body).await;
    let nulls = json!({"name": null, "type": null, "configuration": null, "description": null,
        "integrations": null, "metadata": null});
    let emptied = send(&server, "PATCH", &workflow, &nulls).await;
    assert_eq!(emptied.status, StatusCode::OK, "{}", emptied.text);
    let data = emptied.json()["data"].clone();
    assert_eq!((&data["name"], &data["type"]), (&json!("w"), &json!("custom")));
    assert_eq!(data["configuration"], json!({"steps": steps("a")}));
    assert_eq!(
        (&data["description"], &data["integrations"], &data["metadata"]),
        (&json!(null), &json!([]), &json!({}))
    );
}

#[tokio::test]
async fn rejects_activating_a_changed_version() {
    let server = Server::start().await;
    let body = json!({"name": "w", "configuration": {"steps": steps("a")}});
    let workflow = create(&server, &body).await;
    for (call, tag, status, now) in [
        ("activate", "\"2\"", 412, "inactive"),
        ("activate", "W/\"1\"", 412, "inactive"),
        ("activate", "1", 400, "inactive"),
        ("activate", "\"7\", \"1\",", 200, "active"),
        ("deactivate", "\"1\"", 412, "active"),
        ("deactivate", "*", 200, "inactive"),
    ] {
        let path = format!("{workflow}/{call}");
        let response = server.send("POST", &path, &[("if-match", tag)], Body::empty()).await;
        assert_eq!(response.status.as_u16(), status, "{call} {tag} {}", response.text);
        assert_eq!(server.get(&workflow).await.text_at("/data/status"), now, "{call} {tag}");
    }
}
