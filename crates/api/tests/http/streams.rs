//! The vellum stream over real sockets: live, complete, and independent of its readers.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_api::ApiConfig;

use crate::sockets::{Chunked, Served, gate};

const EXECUTE: &str = "/v1/execute-workflow";
const STREAM: &str = "/v1/execute-workflow-stream";

async fn create(served: &Served, steps: Value) {
    create_with(served, steps, "{{ steps.say.output.text }}").await;
}

async fn create_with(served: &Served, steps: Value, output: &str) {
    let definition = json!({"name": "stream", "inputs": {"text": {"type": "string", "default": ""}},
        "steps": steps, "outputs": {"result": output}});
    let response = served.server.post("/workflows", &definition).await;
    assert_eq!(response.status, 201, "{}", response.text);
}

fn say(config: Value) -> Value {
    json!({"id": "say", "type": "StreamText", "input": "{{ inputs.text }}", "config": config})
}

fn execution_request(text: &str) -> Value {
    json!({"workflow_deployment_name": "stream",
        "inputs": [{"type": "STRING", "name": "text", "value": text}]})
}

fn node_event_request(text: &str) -> Value {
    let mut body = execution_request(text);
    body["event_types"] = json!(["WORKFLOW", "NODE"]);
    body
}

fn shape(event: &Value) -> String {
    format!("{}/{}", event["type"].as_str().unwrap(), event["data"]["state"].as_str().unwrap())
}

/// The concatenated pieces of text.
fn pieces(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["data"]["output"]["delta"].as_str()).collect()
}

async fn next(stream: &mut Chunked) -> Value {
    stream.event().await.unwrap().unwrap()
}

async fn status(served: &Served, event: &Value) -> Value {
    let id = event["execution_id"].as_str().unwrap();
    served.server.get(&format!("/v1/workflows/executions/{id}/status")).await.json()
}

#[tokio::test]
async fn streams_text_before_the_step_ends() {
    let served = Served::start().await;
    create(&served, json!([say(json!({"pause": "1h"}))])).await;
    let mut stream = served.post(STREAM, &execution_request("one two")).await;
    let head = stream.head().await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/x-ndjson"), "{head}");
    let begun = next(&mut stream).await;
    assert_eq!(shape(&begun), "WORKFLOW/INITIATED");
    let piece = next(&mut stream).await;
    assert_eq!(piece["data"]["output"]["delta"], "one ");
    assert_eq!(status(&served, &begun).await["status"], "INITIATED", "the step has not ended");
}

