//! Reruns of executions.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{EXECUTIONS, active_of, begun, executed, refusal, refused, steps};
use crate::support::{Response, Server, waiting_steps};

/// Counts in its state, then fails unless the input `fail` is false.
fn counting() -> Value {
    json!({
        "inputs": {"ok": "boolean"},
        "state": {"n": 0},
        "steps": [
            {"id": "count", "type": "SetState", "input": {"n": "{{ state.n + 1 }}"}},
            {"id": "text", "type": "TextOperation.Uppercase", "input": {"text": "n is {{ state.n }}"}},
            {"id": "stop", "type": "Fail", "when": "not inputs.ok", "config": {"message": "no"}},
            {"id": "last", "type": "TextOperation.Reverse", "input": {"text": "{{ steps.text.output.text }}"},
             "after": ["text", "stop"]},
        ],
        "outputs": {"text": "{{ steps.last.output.text }}", "n": "{{ state.n }}"},
    })
}

async fn rerun(server: &Server, execution: &str, body: &Value) -> Response {
    let accepted = server.post(&format!("{execution}/rerun"), body).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{body} {}", accepted.text);
    let id = accepted.text_at("/data/execution_id");
    let caller = stepwell_engine::Caller::internal();
    let patience = std::time::Duration::from_secs(10);
    server.app.wait_for(&caller, id.parse().unwrap(), patience).await.unwrap();
    let shown = server.get(&format!("{EXECUTIONS}/{id}?include=io")).await;
    let first = execution.rsplit('/').next().unwrap();
    assert_eq!(shown.text_at("/data/rerun_of"), first);
    shown
}

#[tokio::test]
async fn reruns_a_whole_execution_with_other_parameters() {
    let server = Server::start().await;
    let workflow = active_of(&server, counting()).await;
    let failed = executed(&server, &workflow, &json!({"parameters": {"ok": false}})).await;
    let again = rerun(&server, &failed, &json!({})).await;
    assert_eq!(again.text_at("/data/status"), "failed");
    assert!(steps(&again).values().all(|step| step["reused"] == false), "{}", again.text);
    let body = json!({"from": "start", "parameters": {"ok": true}});
    let other = rerun(&server, &failed, &body).await;
    assert_eq!(other.json()["data"]["result"], json!({"text": "1 SI N", "n": 1}));
    let wrong = server.post(&format!("{failed}/rerun"), &json!({"parameters": {"ok": 5}})).await;
    assert_eq!(refusal(&wrong), refused(422, "PARAMETER_VALIDATION_ERROR", "parameters.ok"));
}

#[tokio::test]
async fn reruns_from_the_failed_step() {
    let server = Server::start().await;
    let workflow = active_of(&server, counting()).await;
    let failed = executed(&server, &workflow, &json!({"parameters": {"ok": false}})).await;
    let again = rerun(&server, &failed, &json!({"from": "failed"})).await;
    assert_eq!(again.text_at("/data/status"), "failed", "it fails again");
    let steps = steps(&again);
    for (name, reused, attempt) in [("count", true, 0), ("text", true, 0), ("stop", false, 1)] {
        let step = &steps[name];
        assert_eq!(
            (&step["reused"], &step["attempt"]),
            (&json!(reused), &json!(attempt)),
            "{name}"
        );
    }
    assert_eq!(steps["text"]["output"], json!({"text": "N IS 1"}), "as it was recorded");
    assert_eq!(steps["text"]["started_at"], Value::Null, "it was not run here");
}

#[tokio::test]
async fn reruns_from_a_step_with_another_input() {
    let server = Server::start().await;
    let workflow = active_of(&server, counting()).await;
    let done = executed(&server, &workflow, &json!({"parameters": {"ok": true}})).await;
    let body = json!({"from_step": "last", "input": {"text": "xyz"}});
    let again = rerun(&server, &done, &body).await;
    assert_eq!(again.json()["data"]["result"], json!({"text": "zyx", "n": 1}));
    assert_eq!(steps(&again)["stop"]["status"], "skipped");
    // The state is that before the step, for every rerun.
    let mut last = format!("{EXECUTIONS}/{}", again.text_at("/data/execution_id"));
    for _ in 0..2 {
        let counted = rerun(&server, &last, &json!({"from_step": "count"})).await;
        assert_eq!(counted.json()["data"]["result"], json!({"text": "1 SI N", "n": 1}));
        last = format!("{EXECUTIONS}/{}", counted.text_at("/data/execution_id"));
    }
}

#[tokio::test]
async fn reruns_with_the_release_of_the_execution() {
    let server = Server::start().await;
    let workflow = active_of(&server, counting()).await;
    let done = executed(&server, &workflow, &json!({"parameters": {"ok": true}})).await;
    let change = json!({"configuration": {"steps": [{"type": "StaticTextInput", "input": "new"}]}});
    super::send(&server, "PUT", &workflow, &change).await;
    let again = rerun(&server, &done, &json!({"from_step": "text"})).await;
    assert_eq!(again.json()["data"]["release"], 1);
    assert_eq!(again.text_at("/data/result/text"), "1 SI N");
}

#[tokio::test]
async fn rejects_executions_that_cannot_be_rerun() {
    let server = Server::start().await;
    let workflow = active_of(&server, counting()).await;
    let done = executed(&server, &workflow, &json!({"parameters": {"ok": true}})).await;
    for (body, status, code, field) in [
        (json!({"from": "failed"}), 409, "INVALID_STATE", "none"),
        (json!({"from": "middle"}), 400, "INVALID_PARAMETERS", "from"),
        (json!({"from": "start", "from_step": "text"}), 400, "INVALID_PARAMETERS", "from_step"),
        (json!({"from_step": "nope"}), 400, "INVALID_PARAMETERS", "from_step"),
        (json!({"callback_url": "nowhere"}), 400, "INVALID_PARAMETERS", "callback_url"),
        (json!({"from_step": 5}), 400, "INVALID_PARAMETERS", "from_step"),
        (json!({"input": {}}), 400, "INVALID_PARAMETERS", "input"),
        (
            json!({"from_step": "text", "input": {"text": 5}}),
            422,
            "PARAMETER_VALIDATION_ERROR",
            "input.text",
        ),
        (json!({"from_step": "text", "parameters": {}}), 400, "INVALID_PARAMETERS", "parameters"),
        (json!({"form": "failed"}), 400, "INVALID_PARAMETERS", "form"),
    ] {
        let response = server.post(&format!("{done}/rerun"), &body).await;
        assert_eq!(refusal(&response), refused(status, code, field), "{body} {}", response.text);
    }
    let body = json!({"from_step": "text", "input": {"text": 5}});
    let response = server.post(&format!("{done}/rerun"), &body).await;
    let message = response.text_at("/message");
    assert!(message.starts_with("the input does not fit the step's input schema"), "{message}");
    let waiting = active_of(&server, json!({"steps": waiting_steps()})).await;
    let running = begun(&server, &waiting, &json!({})).await;
    let response = server.post(&format!("{running}/rerun"), &json!({})).await;
    assert_eq!(refusal(&response), refused(409, "INVALID_STATE", "none"));
    let message = response.text_at("/message");
    assert!(message.starts_with("the execution is running: "), "as it is shown: {message}");
    server.post(&format!("{workflow}/deactivate"), &json!({})).await;
    let response = server.post(&format!("{done}/rerun"), &json!({})).await;
    assert_eq!(refusal(&response), refused(409, "WORKFLOW_INACTIVE", "none"));
}
