//! Unknown parameters of lists.

use std::collections::BTreeSet;

use serde_json::json;

use super::{EXECUTIONS, WORKFLOWS, active_of, executed, refusal, refused};
use crate::support::Server;

/// Every list without labels: its path in the API's description, and its path here.
async fn lists(server: &Server) -> Vec<(&'static str, String)> {
    let body = json!({"name": "w", "configuration": {"steps": [{"type": "Echo", "input": "a"}]}});
    let workflow = server.post(WORKFLOWS, &body).await.text_at("/data/id");
    let steps = json!({"steps": [{"type": "Echo", "input": "a"}]});
    let execution = executed(server, &active_of(server, steps).await, &json!({})).await;
    let execution = execution.replace(&format!("{EXECUTIONS}/"), "");
    let body = json!({"url": "https://example.com/", "events": ["*"]});
    let webhook = server.post("/api/v1/webhooks", &body).await.text_at("/data/id");
    let mut lists: Vec<_> = [
        "/api/v1/workflow_schedules",
        "/api/v1/schedules/preview",
        "/api/v1/webhooks",
        "/api/v1/auth/api-keys",
        "/api/v1/workspaces",
        "/api/v1/audit_log",
        "/api/v1/step_types",
    ]
    .map(|list| (list, list.to_owned()))
    .to_vec();
    for (list, id) in [
        ("/api/v1/workflows/{id}/schedules", &workflow),
        ("/api/v1/workflows/{id}/releases", &workflow),
        ("/api/v1/workflows/{id}/release_tags", &workflow),
        ("/api/v1/workflow_executions/{id}/actuals", &execution),
        ("/api/v1/workflow_executions/{id}/logs", &execution),
        ("/api/v1/workflow_executions/{id}/files", &execution),
        ("/api/v1/webhooks/{id}/deliveries", &webhook),
    ] {
        lists.push((list, list.replace("{id}", id)));
    }
    lists
}

#[tokio::test]
async fn rejects_unknown_parameters_and_lists_the_documented_ones() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.json();
    for (described, list) in lists(&server).await {
        let response = server.get(&format!("{list}?color=red")).await;
        assert_eq!(refusal(&response), refused(400, "INVALID_REQUEST", "color"), "{list}");
        let message = response.text_at("/message");
        let listed = message.strip_prefix("color: unknown parameter; the parameters are ");
        let listed = listed.unwrap_or_else(|| panic!("{list}: {message}"));
        let listed: BTreeSet<_> = listed.split(", ").collect();
        let parameters = document["paths"][described]["get"]["parameters"].as_array().unwrap();
        let documented: BTreeSet<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(listed, documented, "{list}");
        if documented.contains("page") && !documented.contains("cursor") {
            let response = server.get(&format!("{list}?cursor=x")).await;
            assert_eq!(refusal(&response), refused(400, "INVALID_REQUEST", "cursor"), "{list}");
            let message = response.text_at("/message");
            assert!(message.starts_with("cursor: there is no cursor here"), "{list}: {message}");
        }
    }
}

#[tokio::test]
async fn unknown_parameters_of_lists_with_labels_are_labels() {
    let server = Server::start().await;
    for list in [WORKFLOWS, EXECUTIONS] {
        let response = server.get(&format!("{list}?color=red")).await;
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(response.json()["data"]["items"], json!([]));
    }
}
