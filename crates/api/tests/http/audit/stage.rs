//! Objects for the operations, by their names in `calls.rs`.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use stepwell_core::ids::{ExecutionId, WorkflowId};

use crate::support::{Response, Server, waiting_steps};

pub struct Stage(BTreeMap<&'static str, String>);

impl Stage {
    /// Creates the objects.
    pub async fn new(server: &Server) -> Self {
        let post = async |path: &str, body: Value| {
            let response = server.post(path, &body).await;
            assert!(response.status.is_success(), "{path}: {}", response.text);
            response
        };
        let steps = json!([{"id": "a", "type": "Echo", "input": 1}]);
        let of = |path: String| path.rsplit('/').next().unwrap().parse::<WorkflowId>().unwrap();
        let workflow = of(server.workflow(steps.clone()).await).abi();
        let slow = of(server.workflow(waiting_steps()).await).abi();
        let inactive = json!({"name": "off", "configuration": {"steps": steps}});
        let inactive = post("/api/v1/workflows", inactive).await.text_at("/data/id");
        let execute = async |workflow: &str| {
            let path = format!("/workflows/{workflow}/execute");
            let id: ExecutionId =
                post(&path, json!({})).await.text_at("/execution_id").parse().unwrap();
            id.abi()
        };
        let (running, paused) = (execute(&slow).await, execute(&slow).await);
        post(&format!("/api/v1/workflow_executions/{paused}/pause"), json!({})).await;
        let ended = post(&format!("/workflows/{workflow}/execute?wait=true"), json!({})).await;
        let ended: ExecutionId = ended.text_at("/execution_id").parse().unwrap();
        let schedule = async |enabled: bool| {
            let body = json!({"name": "s", "schedule_type": "cron",
                "cron_expression": "0 0 1 1 *", "enabled": enabled});
            post(&format!("/api/v1/workflows/{workflow}/schedules"), body).await.text_at("/data/id")
        };
        let (awake, asleep) = (schedule(true).await, schedule(false).await);
        let body = json!({"url": "http://127.0.0.1:9/x", "events": ["workflow.deleted"]});
        let webhook = post("/api/v1/webhooks", body).await.text_at("/data/id");
        let tested = post(&format!("/api/v1/webhooks/{webhook}/test"), json!({})).await;
        let body = json!({"name": "k", "scopes": ["read:workflows"]});
        let key = post("/api/v1/auth/api-keys", body).await.text_at("/data/id");
        let body = json!({"name": uuid::Uuid::now_v7().to_string(), "body": "Dear {{ customer }}"});
        let template = post("/api/v1/templates", body).await.text_at("/data/id");
        let variable_name = format!("v{}", uuid::Uuid::now_v7().simple());
        let body = json!({"name": variable_name, "value": 1});
        let variable = post("/api/v1/variables", body).await.text_at("/data/id");
        let approval = approval(server).await;
        let me = server.get("/api/v1/auth/me").await;
        let releases = format!("/v1/workflow-deployments/{workflow}/releases");
        let release = server.get(&releases).await.text_at("/results/0/id");
        let tag = format!("/api/v1/workflows/{workflow}/release_tags/prod");
        let json = [("content-type", "application/json")];
        let put = server.send("PUT", &tag, &json, r#"{"release": 1}"#).await;
        assert!(put.status.is_success(), "{}", put.text);
        Self(BTreeMap::from([
            ("workflow", workflow),
            ("slow", slow),
            ("inactive", inactive),
            ("running", running),
            ("paused", paused),
            ("ended", ended.abi()),
            ("schedule", awake),
            ("asleep", asleep),
            ("template", template),
            ("variable", variable),
            ("variable_name", variable_name),
            ("approval", approval),
            ("webhook", webhook),
            ("delivery", tested.text_at("/data/id")),
            ("key", key),
            ("workspace", me.text_at("/data/workspace_id")),
            ("release", release),
        ]))
    }

    pub fn id(&self, object: &str) -> &str {
        &self.0[object]
    }

    /// Replaces the names of objects, such as `<workflow>`, by their ids.
    pub fn fill(&self, text: &str) -> String {
        let put =
            |text: String, (name, id): (&&str, &String)| text.replace(&format!("<{name}>"), id);
        self.0.iter().fold(text.to_owned(), put)
    }
}

/// An approval that is pending.
async fn approval(server: &Server) -> String {
    let config = json!({"title": "t", "approvers": ["ada", "bob"], "quorum": 2});
    let workflow = server.workflow(json!([{"type": "Approval", "config": config}])).await;
    let execution = server.execution(&workflow).await;
    let id: ExecutionId = execution.rsplit('/').next().unwrap().parse().unwrap();
    loop {
        let list = format!("/api/v1/approvals?execution_id={}", id.abi());
        let found = server.get(&list).await.json();
        if let Some(id) = found["data"]["items"][0]["id"].as_str() {
            return id.to_owned();
        }
        tokio::task::yield_now().await;
    }
}

/// Sends a request with a key and a request id.
pub async fn send(
    server: &Server,
    (key, request_id): (&str, &str),
    (method, path): (&str, &str),
    body: &str,
) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("x-api-key", key).header("x-request-id", request_id);
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    server.raw(request.body(Body::from(body.to_owned())).unwrap()).await
}