#[tokio::test]
async fn a_disconnect_does_not_stop_the_execution() {
    let mut served = Served::start().await;
    let (url, open) = gate().await;
    let call = json!({"id": "call", "type": "HttpRequest", "config": {"url": url}});
    create(&served, json!([say(json!({})), call])).await;
    let mut body = execution_request("one two");
    body["external_id"] = json!("left");
    let mut stream = served.post(STREAM, &body).await;
    let begun = next(&mut stream).await;
    assert_eq!(next(&mut stream).await["data"]["output"]["delta"], "one ");
    drop(stream);
    assert!(!served.next_closed().await, "the server has seen that the client is gone");
    assert_eq!(status(&served, &begun).await["status"], "INITIATED");
    open.send(()).unwrap();
    let id = begun["execution_id"].as_str().unwrap();
    let id: stepwell_core::ids::ExecutionId = id.parse().unwrap();
    let caller = stepwell_engine::Caller::internal();
    served.server.app.wait_for(&caller, id, crate::sockets::PATIENCE).await.unwrap();
    let status = status(&served, &begun).await;
    assert_eq!(
        (&status["status"], &status["outputs"]["result"]),
        (&json!("FULFILLED"), &json!("one two"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivers_a_text_of_many_pieces_completely() {
    let served = Served::start().await;
    create(&served, json!([say(json!({"chunk": 1}))])).await;
    // Created faster than written: pieces that are not written yet are merged.
    let text = "0123456789".repeat(20_000);
    let events = served.post(STREAM, &execution_request(&text)).await.events().await;
    assert_eq!(shape(events.last().unwrap()), "WORKFLOW/FULFILLED");
    assert_eq!(pieces(&events), text);
}

/// Each character is twelve bytes of a line: more than the buffers of a socket.
fn long_text() -> String {
    (0..1000).map(|n| format!("{n}{} ", "😀".repeat(200))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnects_only_the_reader_that_stops_reading() {
    let config = ApiConfig { write_patience_seconds: 2, ..ApiConfig::default() };
    let mut served = Served::with(config).await;
    let (url, open) = gate().await;
    let call = json!({"id": "call", "type": "HttpRequest", "config": {"url": url}});
    let mut after = say(json!({}));
    after["after"] = json!(["call"]);
    create(&served, json!([call, after])).await;
    let text = long_text();
    // Three follow the same execution, which waits until all do.
    let (body, key) = (node_event_request(&text), ("idempotency-key", "same"));
    let mut stuck = served.post_with(STREAM, key, &body).await;
    let begun = next(&mut stuck).await;
    let mut others = Vec::new();
    for _ in 0..2 {
        let mut other = served.post_with(STREAM, key, &body).await;
        assert_eq!(next(&mut other).await, begun);
        others.push(tokio::spawn(async move { other.rest().await }));
    }
    open.send(()).unwrap();
    for other in others {
        let lines = other.await.unwrap();
        let events: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(pieces(&events), text);
        assert_eq!(events.iter().filter(|event| shape(event) == "NODE/STREAMING").count(), 1000);
        assert_eq!(shape(events.last().unwrap()), "WORKFLOW/FULFILLED");
    }
    assert_eq!(status(&served, &begun).await["status"], "FULFILLED");
    let mut ends =
        [served.next_closed().await, served.next_closed().await, served.next_closed().await];
    ends.sort_unstable();
    assert_eq!(ends, [false, true, true], "one was dropped before its end");
    let mut seen = Vec::new();
    let broken = loop {
        match stuck.event().await {
            Ok(Some(event)) => seen.push(event),
            Ok(None) => panic!("the stream ended in order, after {} events", seen.len()),
            Err(error) => break error,
        }
    };
    let expected = [std::io::ErrorKind::UnexpectedEof, std::io::ErrorKind::ConnectionReset];
    assert!(expected.contains(&broken.kind()), "{broken}");
    assert!(text.starts_with(&pieces(&seen)), "what it has read is the beginning");
}

#[tokio::test]
async fn starts_the_response_of_a_long_execution_early() {
    let config = ApiConfig { early_answer_seconds: 0, ..ApiConfig::default() };
    let served = Served::with(config).await;
    let fail = json!({"type": "Fail", "config": {"message": "no luck", "code": "NO_LUCK"}});
    for (last, state) in [(json!({"type": "Echo"}), "FULFILLED"), (fail, "REJECTED")] {
        let (url, open) = gate().await;
        let call = json!({"id": "call", "type": "HttpRequest", "config": {"url": url}});
        create(&served, json!([say(json!({})), call, last])).await;
        let mut response = served.post(EXECUTE, &execution_request("hi")).await;
        let head = response.head().await.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(response.chunk().await.unwrap().unwrap(), " ", "before the execution can end");
        open.send(()).unwrap();
        let body: Value = serde_json::from_str(&response.rest().await).unwrap();
        assert_eq!(body["data"]["state"], state, "{body}");
        if state == "FULFILLED" {
            assert_eq!(body["data"]["outputs"][0]["value"], "hi");
        } else {
            assert_eq!(body["data"]["error"]["code"], "USER_DEFINED_ERROR");
        }
        assert_eq!(status(&served, &body).await["status"], state);
    }
}

#[tokio::test]
async fn a_response_is_not_started_before_the_configured_time() {
    // The default is longer than a request may take that waits for nothing.
    let config =
        ApiConfig { request_timeout_seconds: 1, body_timeout_seconds: 1, ..ApiConfig::default() };
    let served = Served::with(config).await;
    let (url, open) = gate().await;
    let call = json!({"id": "call", "type": "HttpRequest", "config": {"url": url}});
    create(&served, json!([say(json!({})), call, {"type": "Echo"}])).await;
    let mut response = served.post(EXECUTE, &execution_request("hi")).await;
    let early = tokio::time::timeout(Duration::from_millis(2500), response.head()).await;
    assert!(early.is_err(), "it started before its end: {early:?}");
    open.send(()).unwrap();
    let head = response.head().await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    // One that starts early has no length yet.
    assert!(head.contains("content-length: "), "{head}");
}

#[tokio::test]
async fn streams_all_events_of_a_short_execution() {
    let served = Served::start().await;
    let up = json!({"id": "say", "type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"});
    create(&served, json!([up])).await;
    for round in 0..200 {
        let events = served.post(STREAM, &node_event_request("é")).await.events().await;
        let shapes: Vec<_> = events.iter().map(shape).collect();
        let expect = [
            "WORKFLOW/INITIATED",
            "NODE/INITIATED",
            "NODE/FULFILLED",
            "WORKFLOW/STREAMING",
            "WORKFLOW/FULFILLED",
        ];
        assert_eq!(shapes, expect, "{round}");
        assert_eq!(events[4]["data"]["outputs"][0]["value"], "É");
    }
}

#[tokio::test]
async fn a_stream_without_events_sends_blank_lines() {
    let config = ApiConfig { heartbeat_seconds: 1, ..ApiConfig::default() };
    let served = Served::with(config).await;
    create(&served, json!([say(json!({"pause": "1h"}))])).await;
    let mut stream = served.post(STREAM, &execution_request("one two")).await;
    next(&mut stream).await;
    next(&mut stream).await;
    for _ in 0..2 {
        assert_eq!(stream.line().await.unwrap().as_deref(), Some(""));
    }
    // Text that is not an output by itself is not streamed: that stream is quiet, too.
    create_with(&served, json!([say(json!({"pause": "50ms"}))]), "{{ steps.say.output.text }}!")
        .await;
    let mut stream = served.post(STREAM, &execution_request(&"word ".repeat(10_000))).await;
    next(&mut stream).await;
    for _ in 0..2 {
        assert_eq!(stream.line().await.unwrap().as_deref(), Some(""));
    }
}

#[tokio::test]
async fn event_ids_are_unique_and_consistent() {
    let served = Served::start().await;
    let up = json!({"id": "up", "type": "TextOperation.Uppercase"});
    create(&served, json!([say(json!({"chunk": 1})), up])).await;
    let text = "aé✓👩‍👩‍👧\u{2028}z";
    let key = ("idempotency-key", "again");
    let events = served.post_with(STREAM, key, &node_event_request(text)).await.events().await;
    assert_eq!(pieces(&events), text);
    let field = |event: &Value, name: &str| event["data"][name].as_str().unwrap().to_owned();
    let (nodes, flow): (Vec<_>, Vec<_>) = events.iter().partition(|e| e["type"] == "NODE");
    let ids: BTreeSet<_> = nodes.iter().map(|event| field(event, "id")).collect();
    assert_eq!(ids.len(), nodes.len(), "an id for each event");
    let set = |name: &str| nodes.iter().map(|event| field(event, name)).collect::<BTreeSet<_>>();
    assert_eq!((set("node_id").len(), set("node_result_id").len()), (2, 2));
    let streamed = nodes.iter().filter(|event| event["data"]["state"] == "STREAMING");
    let made = nodes.iter().find(|event| event["data"]["state"] == "FULFILLED").unwrap();
    for event in streamed {
        assert_eq!(field(event, "node_id"), field(made, "node_id"));
        assert_eq!(field(event, "node_result_id"), field(made, "node_result_id"));
        let output = &event["data"]["output"]["node_output_id"];
        assert_eq!(*output, made["data"]["output_values"][0]["node_output_id"]);
    }
    assert!(events.iter().all(|event| event["execution_id"] == events[0]["execution_id"]));
    assert!(flow.iter().all(|event| event["data"]["id"] == events[0]["data"]["id"]));
    let last = flow.last().unwrap();
    let output = &last["data"]["outputs"][0];
    for event in flow.iter().filter(|event| event["data"]["state"] == "STREAMING") {
        assert_eq!(event["data"]["output"]["id"], output["id"]);
        assert_eq!(event["data"]["output"]["name"], output["name"]);
        assert_eq!(event["data"]["output"]["node_id"], field(made, "node_id"));
    }
    // A repeated request returns the same events with the same ids, as far as they are stored.
    let again = served.post_with(STREAM, key, &node_event_request(text)).await.events().await;
    let stored = events.iter().filter(|event| event["data"]["output"]["state"] != "STREAMING");
    assert_eq!(again.iter().collect::<Vec<_>>(), stored.collect::<Vec<_>>());
}
