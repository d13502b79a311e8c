//! Compensations, `on_failure` and handled failures through the APIs.

use serde_json::{Value, json};

use crate::abi;
use crate::support::Server;

/// Creates a workflow from a definition; returns its path.
async fn create(server: &Server, definition: &Value) -> String {
    let created = server.post("/workflows", definition).await;
    assert_eq!(created.status, 201, "{}", created.text);
    format!("/workflows/{}", created.text_at("/workflow_id"))
}

/// The steps of a list of tasks and of their children, with these fields.
fn all_tasks(tasks: &Value, fields: &[&str]) -> Vec<Value> {
    let tasks = tasks.as_array().map(Vec::as_slice).unwrap_or_default();
    let rows = tasks.iter().flat_map(|task| {
        let own = fields.iter().map(|field| task[field].clone()).collect();
        std::iter::once(own).chain(all_tasks(&task["children"], fields))
    });
    rows.collect()
}

#[tokio::test]
async fn the_outcome_of_each_compensation_is_shown() {
    let server = Server::start().await;
    let undo = json!({"type": "Echo", "input": {"undo": "{{ item }} {{ error.code }}"}});
    let workflow = create(&server, &json!({"name": "saga", "steps": [
        {"id": "orders", "type": "Map", "over": ["a", "b"], "max_concurrency": 1, "steps": [
            {"id": "charge", "type": "Echo", "compensate": undo}]},
        {"id": "parse", "type": "Echo", "input": "x", "compensate": {"type": "Json.Parse", "input": {"text": "{{ steps.parse.output }}"}}},
        {"id": "bad", "type": "Fail", "config": {"code": "BAD", "message": "m"}},
    ], "on_failure": [{"id": "alert", "type": "Echo", "input": {"code": "{{ error.code }}"}}]})).await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await.json();
    assert_eq!((&done["status"], &done["error"]["code"]), (&json!("FAILED"), &json!("BAD")));
    assert_eq!(done["progress"], json!({"completed": 3, "total": 3}), "{done:#}");
    let undone = |item: &str, index: u32| {
        let step = format!("orders[{index}].charge");
        json!([format!("{step}.compensation"), "COMPLETED", {"undo": format!("{item} BAD")}, step])
    };
    let rows = all_tasks(&done["tasks"], &["step_id", "status", "output", "compensates"]);
    let compensations: Vec<&Value> = rows.iter().filter(|row| row[3].is_string()).collect();
    let failed = json!(["parse.compensation", "FAILED", null, "parse"]);
    assert_eq!(compensations, [&undone("a", 0), &undone("b", 1), &failed]);
    assert!(rows.contains(&json!(["alert", "COMPLETED", {"code": "BAD"}, null])), "{rows:#?}");

    // The management API has them in its list of steps.
    let id = done["execution_id"].as_str().unwrap();
    let path = format!("{}/{}", abi::EXECUTIONS, id.replacen("ex-", "exec_", 1));
    let shown = server.get(&path).await;
    let steps = abi::steps(&shown);
    assert_eq!(steps["orders[1].charge.compensation"]["compensates"], "orders[1].charge");
    assert_eq!(steps["parse.compensation"]["error"]["code"], "INVALID_JSON");
    assert_eq!(steps["on_failure"]["status"], "completed");

    // They ran in the reverse order of completion, before `on_failure`.
    let logs = server.get(&format!("{workflow}/executions/{id}/logs")).await.json();
    let lines = logs["logs"].as_array().unwrap().iter();
    let begun = lines.filter(|line| line["message"] == "attempt 1 started");
    let begun: Vec<&str> = begun.filter_map(|line| line["step_id"].as_str()).collect();
    let last = [
        "parse.compensation",
        "orders[1].charge.compensation",
        "orders[0].charge.compensation",
        "on_failure",
        "alert",
    ];
    assert_eq!(begun[begun.len() - 5..], last, "{begun:?}");

    // What was undone is run again: of the three steps, only `parse` is taken over.
    let rerun = json!({"from": "failed"});
    let rerun = server.post(&format!("{path}/rerun"), &rerun).await;
    assert_eq!(rerun.status, 202, "{}", rerun.text);
}

#[tokio::test]
async fn what_did_not_fail_shows_no_handlers() {
    let server = Server::start().await;
    let workflow = create(
        &server,
        &json!({"name": "fine", "steps": [
        {"id": "a", "type": "Echo", "input": "x", "compensate": "Echo"},
    ], "on_failure": ["Echo"]}),
    )
    .await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await.json();
    assert_eq!(all_tasks(&done["tasks"], &["step_id"]), [json!(["a"])]);
    assert_eq!(done.get("warnings"), None);
}

#[tokio::test]
async fn handled_failures_are_warnings() {
    let server = Server::start().await;
    let workflow = create(&server, &json!({"name": "soft", "steps": [
        {"id": "soft", "type": "Fail", "config": {"code": "SOFT", "message": "it is soft"}, "on_error": "continue"},
        {"id": "last", "type": "Echo", "input": "x"},
    ]})).await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await.json();
    let expected =
        json!([{"code": "HANDLED_FAILURE", "path": "steps.soft", "message": "SOFT: it is soft"}]);
    assert_eq!((&done["status"], &done["warnings"]), (&json!("COMPLETED"), &expected));
    let id = done["execution_id"].as_str().unwrap();
    let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
    assert_eq!(shown["warnings"], expected);
    let path = format!("{}/{}", abi::EXECUTIONS, id.replacen("ex-", "exec_", 1));
    let shown = server.get(&path).await.json();
    let expected =
        json!([{"code": "HANDLED_FAILURE", "detail": "SOFT: it is soft", "field": "steps.soft"}]);
    assert_eq!(shown["data"]["warnings"], expected);
}
