//! Schedules, as clients of the abi dialect use them.

mod changes;
mod lists;
mod many;
mod previews;
mod refusals;
mod rights;

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Response, Server};

const ALL: &str = "/api/v1/workflow_schedules";

impl Server {
    async fn change(&self, method: &str, path: &str, body: &Value) -> Response {
        let headers = [("content-type", "application/json")];
        self.send(method, path, &headers, body.to_string()).await
    }

    async fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, &[], Body::empty()).await
    }

    /// A workflow's path in this dialect.
    async fn scheduled(&self) -> String {
        let path = self.workflow(json!([{"type": "StaticTextInput", "input": "x"}])).await;
        let id: stepwell_core::ids::WorkflowId =
            path.strip_prefix("/workflows/").unwrap().parse().unwrap();
        format!("/api/v1/workflows/{}", id.abi())
    }

    /// A schedule's path.
    async fn schedule(&self, workflow: &str, body: &Value) -> String {
        let made = self.post(&format!("{workflow}/schedules"), body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        format!("{ALL}/{}", made.text_at("/data/id"))
    }
}

/// The request of the API's documentation.
fn daily() -> Value {
    json!({
        "name": "Daily Feedback Analysis",
        "description": "Runs feedback analysis every night at midnight",
        "schedule_type": "cron",
        "cron_expression": "0 0 * * *",
        "parameters": {"source": "daily_report", "include_recommendations": true},
        "enabled": true,
        "timezone": "UTC"
    })
}

/// Checks that each of these fields has this value.
fn assert_shows(found: &Value, wanted: &Value) {
    for (name, wanted) in wanted.as_object().unwrap() {
        assert_eq!(&found[name], wanted, "{name}: {found:#}");
    }
}
