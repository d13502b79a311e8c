//! The vellum dialect: late responses, codes of failures, metadata of outputs and nodes.

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};
use stepwell_api::ApiConfig;

use crate::support::{Response, Server, waiting_steps};

const EXECUTE: &str = "/v1/execute-workflow";
const STREAM: &str = "/v1/execute-workflow-stream";

async fn create(server: &Server, definition: Value) {
    let response = server.post("/workflows", &definition).await;
    assert_eq!(response.status.as_u16(), 201, "{}", response.text);
}

fn execution_request(name: &str, inputs: Value) -> Value {
    json!({"inputs": inputs, "workflow_deployment_name": name, "event_types": ["WORKFLOW", "NODE"]})
}

fn lines(response: &Response) -> Vec<Value> {
    let full = response.text.lines().filter(|line| !line.is_empty());
    full.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A server that starts a response at once.
async fn server_with_short_timeouts() -> Server {
    let config = ApiConfig {
        request_timeout_seconds: 1,
        body_timeout_seconds: 1,
        heartbeat_seconds: 1,
        max_wait_seconds: 0,
        ..ApiConfig::default()
    };
    Server::with(config).await
}

#[tokio::test]
async fn a_late_response_starts_in_time_and_is_json() {
    let server = server_with_short_timeouts().await;
    let steps = json!([{"type": "Delay", "config": {"for": "700ms"}}, {"type": "StaticTextInput", "input": "x"}]);
    create(&server, json!({"name": "slow", "steps": steps})).await;
    let response = server.post(EXECUTE, &execution_request("slow", json!([]))).await;
    assert_eq!(response.status.as_u16(), 200, "{}", response.text);
    assert!(response.text.starts_with(' '), "it has begun before the end: {}", response.text);
    assert_eq!(response.text_at("/data/state"), "FULFILLED");
}

#[tokio::test]
async fn a_late_response_ends_when_the_server_stops() {
    let server = server_with_short_timeouts().await;
    create(&server, json!({"name": "waits", "steps": waiting_steps()})).await;
    let request = Request::builder()
        .method("POST")
        .uri(EXECUTE)
        .header("x-api-key", &server.key)
        .header("content-type", "application/json")
        .body(Body::from(execution_request("waits", json!([])).to_string()))
        .unwrap();
    let response = tower::ServiceExt::oneshot(server.router.clone(), request).await.unwrap();
    let mut chunks = response.into_body().into_data_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), " ");
    server.app.shutdown().await;
    let mut blanks = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        assert_eq!(chunk, " ");
        blanks += 1;
        assert!(blanks < 3, "a stopped server sends white space as fast as it can");
    }
}

#[tokio::test]
async fn failures_have_both_error_codes() {
    let server = Server::start().await;
    let fail = |message: &str| json!([{"type": "Fail", "config": {"message": message, "code": "STEP_TIMEOUT"}}]);
    let inputs = json!({"data": "any"});
    let upper =
        json!([{"type": "TextOperation.Uppercase", "input": {"text": "{{ inputs.data }}"}}]);
    for (name, definition, code, older) in [
        ("fail", json!({"steps": fail("no luck")}), "USER_DEFINED_ERROR", "NODE_EXECUTION_ERROR"),
        (
            "unmade",
            json!({"steps": fail("{{ inputs.data.a.b }}")}),
            "INVALID_TEMPLATE",
            "NODE_EXECUTION_ERROR",
        ),
        ("unfit", json!({"steps": upper}), "INVALID_INPUTS", "NODE_EXECUTION_ERROR"),
        (
            "late",
            json!({"timeout": "10ms", "steps": waiting_steps()}),
            "WORKFLOW_TIMEOUT",
            "WORKFLOW_TIMEOUT",
        ),
    ] {
        let mut definition = definition;
        definition["name"] = json!(name);
        definition["inputs"] = inputs.clone();
        create(&server, definition).await;
        let body = execution_request(name, json!([{"type": "JSON", "name": "data", "value": {}}]));
        let error = server.post(EXECUTE, &body).await.json()["data"]["error"].clone();
        assert_eq!(
            (&error["code"], &error["error_code"]),
            (&json!(code), &json!(older)),
            "{error}"
        );
        let events = lines(&server.post(STREAM, &body).await);
        let last = &events.last().unwrap()["data"];
        let same = (&last["error"]["code"], &last["error"]["error_code"]);
        assert_eq!(same, (&error["code"], &error["error_code"]), "{name}");
        assert_eq!(last["state"], "REJECTED", "{name}");
        let node = events.iter().rfind(|event| event["type"] == "NODE").unwrap();
        assert_eq!(node["data"]["state"], "REJECTED", "{name}");
        let of_node = if name == "late" { "NODE_CANCELLED" } else { code };
        assert_eq!(node["data"]["error"]["code"], of_node, "{name}");
    }
}

