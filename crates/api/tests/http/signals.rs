//! Signals through the API.

use serde_json::{Value, json};

use crate::abi;
use crate::support::{PATIENCE, Server};

fn steps() -> Value {
    json!([
        {"id": "paid", "type": "WaitForSignal", "signal": "payment", "key": "{{ inputs.order }}",
            "timeout": "1d"},
    ])
}

/// Gets the execution until it is as wanted.
async fn until(server: &Server, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = async {
        loop {
            let execution = server.get(path).await.json();
            if wanted(&execution["data"]) {
                return execution["data"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap()
}

fn is_waiting(execution: &Value) -> bool {
    execution["waiting"]["for"] == "signal"
}

#[tokio::test]
async fn an_execution_that_waits_receives_its_signal() {
    let server = Server::start().await;
    let workflow = abi::active(&server, steps()).await;
    let execution = abi::begun(&server, &workflow, &json!({"parameters": {"order": 17}})).await;
    let shown = until(&server, &execution, is_waiting).await;
    assert_eq!(shown["status"], "running");
    let waiting = &shown["waiting"];
    assert_eq!((&waiting["signal"], &waiting["key"]), (&json!("payment"), &json!("17")));
    assert_eq!((&waiting["step"], waiting["until"].is_string()), (&json!("paid"), true));
    assert_eq!(shown["steps"][0]["waiting"]["signal"], "payment");
    let listed = server.get("/api/v1/workflow_executions?status=waiting").await.json();
    assert_eq!(listed["data"]["pagination"]["total_items"], 1, "{listed}");

    let id = execution.rsplit('/').next().unwrap();
    let dataflow = server.get(&dataflow_path(&workflow, id)).await;
    assert_eq!(dataflow.text_at("/waiting/for"), "signal", "{}", dataflow.text);

    let send = format!("{execution}/signals/payment");
    let wrong = server.post(&send, &json!({"key": "18", "keep": false})).await;
    assert_eq!(wrong.abi_refusal(), (404, "SIGNAL_NOT_AWAITED".into()), "{}", wrong.text);
    let sent = server.post(&send, &json!({"data": {"amount": 25}, "id": "p-1"})).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    let expect = json!({"name": "payment", "status": "consumed", "execution_id": id,
        "expires_at": null});
    assert_eq!(sent.json()["data"], expect);
    let ended = until(&server, &execution, |shown| shown["status"] == "completed").await;
    assert_eq!(ended["result"], json!({"amount": 25}));
    let late = server.post(&send, &json!({})).await;
    assert_eq!(late.abi_refusal(), (409, "EXECUTION_ENDED".into()), "{}", late.text);
}

/// The path of an execution in the dataflow API.
fn dataflow_path(workflow: &str, execution: &str) -> String {
    let workflow = workflow.rsplit('/').next().unwrap().replacen("wf_", "wf-", 1);
    format!("/workflows/{workflow}/executions/{}", execution.replacen("exec_", "ex-", 1))
}

#[tokio::test]
async fn a_signal_finds_its_execution_by_its_key() {
    let server = Server::start().await;
    let workflow = abi::active(&server, steps()).await;
    let body = json!({"key": "a", "data": 1, "id": "p-1"});
    let kept = server.post("/api/v1/signals/payment", &body).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
    let kept = kept.json()["data"].clone();
    assert_eq!((&kept["status"], &kept["execution_id"]), (&json!("kept"), &Value::Null));
    assert!(kept["expires_at"].is_string(), "{kept}");
    let again = server.post("/api/v1/signals/payment", &body).await;
    assert_eq!(again.text_at("/data/status"), "repeated");
    let first = abi::begun(&server, &workflow, &json!({"parameters": {"order": "a"}})).await;
    let ended = until(&server, &first, |shown| shown["status"] == "completed").await;
    assert_eq!(ended["result"], 1);
    let none = server.post("/api/v1/signals/payment", &json!({"key": "a", "keep": false})).await;
    assert_eq!(none.abi_refusal(), (404, "SIGNAL_NOT_AWAITED".into()), "{}", none.text);
}

#[tokio::test]
async fn wrong_signals_are_refused_with_their_field() {
    let server = Server::start().await;
    let workflow = abi::active(&server, steps()).await;
    let execution = abi::begun(&server, &workflow, &json!({"parameters": {"order": "a"}})).await;
    for (path, body, field) in [
        ("/api/v1/signals/payment".to_owned(), json!({"data": 1}), "key"),
        ("/api/v1/signals/payment".to_owned(), json!({"key": 7}), "key"),
        ("/api/v1/signals/payment".to_owned(), json!({"key": "a", "keep": "no"}), "keep"),
        ("/api/v1/signals/payment".to_owned(), json!({"key": "a", "extra": 1}), "extra"),
        (format!("/api/v1/signals/{}", "x".repeat(256)), json!({"key": "a"}), "name"),
        (format!("{execution}/signals/payment"), json!({"id": ""}), "id"),
        (format!("{execution}/signals/a%E2%80%AEb"), json!({}), "name"),
    ] {
        let refused = server.post(&path, &body).await;
        assert_eq!(refused.status, 400, "{path} {body}: {}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
    }
    let unknown = "/api/v1/workflow_executions/exec_00000000000000000000000001/signals/payment";
    let missing = server.post(unknown, &json!({})).await;
    assert_eq!(missing.abi_refusal(), (404, "EXECUTION_NOT_FOUND".into()));
    for path in [format!("{execution}/signals/payment"), "/api/v1/signals/payment".to_owned()] {
        let key = server.key(&["read:workflows"]).await;
        let headers = [("x-api-key", key.as_str()), ("content-type", "application/json")];
        let body = r#"{"key": "a"}"#;
        let request = axum::http::Request::builder().method("POST").uri(&path);
        let request = headers.iter().fold(request, |all, (name, value)| all.header(*name, *value));
        let refused = server.raw(request.body(body.into()).unwrap()).await;
        assert_eq!(refused.abi_refusal(), (403, "SCOPE_REQUIRED".into()), "{}", refused.text);
    }
}
