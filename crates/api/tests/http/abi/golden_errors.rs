//! Every row of the reference's error table: a request that causes it, and our exact response.
//! `errors/CODE.request.json` is the request; `{typed}` and similar names are replaced by workflows.

use regex::Regex;
use serde_json::{Value, json};

use super::golden::file;
use super::{WORKFLOWS, active_of, refusal};
use crate::support::{Response, Server, golden};

/// The reference's table.
const TABLE: [(u16, &str); 11] = [
    (400, "INVALID_WORKFLOW_CONFIG"),
    (400, "INVALID_PARAMETERS"),
    (400, "INVALID_SCHEDULE"),
    (404, "WORKFLOW_NOT_FOUND"),
    (404, "EXECUTION_NOT_FOUND"),
    (404, "SCHEDULE_NOT_FOUND"),
    (409, "INTEGRATION_MISSING"),
    (422, "PARAMETER_VALIDATION_ERROR"),
    (429, "RATE_LIMIT_EXCEEDED"),
    (500, "WORKFLOW_EXECUTION_ERROR"),
    (504, "EXECUTION_TIMEOUT"),
];

/// The workflows that the requests use, by their names.
async fn workflows(server: &Server) -> Vec<(&'static str, String)> {
    let typed = json!({"inputs": {"feedback_text": "string", "source": "string"},
        "steps": [{"type": "Echo", "input": "{{ inputs.feedback_text }}"}]});
    let failing = json!({"steps": [{"id": "extract_sentiment", "type": "Fail",
        "config": {"message": "the service is down", "code": "SERVICE_DOWN"}}]});
    let slow = json!({"steps": [{"type": "Delay", "config": {"for": "1h"}, "input": 1}]});
    let zendesk = json!({"name": "zendesk", "configuration": {"steps": [{"type": "Echo", "input": 1}]},
        "integrations": [{"id": "int_zendesk", "required": true}]});
    let zendesk = server.post(WORKFLOWS, &zendesk).await.text_at("/data/id");
    vec![
        ("{typed}", active_of(server, typed).await),
        ("{failing}", active_of(server, failing).await),
        ("{slow}", active_of(server, slow).await),
        ("{zendesk}", format!("{WORKFLOWS}/{zendesk}")),
    ]
}

async fn sent(server: &Server, key: &str, request: &Value, path: &str) -> Response {
    let headers = [
        ("authorization", format!("Bearer {key}")),
        ("content-type", "application/json".to_owned()),
        ("x-request-id", "req-golden".to_owned()),
    ];
    let mut sent =
        axum::http::Request::builder().method(request["method"].as_str().unwrap()).uri(path);
    for (name, value) in headers {
        sent = sent.header(name, value);
    }
    let body = request.get("body").map(Value::to_string).unwrap_or_default();
    server.raw(sent.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn returns_every_error_of_the_table() {
    let server = Server::start().await;
    let workflows = workflows(&server).await;
    let limited = json!({"name": "limited", "scopes": ["read:workflows"],
        "rate_limits": {"requests_per_minute": 1}});
    let limited = server.post("/api/v1/auth/api-keys", &limited).await.text_at("/data/secret");
    let moments = Regex::new(r"\d{4}-\d\d-\d\dT[\d:.]+Z|in \d+ s\b").unwrap();
    for (status, code) in TABLE {
        let request = file(&format!("errors/{code}.request.json"));
        let mut path = request["path"].as_str().unwrap().to_owned();
        for (name, workflow) in &workflows {
            path = path.replace(name, workflow);
        }
        let mut key = &server.key;
        if status == 429 {
            key = &limited;
            assert_eq!(sent(&server, key, &request, &path).await.status, 200);
        }
        let mut response = sent(&server, key, &request, &path).await;
        let (found, first, _) = refusal(&response);
        assert_eq!((found, first.as_str()), (status, code), "{}", response.text);
        if status == 429 {
            let wait = response.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
        // Durations and times differ in each run.
        response.text = moments.replace_all(&response.text, "SOME TIME").into_owned();
        golden(&format!("abi/errors/{code}.json"), &response);
    }
}
