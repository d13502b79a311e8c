//! The log contains no secret of any request.

use serde_json::json;

use super::LOG;
use super::stage::{Stage, send};
use crate::support::Server;

/// What must never be in the log.
const SECRETS: [&str; 8] = [
    "whsec_C2FVsBQIhrscChlQIMV",
    "whsec_bm90IGEgc2VjcmV0IGF0IGFsbA",
    "hunter2-header",
    "hunter2-input",
    "hunter2-path",
    "hunter2-query",
    "hunter2-parameter",
    "hunter2-third-party",
];

/// Sends the secrets in all kinds of requests; returns the secrets that the server generated.
async fn send_secrets(server: &Server) -> Vec<String> {
    let stage = Stage::new(server).await;
    let [given, rotated, header, input, path, query, parameter, third_party] = SECRETS;
    let steps = json!([{"id": "call", "type": "HttpRequest", "config": {
        "url": "https://example.com", "headers": {"Authorization": format!("Bearer {header}")}}}]);
    let workflow = json!({"name": "calls", "steps": steps});
    let hook = json!({"url": format!("https://example.com/{path}?token={query}"),
        "events": ["*"], "secret": format!("{given}+b5sSYspob7oD")});
    let schedule = json!({"name": "s", "schedule_type": "cron", "cron_expression": "0 0 1 1 *",
        "parameters": {"password": parameter}});
    let mut ids = Vec::new();
    for (to, body) in [
        ("/workflows", workflow.clone()),
        ("/api/v1/webhooks", hook),
        ("/api/v1/webhooks", json!({"url": "https://example.com", "events": ["*"]})),
        ("/api/v1/workflows/<workflow>/schedules", schedule),
        ("/api/v1/auth/api-keys", json!({"name": "k", "scopes": ["read:workflows"]})),
    ] {
        let response = server.post(&stage.fill(to), &body).await;
        assert_eq!(response.status.as_u16(), 201, "{to}: {}", response.text);
        ids.push(response);
    }
    let mut generated: Vec<String> =
        [&ids[2], &ids[4]].map(|response| response.text_at("/data/secret")).into();
    let id = |n: usize| ids[n].text_at("/data/id");
    let json_type = ("content-type", "application/json");
    let changes = [
        ("PUT", format!("/workflows/{}", ids[0].text_at("/workflow_id")), workflow),
        (
            "PATCH",
            format!("/api/v1/webhooks/{}", id(1)),
            json!({"url": format!("https://example.com/other/{path}")}),
        ),
        (
            "POST",
            format!("/api/v1/webhooks/{}/rotate_secret", id(1)),
            json!({"secret": format!("{rotated}=="), "overlap_seconds": 60}),
        ),
        (
            "PATCH",
            format!("/api/v1/workflow_schedules/{}", id(3)),
            json!({"parameters": {"password": format!("{parameter}!")}}),
        ),
        (
            "POST",
            stage.fill("/api/v1/workflow_executions/<ended>/rerun"),
            json!({"parameters": {"password": input}}),
        ),
        (
            "POST",
            stage.fill("/api/v1/workflow_executions/<running>/cancel"),
            json!({"reason": input}),
        ),
        ("DELETE", format!("/api/v1/auth/api-keys/{}", id(4)), json!(null)),
        ("DELETE", format!("/api/v1/webhooks/{}", id(1)), json!(null)),
    ];
    for (method, path, body) in changes {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [json_type, ("x-secret-token", third_party)];
        let response = server.send(method, &path, &headers, text).await;
        assert!(response.status.is_success(), "{method} {path}: {}", response.text);
    }
    let refused = server.key(&["read:webhooks"]).await;
    let body = json!({"url": "https://example.com", "events": ["*"], "secret": given}).to_string();
    send(server, (&refused, "r"), ("POST", "/api/v1/webhooks"), &body).await;
    generated.extend([server.key.clone(), refused]);
    generated
}

#[tokio::test]
async fn the_log_contains_no_secret() {
    let server = Server::start().await;
    let generated = send_secrets(&server).await;
    let mut log = String::new();
    for page in 1.. {
        let response = server.get(&format!("{LOG}?page={page}&page_size=100")).await;
        if response.json()["data"]["items"] == json!([]) {
            break;
        }
        log.push_str(&response.text);
    }
    for expect in ["webhook.secret_rotated", "api_key.revoked", "execution.rerun", "access.refused"]
    {
        assert!(log.contains(expect), "{expect} is not in the log");
    }
    for secret in SECRETS.into_iter().chain(generated.iter().map(String::as_str)) {
        // Neither the whole secret nor its beginning.
        let part: String = secret.chars().take(16).collect();
        assert!(!log.contains(&part), "{part} is in the log");
    }
    assert!(!log.contains("sk_live_") && !log.contains("whsec_"), "a secret is in the log");
}
