//! Every example of the dialect's reference. `*.example.json` is the response in the reference: each
//! of its fields is in ours, with the same name and type. `*.json` is our exact response.

use std::path::PathBuf;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{EXECUTIONS, WORKFLOWS, active_workflow, delete, send};
use crate::support::{Response, Server, covers, golden};

pub fn file(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/abi").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn check(name: &str, response: &Response, status: StatusCode) {
    assert_eq!(response.status, status, "{name}: {}", response.text);
    covers("", &file(&format!("{name}.example.json")), &response.json());
    golden(&format!("abi/{name}.json"), response);
}

/// As [`check`], without the warnings: the steps use none of the parameters of the example, and
/// each has one.
fn check_warned(name: &str, request: &Value, response: &Response, status: StatusCode) {
    let mut body = response.json();
    let warnings = body["data"].as_object_mut().and_then(|data| data.shift_remove("warnings"));
    let warned = warnings.as_ref().and_then(Value::as_array).map(Vec::len);
    assert_eq!(warned, request["parameters"].as_object().map(|all| all.len()), "{warnings:?}");
    let headers = response.headers.clone();
    check(name, &Response { status: response.status, headers, text: body.to_string() }, status);
}

/// The example uses a predefined workflow type, which does not exist here: its steps are given
/// instead, under a custom type, and produce the result of the example.
pub fn feedback_workflow() -> Value {
    let mut request = file("create_workflow.request.json");
    let result = file("execute_workflow.example.json")["data"]["result"].clone();
    request["type"] = json!("customer_feedback");
    request["integrations"][0]["required"] = json!(false);
    request["configuration"]["definition"] = json!({
        "steps": [
            {"id": "extract_sentiment", "type": "StaticTextInput", "input": "mixed"},
            {"id": "identify_topics", "type": "Echo"},
            {"id": "generate_recommendations", "type": "Echo"},
        ],
        "outputs": result,
    });
    request
}

#[tokio::test]
async fn returns_every_example_of_the_reference() {
    let server = Server::start().await;
    let created = send(&server, "POST", WORKFLOWS, &feedback_workflow()).await;
    check("create_workflow", &created, StatusCode::CREATED);
    let workflow = format!("{WORKFLOWS}/{}", created.text_at("/data/id"));
    let activated = send(&server, "POST", &format!("{workflow}/activate"), &json!({})).await;
    check("activate_workflow", &activated, StatusCode::OK);

    let request = file("execute_workflow.request.json");
    let executed = send(&server, "POST", &format!("{workflow}/execute"), &request).await;
    check_warned("execute_workflow", &request, &executed, StatusCode::OK);
    let id = executed.text_at("/data/execution_id");
    let execution = server.get(&format!("{EXECUTIONS}/{id}")).await;
    check("get_execution_status", &execution, StatusCode::OK);
    let mut request = file("execute_workflow_async.request.json");
    request["callback_url"] = json!("http://127.0.0.1:9/webhooks/workflow_completed");
    let accepted = send(&server, "POST", &format!("{workflow}/execute_async"), &request).await;
    check_warned("execute_workflow_async", &request, &accepted, StatusCode::ACCEPTED);
    let second = accepted.text_at("/data/execution_id");
    let caller = stepwell_engine::Caller::internal();
    let patience = std::time::Duration::from_secs(10);
    server.app.wait_for(&caller, second.parse().unwrap(), patience).await.unwrap();
    let id = created.text_at("/data/id");
    let list = format!(
        "{EXECUTIONS}?workflow_id={id}&status=completed&start_date=2023-05-01T00:00:00Z\
         &end_date=2123-05-02T23:59:59Z&page=1&page_size=10"
    );
    check("list_executions", &server.get(&list).await, StatusCode::OK);

    check("get_workflow", &server.get(&workflow).await, StatusCode::OK);
    let mut request = file("update_workflow.request.json");
    request["configuration"]["definition"] =
        feedback_workflow()["configuration"]["definition"].clone();
    let updated = send(&server, "PUT", &workflow, &request).await;
    check("update_workflow", &updated, StatusCode::OK);
    second_workflow(&server).await;
    let list = format!(
        "{WORKFLOWS}?page=1&page_size=10&sort_by=created_at&sort_order=desc&status=active\
         &department=customer_success"
    );
    check("list_workflows", &server.get(&list).await, StatusCode::OK);
    let deactivated = send(&server, "POST", &format!("{workflow}/deactivate"), &json!({})).await;
    check("deactivate_workflow", &deactivated, StatusCode::OK);
    check("delete_workflow", &delete(&server, &workflow).await, StatusCode::OK);
}

async fn second_workflow(server: &Server) {
    let body = json!({
        "name": "Customer Onboarding",
        "description": "Manages customer onboarding process",
        "type": "onboarding",
        "configuration": {"steps": [{"type": "StaticTextInput", "input": "hello"}]},
        "metadata": {"department": "customer_success", "priority": "high", "version": "2.1"},
    });
    active_workflow(server, body).await;
}
