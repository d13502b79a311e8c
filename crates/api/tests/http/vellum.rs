//! The vellum dialect: its contract, call by call.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Response, Server, waiting_steps};

const EXECUTE: &str = "/v1/execute-workflow";
const ASYNC: &str = "/v1/execute-workflow-async";
const STREAM: &str = "/v1/execute-workflow-stream";

fn shouting() -> Value {
    json!({
        "name": "shout",
        "inputs": {"query": "string", "times": {"type": "integer", "default": 1}},
        "steps": [{"id": "up", "type": "TextOperation.Uppercase", "input": "{{ inputs.query }}"}],
        "outputs": {"result": "{{ steps.up.output.text }}", "n": "{{ inputs.times }}"},
    })
}

async fn create(server: &Server, definition: &Value) -> String {
    let response = server.post("/workflows", definition).await;
    assert_eq!(response.status, StatusCode::CREATED, "{}", response.text);
    let id: stepwell_core::ids::WorkflowId = response.text_at("/workflow_id").parse().unwrap();
    id.to_string()
}

fn execution_request(query: &str) -> Value {
    json!({
        "inputs": [{"type": "STRING", "name": "query", "value": query}],
        "workflow_deployment_name": "shout",
    })
}

fn with(mut body: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

fn lines(response: &Response) -> Vec<Value> {
    assert_eq!(response.status, StatusCode::OK, "{}", response.text);
    assert_eq!(response.headers["content-type"], "application/x-ndjson");
    assert!(response.text.is_ascii() && response.text.ends_with('\n'));
    let full = response.text.lines().filter(|line| !line.is_empty());
    full.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn shape(event: &Value) -> String {
    let data = &event["data"];
    let inner = data["output"]["state"].as_str().map(|s| format!(":{s}")).unwrap_or_default();
    format!("{}/{}{inner}", event["type"].as_str().unwrap(), data["state"].as_str().unwrap())
}

#[tokio::test]
async fn executes_and_returns_typed_outputs() {
    let server = Server::start().await;
    let id = create(&server, &shouting()).await;
    let body = with(
        execution_request("hi ✓"),
        json!({"external_id": "job-1", "metadata": {"user": "u1"},
        "expand_meta": {"usage": true}, "execution_context": {"trace_id": "x"}}),
    );
    let response = server.post(EXECUTE, &body).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.text);
    let body = response.json();
    let output = |name: &str| Uuid::new_v5(&id.parse().unwrap(), name.as_bytes()).to_string();
    assert_eq!(body["data"]["state"], "FULFILLED");
    assert_eq!(body["external_id"], "job-1");
    assert_eq!(body["run_id"], Value::Null);
    assert_eq!(
        body["data"]["outputs"],
        json!([
            {"id": output("result"), "name": "result", "type": "STRING", "value": "HI ✓"},
            {"id": output("n"), "name": "n", "type": "NUMBER", "value": 1},
        ])
    );
    let execution = response.text_at("/execution_id");
    let status = server.get(&format!("/v1/workflows/executions/{execution}/status")).await;
    assert_eq!(
        status.json(),
        json!({"status": "FULFILLED", "execution_id": execution,
            "outputs": {"result": "HI ✓", "n": 1}, "error": null, "execution_detail_url": null})
    );
    let again = json!({"external_id": "job-1"});
    for path in [EXECUTE, ASYNC, STREAM] {
        let taken = server.post(path, &with(execution_request("x"), again.clone())).await;
        assert_eq!(taken.status, StatusCode::BAD_REQUEST, "{path}");
        let detail = taken.text_at("/detail");
        assert!(detail.contains("external_id") && detail.contains(&execution), "{detail}");
    }
}

#[tokio::test]
async fn accepts_lenient_inputs_and_deployment_ids() {
    let server = Server::start().await;
    let id = create(&server, &shouting()).await;
    for inputs in [
        json!([{"name": "query", "value": "a"}, {"name": "times", "value": "3"}]),
        json!([{"type": "string", "name": "query", "value": "a"},
            {"type": "NUMBER", "name": "times", "value": 3.0}]),
    ] {
        let body = json!({"inputs": inputs, "workflow_deployment_id": id, "release_tag": "LATEST"});
        let response = server.post(EXECUTE, &body).await;
        assert_eq!(response.json()["data"]["outputs"][1]["value"], json!(3), "{}", response.text);
    }
}

#[tokio::test]
async fn failed_executions_return_200() {
    let server = Server::start().await;
    let steps = json!([{"type": "Fail", "config": {"message": "no luck", "code": "NO_LUCK"}}]);
    create(&server, &json!({"name": "fail", "steps": steps})).await;
    let steps = json!([{"type": "Json.Parse", "input": "{{ execution.id }}"}]);
    create(&server, &json!({"name": "parse", "steps": steps})).await;
    for (name, code) in [("fail", "USER_DEFINED_ERROR"), ("parse", "NODE_EXECUTION")] {
        let body = json!({"inputs": [], "workflow_deployment_name": name});
        let response = server.post(EXECUTE, &body).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.text);
        let data = &response.json()["data"];
        assert_eq!((&data["state"], &data["error"]["code"]), (&json!("REJECTED"), &json!(code)));
        let execution = response.text_at("/execution_id");
        let status = server.get(&format!("/v1/workflows/executions/{execution}/status")).await;
        assert_eq!(status.text_at("/status"), "REJECTED");
        assert_eq!(status.text_at("/error/code"), code);
        let body = with(body, json!({"event_types": ["WORKFLOW", "NODE"]}));
        let events = lines(&server.post(STREAM, &body).await);
        let shapes: Vec<_> = events.iter().map(shape).collect();
        let expect = ["WORKFLOW/INITIATED", "NODE/INITIATED", "NODE/REJECTED", "WORKFLOW/REJECTED"];
        assert_eq!(shapes, expect);
        assert_eq!(events[3]["data"]["error"]["code"], code);
    }
}

