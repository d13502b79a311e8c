//! Concurrency limits of workflows through the APIs.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::abi;
use crate::support::{PATIENCE, Server};

/// An active workflow with this `concurrency` whose executions wait for the signal `go`.
async fn limited(server: &Server, concurrency: Value) -> String {
    let steps = json!([{"id": "wait", "type": "WaitForSignal", "signal": "go"}]);
    let inputs = json!({"k": "any"});
    abi::active_of(server, json!({"inputs": inputs, "steps": steps, "concurrency": concurrency}))
        .await
}

fn by_key(policy: &str) -> Value {
    json!({"limit": 1, "key": "{{ inputs.k }}", "policy": policy})
}

async fn begun(server: &Server, workflow: &str) -> String {
    abi::begun(server, workflow, &json!({"parameters": {"k": "acme"}})).await
}

/// Gets the execution until it is as wanted.
async fn until(server: &Server, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = async {
        loop {
            let execution = server.get(path).await.json();
            if wanted(&execution["data"]) {
                return execution["data"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap()
}

fn waits_for(reason: &str) -> impl Fn(&Value) -> bool {
    move |execution| execution["waiting"]["for"] == reason
}

fn has_status(status: &str) -> impl Fn(&Value) -> bool {
    move |execution| execution["status"] == status
}

async fn go(server: &Server, execution: &str) {
    let sent = server.post(&format!("{execution}/signals/go"), &json!({})).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.text);
}

/// The path of an execution in the dataflow API.
fn dataflow_path(workflow: &str, execution: &str) -> String {
    let workflow = workflow.rsplit('/').next().unwrap().replacen("wf_", "wf-", 1);
    let execution = execution.rsplit('/').next().unwrap().replacen("exec_", "ex-", 1);
    format!("/workflows/{workflow}/executions/{execution}")
}

#[tokio::test]
async fn queued_ones_show_what_they_wait_for() {
    let server = Server::start().await;
    let workflow = limited(&server, by_key("queue")).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(begun(&server, &workflow).await);
    }
    until(&server, &all[0], waits_for("signal")).await;
    let shown = server.get(&all[2]).await.json();
    let expected = json!({"for": "concurrency", "step": null, "until": null, "key": "acme",
        "limit": 1, "position": 2});
    assert_eq!(shown["data"]["waiting"], expected);
    assert_eq!(shown["data"]["status"], "queued");
    let dataflow = server.get(&dataflow_path(&workflow, &all[1])).await.json();
    let expected = json!({"for": "concurrency", "step_id": null, "until": null, "key": "acme",
        "limit": 1, "position": 1});
    assert_eq!(dataflow["waiting"], expected, "{dataflow}");
    let queued = server.get("/api/v1/workflow_executions?status=queued").await.json();
    assert_eq!(queued["data"]["pagination"]["total_items"], 2, "{queued}");
    for execution in all {
        until(&server, &execution, waits_for("signal")).await;
        go(&server, &execution).await;
        until(&server, &execution, has_status("completed")).await;
    }
}

#[tokio::test]
async fn a_rejected_start_is_a_conflict_and_stores_nothing() {
    let server = Server::start().await;
    let workflow = limited(&server, by_key("reject")).await;
    let first = begun(&server, &workflow).await;
    let body = json!({"parameters": {"k": "acme"}});
    for way in ["execute", "execute_async"] {
        let refused = server.post(&format!("{workflow}/{way}"), &body).await;
        assert_eq!(refused.abi_refusal(), (409, "CONCURRENCY_LIMIT".into()), "{}", refused.text);
        assert!(
            refused.text.contains("all places of this concurrency key are taken (1)"),
            "{}",
            refused.text
        );
    }
    let path = dataflow_path(&workflow, &first);
    let (workflow_path, _) = path.split_once("/executions").unwrap();
    let input = json!({"input": {"k": "acme"}});
    let refused = server.post(&format!("{workflow_path}/execute"), &input).await;
    assert_eq!(refused.refusal(), (409, "CONCURRENCY_LIMIT".into()), "{}", refused.text);
    let all = server.get(abi::EXECUTIONS).await.json();
    assert_eq!(all["data"]["pagination"]["total_items"], 1, "{all}");
    until(&server, &first, waits_for("signal")).await;
    go(&server, &first).await;
    until(&server, &first, has_status("completed")).await;
    begun(&server, &workflow).await;
}

#[tokio::test]
async fn the_newest_replaces_what_runs() {
    let server = Server::start().await;
    let workflow = limited(&server, by_key("cancel_running")).await;
    let first = begun(&server, &workflow).await;
    until(&server, &first, waits_for("signal")).await;
    let second = begun(&server, &workflow).await;
    until(&server, &first, has_status("cancelled")).await;
    until(&server, &second, waits_for("signal")).await;
}

#[tokio::test]
async fn the_newest_replaces_what_waits() {
    let server = Server::start().await;
    let workflow = limited(&server, by_key("replace_queued")).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(begun(&server, &workflow).await);
    }
    until(&server, &all[1], has_status("cancelled")).await;
    until(&server, &all[0], waits_for("signal")).await;
    until(&server, &all[2], waits_for("concurrency")).await;
}

#[tokio::test]
async fn a_wrong_key_or_definition_is_reported() {
    let server = Server::start().await;
    let workflow = limited(&server, by_key("queue")).await;
    for (k, expected) in [
        (json!(null), "the concurrency key is null"),
        (json!({}), "the concurrency key is object"),
        (json!("x".repeat(201)), "the concurrency key has 201 bytes"),
    ] {
        let refused =
            server.post(&format!("{workflow}/execute"), &json!({"parameters": {"k": k}})).await;
        let (status, code) = refused.abi_refusal();
        assert_eq!(
            (status, code.as_str()),
            (422, "PARAMETER_VALIDATION_ERROR"),
            "{}",
            refused.text
        );
        assert!(refused.text.contains(expected), "{}", refused.text);
    }
    for (concurrency, field) in [
        (json!({"limit": 0}), "limit"),
        (json!({"key": "{{ steps.a.output }}"}), "key"),
        (json!({"policy": "drop"}), "policy"),
    ] {
        let configuration = json!({"steps": ["Echo"], "concurrency": concurrency});
        let request = json!({"name": "n", "configuration": configuration});
        let refused = server.post(abi::WORKFLOWS, &request).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
        let path = format!("concurrency.{field}");
        assert!(refused.text.contains(&path), "{path}: {}", refused.text);
    }
    let concurrency = json!({"policy": "reject"});
    let step = json!([{"type": "Echo", "input": 1, "concurrency": concurrency}]);
    let request = json!({"name": "n", "configuration": {"steps": step}});
    let refused = server.post(abi::WORKFLOWS, &request).await;
    assert!(refused.text.contains("attempts of a step can only wait"), "{}", refused.text);
}

/// A firing for which there is no place is skipped, and the schedule shows why.
#[tokio::test]
async fn a_schedule_skips_what_is_rejected() {
    let server = Server::start().await;
    let workflow = limited(&server, by_key("reject")).await;
    begun(&server, &workflow).await;
    let body = json!({"name": "s", "schedule_type": "cron", "cron_expression": "0 0 1 1 *",
        "timezone": "UTC", "parameters": {"k": "acme"}, "enabled": true});
    let created = server.post(&format!("{workflow}/schedules"), &body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let path = format!("/api/v1/workflow_schedules/{}/trigger", created.text_at("/data/id"));
    let refused = server.post(&path, &json!({})).await;
    assert_eq!(refused.abi_refusal(), (409, "CONCURRENCY_LIMIT".into()), "{}", refused.text);
}
