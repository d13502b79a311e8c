//! Control of executions that wait outside memory and wake soon, in each API that has it.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::abi;
use crate::support::Server;

/// Longer than an execution stays in memory.
fn steps() -> Value {
    json!([{"id": "wait", "type": "Delay", "config": {"for": "2600ms"}},
        {"id": "after", "type": "StaticTextInput", "input": "x", "after": ["wait"]}])
}

/// The executions are in the second half of their wait by then.
async fn wait() {
    tokio::time::sleep(Duration::from_millis(1000)).await;
}

/// The wait has ended long before.
async fn wait_to_the_end() {
    tokio::time::sleep(Duration::from_millis(2500)).await;
}

#[tokio::test]
async fn dataflow_controls_apply_to_waiting_executions() {
    let server = Server::start().await;
    let workflow = server.workflow(steps()).await;
    let (one, other) = (server.execution(&workflow).await, server.execution(&workflow).await);
    wait().await;
    let cancelled = server.post(&format!("{one}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, StatusCode::ACCEPTED, "{}", cancelled.text);
    let paused = server.post(&format!("{other}/pause"), &json!({})).await;
    assert_eq!(paused.status, StatusCode::ACCEPTED, "{}", paused.text);
    wait_to_the_end().await;
    for (execution, status) in [(one, "CANCELLED"), (other, "PAUSED")] {
        let found = server.get(&execution).await;
        assert_eq!(found.text_at("/status"), status, "{}", found.text);
    }
}

#[tokio::test]
async fn abi_controls_apply_to_waiting_executions() {
    let server = Server::start().await;
    let workflow = abi::active(&server, steps()).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(abi::begun(&server, &workflow, &json!({})).await);
    }
    wait().await;
    for (id, verb) in ids.iter().zip(["cancel", "pause"]) {
        let controlled = server.post(&format!("{id}/{verb}"), &json!({})).await;
        assert_eq!(controlled.status, StatusCode::OK, "{}", controlled.text);
    }
    let paused = server.get(&ids[1]).await;
    assert_eq!(paused.text_at("/data/status"), "paused", "{}", paused.text);
    let deleted = abi::delete(&server, &format!("{workflow}?cancel_running=true")).await;
    assert!(deleted.status.is_success(), "{}", deleted.text);
    wait_to_the_end().await;
    for id in ids {
        let found = server.get(&id).await;
        assert_eq!(found.text_at("/data/status"), "cancelled", "{}", found.text);
    }
}
