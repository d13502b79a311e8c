//! A bulk operation while the server is killed: it continues by itself, counts every execution
//! once, and leaves time for other requests.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::load::{CONCURRENCY, setting};
use crate::server::Server;

/// More than can be cancelled within a request.
const EXECUTIONS: u64 = 3_000;
/// The longest time that a request may take beside an operation.
const LONGEST_REQUEST: Duration = Duration::from_secs(3);
/// How long the operation may take after the last start.
const TIMEOUT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_cancels_every_execution_once() {
    let rounds = setting("STEPWELL_CRASH_ROUNDS", 3);
    let mut random = setting("STEPWELL_CRASH_SEED", u64::from(std::process::id()));
    println!("rounds {rounds}, seed {random}");
    let mut server = Server::new();
    server.start().await;
    let steps = json!([{"type": "Delay", "config": {"for": "1h"}}, {"type": "Echo"}]);
    let definition = json!({"name": "slow", "inputs": {"n": "integer"}, "steps": steps});
    let workflow = server.create(&definition).await;
    let other = server.create(&json!({"name": "other", "steps": [{"type": "Echo"}]})).await;
    let starts = (0..EXECUTIONS).map(|n| server.execute(&workflow, n));
    let ids: Vec<_> =
        futures_util::stream::iter(starts).buffer_unordered(CONCURRENCY).collect().await;
    assert!(ids.iter().all(Option::is_some));

    let began = Instant::now();
    let (status, deleted) =
        server.delete(&format!("/api/v1/workflows/{workflow}?cancel_running=true")).await;
    let took = began.elapsed();
    assert_eq!(status, 200, "{deleted:#}");
    assert!(took < 2 * LONGEST_REQUEST, "the deletion took {took:?}");
    let operation = deleted["data"]["operation_id"]
        .as_str()
        .unwrap_or_else(|| panic!("all were cancelled within the request, use more: {deleted:#}"));
    assert!(deleted["data"]["cancelled_executions"].as_u64().unwrap() < EXECUTIONS);
    let (status, gone) = server.get(&format!("/api/v1/workflows/{workflow}")).await.unwrap();
    assert_eq!(status, 404, "it is hidden at once: {gone:#}");

    let path = format!("/api/v1/operations/{operation}");
    let mut kills = 0;
    for _ in 0..rounds {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis(50 + (random >> 33) % 400)).await;
        let running = shown(&server, &path).await["status"] == "running";
        server.kill();
        server.start().await;
        kills += u64::from(running);
    }
    assert!(kills > 0, "the operation ended before the first kill");
    let (slowest, ended) = follow(&server, &path, &other).await;
    println!("{kills} kills, the slowest request beside it took {slowest:?}");
    assert!(slowest < LONGEST_REQUEST, "a request beside the operation took {slowest:?}");
    assert_eq!(ended["status"], "completed", "{ended:#}");
    let all = json!({"matched": EXECUTIONS, "done": EXECUTIONS, "failed": 0, "skipped": 0});
    assert_eq!(ended["progress"], all);

    for (query, expect) in [
        (format!("workflow_executions?workflow_id={workflow}&status=cancelled"), EXECUTIONS),
        (format!("workflow_executions?workflow_id={workflow}"), EXECUTIONS),
        ("audit_log?action=execution.cancelled".to_owned(), EXECUTIONS),
        (format!("audit_log?action=workflow.deleted&object_id={workflow}"), 1),
    ] {
        let (_, list) = server.get(&format!("/api/v1/{query}")).await.unwrap();
        assert_eq!(list["data"]["pagination"]["total_items"], expect, "{query}");
    }
    for id in ids.iter().flatten().step_by(500) {
        assert_eq!(server.final_events(&workflow, id).await, 1, "{id}");
    }
}

/// The operation as it is.
async fn shown(server: &Server, path: &str) -> Value {
    let (status, found) = server.get(path).await.expect("a response");
    assert_eq!(status, 200, "{found:#}");
    found["data"].clone()
}

/// Sends other requests until the operation has ended; returns the longest time of one of them.
async fn follow(server: &Server, path: &str, workflow: &str) -> (Duration, Value) {
    let (mut slowest, deadline) = (Duration::ZERO, Instant::now() + TIMEOUT);
    loop {
        let operation = shown(server, path).await;
        if operation["status"] != "running" {
            return (slowest, operation);
        }
        assert!(Instant::now() < deadline, "it does not end: {operation:#}");
        let began = Instant::now();
        let (status, done) =
            server.post(&format!("/workflows/{workflow}/execute?wait=true"), &json!({})).await;
        assert_eq!(status, 200, "{done:#}");
        slowest = slowest.max(began.elapsed());
    }
}
