//! Sub-workflows through the API: links in both directions, lists, and the events of each API.

use serde_json::{Value, json};

use crate::support::Server;

const LEAF: &str = "leaf";

/// A workflow whose step starts another one that returns its input.
async fn server_with_caller() -> (Server, String) {
    let server = Server::start().await;
    let leaf =
        json!({"name": LEAF, "steps": [{"id": "up", "type": "Echo", "input": "{{ inputs }}"}]});
    assert_eq!(server.post("/workflows", &leaf).await.status, 201);
    let caller =
        json!([{"id": "call", "type": "SubWorkflow", "workflow": LEAF, "input": {"n": 1}}]);
    let workflow = server.workflow(caller).await;
    (server, workflow)
}

fn abi_id(id: &str) -> String {
    id.replacen("ex-", "exec_", 1)
}

#[tokio::test]
async fn both_executions_show_each_other() {
    let (server, workflow) = server_with_caller().await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await.json();
    assert_eq!(done["output"], json!({"n": 1}), "{done:#}");
    let id = done["execution_id"].as_str().unwrap().to_owned();
    let child = done["tasks"][0]["child_execution_id"].as_str().unwrap().to_owned();
    assert!(child.starts_with("ex-"), "{child}");

    // The management API has the same links.
    let abi = |id: &str| format!("/api/v1/workflow_executions/{}", abi_id(id));
    let shown = server.get(&abi(&id)).await.json();
    assert_eq!(shown["data"]["steps"][0]["child_execution_id"], json!(abi_id(&child)));
    assert_eq!(shown["data"].get("parent_execution_id"), None);
    let shown = server.get(&abi(&child)).await.json();
    assert_eq!(shown["data"]["parent_execution_id"], json!(abi_id(&id)));
    assert_eq!(shown["data"]["parent_step"], "call");

    // Lists of both APIs.
    for query in ["parent_execution_id=", "status=completed&parent_execution_id="] {
        for parent in [id.clone(), abi_id(&id)] {
            let path = format!("/api/v1/workflow_executions?{query}{parent}");
            let page = server.get(&path).await.json();
            let items = page["data"]["items"].as_array().unwrap();
            assert_eq!(items.len(), 1, "{path}: {page:#}");
            assert_eq!(items[0]["execution_id"], json!(abi_id(&child)));
            assert_eq!(items[0]["parent_execution_id"], json!(abi_id(&id)));
        }
    }
    let page =
        server.get(&format!("/api/v1/workflow_executions?parent_execution_id={child}")).await;
    assert_eq!(page.json()["data"]["items"], json!([]));
    let wrong = server.get("/api/v1/workflow_executions?parent_execution_id=x").await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    let leaf = shown["data"]["workflow_id"].as_str().unwrap();
    let path = format!("/workflows/{leaf}/executions?parent_execution_id={id}");
    let page = server.get(&path).await.json();
    assert_eq!(page["executions"][0]["execution_id"], json!(child), "{page:#}");
    assert_eq!(page["executions"][0]["parent_execution_id"], json!(id));
    let child_path = format!("/workflows/{leaf}/executions/{child}");
    let shown = server.get(&child_path).await.json();
    assert_eq!(shown["parent_execution_id"], json!(id));
    assert_eq!(shown["parent_step_id"], "call");
}

#[tokio::test]
async fn what_an_execution_waits_for_is_its_sub_workflow() {
    let server = Server::start().await;
    let slow = json!({"name": "slow", "steps": [{"type": "Delay", "config": {"for": "1h"}}]});
    assert_eq!(server.post("/workflows", &slow).await.status, 201);
    let step = json!([{"id": "call", "type": "SubWorkflow", "workflow": "slow"}]);
    let workflow = server.workflow(step).await;
    let started = server.post(&format!("{workflow}/execute"), &json!({})).await;
    let id = started.text_at("/execution_id");
    let caller = stepwell_engine::Caller::internal();
    let mut follow = server.app.follow(&caller, None, id.parse().unwrap(), 0).await.unwrap();
    while let Some(notice) = follow.next().await.unwrap() {
        if let stepwell_engine::view::NoticeKind::Step { step, .. } = &notice.kind
            && step.waiting.is_some()
        {
            break;
        }
    }
    let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
    let wait = json!({"for": "sub_workflow", "step_id": "call", "until": null});
    assert_eq!(shown["waiting"], wait, "{shown:#}");
    assert_eq!(shown["tasks"][0]["waiting"], json!({"for": "sub_workflow", "until": null}));
    let child = shown["tasks"][0]["child_execution_id"].as_str().unwrap();
    let cancelled = server.post(&format!("{workflow}/executions/{id}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    let ended = server.app.wait_for(&caller, child.parse().unwrap(), crate::support::PATIENCE);
    assert_eq!(ended.await.unwrap().record.status.name(), "cancelled");
}

#[tokio::test]
async fn node_events_name_the_executions_that_were_started() {
    let (server, _) = server_with_caller().await;
    let source = json!({"name": "mapped", "steps": [
        {"id": "all", "type": "Map", "over": [1, 2], "max_concurrency": 1, "steps": [
            {"id": "call", "type": "SubWorkflow", "workflow": LEAF, "input": {"n": "{{ item }}"}}]},
        {"id": "last", "type": "Echo"}]});
    assert_eq!(server.post("/workflows", &source).await.status, 201);
    let request = json!({"workflow_deployment_name": "mapped", "inputs": [],
        "event_types": ["WORKFLOW", "NODE"]});
    let stream = server.post("/v1/execute-workflow-stream", &request).await;
    assert_eq!(stream.status, 200, "{}", stream.text);
    let lines = stream.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let nodes: Vec<Value> =
        lines.filter(|line| line["type"] == "NODE").map(|line| line["data"].clone()).collect();
    let of = |name: &str, state: &str| {
        let found = nodes.iter().find(|node| node["name"] == name && node["state"] == state);
        found.unwrap_or_else(|| panic!("no {name} {state}: {nodes:#?}"))["data"].clone()
    };
    let child = |index: u32| {
        let data = of(&format!("all[{index}].call"), "FULFILLED");
        assert_eq!(data["type"], "SUBWORKFLOW", "{data:#}");
        data["data"]["execution_id"].clone()
    };
    assert_eq!(of("all[0].call", "INITIATED"), Value::Null);
    let started = of("all", "INITIATED");
    assert_eq!(started["type"], "MAP");
    assert_eq!(started["data"]["iteration_state"], "INITIATED");
    let ended = json!({"type": "MAP", "data": {
        "execution_ids": [child(0), child(1)], "iteration_state": "FULFILLED"}});
    assert_eq!(of("all", "FULFILLED"), ended);
    assert_eq!(of("last", "FULFILLED"), Value::Null);
}
