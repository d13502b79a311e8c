//! Blocks through the API: how their steps are shown, controlled and refused.

use serde_json::{Value, json};
use stepwell_engine::Caller;

use crate::support::{PATIENCE, Server};

/// Maps over three words, each with a branch inside.
fn words() -> Value {
    json!([
        {"id": "words", "type": "Map", "over": ["a", "bb", "ccc"], "as": "word", "max_concurrency": 1,
            "steps": [
                {"id": "route", "type": "Branch", "cases": [
                    {"when": "word | length > 2", "steps": [
                        {"id": "long", "type": "TextOperation.Uppercase", "input": "{{ word }}"},
                    ]},
                ], "else": [{"id": "short", "type": "TextOperation.Reverse", "input": "{{ word }}"}]},
            ],
            "output": "{{ steps.route.output.text }}"},
        {"id": "last", "type": "Echo"},
    ])
}

/// The ids of tasks with those of their children.
fn tree(tasks: &Value) -> Value {
    let tasks = tasks.as_array().map(Vec::as_slice).unwrap_or_default();
    tasks
        .iter()
        .map(|task| json!([task["step_id"], task["status"], tree(&task["children"])]))
        .collect()
}

#[tokio::test]
async fn steps_of_iterations_are_children_of_their_block() {
    let server = Server::start().await;
    let workflow = server.workflow(words()).await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let done = done.json();
    assert_eq!(done["output"], json!(["a", "bb", "CCC"]));
    assert_eq!(done["progress"], json!({"completed": 2, "total": 2}));
    let item = |index: u32, is_long: bool| {
        let step = |name: &str, ran: bool| {
            // What was not reached in an iteration has no run.
            ran.then(|| json!([format!("words[{index}].{name}"), "COMPLETED", []]))
        };
        let inside: Vec<Value> =
            [step("long", is_long), step("short", !is_long)].into_iter().flatten().collect();
        json!([format!("words[{index}].route"), "COMPLETED", inside])
    };
    assert_eq!(
        tree(&done["tasks"]),
        json!([
            ["words", "COMPLETED", [item(0, false), item(1, false), item(2, true)]],
            ["last", "COMPLETED", []],
        ])
    );

    // The management API has one list, in the same order.
    let id = done["execution_id"].as_str().unwrap();
    let path = format!("/api/v1/workflow_executions/{}", id.replacen("ex-", "exec_", 1));
    let shown = server.get(&path).await.json();
    let names: Vec<&str> = shown["data"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    let expected = [
        "words",
        "words[0].route",
        "words[0].short",
        "words[1].route",
        "words[1].short",
        "words[2].route",
        "words[2].long",
        "last",
    ];
    assert_eq!(names, expected, "{shown:#}");
}

#[tokio::test]
async fn a_block_that_waits_can_be_cancelled_and_shows_what_it_waits_for() {
    let server = Server::start().await;
    let workflow = server
        .workflow(json!([{"id": "poll", "type": "Loop", "until": "false", "pause": "1h",
            "steps": [{"id": "call", "type": "Echo"}]}]))
        .await;
    let started = server.post(&format!("{workflow}/execute"), &json!({})).await;
    let id = started.text_at("/execution_id");
    let caller = Caller::internal();
    let mut follow = server.app.follow(&caller, None, id.parse().unwrap(), 0).await.unwrap();
    let waits = async {
        while let Some(notice) = follow.next().await.unwrap() {
            if let stepwell_engine::view::NoticeKind::Step { step, .. } = &notice.kind
                && step.waiting.is_some()
            {
                return;
            }
        }
        panic!("it does not wait");
    };
    tokio::time::timeout(PATIENCE, waits).await.unwrap();
    let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
    assert_eq!(shown["waiting"]["for"], "timer", "{shown:#}");
    assert_eq!(shown["waiting"]["step_id"], "poll");
    let cancelled = server.post(&format!("{workflow}/executions/{id}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
    assert_eq!(shown["tasks"][0]["status"], "CANCELLED");
}

#[tokio::test]
async fn a_long_loop_of_pure_steps_can_be_cancelled() {
    let server = Server::start().await;
    let workflow = server
        .workflow(
            json!([{"id": "spin", "type": "Loop", "until": "false", "max_iterations": 1_000_000,
            "steps": [{"id": "turn", "type": "Echo", "input": {"at": "{{ index }}"}}]}]),
        )
        .await;
    let started = server.post(&format!("{workflow}/execute"), &json!({})).await;
    let id = started.text_at("/execution_id");
    let cancelled = server.post(&format!("{workflow}/executions/{id}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    let ended =
        server.app.wait_for(&Caller::internal(), id.parse().unwrap(), PATIENCE).await.unwrap();
    assert_eq!(ended.record.status, stepwell_core::execution::Status::Cancelled);
}

/// Maps `inputs.list` by steps that only compute.
fn shouting() -> Value {
    json!([{"id": "words", "type": "Map", "over": "{{ inputs.list }}", "steps": [
        {"id": "loud", "type": "TextOperation.Uppercase", "input": "{{ item }}{{ index }}"},
    ], "output": "{{ steps.loud.output.text }}"}])
}

#[tokio::test]
async fn long_lists_of_pure_steps_are_recorded_by_their_results() {
    let server = Server::start().await;
    let workflow = server.workflow(shouting()).await;
    let list: Vec<String> = (0..20_000).map(|n| format!("w{n}-")).collect();
    let done = server
        .post(&format!("{workflow}/execute?wait=true"), &json!({"input": {"list": list}}))
        .await;
    assert_eq!(done.status, 200, "{}", done.text);
    let done = done.json();
    let expected: Vec<String> = (0..20_000).map(|n| format!("W{n}-{n}")).collect();
    assert_eq!(done["output"], json!(expected));
    assert_eq!(tree(&done["tasks"]), json!([["words", "COMPLETED", []]]));
    // The log has a line for each chunk.
    let id = done["execution_id"].as_str().unwrap();
    let path = format!("/api/v1/workflow_executions/{}/logs", id.replacen("ex-", "exec_", 1));
    let logs = server.get(&path).await;
    assert!(logs.text.contains("items 0 to "), "{}", logs.text);
}

#[tokio::test]
async fn a_chunk_is_paused_resumed_and_cancelled() {
    let server = Server::start().await;
    let steps = json!([{"id": "words", "type": "Map", "over": "{{ inputs.list }}", "steps": [
        {"id": "jq", "type": "Json.Query", "config": {"query": "[range(200)] | add"}, "input": "{{ item }}"},
    ], "output": "{{ index }}"}]);
    let workflow = server.workflow(steps).await;
    let list: Vec<u32> = (0..3_000).collect();
    let start = async || {
        let started =
            server.post(&format!("{workflow}/execute"), &json!({"input": {"list": list}})).await;
        started.text_at("/execution_id")
    };
    let id = start().await;
    let control = async |id: &str, action: &str| {
        let response =
            server.post(&format!("{workflow}/executions/{id}/{action}"), &json!({})).await;
        assert_eq!(response.status, 202, "{action}: {}", response.text);
    };
    control(&id, "pause").await;
    control(&id, "resume").await;
    let caller = Caller::internal();
    let ended = server.app.wait_for(&caller, id.parse().unwrap(), PATIENCE).await.unwrap();
    assert_eq!(ended.record.status, stepwell_core::execution::Status::Completed);
    let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
    assert_eq!(shown["output"], json!(list));

    let id = start().await;
    control(&id, "cancel").await;
    let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
    assert_eq!(shown["tasks"][0]["status"], "CANCELLED", "{shown:#}");
}

#[tokio::test]
async fn an_iteration_is_run_again_from_one_of_its_steps() {
    let server = Server::start().await;
    let workflow = server.workflow(words()).await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await.json();
    let id = done["execution_id"].as_str().unwrap().replacen("ex-", "exec_", 1);
    let path = format!("/api/v1/workflow_executions/{id}/rerun");
    let refused = server.post(&path, &json!({"from_step": "route"})).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("write, for example, `words[0].route`"), "{}", refused.text);
    let refused = server.post(&path, &json!({"from_step": "words[7].route"})).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("did not begin"), "{}", refused.text);

    let edited = json!({"from_step": "words[1].short", "input": {"text": "edited"}});
    let accepted = server.post(&path, &edited).await;
    assert!(accepted.status.is_success(), "{}", accepted.text);
    let again = accepted.text_at("/data/execution_id").replacen("exec_", "ex-", 1);
    let caller = Caller::internal();
    server.app.wait_for(&caller, again.parse().unwrap(), PATIENCE).await.unwrap();
    let shown = server.get(&format!("{workflow}/executions/{again}")).await.json();
    assert_eq!(shown["output"], json!(["a", "detide", "CCC"]), "{shown:#}");
    let inside = &shown["tasks"][0]["children"];
    let reused: Vec<&Value> =
        inside.as_array().unwrap().iter().map(|task| &task["reused"]).collect();
    assert_eq!(reused, [&json!(true), &Value::Null, &json!(true)], "{inside:#}");
}
