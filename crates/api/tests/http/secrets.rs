//! Each API rejects invalid secrets of a request.

use serde_json::{Value, json};

use crate::support::Server;

#[tokio::test]
async fn every_api_rejects_invalid_secrets() {
    let server = Server::start().await;
    let definition = json!({"name": "test", "inputs": {"text": "string"},
        "steps": [{"id": "a", "type": "Echo", "input": {"text": "{{ inputs.text }}"}}]});
    let id = server.post("/workflows", &definition).await.text_at("/workflow_id");
    let uuid = server.get("/api/v1/workflows?page_size=1").await.text_at("/data/items/0/id");
    let inputs = |text: &str| json!([{"type": "STRING", "name": "text", "value": text}]);
    type Body<'a> = &'a dyn Fn(&str) -> Value;
    let dataflow: Body<'_> = &|text| json!({"input": {"text": text}});
    let vellum: Body<'_> =
        &|text| json!({"workflow_deployment_name": "test", "inputs": inputs(text)});
    let abi: Body<'_> = &|text| json!({"parameters": {"text": text}});
    for (path, body) in [
        (format!("/workflows/{id}/execute"), dataflow),
        ("/v1/execute-workflow".to_owned(), vellum),
        ("/v1/execute-workflow-stream".to_owned(), vellum),
        (format!("/api/v1/workflows/{uuid}/execute"), abi),
        (format!("/api/v1/workflows/{uuid}/execute_async"), abi),
    ] {
        let send = async |header: &str, secret: &str, text: &str| {
            let headers = [("content-type", "application/json"), (header, secret)];
            server.send("POST", &path, &headers, body(text).to_string()).await
        };
        let short = send("x-secret-stripe-key", "abc", "x").await;
        assert_eq!(short.status, 400, "{path}: {}", short.text);
        for part in ["X-Secret-Stripe-Key", "at least 6"] {
            assert!(short.text.contains(part), "{path}: {}", short.text);
        }
        let short = send("x-openai-key", "", "x").await;
        assert_eq!(short.status, 400, "{path}: {}", short.text);
        assert!(short.text.contains("X-OpenAI-Key"), "{path}: {}", short.text);
        let held = send("x-secret-tok", "hunter2hunter2", "so hunter2hunter2").await;
        let invalid = if path.starts_with("/api/v1") { 422 } else { 400 };
        assert_eq!(held.status, invalid, "{path}: {}", held.text);
        assert!(held.text.contains("text") && held.text.contains("secret"), "{}", held.text);
        assert!(!held.text.contains("hunter2"), "{}", held.text);
        let fine = send("x-secret-tok", "hunter2hunter2", "so hunter2").await;
        assert!(fine.status.is_success(), "{path}: {}", fine.text);
    }
}
