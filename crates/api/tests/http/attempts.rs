//! Explanations of an execution: its attempts, waits and configurations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::any;
use serde_json::{Value, json};
use stepwell_engine::Caller;
use stepwell_engine::view::NoticeKind;
use tokio::net::TcpListener;

use crate::abi;
use crate::support::{PATIENCE, Response, Server, waiting_steps};

/// A service that fails so many times before it works.
async fn flaky_service(failures: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let respond = async move || match calls.fetch_add(1, Ordering::SeqCst) < failures {
        true => StatusCode::INTERNAL_SERVER_ERROR,
        false => StatusCode::OK,
    };
    let router = axum::Router::new().route("/orders", any(respond));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn call(url: &str, retry: &Value) -> Value {
    json!([{"id": "call", "type": "HttpRequest", "retry": retry, "config": {
        "method": "POST", "url": url, "query": {"workflow": "{{ 'te' ~ 'st' }}"},
        "headers": {"Authorization": "Bearer {{ secrets.SHOP_TOKEN }}"},
    }}])
}

/// Starts an execution with the secret of [`call`]; returns its id.
async fn start(server: &Server, workflow: &str) -> String {
    let headers = [("x-secret-shop-token", "tok-123456")];
    let path = format!("{workflow}/execute");
    let started = server.send("POST", &path, &headers, Body::empty()).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text);
    started.text_at("/execution_id")
}

