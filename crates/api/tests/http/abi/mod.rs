//! The abi dialect: its contract, call by call.

mod changes;
mod executions;
mod golden;
mod golden_errors;
mod golden_schedules;
mod params;
mod rerun;
mod step_types;
mod unknown;
mod workflows;

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Response, Server};

pub const WORKFLOWS: &str = "/api/v1/workflows";
pub const EXECUTIONS: &str = "/api/v1/workflow_executions";

/// The code and field of the first error, with its status.
pub fn refusal(response: &Response) -> (u16, String, String) {
    let body = response.json();
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let first = &body["errors"][0];
    (response.status.as_u16(), text(&first["code"]), text(&first["field"]))
}

/// The expected value of [`refusal`].
pub fn refused(status: u16, code: &str, field: &str) -> (u16, String, String) {
    (status, code.to_owned(), field.to_owned())
}

pub async fn send(server: &Server, method: &str, path: &str, body: &Value) -> Response {
    server.send(method, path, &[("content-type", "application/json")], body.to_string()).await
}

pub async fn put(server: &Server, path: &str, body: &Value) -> Response {
    send(server, "PUT", path, body).await
}

pub async fn delete(server: &Server, path: &str) -> Response {
    server.send("DELETE", path, &[], Body::empty()).await
}

/// Creates an active workflow with these steps; returns its path.
pub async fn active(server: &Server, steps: Value) -> String {
    active_of(server, json!({"steps": steps})).await
}

/// Creates an active workflow with this configuration; returns its path.
pub async fn active_of(server: &Server, configuration: Value) -> String {
    active_workflow(server, json!({"name": "test", "configuration": configuration})).await
}

/// Creates an active workflow by this request; returns its path.
pub async fn active_workflow(server: &Server, request: Value) -> String {
    let created = server.post(WORKFLOWS, &request).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let path = format!("{WORKFLOWS}/{}", created.text_at("/data/id"));
    let activated = server.post(&format!("{path}/activate"), &json!({})).await;
    assert_eq!(activated.status, StatusCode::OK, "{}", activated.text);
    path
}

/// Executes without waiting; returns the execution's path.
pub async fn begun(server: &Server, workflow: &str, body: &Value) -> String {
    let response = server.post(&format!("{workflow}/execute_async"), body).await;
    assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.text);
    format!("{EXECUTIONS}/{}", response.text_at("/data/execution_id"))
}

/// Executes and waits; returns the execution's path.
pub async fn executed(server: &Server, workflow: &str, body: &Value) -> String {
    let response = server.post(&format!("{workflow}/execute"), body).await;
    let id = match response.status {
        StatusCode::OK => response.text_at("/data/execution_id"),
        _ => response.text_at("/errors/0/execution_id"),
    };
    format!("{EXECUTIONS}/{id}")
}

/// The steps of an execution by name.
pub fn steps(response: &Response) -> std::collections::BTreeMap<String, Value> {
    let body = response.json();
    let steps = body["data"]["steps"].as_array().unwrap().clone();
    steps.into_iter().map(|step| (step["name"].as_str().unwrap().to_owned(), step)).collect()
}
