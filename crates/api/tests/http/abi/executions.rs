//! Executions: start, inspect, control.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{EXECUTIONS, active, active_of, begun, executed, refusal, refused, steps};
use crate::support::{Server, waiting_steps};

fn greeting() -> Value {
    json!({
        "inputs": {"text": "string"},
        "steps": [
            {"id": "reverse", "type": "TextOperation.Reverse", "input": {"text": "{{ inputs.text }}"}},
            {"id": "last", "type": "Echo"},
        ],
    })
}

fn failing() -> Value {
    json!([
        {"id": "first", "type": "StaticTextInput", "input": "a"},
        {"id": "bad", "type": "Fail", "config": {"message": "no luck", "code": "NO_LUCK"}},
    ])
}

#[tokio::test]
async fn reports_a_failure_with_id_step_and_cause() {
    let server = Server::start().await;
    let workflow = active(&server, failing()).await;
    let response = server.post(&format!("{workflow}/execute"), &json!({})).await;
    assert_eq!(refusal(&response), refused(500, "WORKFLOW_EXECUTION_ERROR", "none"));
    let body = response.json();
    let error = &body["errors"][0];
    assert_eq!((&error["step"], &error["cause"]["code"]), (&json!("bad"), &json!("NO_LUCK")));
    assert_eq!(body["message"], "the execution failed in step `bad`: no luck");
    let path = format!("{EXECUTIONS}/{}", response.text_at("/errors/0/execution_id"));
    let execution = server.get(&path).await;
    assert_eq!(execution.json()["data"]["error"], error["cause"]);
    assert_eq!(execution.text_at("/data/status"), "failed");
    let steps = steps(&execution);
    assert_eq!(steps["first"]["status"], "completed");
    assert_eq!(steps["bad"]["error"]["message"], "no luck");
    let stats = server.get(&workflow).await.json()["data"]["stats"].clone();
    assert_eq!((&stats["runs_total"], &stats["runs_failed"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn stops_an_execution_at_its_timeout() {
    let server = Server::start().await;
    let workflow = active(&server, waiting_steps()).await;
    let body = json!({"execution_options": {"timeout_seconds": 0.2}});
    let response = server.post(&format!("{workflow}/execute"), &body).await;
    assert_eq!(refusal(&response), refused(504, "EXECUTION_TIMEOUT", "none"));
    let path = format!("{EXECUTIONS}/{}", response.text_at("/errors/0/execution_id"));
    let execution = server.get(&path).await;
    assert_eq!(execution.text_at("/data/status"), "timed_out");
    assert_eq!(execution.text_at("/data/error/code"), "EXECUTION_TIMEOUT");
    let listed = server.get(&format!("{EXECUTIONS}?status=timed_out")).await.json();
    assert_eq!(listed["data"]["pagination"]["total_items"], 1);
    // The timeout applies without a waiting caller, too.
    let begun = begun(&server, &workflow, &body).await;
    let id = begun.rsplit('/').next().unwrap().parse().unwrap();
    let caller = stepwell_engine::Caller::internal();
    let patience = std::time::Duration::from_secs(10);
    server.app.wait_for(&caller, id, patience).await.unwrap();
    assert_eq!(server.get(&begun).await.text_at("/data/status"), "timed_out");
}

#[tokio::test]
async fn rejects_inputs_that_do_not_fit() {
    let server = Server::start().await;
    let workflow = active_of(&server, greeting()).await;
    for verb in ["execute", "execute_async"] {
        let path = format!("{workflow}/{verb}");
        for (body, status, code, field) in [
            (json!({"parameters": {}}), 422, "PARAMETER_VALIDATION_ERROR", "parameters.text"),
            (
                json!({"parameters": {"text": 5}}),
                422,
                "PARAMETER_VALIDATION_ERROR",
                "parameters.text",
            ),
            (json!({"parameters": [1]}), 400, "INVALID_PARAMETERS", "parameters"),
            (json!({"parameter": {}}), 400, "INVALID_PARAMETERS", "parameter"),
            (
                json!({"execution_options": {"timeout_seconds": 0}}),
                400,
                "INVALID_PARAMETERS",
                "execution_options.timeout_seconds",
            ),
            (
                json!({"execution_options": {"timeout_seconds": "30"}}),
                400,
                "INVALID_PARAMETERS",
                "execution_options.timeout_seconds",
            ),
            (
                json!({"execution_options": {"wait_for_completion": "yes"}}),
                400,
                "INVALID_PARAMETERS",
                "execution_options.wait_for_completion",
            ),
            (
                json!({"execution_options": {"wait": true}}),
                400,
                "INVALID_PARAMETERS",
                "execution_options.wait",
            ),
            (
                json!({"parameters": {"text": "a"}, "callback_url": "ftp://x"}),
                400,
                "INVALID_PARAMETERS",
                "callback_url",
            ),
        ] {
            let response = server.post(&path, &body).await;
            assert_eq!(
                refusal(&response),
                refused(status, code, field),
                "{body} {}",
                response.text
            );
        }
    }
    let long = json!({"execution_options": {"timeout_seconds": 100_000}});
    let response = server.post(&format!("{workflow}/execute"), &long).await;
    let field = "execution_options.timeout_seconds";
    assert_eq!(refusal(&response), refused(400, "INVALID_PARAMETERS", field));
    let wait = json!({"execution_options": {"wait_for_completion": true}});
    let response = server.post(&format!("{workflow}/execute_async"), &wait).await;
    let field = "execution_options.wait_for_completion";
    assert_eq!(refusal(&response), refused(400, "INVALID_PARAMETERS", field));
    let total = server.get(EXECUTIONS).await.json()["data"]["pagination"]["total_items"].clone();
    assert_eq!(total, 0, "nothing was accepted");
}

#[tokio::test]
async fn accepts_an_execution_without_waiting() {
    let server = Server::start().await;
    let workflow = active(&server, waiting_steps()).await;
    let body = json!({"execution_options": {"wait_for_completion": false}, "metadata": {"a": "b"}});
    let response = server.post(&format!("{workflow}/execute"), &body).await;
    assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.text);
    assert_eq!(response.text_at("/data/status"), "running");
    response.text_at("/data/started_at");
    let execution = format!("{EXECUTIONS}/{}", response.text_at("/data/execution_id"));
    let shown = server.get(&execution).await;
    assert_eq!(shown.json()["data"]["metadata"], json!({"a": "b"}));
    assert_eq!(shown.json()["data"]["duration_ms"], Value::Null);

    let paused = server.post(&format!("{execution}/pause"), &json!({})).await;
    assert_eq!(paused.json()["data"]["status"], "paused", "{}", paused.text);
    let again = server.post(&format!("{execution}/pause"), &json!({})).await;
    assert_eq!(refusal(&again), refused(409, "INVALID_STATE", "none"));
    let resumed = server.post(&format!("{execution}/resume"), &json!({})).await;
    assert_eq!(resumed.json()["data"]["status"], "running");
    let wrong = server.post(&format!("{execution}/cancel"), &json!({"reason": 5})).await;
    assert_eq!(refusal(&wrong), refused(400, "INVALID_REQUEST", "reason"));
    let cancelled = server.post(&format!("{execution}/cancel"), &json!({"reason": "why"})).await;
    assert_eq!(cancelled.json()["data"]["status"], "cancelled");
    for verb in ["cancel", "pause", "resume"] {
        let late = server.post(&format!("{execution}/{verb}"), &json!({})).await;
        assert_eq!(refusal(&late), refused(409, "EXECUTION_ENDED", "none"), "{verb}");
    }
    let logs = server.get(&format!("{execution}/logs")).await;
    let items = &logs.json()["data"]["items"];
    for (line, begins) in [(1, "completed after "), (2, "attempt 1 started"), (3, "waits until ")] {
        let message = items[line]["message"].as_str().unwrap();
        assert!(message.starts_with(begins), "{message}");
    }
    let line = &items[4];
    assert_eq!((&line["message"], &line["step"]), (&json!("cancelled: why"), &json!(null)));
    let pagination =
        |page| json!({"page": page, "page_size": 10, "total_items": 5, "total_pages": 1});
    assert_eq!(logs.json()["data"]["pagination"], pagination(1));
    let second = server.get(&format!("{execution}/logs?page=2&sort_by=sequence")).await;
    assert_eq!(second.json()["data"], json!({"items": [], "pagination": pagination(2)}));
    for (query, field) in [("page=0", "page"), ("after=1", "after"), ("sort_by=level", "sort_by")] {
        let response = server.get(&format!("{execution}/logs?{query}")).await;
        assert_eq!(refusal(&response), refused(400, "INVALID_REQUEST", field), "{query}");
    }
}

#[tokio::test]
async fn shows_inputs_and_outputs_on_request() {
    let server = Server::start().await;
    let workflow = active_of(&server, greeting()).await;
    let execution = executed(&server, &workflow, &json!({"parameters": {"text": "abc"}})).await;
    let plain = steps(&server.get(&execution).await);
    assert!(plain["reverse"].get("input").is_none());
    let with_io = steps(&server.get(&format!("{execution}?include=io")).await);
    assert_eq!(with_io["reverse"]["input"], json!({"text": "abc"}));
    assert_eq!(with_io["reverse"]["output"], json!({"text": "cba"}));
    let wrong = server.get(&format!("{execution}?include=everything")).await;
    assert_eq!(refusal(&wrong), refused(400, "INVALID_REQUEST", "include"));
    let unknown = server.get(&format!("{EXECUTIONS}/exec_01h455vb4pex5vsknk084sn02q")).await;
    assert_eq!(refusal(&unknown), refused(404, "EXECUTION_NOT_FOUND", "none"));
    for verb in ["events", "logs"] {
        let unknown = server.get(&format!("{EXECUTIONS}/nonsense/{verb}")).await;
        assert_eq!(refusal(&unknown), refused(404, "EXECUTION_NOT_FOUND", "none"));
    }
}

#[tokio::test]
async fn a_repeat_returns_the_first_execution() {
    let server = Server::start().await;
    let workflow = active_of(&server, greeting()).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    let body = json!({"parameters": {"text": "abc"}}).to_string();
    let path = format!("{workflow}/execute");
    let first = server.send("POST", &path, &headers, body.clone()).await;
    let second = server.send("POST", &path, &headers, body).await;
    assert_eq!((first.status, &first.text), (StatusCode::OK, &second.text));
}

#[tokio::test]
async fn resumes_events_after_the_last_one() {
    let server = Server::start().await;
    let workflow = active_of(&server, greeting()).await;
    let execution = executed(&server, &workflow, &json!({"parameters": {"text": "abc"}})).await;
    let all = server.get(&format!("{execution}/events")).await;
    assert_eq!(all.headers["content-type"], "text/event-stream");
    let events: Vec<&str> = all.text.split("\n\n").filter(|event| !event.is_empty()).collect();
    let name = |event: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix("event: "));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(
        (name(events[0]), name(events[2])),
        ("status".into(), "step".into()),
        "{}",
        all.text
    );
    let last = events.last().unwrap();
    assert!(last.contains(r#""status":"completed","result":{"text":"cba"}"#), "{last}");
    let id = events[2].lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let path = format!("{execution}/events");
    let rest = server.send("GET", &path, &[("last-event-id", id)], Body::empty()).await;
    assert_eq!(rest.text, all.text.split_once(events[2]).unwrap().1.trim_start_matches('\n'));
    let wrong = server.get(&format!("{execution}/events?after=x")).await;
    assert_eq!(refusal(&wrong), refused(400, "INVALID_REQUEST", "after"));
}

/// A receiver of callbacks, with the bodies that it has received.
async fn receiver() -> (String, tokio::sync::mpsc::Receiver<(HeaderMap, Bytes)>) {
    let (sender, received) = tokio::sync::mpsc::channel(8);
    let take = move |headers: HeaderMap, body: Bytes| {
        let sender = sender.clone();
        async move {
            sender.send((headers, body)).await.unwrap();
            StatusCode::NO_CONTENT
        }
    };
    let app = axum::Router::new().route("/done", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/done", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, received)
}

#[tokio::test]
async fn a_callback_receives_the_execution_as_get_returns_it() {
    let server = Server::start().await;
    let (url, mut received) = receiver().await;
    for (configuration, event) in
        [(greeting(), "execution.completed"), (json!({"steps": failing()}), "execution.failed")]
    {
        let workflow = active_of(&server, configuration).await;
        let body = json!({"parameters": {"text": "abc"}, "callback_url": url});
        let execution = begun(&server, &workflow, &body).await;
        let (headers, body) = received.recv().await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], event);
        assert!(body["id"].as_str().unwrap().starts_with("evt_"), "{body}");
        let signature = headers["webhook-signature"].to_str().unwrap();
        assert!(signature.starts_with("v1,"), "{signature}");
        let shown = server.get(&execution).await.json()["data"].clone();
        assert_eq!(body["data"], shown);
        let written = |value: &Value| serde_json::to_string(value).unwrap();
        assert_eq!(written(&body["data"]), written(&shown), "in the same order");
        assert_eq!(body["timestamp"], shown["completed_at"]);
    }
}
