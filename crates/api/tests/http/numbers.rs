//! Every API rejects numbers that cannot be stored exactly, and returns all others unchanged.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;

use crate::support::Server;

const INEXACT: [&str; 6] = [
    "18446744073709551616",
    "-9223372036854775809",
    "1e400",
    "1e-400",
    "9007199254740993.0",
    "3e-324",
];

const EXACT: [&str; 6] =
    ["18446744073709551615", "-9223372036854775808", "9007199254740993", "0.1", "1.5", "-7"];

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn rejects_numbers_that_are_not_exact() {
    let server = Server::start().await;
    let workflow = server.workflow(json!(["Echo"])).await;
    let id = workflow.trim_start_matches("/workflows/").to_owned();
    for number in INEXACT {
        for (path, body) in [
            (format!("{workflow}/execute"), format!("{{\"input\": {{\"v\": {number}}}}}")),
            (
                "/workflows".to_owned(),
                format!(
                    "{{\"name\": \"n\", \"steps\": [{{\"type\": \"Echo\", \"input\": {number}}}]}}"
                ),
            ),
            (
                format!("/api/v1/workflows/{id}/execute"),
                format!("{{\"parameters\": {{\"v\": {number}}}}}"),
            ),
            (
                "/v1/execute-workflow".to_owned(),
                format!(
                    "{{\"inputs\": [{{\"type\": \"NUMBER\", \"name\": \"v\", \"value\": {number}}}]}}"
                ),
            ),
        ] {
            let response = server.send("POST", &path, &JSON, body).await;
            assert_eq!(
                response.status,
                StatusCode::BAD_REQUEST,
                "{path} {number}: {}",
                response.text
            );
            assert!(response.text.contains("line 1"), "{path} {number}: {}", response.text);
        }
        let yaml = format!("name: n\nsteps:\n- type: Echo\n  input: {number}\n");
        let yaml_type = [("content-type", "application/yaml")];
        let response = server.send("POST", "/workflows", &yaml_type, yaml).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{number}: {}", response.text);
    }
    let list = server.send("GET", &format!("{workflow}/executions"), &[], Body::empty()).await;
    assert_eq!(list.json()["executions"].as_array().map(Vec::len), Some(0), "{}", list.text);
}

#[tokio::test]
async fn returns_accepted_numbers_unchanged() {
    let server = Server::start().await;
    let workflow = server
        .workflow(json!([
            {"id": "parsed", "type": "Json.Parse", "input": "{{ inputs.v | tojson }}"},
            {"type": "Json.Query", "input": {"value": "{{ [inputs.v, steps.parsed.output.value] }}"},
             "config": {"query": "."}},
        ]))
        .await;
    for number in EXACT {
        let body = format!("{{\"input\": {{\"v\": {number}}}}}");
        let path = format!("{workflow}/execute?wait=true");
        let response = server.send("POST", &path, &JSON, body).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.text);
        assert!(
            response.text.contains(&format!("\"value\":[{number},{number}]")),
            "{}",
            response.text
        );
    }
}