#[tokio::test]
async fn an_idempotency_key_repeats_the_first_response() {
    let server = Server::start().await;
    create(&server, &shouting()).await;
    let body = with(execution_request("x"), json!({"external_id": "once"})).to_string();
    let headers = |key| [("content-type", "application/json"), ("idempotency-key", key)];
    for (path, key) in [(EXECUTE, "k1"), (ASYNC, "k2"), (STREAM, "k3")] {
        let body = body.replace("once", key);
        let first = server.send("POST", path, &headers(key), body.clone()).await;
        assert_eq!(first.status, StatusCode::OK, "{}", first.text);
        let again = server.send("POST", path, &headers(key), body).await;
        assert_eq!(again.text, first.text, "{path}");
    }
}

#[tokio::test]
async fn nodes_have_the_name_of_their_step_and_of_those_before() {
    let server = Server::start().await;
    let steps = json!([
        {"id": "first", "type": "StaticTextInput", "input": "x"},
        {"id": "second", "type": "Echo"}
    ]);
    create(&server, &json!({"name": "two", "steps": steps})).await;
    let body = json!({
        "inputs": [], "workflow_deployment_name": "two", "event_types": ["NODE"]
    });
    let events = lines(&server.post(STREAM, &body).await);
    let names = events.iter().map(|event| (&event["data"]["name"], &event["data"]["after"]));
    let (first, second) = (json!("first"), json!("second"));
    let (none, one) = (json!([]), json!(["first"]));
    assert_eq!(
        names.collect::<Vec<_>>(),
        [(&first, &none), (&first, &none), (&second, &one), (&second, &one)]
    );
}

#[tokio::test]
async fn an_id_and_a_name_may_agree() {
    let server = Server::start().await;
    let id = create(&server, &shouting()).await;
    let body = with(execution_request("x"), json!({"workflow_deployment_id": id}));
    let response = server.post(EXECUTE, &body).await;
    assert_eq!(response.json()["data"]["outputs"][0]["value"], "X", "{}", response.text);
}

