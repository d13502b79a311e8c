//! Every event of every stream can be the last one that a reader received: the stream is
//! interrupted after each of them and resumed, during the execution and after its end.

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::json;
use tower::ServiceExt;

use crate::support::{Server, waiting_steps};

/// An event as it was sent, and its id.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    id: String,
    text: String,
}

fn read(stream: &str) -> Vec<Sent> {
    let events = stream.split("\n\n").filter(|part| part.contains("id:"));
    let sent = |text: &str| {
        let id = text.lines().find_map(|line| line.strip_prefix("id:")).unwrap();
        Sent { id: id.trim().to_owned(), text: text.to_owned() }
    };
    events.map(sent).collect()
}

/// The paths of the streams of an execution.
fn streams(workflow: &str, execution: &str) -> [String; 2] {
    [
        format!("{workflow}/executions/{execution}/events"),
        format!("/api/v1/workflow_executions/{execution}/events"),
    ]
}

/// Opens a stream, after an event or from the beginning.
async fn open(server: &Server, path: &str, last: Option<&str>) -> Body {
    let mut request = Request::get(path).header("x-api-key", &server.key);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = server.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path} {last:?}");
    response.into_body()
}

async fn rest(body: Body) -> Vec<Sent> {
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    read(std::str::from_utf8(&bytes).unwrap())
}

fn assert_own_ids(path: &str, all: &[Sent]) {
    let ids: BTreeSet<_> = all.iter().map(|sent| &sent.id).collect();
    assert_eq!(ids.len(), all.len(), "{path}: {all:#?}");
}

#[tokio::test]
async fn resumes_after_every_event_of_a_finished_execution() {
    let server = Server::start().await;
    let steps = json!([
        {"id": "a", "type": "StaticTextInput", "input": "Hello"},
        {"id": "b", "type": "TextOperation.Reverse"},
        {"id": "no", "type": "Fail", "config": {"message": "no"}}
    ]);
    let workflow = server.workflow(steps).await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await;
    let execution = done.text_at("/execution_id");
    for path in streams(&workflow, &execution) {
        let all = rest(open(&server, &path, None).await).await;
        assert!(all.len() > 5, "{all:#?}");
        assert_own_ids(&path, &all);
        for (seen, event) in all.iter().enumerate() {
            let resumed = rest(open(&server, &path, Some(&event.id)).await).await;
            assert_eq!(resumed, all[seen + 1..], "{path} after {}", event.id);
            let resumed = format!("{path}?after={}", event.id);
            assert_eq!(
                rest(open(&server, &resumed, None).await).await,
                all[seen + 1..],
                "{resumed}"
            );
        }
    }
}

#[tokio::test]
async fn resumes_after_every_event_of_a_running_execution() {
    let server = Server::start().await;
    let workflow = server.workflow(waiting_steps()).await;
    let path = server.execution(&workflow).await;
    let execution = path.rsplit('/').next().unwrap().to_owned();
    let waits = async || server.get(&path).await.json()["tasks"][1]["status"] == "RUNNING";
    while !waits().await {
        tokio::task::yield_now().await;
    }
    // The events so far are the first ones of the finished stream, up to the delay.
    let mut opened = Vec::new();
    for stream in streams(&workflow, &execution) {
        let mut last = vec![None];
        for sequence in 1..=4 {
            last.extend([Some(format!("{sequence}.1")), Some(sequence.to_string())]);
        }
        for last in last {
            let body = open(&server, &stream, last.as_deref()).await;
            opened.push((stream.clone(), last, body));
        }
    }
    let cancelled = server.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, StatusCode::ACCEPTED, "{}", cancelled.text);
    let mut resumed = 0;
    for (stream, last, body) in opened {
        let all = rest(open(&server, &stream, None).await).await;
        assert_own_ids(&stream, &all);
        let found = rest(body).await;
        let Some(last) = last else {
            assert_eq!(found, all, "{stream}");
            continue;
        };
        // Not every number is the id of an event.
        if let Some(seen) = all.iter().position(|sent| sent.id == last) {
            assert_eq!(found, all[seen + 1..], "{stream} after {last}");
            resumed += 1;
        }
    }
    assert!(resumed >= 6, "{resumed}");
}

#[tokio::test]
async fn rejects_an_invalid_event_id() {
    let server = Server::start().await;
    let workflow = server.workflow(json!([{"type": "Echo", "input": 1}])).await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await;
    let path = format!("{workflow}/executions/{}/events", done.text_at("/execution_id"));
    for bad in ["x", "-1", "1.0", "1.x", "0.1"] {
        let response = server.send("GET", &path, &[("last-event-id", bad)], "").await;
        assert_eq!(response.refusal(), (400, "INVALID_REQUEST".into()), "{bad}");
        assert!(response.text.contains("Last-Event-ID"), "{}", response.text);
    }
}