#[tokio::test]
async fn streamed_outputs_always_name_a_node() {
    let server = Server::start().await;
    let outputs =
        json!({"text": "{{ steps.say.output.text }}", "both": "{{ steps.say.output.text }}!"});
    let steps = json!([{"id": "say", "type": "StreamText", "input": "hi"}]);
    create(&server, json!({"name": "say", "inputs": {}, "steps": steps, "outputs": outputs})).await;
    let events = lines(&server.post(STREAM, &execution_request("say", json!([]))).await);
    let node = &events.iter().find(|event| event["type"] == "NODE").unwrap()["data"]["node_id"];
    let mut count = 0;
    for event in &events {
        let output = &event["data"]["output"];
        match output["name"].as_str() {
            Some("text") => assert_eq!(&output["node_id"], node, "{event}"),
            // No single step produces it: it is its own node.
            Some(_) => assert_eq!(output["node_id"], output["id"], "{event}"),
            None => continue,
        }
        count += 1;
    }
    assert_eq!(count, 3, "one piece and two whole outputs");
}

#[tokio::test]
async fn returns_expanded_metadata_on_request() {
    let server = Server::start().await;
    let steps = json!([{"type": "StreamText", "input": "hi"}, {"type": "TextOperation.Reverse"}]);
    create(&server, json!({"name": "say", "inputs": {}, "steps": steps})).await;
    for (requested, expect) in [
        (json!(null), json!(null)),
        (json!({"usage": false}), json!(null)),
        (json!({"usage": true, "model_name": true}), json!({"usage": null, "model_name": null})),
    ] {
        let mut body = execution_request("say", json!([]));
        body["expand_meta"] = requested.clone();
        let events = lines(&server.post(STREAM, &body).await);
        let ends: Vec<_> = events
            .iter()
            .filter(|event| event["type"] == "NODE" && event["data"]["state"] == "FULFILLED")
            .map(|event| &event["data"])
            .collect();
        assert_eq!(
            ends[0]["data"].pointer("/data/execution_meta").unwrap_or(&Value::Null),
            &expect,
            "{requested}"
        );
        assert_eq!(ends[1]["data"], Value::Null, "a node that streams no text");
    }
}

#[tokio::test]
async fn the_version_determines_the_shown_inputs_and_outputs() {
    let server = Server::start().await;
    let array = json!({"type": "array", "x-vellum-type": "ARRAY"});
    let steps = json!([{"type": "Echo", "input": "{{ inputs.items }}"}]);
    let outputs = json!({"items": {"value": "{{ inputs.items }}", "schema": array}});
    let definition =
        json!({"name": "items", "inputs": {"items": array}, "steps": steps, "outputs": outputs});
    create(&server, definition).await;
    let items = json!([{"type": "THINKING"}, {"type": "STRING", "value": "x"}]);
    let body = execution_request("items", json!([{"name": "items", "value": items}])).to_string();
    for (version, expect) in
        [(None, 1), (Some("2024-10-25"), 1), (Some("2025-07-30"), 2), (Some("2026-01-01"), 2)]
    {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(version.map(|version| ("x-api-version", version)));
        let response = server.send("POST", EXECUTE, &headers, body.clone()).await.json();
        let count = |value: &Value| value.as_array().unwrap().len();
        assert_eq!(count(&response["data"]["outputs"][0]["value"]), expect, "{version:?}");
        let events = lines(&server.send("POST", STREAM, &headers, body.clone()).await);
        assert_eq!(count(&events[0]["data"]["inputs"][0]["value"]), expect, "{version:?}");
        let last = &events.last().unwrap()["data"];
        assert_eq!(count(&last["outputs"][0]["value"]), expect, "{version:?}");
    }
}
