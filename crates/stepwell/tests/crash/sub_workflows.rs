//! Maps over sub-workflows while the server is killed: every acknowledged execution and every
//! sub-workflow ends once, and each item has exactly one sub-workflow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::counter::Counter;
use crate::load::{Kills, Load};
use crate::server::Server;

/// How many acknowledged executions are kept in flight, each with [`ITEMS`] sub-workflows.
const IN_FLIGHT: usize = 30;
const ITEMS: u64 = 5;

/// A delay, an external call, and a sub-workflow of its own.
fn child(counter: &str) -> Value {
    json!({
        "name": "child",
        "inputs": {"n": "integer"},
        "steps": [
            {"type": "Delay", "config": {"for": "{{ (inputs.n % 5) * 0.04 + 0.01 }}"}},
            {"id": "call", "type": "HttpRequest", "input": {"body": {"n": "{{ inputs.n }}"}},
             "config": {"method": "POST", "url": format!("{counter}/call"),
                 "headers": {"x-execution": "{{ execution.id }}", "x-step": "call"}},
             "retry": {"max_attempts": 5, "initial": 0.05}},
            {"id": "leaf", "type": "SubWorkflow", "workflow": "leaf", "input": {"n": "{{ steps.call.output.body.n }}"}},
        ],
    })
}

fn parent() -> Value {
    let items: Vec<u64> = (0..ITEMS).collect();
    json!({
        "name": "parent",
        "inputs": {"n": "integer"},
        "steps": [{"id": "all", "type": "Map", "over": items, "max_concurrency": 3, "steps": [
            {"id": "call", "type": "SubWorkflow", "workflow": "child", "input": {"n": "{{ inputs.n * 10 + item }}"}},
        ]}],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sub_workflow_starts_and_ends_once() {
    let counter = Counter::start().await;
    let mut server = Server::new();
    server.start().await;
    let leaf = json!({"name": "leaf", "inputs": {"n": "integer"},
        "steps": [{"type": "Echo", "input": "{{ inputs.n }}"}]});
    server.create(&leaf).await;
    server.create(&child(&counter.url)).await;
    let workflow = server.create(&parent()).await;
    let mut load = Load::new(workflow, IN_FLIGHT);
    load.run(&mut server, Kills::new(8, (30, 830)), async |_, _| {}).await;
    let Load { workflow, accepted, .. } = load;
    for (id, n) in &accepted {
        check_execution(&server, &workflow, id, *n).await;
    }
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for call in counter.calls() {
        keys.entry(call.execution).or_default().insert(call.key);
    }
    assert!(keys.values().all(|keys| keys.len() == 1), "an execution repeats its call by one key");
    println!("{} executions, {} sub-workflows, all ended once", accepted.len(), keys.len());
}

/// The execution completed with the results of its sub-workflows, one for each item.
async fn check_execution(server: &Server, workflow: &str, id: &str, n: u64) {
    let shown = server.execution(workflow, id).await.expect("an acknowledged execution exists");
    let expected: Vec<u64> = (0..ITEMS).map(|item| n * 10 + item).collect();
    assert_eq!(shown["output"], json!(expected), "{shown:#}");
    assert_eq!(server.final_events(workflow, id).await, 1, "{id}");
    let children = children_of(server, id).await;
    assert_eq!(children.len(), ITEMS as usize, "one for each item of {id}");
    for child in children {
        assert_eq!(child["status"], "completed", "{child:#}");
        let (of, child) = (child["workflow_id"].as_str(), child["execution_id"].as_str());
        let (of, child) = (of.unwrap(), child.unwrap());
        assert_eq!(server.final_events(of, child).await, 1, "{child}");
        let leaves = children_of(server, child).await;
        assert_eq!(leaves.len(), 1, "one below {child}");
        assert_eq!(leaves[0]["status"], "completed");
    }
}

async fn children_of(server: &Server, id: &str) -> Vec<Value> {
    let path = format!("/api/v1/workflow_executions?parent_execution_id={id}&page_size=100");
    let (status, page) = server.get(&path).await.expect("a response");
    assert_eq!(status, 200, "{page:#}");
    page["data"]["items"].as_array().expect("a page").clone()
}
