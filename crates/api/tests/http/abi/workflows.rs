//! Workflows as objects.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{
    EXECUTIONS, WORKFLOWS, active, active_of, begun, delete, executed, refusal, refused, send,
};
use crate::support::{Server, waiting_steps};

const TEXT: &str = "StaticTextInput";

pub fn steps(text: &str) -> Value {
    json!([{"type": TEXT, "input": text}])
}

pub async fn create(server: &Server, body: &Value) -> String {
    let created = server.post(WORKFLOWS, body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    format!("{WORKFLOWS}/{}", created.text_at("/data/id"))
}

#[tokio::test]
async fn problems_of_a_workflow_have_their_line_and_column() {
    let server = Server::start().await;
    let text = "{\"name\": \"x\",\n \"configuration\": {\"definition\": {\"steps\": [\n  {\"type\": \"Nope\"}]}},\n \
                \"metadata\": 7}";
    let valid =
        create(&server, &json!({"name": "y", "configuration": {"steps": steps("a")}})).await;
    let json = [("content-type", "application/json")];
    for (method, path) in [("POST", WORKFLOWS), ("PUT", valid.as_str()), ("PATCH", valid.as_str())]
    {
        let positions = async |text: &str| -> Vec<(Value, Value, Value)> {
            let refused = server.send(method, path, &json, text.to_owned()).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
            let errors = refused.json()["errors"].as_array().unwrap().clone();
            let position = |e: &Value| (e["field"].clone(), e["line"].clone(), e["column"].clone());
            errors.iter().map(position).collect()
        };
        let found = positions(text).await;
        assert!(found.contains(&(json!("metadata"), json!(4), json!(2))), "{found:?}");
        let found = positions(&text.replace(": 7", ": {}")).await;
        let field = "configuration.definition.steps[0].type";
        assert_eq!(found, [(json!(field), json!(3), json!(4))], "{method}");
    }
    // Other errors have no position.
    let other = server.send("POST", WORKFLOWS, &json, "{").await;
    assert!(!other.text.contains("\"line\""), "{}", other.text);
}

#[tokio::test]
async fn reports_all_problems_of_a_workflow_and_stores_nothing() {
    let server = Server::start().await;
    let bad = |body: Value| {
        let mut whole = json!({"name": "x", "configuration": {"steps": steps("a")}});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        whole
    };
    let long = "n".repeat(201);
    for (body, field) in [
        (bad(json!({"name": null})), "name"),
        (bad(json!({"name": ""})), "name"),
        (bad(json!({"name": long})), "name"),
        (bad(json!({"name": 5})), "name"),
        (bad(json!({"type": "feedback_analysis"})), "type"),
        (bad(json!({"type": "reporting"})), "type"),
        (bad(json!({"type": "no good"})), "type"),
        (bad(json!({"configuration": null})), "configuration"),
        (bad(json!({"configuration": []})), "configuration"),
        (bad(json!({"type": "onboarding", "configuration": {"a": 1}})), "configuration"),
        (bad(json!({"configuration": {"definition": []}})), "configuration.definition"),
        (
            bad(json!({"configuration": {"definition": {"steps": [{"type": "Nope"}]}}})),
            "configuration.definition.steps[0].type",
        ),
        (bad(json!({"configuration": {"steps": [{}]}})), "configuration.steps[0].type"),
        (bad(json!({"integrations": {}})), "integrations"),
        (bad(json!({"integrations": ["a"]})), "integrations[0]"),
        (bad(json!({"integrations": [{"required": true}]})), "integrations[0].id"),
        (bad(json!({"integrations": [{"id": "a", "required": 1}]})), "integrations[0].required"),
        (bad(json!({"integrations": [{"id": "a"}, {"id": "a"}]})), "integrations[1].id"),
        (bad(json!({"metadata": "a"})), "metadata"),
        (bad(json!({"descriptoin": "a"})), "descriptoin"),
    ] {
        let response = server.post(WORKFLOWS, &body).await;
        assert_eq!(
            refusal(&response),
            refused(400, "INVALID_WORKFLOW_CONFIG", field),
            "{body} {}",
            response.text
        );
    }
    let response = server.post(WORKFLOWS, &bad(json!({"type": "feedback_analysis"}))).await;
    assert!(response.text.contains("later version"), "{}", response.text);
    let own = bad(json!({"type": "onboarding", "configuration": {}}));
    let response = server.post(WORKFLOWS, &own).await;
    for name in ["feedback_analysis", "data_processing", "reporting", "custom"] {
        assert!(response.text.contains(name), "{}", response.text);
    }
    let list = server.get(WORKFLOWS).await.json();
    assert_eq!(list["data"]["pagination"]["total_items"], 0);
    for (headers, body) in
        [(&[][..], "{}"), (&[("content-type", "application/json")], "{"), (&[], "[")]
    {
        let response = server.send("POST", WORKFLOWS, headers, body).await;
        assert!(response.status.is_client_error(), "{}", response.text);
    }
}

#[tokio::test]
async fn a_workflow_is_inactive_until_it_is_activated() {
    let server = Server::start().await;
    let body = json!({"name": "w", "configuration": {"steps": steps("a")}});
    let workflow = create(&server, &body).await;
    let execute = format!("{workflow}/execute");
    let inactive = server.post(&execute, &json!({})).await;
    assert_eq!(refusal(&inactive), refused(409, "WORKFLOW_INACTIVE", "none"));
    let activated = server.post(&format!("{workflow}/activate"), &json!({})).await;
    let again = server.post(&format!("{workflow}/activate"), &json!({})).await;
    assert_eq!(activated.text, again.text, "activating twice keeps the first time");
    assert_eq!(server.post(&execute, &json!({})).await.status, StatusCode::OK);
    let off = server.post(&format!("{workflow}/deactivate"), &json!({})).await;
    assert_eq!(off.json()["data"]["status"], "inactive");
    assert_eq!(server.post(&execute, &json!({})).await.status, StatusCode::CONFLICT);
    let shown = server.get(&workflow).await.json()["data"].clone();
    assert_eq!(shown["activated_at"], activated.json()["data"]["activated_at"]);
    assert_eq!(shown["deactivated_at"], off.json()["data"]["deactivated_at"]);
    assert_eq!((&shown["stats"]["runs_total"], &shown["version"]), (&json!(1), &json!(3)));
}

#[tokio::test]
async fn a_missing_required_integration_prevents_activation() {
    let server = Server::start().await;
    let body = json!({"name": "w", "configuration": {"steps": steps("a")},
        "integrations": [{"id": "int_zendesk", "required": true}, {"id": "int_other"}]});
    let workflow = create(&server, &body).await;
    let missing = server.post(&format!("{workflow}/activate"), &json!({})).await;
    assert_eq!(refusal(&missing), refused(409, "INTEGRATION_MISSING", "none"));
    assert!(missing.text.contains("int_zendesk") && !missing.text.contains("int_other"));
    let without = json!({"integrations": [{"id": "int_other", "required": false}]});
    assert_eq!(send(&server, "PATCH", &workflow, &without).await.status, StatusCode::OK);
    let activated = server.post(&format!("{workflow}/activate"), &json!({})).await;
    assert_eq!(activated.status, StatusCode::OK, "{}", activated.text);
    assert_eq!(send(&server, "PATCH", &workflow, &body).await.status, StatusCode::OK);
    let execute = server.post(&format!("{workflow}/execute"), &json!({})).await;
    assert_eq!(refusal(&execute), refused(409, "INTEGRATION_MISSING", "none"));
    let again = server.post(&format!("{workflow}/activate"), &json!({})).await;
    assert_eq!(refusal(&again), refused(409, "INTEGRATION_MISSING", "none"), "active or not");
}

#[tokio::test]
async fn shows_workflows_of_other_dialects_as_active() {
    let server = Server::start().await;
    let path = server.workflow(steps("hello")).await;
    let id = path.trim_start_matches("/workflows/");
    let shown = server.get(&format!("{WORKFLOWS}/{id}")).await;
    let data = &shown.json()["data"];
    assert_eq!((&data["status"], &data["type"]), (&json!("active"), &json!("custom")));
    assert_eq!(data["configuration"]["definition"]["steps"], steps("hello"));
    assert!(data["activated_at"].is_string() && data["description"].is_null());
    let path = format!("{WORKFLOWS}/{}", shown.text_at("/data/id"));
    let done = server.post(&format!("{path}/execute"), &json!({})).await;
    assert_eq!(done.json()["data"]["result"], json!({"text": "hello"}), "{}", done.text);
    let definition = server.get(&format!("{path}/definition")).await;
    assert_eq!(definition.json()["data"]["definition"]["name"], "test");
    let renamed = send(&server, "PUT", &path, &json!({"name": "renamed"})).await;
    assert_eq!(renamed.json()["data"]["release"], 2, "{}", renamed.text);
    let definition = server.get(&format!("{path}/definition")).await;
    assert_eq!(definition.json()["data"]["definition"]["name"], "renamed");
}

#[tokio::test]
async fn a_change_keeps_omitted_fields() {
    let server = Server::start().await;
    let body = json!({"name": "w", "description": "d", "type": "mine",
        "configuration": {"steps": steps("a")}, "metadata": {"a": 1},
        "integrations": [{"id": "i", "required": false}]});
    let workflow = create(&server, &body).await;
    let before = server.get(&workflow).await.json()["data"].clone();
    for (method, change, release) in [
        ("PUT", json!({"description": "e"}), 1),
        ("PATCH", json!({"metadata": {"b": 2}}), 1),
        ("PUT", json!({"configuration": {"steps": steps("b")}}), 2),
        ("PATCH", json!({"configuration": {"steps": steps("b")}}), 2),
        ("PATCH", json!({"name": "v"}), 3),
        ("PATCH", json!({"type": "yours"}), 3),
        ("PATCH", json!({}), 3),
    ] {
        let before = server.get(&workflow).await.json()["data"].clone();
        let response = send(&server, method, &workflow, &change).await;
        assert_eq!(response.status, StatusCode::OK, "{change} {}", response.text);
        let mut expect = before.clone();
        expect.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        expect["release"] = json!(release);
        if expect != before {
            expect["version"] = json!(before["version"].as_u64().unwrap() + 1);
            expect["updated_at"] = response.json()["data"]["updated_at"].clone();
        }
        assert_eq!(response.json()["data"], expect, "{change}");
        assert_eq!(server.get(&workflow).await.text, response.text);
    }
    let after = server.get(&workflow).await.json()["data"].clone();
    assert_eq!((&after["created_at"], &after["id"]), (&before["created_at"], &before["id"]));
    let bad = send(&server, "PUT", &workflow, &json!({"configuration": {"steps": []}})).await;
    assert_eq!(refusal(&bad), refused(400, "INVALID_WORKFLOW_CONFIG", "configuration.steps"));
    assert_eq!(server.get(&workflow).await.json()["data"], after);
}

#[tokio::test]
async fn deletes_a_workflow_with_running_executions() {
    let server = Server::start().await;
    let workflow = active(&server, waiting_steps()).await;
    let execution = begun(&server, &workflow, &json!({})).await;
    let ended = executed(&server, &active(&server, steps("a")).await, &json!({})).await;
    let deleted = delete(&server, &workflow).await;
    assert_eq!(deleted.json()["data"]["cancelled_executions"], 0, "{}", deleted.text);
    for (method, path) in [
        ("GET", workflow.clone()),
        ("GET", format!("{workflow}/definition")),
        ("PUT", workflow.clone()),
        ("DELETE", workflow.clone()),
        ("POST", format!("{workflow}/activate")),
        ("POST", format!("{workflow}/execute")),
        ("POST", format!("{workflow}/execute_async")),
    ] {
        let response = send(&server, method, &path, &json!({})).await;
        assert_eq!(
            refusal(&response),
            refused(404, "WORKFLOW_NOT_FOUND", "none"),
            "{method} {path}"
        );
    }
    let shown = server.get(&execution).await;
    assert_eq!(shown.text_at("/data/status"), "running", "it continues");
    assert_eq!(shown.text_at("/data/workflow_name"), "test");
    let cancel = server.post(&format!("{execution}/cancel"), &json!({})).await;
    assert_eq!(cancel.status, StatusCode::OK, "{}", cancel.text);
    assert_eq!(server.get(&ended).await.status, StatusCode::OK);
    let id = shown.text_at("/data/workflow_id");
    let history = server.get(&format!("{EXECUTIONS}?workflow_id={id}")).await.json();
    assert_eq!(history["data"]["pagination"]["total_items"], 1);
    let list = server.get(WORKFLOWS).await.json();
    assert_eq!(list["data"]["pagination"]["total_items"], 1);
}

#[tokio::test]
async fn deletes_a_workflow_and_cancels_its_executions() {
    let server = Server::start().await;
    let workflow = active(&server, waiting_steps()).await;
    let mut executions = Vec::new();
    for _ in 0..3 {
        executions.push(begun(&server, &workflow, &json!({})).await);
    }
    server.post(&format!("{}/pause", executions[0]), &json!({})).await;
    let wrong = delete(&server, &format!("{workflow}?cancel_running=maybe")).await;
    assert_eq!(refusal(&wrong), refused(400, "INVALID_REQUEST", "cancel_running"));
    let deleted = delete(&server, &format!("{workflow}?cancel_running=true")).await;
    assert_eq!(deleted.json()["data"]["cancelled_executions"], 3, "{}", deleted.text);
    for execution in executions {
        assert_eq!(server.get(&execution).await.text_at("/data/status"), "cancelled");
    }
    assert_eq!(server.get(&workflow).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn checks_scopes() {
    let server = Server::start().await;
    let workflow = active_of(&server, json!({"steps": steps("a")})).await;
    let reader = server.key(&["read:workflows"]).await;
    let writer = server.key(&["write:workflows"]).await;
    let runner = server.key(&["execute:workflows"]).await;
    let body = json!({"name": "w", "configuration": {"steps": steps("a")}}).to_string();
    for (key, method, path, status) in [
        (&reader, "GET", workflow.clone(), 200),
        (&reader, "PUT", workflow.clone(), 403),
        (&reader, "POST", WORKFLOWS.to_owned(), 403),
        (&reader, "POST", format!("{workflow}/execute"), 403),
        (&writer, "POST", WORKFLOWS.to_owned(), 201),
        (&writer, "PUT", workflow.clone(), 200),
        (&writer, "GET", workflow.clone(), 403),
        (&writer, "POST", format!("{workflow}/execute"), 403),
        (&writer, "DELETE", format!("{workflow}?cancel_running=true"), 403),
        (&runner, "POST", format!("{workflow}/deactivate"), 403),
        (&runner, "GET", EXECUTIONS.to_owned(), 403),
    ] {
        let body = if path.ends_with("execute") || path.ends_with("activate") {
            "{}".to_owned()
        } else {
            body.clone()
        };
        let headers = [("authorization", format!("Bearer {key}"))];
        let request = axum::http::Request::builder()
            .method(method)
            .uri(&path)
            .header("content-type", "application/json")
            .header(headers[0].0, &headers[0].1);
        let response = server.raw(request.body(body.into()).unwrap()).await;
        assert_eq!(response.status.as_u16(), status, "{method} {path}: {}", response.text);
        if status == 403 {
            assert_eq!(response.abi_refusal().1, "SCOPE_REQUIRED");
        }
    }
    let done = server
        .raw(
            axum::http::Request::builder()
                .method("POST")
                .uri(format!("{workflow}/execute"))
                .header("x-api-key", &runner)
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
}

#[tokio::test]
async fn creation_is_idempotent() {
    let server = Server::start().await;
    let body = json!({"name": "w", "configuration": {"steps": steps("a")}}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let first = server.send("POST", WORKFLOWS, &headers, body.clone()).await;
    let second = server.send("POST", WORKFLOWS, &headers, body).await;
    assert_eq!(first.text, second.text);
    let other = json!({"name": "x", "configuration": {"steps": steps("a")}}).to_string();
    let other = server.send("POST", WORKFLOWS, &headers, other).await;
    assert_eq!(refusal(&other), refused(422, "IDEMPOTENCY_KEY_REUSED", "none"));
}
