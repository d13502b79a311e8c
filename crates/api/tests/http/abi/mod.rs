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

use crate::support::{Answer, Server};

pub const WORKFLOWS: &str = "/api/v1/workflows";
pub const EXECUTIONS: &str = "/api/v1/workflow_executions";

/// The code and field of the first error, with its status.
pub fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let first = &body["errors"][0];
    (answer.status.as_u16(), text(&first["code"]), text(&first["field"]))
}

/// What [`refusal`] is compared with.
pub fn refused(status: u16, code: &str, field: &str) -> (u16, String, String) {
    (status, code.to_owned(), field.to_owned())
}

pub async fn send(server: &Server, method: &str, path: &str, body: &Value) -> Answer {
    server.send(method, path, &[("content-type", "application/json")], body.to_string()).await
}

pub async fn delete(server: &Server, path: &str) -> Answer {
    server.send("DELETE", path, &[], Body::empty()).await
}

/// A workflow of these steps, active; answers its path.
pub async fn active(server: &Server, steps: Value) -> String {
    active_of(server, json!({"steps": steps})).await
}

/// A workflow with this configuration, active; answers its path.
pub async fn active_of(server: &Server, configuration: Value) -> String {
    let body = json!({"name": "test", "configuration": configuration});
    let created = server.post(WORKFLOWS, &body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let path = format!("{WORKFLOWS}/{}", created.text_at("/data/id"));
    let activated = server.post(&format!("{path}/activate"), &json!({})).await;
    assert_eq!(activated.status, StatusCode::OK, "{}", activated.text);
    path
}

/// Executes without waiting; answers the execution's path.
pub async fn begun(server: &Server, workflow: &str, body: &Value) -> String {
    let answer = server.post(&format!("{workflow}/execute_async"), body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    format!("{EXECUTIONS}/{}", answer.text_at("/data/execution_id"))
}

/// Executes and waits; answers the execution's path.
pub async fn executed(server: &Server, workflow: &str, body: &Value) -> String {
    let answer = server.post(&format!("{workflow}/execute"), body).await;
    let id = match answer.status {
        StatusCode::OK => answer.text_at("/data/execution_id"),
        _ => answer.text_at("/errors/0/execution_id"),
    };
    format!("{EXECUTIONS}/{id}")
}

/// The steps of an execution by name.
pub fn steps(answer: &Answer) -> std::collections::BTreeMap<String, Value> {
    let body = answer.json();
    let steps = body["data"]["steps"].as_array().unwrap().clone();
    steps.into_iter().map(|step| (step["name"].as_str().unwrap().to_owned(), step)).collect()
}
