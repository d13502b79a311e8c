//! Bulk operations in the management API.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::abi::{self, EXECUTIONS, refusal, refused};
use crate::support::{PATIENCE, Response, Server, waiting_steps};

const OPERATIONS: &str = "/api/v1/operations";

/// Starts an operation; returns its path.
async fn started(server: &Server, body: Value) -> String {
    let response = server.post(OPERATIONS, &body).await;
    assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.text);
    let location = response.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(location, format!("{OPERATIONS}/{}", response.text_at("/data/id")));
    location
}

/// The operation after its end.
async fn ended(server: &Server, operation: &str) -> Response {
    let ended = async {
        loop {
            let response = server.get(operation).await;
            assert_eq!(response.status, StatusCode::OK, "{}", response.text);
            if !["pending", "running"].contains(&response.text_at("/data/status").as_str()) {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap()
}

/// A workflow with three waiting executions, as paths.
async fn waiting(server: &Server) -> (String, Vec<String>) {
    let workflow = abi::active(server, waiting_steps()).await;
    let mut executions = Vec::new();
    for team in ["sales", "sales", "legal"] {
        let body = json!({"metadata": {"team": team, "cost": 7}});
        executions.push(abi::begun(server, &workflow, &body).await);
    }
    (workflow, executions)
}

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

async fn statuses(server: &Server, executions: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for execution in executions {
        let shown = server.get(execution).await;
        let missing = shown.status == StatusCode::NOT_FOUND;
        found.push(if missing { "none".to_owned() } else { shown.text_at("/data/status") });
    }
    found
}

#[tokio::test]
async fn an_operation_shows_what_it_does() {
    let server = Server::start().await;
    let (workflow, executions) = waiting(&server).await;
    let filter = json!({"workflow_id": id_of(&workflow), "status": ["running", "paused"],
        "start_date": "2020-01-01", "metadata": {"team": "sales", "cost": 7}});
    let body = json!({"action": "cancel", "filter": filter, "reason": "wrong prices"});
    let dry = server.post(&format!("{OPERATIONS}?dry_run=true"), &body).await;
    assert_eq!(dry.status, StatusCode::OK, "{}", dry.text);
    let data = dry.json()["data"].clone();
    assert_eq!((&data["action"], &data["progress"]["matched"]), (&json!("cancel"), &json!(2)));
    assert_eq!(data["filter"]["metadata"], json!({"team": "sales", "cost": "7"}));
    assert_eq!(statuses(&server, &executions).await, ["running"; 3], "nothing was changed");

    let operation = started(&server, body).await;
    let shown = ended(&server, &operation).await.json()["data"].clone();
    assert_eq!(shown["status"], "completed", "{shown:#}");
    let progress = json!({"matched": 2, "done": 2, "failed": 0, "skipped": 0});
    assert_eq!((&shown["progress"], &shown["failures"]), (&progress, &json!([])));
    assert_eq!((&shown["action"], &shown["reason"]), (&json!("cancel"), &json!("wrong prices")));
    let conditions = &shown["filter"];
    assert_eq!(conditions["workflow_id"], id_of(&workflow));
    assert_eq!(conditions["status"], json!(["running", "waiting", "paused"]));
    assert_eq!(conditions["start_date"], "2020-01-01T00:00:00.000000Z");
    assert_eq!(conditions["end_date"], shown["created_at"], "later executions are not meant");
    assert_eq!(conditions["metadata"], json!({"team": "sales", "cost": "7"}));
    assert!(shown["created_by"].as_str().unwrap().starts_with("usr_"), "{shown:#}");
    assert!(shown["completed_at"].is_string() && shown["started_at"].is_string(), "{shown:#}");
    assert_eq!(statuses(&server, &executions).await, ["cancelled", "cancelled", "running"]);

    let again = server.post(&format!("{operation}/cancel"), &json!({})).await;
    assert_eq!(refusal(&again), refused(409, "INVALID_STATE", "none"), "{}", again.text);
}

#[tokio::test]
async fn pauses_resumes_and_deletes() {
    let server = Server::start().await;
    let (workflow, executions) = waiting(&server).await;
    let id = id_of(&workflow);
    for (action, expect) in
        [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled"), ("purge", "none")]
    {
        let body = json!({"action": action, "filter": {"workflow_id": id}});
        let done = ended(&server, &started(&server, body).await).await;
        assert_eq!(done.json()["data"]["progress"]["done"], 3, "{}", done.text);
        assert_eq!(statuses(&server, &executions).await, [expect; 3], "{action}");
    }
    let list = server.get(&format!("{EXECUTIONS}?workflow_id={id}")).await;
    assert_eq!(list.json()["data"]["pagination"]["total_items"], 0, "{}", list.text);
}

#[tokio::test]
async fn operations_are_listed() {
    let server = Server::start().await;
    let (workflow, _) = waiting(&server).await;
    let id = id_of(&workflow);
    for (action, filter) in [
        ("pause", json!({"workflow_id": id})),
        ("purge", json!({"older_than": "30d"})),
        ("purge", json!({"status": ["failed"]})),
    ] {
        let body = json!({"action": action, "filter": filter});
        ended(&server, &started(&server, body).await).await;
    }
    for (query, expect) in [
        ("", vec!["purge", "purge", "pause"]),
        ("?sort_order=asc", vec!["pause", "purge", "purge"]),
        ("?action=purge&status=completed", vec!["purge", "purge"]),
        (&format!("?workflow_id={id}"), vec!["pause"]),
        ("?status=running", vec![]),
        ("?page_size=2&page=2", vec!["pause"]),
    ] {
        let list = server.get(&format!("{OPERATIONS}{query}")).await;
        assert_eq!(list.status, StatusCode::OK, "{query}: {}", list.text);
        let items = list.json()["data"]["items"].as_array().unwrap().clone();
        let actions: Vec<_> = items.iter().map(|item| item["action"].clone()).collect();
        assert_eq!(actions, expect, "{query}");
    }
    for (query, field) in
        [("status=done", "status"), ("action=rerun", "action"), ("team=sales", "team")]
    {
        let wrong = server.get(&format!("{OPERATIONS}?{query}")).await;
        assert_eq!(refusal(&wrong), refused(400, "INVALID_REQUEST", field), "{}", wrong.text);
    }
}

#[tokio::test]
async fn wrong_requests_name_the_field_and_what_to_write() {
    let server = Server::start().await;
    let (workflow, executions) = waiting(&server).await;
    let id = id_of(&workflow);
    let cancel = |filter: Value| json!({"action": "cancel", "filter": filter});
    for (body, field, part) in [
        (json!({"filter": {"workflow_id": id}}), "action", "is required"),
        (json!({"action": "", "filter": {"workflow_id": id}}), "action", "is required"),
        (
            json!({"action": "stop", "filter": {"workflow_id": id}}),
            "action",
            "must be one of cancel, pause, resume, purge, not `stop`",
        ),
        (json!({"action": "cancel"}), "filter", "is required"),
        (json!({"action": "cancel", "filter": []}), "filter", "must be an object"),
        (cancel(json!({})), "filter", "list their statuses: queued, running, waiting, paused"),
        (cancel(json!({"workflow": id})), "filter.workflow", "did you mean `workflow_id`"),
        (
            cancel(json!({"workflow_id": "x y"})),
            "filter.workflow_id",
            "must be the id of a workflow",
        ),
        (cancel(json!({"status": "queued"})), "filter.status", "must be an array"),
        (cancel(json!({"status": []})), "filter.status", "at least one status"),
        (cancel(json!({"status": ["done"]})), "filter.status", "must be one of queued, running"),
        (
            cancel(json!({"status": ["queued", "failed"]})),
            "filter.status",
            "does not apply to executions that are `failed`",
        ),
        (cancel(json!({"start_date": "yesterday"})), "filter.start_date", "2026-01-31T09:00:00Z"),
        (
            cancel(json!({"start_date": "2026-02-01", "end_date": "2026-01-31"})),
            "filter.end_date",
            "must not be before start_date",
        ),
        (cancel(json!({"older_than": "a month"})), "filter.older_than", "is not a duration"),
        (cancel(json!({"metadata": {"team": ["a"]}})), "filter.metadata.team", "must be a text"),
        (cancel(json!({"metadata": "team"})), "filter.metadata", "must be an object"),
        (
            json!({"action": "purge", "filter": {"older_than": "1d"}, "reason": "old"}),
            "reason",
            "only for `cancel`",
        ),
        (
            json!({"action": "purge", "filter": {"older_than": "1d"}, "dry_run": true}),
            "dry_run",
            "unknown field",
        ),
    ] {
        for query in ["", "?dry_run=true"] {
            let wrong = server.post(&format!("{OPERATIONS}{query}"), &body).await;
            assert_eq!(refusal(&wrong), refused(400, "INVALID_REQUEST", field), "{}", wrong.text);
            assert!(wrong.text.contains(part), "{part}: {}", wrong.text);
        }
    }
    let unknown = "wf_00000000000000000000000001";
    let wrong = server.post(OPERATIONS, &cancel(json!({"workflow_id": unknown}))).await;
    assert_eq!(refusal(&wrong), refused(404, "WORKFLOW_NOT_FOUND", "none"), "{}", wrong.text);
    for path in [format!("{OPERATIONS}/op_00000000000000000000000001"), format!("{OPERATIONS}/x")] {
        let wrong = server.get(&path).await;
        assert_eq!(refusal(&wrong), refused(404, "NOT_FOUND", "none"), "{}", wrong.text);
        let wrong = server.post(&format!("{path}/cancel"), &json!({})).await;
        assert_eq!(refusal(&wrong), refused(404, "NOT_FOUND", "none"), "{}", wrong.text);
    }
    assert_eq!(statuses(&server, &executions).await, ["running"; 3], "nothing was changed");
    let list = server.get(OPERATIONS).await;
    assert_eq!(list.json()["data"]["pagination"]["total_items"], 0, "{}", list.text);
}

#[tokio::test]
async fn a_repeated_request_starts_one_operation() {
    let server = Server::start().await;
    let (workflow, _) = waiting(&server).await;
    let body = json!({"action": "pause", "filter": {"workflow_id": id_of(&workflow)}});
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let first = server.send("POST", OPERATIONS, &headers, body.to_string()).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    let operation = first.headers["location"].to_str().unwrap().to_owned();
    ended(&server, &operation).await;
    let again = server.send("POST", OPERATIONS, &headers, body.to_string()).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text);
    assert_eq!(again.headers["location"], operation.as_str());
    assert_eq!(again.text_at("/data/status"), "completed", "it shows the operation as it is");
    let other = json!({"action": "resume", "filter": {"workflow_id": id_of(&workflow)}});
    let reused = server.send("POST", OPERATIONS, &headers, other.to_string()).await;
    assert_eq!(refusal(&reused), refused(422, "IDEMPOTENCY_KEY_REUSED", "none"));
    let list = server.get(OPERATIONS).await;
    assert_eq!(list.json()["data"]["pagination"]["total_items"], 1, "{}", list.text);
}

#[tokio::test]
async fn cancelling_an_operation_is_logged_once() {
    let server = Server::start().await;
    let workflow = abi::active(&server, waiting_steps()).await;
    for _ in 0..400 {
        abi::begun(&server, &workflow, &json!({})).await;
    }
    let body = json!({"action": "cancel", "filter": {"workflow_id": id_of(&workflow)}});
    // Each has several batches, and all of them alternate.
    let mut operations = Vec::new();
    for _ in 0..3 {
        operations.push(started(&server, body.clone()).await);
    }
    let last = operations.pop().unwrap();
    let cancelled = server.post(&format!("{last}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.text);
    assert_eq!(cancelled.text_at("/data/status"), "cancelled");
    let log = server.get("/api/v1/audit_log?action=operation.cancelled").await.json();
    assert_eq!(log["data"]["pagination"]["total_items"], 1, "{log:#}");
    let entry = &log["data"]["items"][0];
    assert_eq!(entry["object"]["id"], id_of(&last), "{entry:#}");
    assert_eq!(entry["actor"]["name"], "test", "{entry:#}");
    for operation in operations {
        assert_eq!(ended(&server, &operation).await.text_at("/data/status"), "completed");
    }
    let created = server.get("/api/v1/audit_log?action=operation.created").await.json();
    let entry = &created["data"]["items"][0];
    assert_eq!(entry["details"]["action"], "cancel", "{entry:#}");
    let log = server.get("/api/v1/audit_log?action=execution.cancelled").await.json();
    assert_eq!(log["data"]["pagination"]["total_items"], 400, "each execution once");
    assert_eq!(log["data"]["items"][0]["actor"]["name"], "test", "for its caller");
}

/// The crash suite deletes a workflow with thousands of executions.
#[tokio::test]
async fn a_small_deletion_is_done_within_the_request() {
    let server = Server::start().await;
    let (workflow, executions) = waiting(&server).await;
    let deleted = abi::delete(&server, &format!("{workflow}?cancel_running=true")).await;
    let data = deleted.json()["data"].clone();
    assert_eq!(data["cancelled_executions"], 3, "{}", deleted.text);
    assert_eq!(data.get("operation_id"), None, "it was done within the request");
    assert_eq!(statuses(&server, &executions).await, ["cancelled"; 3]);
    let list = server.get(&format!("{OPERATIONS}?workflow_id={}", id_of(&workflow))).await;
    let operation = &list.json()["data"]["items"][0];
    assert_eq!(operation["reason"], "the workflow is being deleted", "{operation:#}");
    assert_eq!(operation["filter"]["end_date"], Value::Null, "{operation:#}");
}

/// The request of the page works, and its response has the fields shown.
#[tokio::test]
async fn the_example_of_the_page_runs() {
    const PAGE: &str = include_str!("../../../../docs/bulk-operations.md");
    let between = |from: &str, to: &str| {
        let (_, rest) = PAGE.split_once(from).unwrap();
        rest.split_once(to).unwrap().0.to_owned()
    };
    let server = Server::start().await;
    let (workflow, _) = waiting(&server).await;
    let body = between("-d '", "'").replace("wf_…", id_of(&workflow));
    let operation = started(&server, serde_json::from_str(&body).unwrap()).await;
    let found = ended(&server, &operation).await.json()["data"].clone();
    let shown: Value = serde_json::from_str(&between("```json\n", "```")).unwrap();
    for place in ["", "/filter", "/progress"] {
        let fields = |value: &Value| {
            let object = value.pointer(place).unwrap().as_object().unwrap();
            object.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(fields(&found), fields(&shown), "{place}");
    }
    assert_eq!(found["filter"]["status"], shown["filter"]["status"]);
    assert_eq!((&found["action"], &found["reason"]), (&shown["action"], &shown["reason"]));
}
