//! Names that look like others are rejected for every kind of object.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::Server;

const DISGUISED: &str = "pay\u{202e}lla";

/// Method, path and body of requests, each with a deceptive name.
async fn requests(server: &Server) -> Vec<(&'static str, String, Value)> {
    let steps = json!([{"type": "Echo", "input": 1}]);
    let workflow = server.workflow(steps.clone()).await;
    let id = workflow.rsplit('/').next().unwrap().replace("wf-", "wf_");
    let key = json!({"name": "k", "scopes": ["admin"]});
    let key = server.post("/api/v1/auth/api-keys", &key).await.text_at("/data/id");
    let abi = |name: &str, metadata: Value| json!({"name": name, "configuration": {"steps": steps}, "metadata": metadata});
    let daily =
        |name: &str| json!({"name": name, "schedule_type": "cron", "cron_expression": "@daily"});
    let schedules = format!("/api/v1/workflows/{id}/schedules");
    let schedule = server.post(&schedules, &daily("daily")).await.text_at("/data/id");
    let disguised = json!({DISGUISED: 1});
    let named = json!({"name": DISGUISED});
    vec![
        ("POST", "/workflows".to_owned(), json!({"name": DISGUISED, "steps": steps})),
        ("PUT", workflow.clone(), json!({"name": DISGUISED, "steps": steps})),
        (
            "POST",
            "/workflows".to_owned(),
            json!({"name": "n", "steps": steps, "metadata": disguised}),
        ),
        (
            "POST",
            "/workflows".to_owned(),
            json!({"name": "n", "steps": steps, "outputs": disguised}),
        ),
        (
            "POST",
            "/workflows".to_owned(),
            json!({"name": "n", "steps": [{"id": DISGUISED, "type": "Echo", "input": 1}]}),
        ),
        ("POST", "/api/v1/workflows".to_owned(), abi(DISGUISED, json!({}))),
        ("POST", "/api/v1/workflows".to_owned(), abi("n", disguised.clone())),
        ("PATCH", format!("/api/v1/workflows/{id}"), json!({"metadata": disguised})),
        (
            "POST",
            "/v1/execute-workflow".to_owned(),
            json!({"workflow_deployment_name": "test", "inputs": [], "metadata": disguised}),
        ),
        ("POST", schedules.clone(), daily(DISGUISED)),
        ("PATCH", format!("/api/v1/workflow_schedules/{schedule}"), named.clone()),
        (
            "POST",
            "/api/v1/auth/api-keys".to_owned(),
            json!({"name": DISGUISED, "scopes": ["admin"]}),
        ),
        ("PATCH", format!("/api/v1/auth/api-keys/{key}"), named.clone()),
        ("POST", "/api/v1/workspaces".to_owned(), named.clone()),
        (
            "PUT",
            format!("/api/v1/workflows/{id}/release_tags/live%E3%85%A4"),
            json!({"traffic": [{"release": 1, "weight": 1}]}),
        ),
    ]
}

#[tokio::test]
async fn rejects_deceptive_names_with_their_code_point() {
    let server = Server::start().await;
    for (method, path, body) in requests(&server).await {
        let headers = [("content-type", "application/json")];
        let response = server.send(method, &path, &headers, body.to_string()).await;
        assert_eq!(
            response.status,
            StatusCode::BAD_REQUEST,
            "{method} {path} {body}: {}",
            response.text
        );
        let is_step = body["steps"][0]["id"] == DISGUISED;
        let code = if path.contains("release_tags") { "U+3164" } else { "U+202E" };
        assert!(
            is_step || response.text.contains(code),
            "{method} {path} {body}: {}",
            response.text
        );
    }
}