#[tokio::test]
async fn a_repeat_during_the_execution_returns_initiated() {
    let server = Server::start().await;
    create(&server, &json!({"name": "slow", "steps": waiting_steps()})).await;
    let body = json!({"inputs": [], "workflow_deployment_name": "slow"});
    let accepted = server.post(ASYNC, &body).await;
    let path = format!("/v1/workflows/executions/{}/status", accepted.text_at("/execution_id"));
    let status = server.get(&path).await;
    assert!(["PENDING", "INITIATED"].contains(&status.text_at("/status").as_str()));
    assert_eq!(status.json()["outputs"], Value::Null);
}

#[tokio::test]
async fn streams_all_events_of_an_execution() {
    let server = Server::start().await;
    create(&server, &shouting()).await;
    let events = lines(&server.post(STREAM, &execution_request("é✓👩‍👩‍👧")).await);
    let shapes: Vec<_> = events.iter().map(shape).collect();
    assert_eq!(
        shapes,
        [
            "WORKFLOW/INITIATED",
            "WORKFLOW/STREAMING:FULFILLED",
            "WORKFLOW/STREAMING:FULFILLED",
            "WORKFLOW/FULFILLED"
        ]
    );
    assert_eq!(events[0]["data"]["inputs"][0]["value"], "é✓👩‍👩‍👧");
    assert_eq!(events[0]["data"]["outputs"], json!([]));
    assert_eq!(events[1]["data"]["outputs"], json!([]));
    assert_eq!(events[3]["data"]["outputs"][0]["value"], "É✓👩‍👩‍👧");
    for event in &events {
        assert!(event["data"]["id"].is_string() && event["data"]["ts"].is_string(), "{event}");
    }
    let body = with(execution_request("x"), json!({"event_types": ["WORKFLOW", "NODE"]}));
    let events = lines(&server.post(STREAM, &body).await);
    let node: Vec<_> = events.iter().filter(|event| event["type"] == "NODE").collect();
    assert_eq!(node.len(), 2);
    assert_eq!(node[0]["data"]["input_values"][0]["key"], "text");
    assert_eq!(node[1]["data"]["output_values"][0]["value"], "X");
    assert_eq!(node[1]["data"]["output_values"][0]["key"], "text");
    assert_eq!(node[0]["data"]["outputs"], json!({}));
    assert_eq!(node[1]["data"]["outputs"], json!({"text": "X"}));
    assert_eq!(node[0]["data"]["node_id"], node[1]["data"]["node_id"]);
}

#[tokio::test]
async fn streams_pieces_of_text_in_order() {
    let server = Server::start().await;
    let text: String = (0..1000).map(|n| format!("w{n} ")).collect();
    let definition = json!({"name": "pieces", "inputs": {"text": "string"},
        "steps": [{"id": "say", "type": "StreamText", "input": "{{ inputs.text }}"}],
        "outputs": {"result": "{{ steps.say.output.text }}"}});
    create(&server, &definition).await;
    let body = json!({"inputs": [{"name": "text", "value": text}],
        "workflow_deployment_name": "pieces", "event_types": ["WORKFLOW", "NODE"]});
    let streams = (0..64).map(|_| server.post(STREAM, &body));
    for response in futures_util::future::join_all(streams).await {
        let events = lines(&response);
        let mut count = BTreeMap::new();
        events.iter().for_each(|event| *count.entry(shape(event)).or_insert(0) += 1);
        assert_eq!(count["WORKFLOW/STREAMING:STREAMING"], 1000, "{count:?}");
        assert_eq!(count["NODE/STREAMING:STREAMING"], 1000, "{count:?}");
        let deltas = events.iter().filter_map(|event| event["data"]["output"]["delta"].as_str());
        assert_eq!(deltas.collect::<String>(), text);
        assert_eq!(shape(events.last().unwrap()), "WORKFLOW/FULFILLED");
    }
}
