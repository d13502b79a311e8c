//! Pure steps of unbounded work: they block no other execution, and end when they are not wanted.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stepwell_core::execution::Status;
use stepwell_core::ids::ExecutionId;
use stepwell_engine::EngineConfig;
use stepwell_engine::view::{NoticeKind, StepStatus};

use crate::support::{Bench, PATIENCE, config};

/// A regular expression search over this takes until the server's own limit, several seconds.
const PATTERN: &str = "a*b|a";

fn text() -> String {
    "a".repeat(1 << 20)
}

/// A step that works for seconds on little more than a megabyte, with a timeout.
fn long_step(timeout: &str) -> Value {
    json!({"id": "long", "type": "TextOperation.RegexExtract", "timeout": timeout,
        "input": "{{ inputs.text }}", "config": {"pattern": PATTERN}})
}

async fn begun(bench: &Bench, timeout: &str) -> ExecutionId {
    let workflow = bench.steps(json!([long_step(timeout)])).await;
    let id = bench.execute(workflow, json!({"text": text()})).await;
    let is_running = |kind: &NoticeKind| matches!(kind, NoticeKind::Step { step, .. } if step.status == StepStatus::Running);
    bench.until(id, |notice| is_running(&notice.kind)).await;
    id
}

/// How long a short query takes that needs one of the places that the long steps had.
async fn query_takes(bench: &Bench) -> Duration {
    let query = json!([{"type": "Json.Query", "input": [1, 2], "config": {"query": "add"}}]);
    let workflow = bench.steps(query).await;
    let started = Instant::now();
    let id = bench.execute(workflow, json!({})).await;
    let view = tokio::time::timeout(PATIENCE, bench.ended(id)).await.expect("in time");
    assert_eq!(view.record.status, Status::Completed);
    started.elapsed()
}

/// More than there are places.
fn many() -> usize {
    2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get) + 1
}

#[tokio::test]
async fn a_step_that_takes_long_blocks_no_other_execution() {
    let bench = Bench::new().await;
    let id = begun(&bench, "1m").await;
    // The test has one async worker only.
    let workflow = bench.steps(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    let started = Instant::now();
    let other = bench.execute(workflow, json!({})).await;
    assert_eq!(bench.ended(other).await.record.status, Status::Completed);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    assert_eq!(bench.ended(id).await.record.status, Status::Cancelled);
    assert!(query_takes(&bench).await < Duration::from_secs(2));
}

#[tokio::test]
async fn a_timeout_takes_hold_and_frees_the_thread() {
    let bench = Bench::new().await;
    let workflow = bench.steps(json!([long_step("200ms")])).await;
    let started = Instant::now();
    let mut ids = Vec::new();
    for _ in 0..many() {
        ids.push(bench.execute(workflow, json!({"text": text()})).await);
    }
    for id in ids {
        let view = bench.ended(id).await;
        assert_eq!(view.error.unwrap().code, "STEP_TIMEOUT");
    }
    assert!(query_takes(&bench).await < Duration::from_secs(2));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test]
async fn shutdown_does_not_wait_for_what_is_computed_again() {
    let patient = EngineConfig { shutdown_grace_seconds: 30, ..config() };
    let bench = Bench::with(patient).await;
    begun(&bench, "1m").await;
    let started = Instant::now();
    bench.app.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