/// Waits until a step waits.
async fn until_step_waits(server: &Server, id: &str) {
    let caller = Caller::internal();
    let mut follow = server.app.follow(&caller, None, id.parse().unwrap(), 0).await.unwrap();
    let found = async {
        while let Some(notice) = follow.next().await.unwrap() {
            if matches!(&notice.kind, NoticeKind::Step { step, .. } if step.waiting.is_some()) {
                return;
            }
        }
        panic!("no step waited");
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap();
}

async fn get_with(server: &Server, key: &str, path: &str) -> Response {
    let request = axum::http::Request::get(path).header("x-api-key", key);
    server.raw(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_attempt_is_shown() {
    let server = Server::start().await;
    let url = flaky_service(2).await;
    let workflow = server.workflow(call(&url, &json!({"max_attempts": 3, "initial": 0.001}))).await;
    let id = start(&server, &workflow).await;
    server.app.wait_for(&Caller::internal(), id.parse().unwrap(), PATIENCE).await.unwrap();

    let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
    let attempts = shown["tasks"][0]["attempts"].as_array().unwrap();
    let of = |field: &str| attempts.iter().map(|one| one[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("attempt"), [1, 2, 3]);
    assert_eq!(of("status"), ["FAILED", "FAILED", "COMPLETED"]);
    for (attempt, next) in attempts.iter().zip(&attempts[1..]) {
        assert_eq!(attempt["error"]["code"], "HTTP_STATUS");
        assert!(attempt["error"]["message"].as_str().unwrap().contains("500"), "{attempt}");
        let [started, ended, due, next] = [
            &attempt["started_at"],
            &attempt["completed_at"],
            &attempt["next_attempt_at"],
            &next["started_at"],
        ]
        .map(|time| time.as_str().unwrap());
        assert!(started <= ended && ended <= due && due <= next, "{attempt} {next}");
    }
    assert_eq!(
        (&attempts[2]["error"], &attempts[2]["next_attempt_at"]),
        (&json!(null), &json!(null))
    );

    let shown = server.get(&format!("{}/{id}", abi::EXECUTIONS)).await;
    let steps = abi::steps(&shown);
    let statuses = steps["call"]["attempts"].as_array().unwrap().iter().map(|one| &one["status"]);
    assert_eq!(statuses.collect::<Vec<_>>(), ["failed", "failed", "completed"]);
    assert_eq!(shown.json()["data"]["waiting"], json!(null));

    let logs = server.get(&format!("{workflow}/executions/{id}/logs")).await.json();
    let lines = logs["logs"].as_array().unwrap().iter();
    let lines: Vec<_> = lines.map(|line| line["message"].as_str().unwrap()).collect();
    for expected in [
        "attempt 1 started",
        "attempt 1 failed: HTTP_STATUS",
        "attempt 2 started",
        "attempt 2 failed: HTTP_STATUS",
        "attempt 3 started",
        "completed after",
    ] {
        let found = lines.iter().filter(|line| line.starts_with(expected)).count();
        assert_eq!(found, 1, "{expected}: {lines:#?}");
    }
}

#[tokio::test]
async fn an_execution_that_waits_shows_for_what() {
    let server = Server::start().await;
    let url = flaky_service(1).await;
    let retry = json!({"max_attempts": 2, "initial": "1h", "max": "1h", "jitter": 0});
    let retrying = server.workflow(call(&url, &retry)).await;
    let delayed = server.workflow(waiting_steps()).await;
    for (workflow, reason, step) in [(&retrying, "retry", "call"), (&delayed, "timer", "delay")] {
        let id = start(&server, workflow).await;
        until_step_waits(&server, &id).await;
        let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
        assert_eq!(shown["status"], "RUNNING");
        assert_eq!(
            (&shown["waiting"]["for"], &shown["waiting"]["step_id"]),
            (&json!(reason), &json!(step))
        );
        let tasks = shown["tasks"].as_array().unwrap();
        let task = tasks.iter().find(|task| task["step_id"] == step).unwrap();
        assert_eq!(task["waiting"], json!({"for": reason, "until": shown["waiting"]["until"]}));
        if reason == "retry" {
            assert_eq!(task["attempts"][0]["next_attempt_at"], task["waiting"]["until"]);
        }
        let same = server.get(&format!("{}/{id}", abi::EXECUTIONS)).await;
        assert_eq!(same.text_at("/data/status"), "running");
        let waiting = &same.json()["data"]["waiting"];
        let expected = json!({"for": reason, "step": step, "until": shown["waiting"]["until"]});
        assert_eq!(waiting, &expected);

        let listed = server.get(&format!("{workflow}/executions?status=waiting")).await.json();
        assert_eq!(listed["executions"][0]["execution_id"], id.as_str());
    }
    let ended = server.workflow(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    server.send("POST", &format!("{ended}/execute?wait=true"), &[], Body::empty()).await;
    for (status, total) in [("waiting", 2), ("running", 2), ("waiting,completed", 3), ("queued", 0)]
    {
        let listed = server.get(&format!("{}?status={status}", abi::EXECUTIONS)).await.json();
        assert_eq!(listed["data"]["pagination"]["total_items"], total, "{status}");
        for item in listed["data"]["items"].as_array().unwrap() {
            assert_eq!(item["is_waiting"], item["status"] == "running", "{item}");
        }
    }
    for path in
        [format!("{}?status=asleep", abi::EXECUTIONS), format!("{ended}/executions?status=asleep")]
    {
        let refused = server.get(&path).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(refused.text.to_lowercase().contains("waiting"), "{}", refused.text);
    }
}

#[tokio::test]
async fn the_resolved_configuration_is_shown_without_secrets() {
    let server = Server::start().await;
    let url = flaky_service(0).await;
    let workflow = server.workflow(call(&url, &json!({}))).await;
    let id = start(&server, &workflow).await;
    server.app.wait_for(&Caller::internal(), id.parse().unwrap(), PATIENCE).await.unwrap();
    let config = json!({"method": "POST", "url": url, "query": {"workflow": "test"},
        "headers": {"Authorization": "Bearer [secret]"}});
    let dataflow = format!("{workflow}/executions/{id}");
    let abi = format!("{}/{id}", abi::EXECUTIONS);
    let shown = server.get(&dataflow).await;
    assert_eq!(shown.json()["tasks"][0]["config"], config);
    assert!(!shown.text.contains("tok-123456"), "{}", shown.text);
    assert!(abi::steps(&server.get(&abi).await)["call"].get("config").is_none());
    let with_io = server.get(&format!("{abi}?include=io")).await;
    assert_eq!(abi::steps(&with_io)["call"]["config"], config);

    // A configuration is part of the definition, which these keys may not read.
    let executor = server.key(&["execute:workflows"]).await;
    let shown = get_with(&server, &executor, &dataflow).await;
    assert_eq!(shown.text_at("/tasks/0/status"), "COMPLETED");
    assert!(shown.json()["tasks"][0].get("config").is_none(), "{}", shown.text);
    let one = server.key(&["read:workflows:test"]).await;
    assert_eq!(get_with(&server, &one, &dataflow).await.json()["tasks"][0]["config"], config);
}

#[tokio::test]
async fn credentials_that_are_written_into_a_definition_are_masked() {
    let server = Server::start().await;
    let url = flaky_service(0).await;
    let key = "{{ inputs.key }}";
    let steps = json!([{"id": "call", "type": "HttpRequest", "config": {
        "url": format!("{url}?password=hunter2&page=2"), "query": {"access_token": key},
        "headers": {"Authorization": "Basic aHVudGVyMg", "x-api-key": "hunter2-{{ 1 }}",
            "x-request": "r-1"}}}]);
    let workflow = server.workflow(steps).await;
    let path = format!("{workflow}/execute?wait=true");
    let ended = server.post(&path, &json!({"input": {"key": "hunter2"}})).await;
    assert_eq!(ended.text_at("/status"), "COMPLETED", "{}", ended.text);
    let id = ended.text_at("/execution_id");
    let expected = json!({"url": format!("{url}?password=[secret]&page=2"),
        "query": {"access_token": "[secret]"},
        "headers": {"Authorization": "[secret]", "x-api-key": "[secret]", "x-request": "r-1"}});
    let shown = server.get(&format!("{workflow}/executions/{id}")).await;
    assert_eq!(shown.json()["tasks"][0]["config"], expected);
    let shown = server.get(&format!("{}/{id}?include=io", abi::EXECUTIONS)).await;
    assert_eq!(abi::steps(&shown)["call"]["config"], expected);
}

#[tokio::test]
async fn a_large_configuration_is_shortened() {
    let server = Server::start().await;
    let steps = json!([
        {"id": "render", "type": "Template", "config": {"template": "a".repeat(100_000)}},
        {"id": "stop", "type": "Fail", "config": {"message": "no luck"}},
        {"id": "never", "type": "Echo"},
    ]);
    let workflow = server.workflow(steps).await;
    let id = start(&server, &workflow).await;
    server.app.wait_for(&Caller::internal(), id.parse().unwrap(), PATIENCE).await.unwrap();
    let shown = server.get(&format!("{workflow}/executions/{id}")).await.json();
    let [render, stop, never] = [0, 1, 2].map(|step| &shown["tasks"][step]);
    let template = render["config"]["template"].as_str().unwrap();
    assert!(template.starts_with("aaa") && template.ends_with("[truncated]"), "{template}");
    assert!(template.len() < 17 << 10, "{}", template.len());
    assert_eq!(render["config_truncated"], true);
    assert_eq!(stop["config"], json!({"message": "no luck"}));
    assert!(stop.get("config_truncated").is_none());
    assert!(never.get("config").is_none(), "it never started");
    assert_eq!(never["attempts"], json!([]));
    assert_eq!(stop["attempts"][0]["error"]["code"], "USER_DEFINED_ERROR");
}
