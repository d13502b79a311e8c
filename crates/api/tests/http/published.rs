//! The published examples of each API, in their order: every row of `golden/published/*.json` is a
//! request as it is printed, with the status and the response that are printed for it. Each field
//! of the response is in ours, with a value of the same type; codes of errors are the same.
//!
//! `{name}` in a request is a saved id. `events` are lines of a stream: for each there is one of the
//! same type. The other examples of the management API are in `abi::golden*`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::Caller;

use crate::abi::{active_workflow, put};
use crate::receiver::Receiver;
use crate::support::{PATIENCE, Response, Server, covers};

/// A published example.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    name: String,
    request: String,
    #[serde(default)]
    body: Value,
    status: u16,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    events: Vec<Value>,
    /// Ids for later requests: a name and a JSON pointer into the response.
    #[serde(default)]
    save: BTreeMap<String, String>,
}

/// Sends the requests of a file one after the other and checks each response; returns the ids.
async fn replay(
    server: &Server,
    file: &str,
    mut ids: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/published");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let examples: Vec<Example> = serde_json::from_str(&text).unwrap();
    for example in examples {
        let response = send(server, &example, &ids).await;
        let name = &example.name;
        assert_eq!(response.status.as_u16(), example.status, "{name}: {}", response.text);
        match &example.response {
            Some(expected) => check_response(name, expected, &response.json()),
            None => check_events(&example, &response),
        }
        for (id, pointer) in &example.save {
            ids.insert(id.clone(), response.text_at(pointer));
        }
        if example.save.contains_key("execution_id") {
            let id: ExecutionId = ids["execution_id"].parse().unwrap();
            server.app.wait_for(&Caller::internal(), id, PATIENCE).await.unwrap();
        }
    }
    ids
}

async fn send(server: &Server, example: &Example, ids: &BTreeMap<String, String>) -> Response {
    let with_ids = |text: &str| {
        ids.iter()
            .fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    };
    let (method, path) = example.request.split_once(' ').unwrap();
    let path = with_ids(path);
    match &example.body {
        Value::Null => server.send(method, &path, &[], "").await,
        body => {
            let json = [("content-type", "application/json")];
            server.send(method, &path, &json, with_ids(&body.to_string())).await
        }
    }
}

/// Values, not only types, that are as printed.
const FIXED: [&str; 4] = ["/data/state", "/error/code", "/errors/0/code", "/errors/0/field"];

fn check_response(name: &str, expected: &Value, response: &Value) {
    covers(name, expected, response);
    for pointer in FIXED {
        if let Some(value) = expected.pointer(pointer) {
            assert_eq!(response.pointer(pointer), Some(value), "{name}{pointer}: {response}");
        }
    }
}

fn check_events(example: &Example, response: &Response) {
    let lines: Vec<Value> = response
        .text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!example.events.is_empty(), "{} has neither response nor events", example.name);
    for event in &example.events {
        let found = lines.iter().find(|line| line["type"] == event["type"]);
        let found = found.unwrap_or_else(|| panic!("{}: {}", example.name, response.text));
        covers(&example.name, event, found);
    }
}

#[tokio::test]
async fn the_dataflow_api_returns_its_published_examples() {
    let server = Server::start().await;
    let receiver = Receiver::start(axum::http::StatusCode::NO_CONTENT).await;
    let ids = BTreeMap::from([("receiver".to_owned(), receiver.url.clone())]);
    replay(&server, "dataflow.json", ids).await;
    let is_status = |update: &&Value| update["event"] == "execution.status";
    let mut updates = Vec::new();
    while updates.iter().rfind(is_status).is_none_or(|last| last["status"] != "COMPLETED") {
        updates = receiver.at_least(updates.len() + 1).await;
    }
    let first = updates.iter().find(is_status).unwrap();
    assert_eq!(first["status"], "PENDING", "{updates:?}");
}

#[tokio::test]
async fn deployments_return_their_published_examples() {
    let server = Server::start().await;
    let definition = json!({
        "name": "string",
        "inputs": {"string": "string"},
        "steps": [{"id": "say", "type": "Echo", "input": "{{ inputs.string }}"}],
        "outputs": {"string": "{{ inputs.string }}"},
    });
    let created = server.post("/workflows", &definition).await;
    let workflow: WorkflowId = created.text_at("/workflow_id").parse().unwrap();
    let tag = format!("/api/v1/workflows/{workflow}/release_tags/string");
    assert_eq!(put(&server, &tag, &json!({"release": 1})).await.status.as_u16(), 200);
    let ids = BTreeMap::from([("deployment_id".to_owned(), workflow.to_string())]);
    let ids = replay(&server, "deployments.json", ids).await;
    let path = format!("/api/v1/workflow_executions/{}/actuals", ids["execution_id"]);
    let actuals = server.get(&path).await.json();
    assert_eq!(actuals["data"]["items"][0]["desired_output_value"], "Expected output", "{actuals}");
}

#[tokio::test]
async fn the_management_api_returns_its_published_examples() {
    let server = Server::start().await;
    let path = active_workflow(
        &server,
        json!({
            "name": "Customer Onboarding",
            "description": "Manages customer onboarding process",
            "type": "onboarding",
            "configuration": {"steps": [{"type": "StaticTextInput", "input": "hello"}]},
            "metadata": {"department": "customer_success", "priority": "high", "version": "2.1"},
        }),
    )
    .await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    replay(&server, "management.json", BTreeMap::from([("workflow_id".to_owned(), id)])).await;
}
