//! Requests without enough working memory, and responses with large values.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Response, Server};

fn is_refused(response: &Response) {
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "{}", response.text);
    assert!(response.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert!(response.text.contains("engine.memory_budget_bytes"), "{}", response.text);
}

#[tokio::test]
async fn without_memory_only_small_requests_are_served() {
    let server = Server::start().await;
    let workflow = server.workflow(json!([{"type": "Echo", "input": "x"}])).await;
    let budget = server.app.memory();
    let all = budget.reserve(budget.limit(), Duration::ZERO).await.unwrap();
    let large = json!({"input": {"text": "x".repeat(100_000)}});
    let little = json!({"input": {}});
    let path = format!("{workflow}/execute");
    let abi_path = format!("/api/v1{workflow}/execute");
    let (dataflow, abi, vellum, small) = tokio::join!(
        server.post(&path, &large),
        server.post(&abi_path, &large),
        server.post("/v1/execute-workflow", &large),
        server.post(&path, &little),
    );
    for response in [&dataflow, &abi, &vellum] {
        is_refused(response);
    }
    assert_eq!(dataflow.refusal(), (503, "UNAVAILABLE".to_owned()));
    assert_eq!(abi.abi_refusal(), (503, "UNAVAILABLE".to_owned()));
    assert!(vellum.json()["detail"].is_string(), "{}", vellum.text);
    assert_eq!(small.status, StatusCode::ACCEPTED, "{}", small.text);
    drop(all);
    assert_eq!(server.post(&path, &large).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn every_dialect_returns_large_values_unchanged() {
    let server = Server::start().await;
    let steps = json!([{"type": "TextOperation.Trim", "input": "{{ inputs.text }}"}]);
    let workflow = server.workflow(steps).await;
    // Longer than a piece of a response, with signs that are escaped.
    let text = format!("a{}z", "é\"\n".repeat(30_000));
    let body = json!({"input": {"text": text}});
    let done = server.post(&format!("{workflow}/execute?wait=true"), &body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert!(!done.headers.contains_key("content-length"));
    let id = done.text_at("/execution_id");
    let again = server.get(&format!("{workflow}/executions/{id}")).await;
    for response in [&done, &again] {
        for place in ["/input/text", "/output/text", "/tasks/0/input/text", "/tasks/0/output/text"]
        {
            assert!(response.text_at(place) == text, "{place}");
        }
    }
    let abi = server.get(&format!("/api/v1/workflow_executions/{id}?include=io")).await;
    for place in ["/data/parameters/text", "/data/result/text", "/data/steps/0/output/text"] {
        assert!(abi.text_at(place) == text, "{place}");
    }
    let uuid = id.parse::<stepwell_core::ids::ExecutionId>().unwrap().to_string();
    let detail = server.get(&format!("/v1/workflow-executions/{uuid}/detail")).await;
    assert!(detail.text_at("/outputs/0/value") == text);
    let status = server.get(&format!("/v1/workflows/executions/{uuid}/status")).await;
    assert!(status.text_at("/outputs/text") == text);
}
