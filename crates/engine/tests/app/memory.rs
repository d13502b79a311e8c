//! The memory budget: what reserves from it, what it refuses, and that all is given back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_engine::EngineConfig;
use stepwell_engine::view::{NoticeKind, StepStatus};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::support::{Bench, config};

const MIB: usize = 1 << 20;

async fn bench(mib: u64) -> Bench {
    let memory_budget_bytes = (mib << 20).try_into().unwrap();
    Bench::with(EngineConfig { memory_budget_bytes, ..config() }).await
}

/// Waits until everything is given back: a runner goes a moment after its execution was shown.
async fn all_is_given_back(bench: &Bench) {
    let memory = bench.app.memory();
    // A reservation of everything is granted as soon as nothing else has any.
    let all = memory.reserve(memory.limit(), Duration::from_secs(10)).await;
    all.unwrap_or_else(|shortage| panic!("{} bytes are kept: {shortage}", memory.used()));
}

#[tokio::test]
async fn a_step_that_finds_no_memory_fails_and_may_be_tried_again() {
    let bench = bench(64).await;
    let parse = json!([{"id": "parse", "type": "Json.Parse", "input": "{{ inputs.text }}",
        "retry": {"max_attempts": 2, "initial": "10ms"}}]);
    let workflow = bench.steps(parse).await;
    let text = format!("[{}0]", "[],".repeat(100_000));
    // Leaves room for the input, and none for the values.
    let taken = bench.app.memory().reserve(60 * MIB, Duration::ZERO).await.unwrap();
    let id = bench.execute(workflow, json!({"text": text})).await;
    let failed = bench.until(id, |notice| format!("{notice:?}").contains("MEMORY_SHORTAGE")).await;
    let NoticeKind::Step { step, .. } = failed.kind else { panic!("{failed:?}") };
    let error = step.error.unwrap();
    assert_eq!((step.status, error.code.as_str()), (StepStatus::Running, "MEMORY_SHORTAGE"));
    assert!(error.message.contains("engine.memory_budget_bytes"), "{}", error.message);
    drop(taken);
    let view = bench.ended(id).await;
    assert_eq!((view.record.status, view.steps[0].attempt_count), (Status::Completed, 2));
    drop(view);
    all_is_given_back(&bench).await;
}

#[tokio::test]
async fn a_step_that_waits_for_memory_keeps_to_its_time() {
    let bench = bench(64).await;
    let parse = json!([{"id": "parse", "type": "Json.Parse", "input": "{{ inputs.text }}",
        "timeout": "50ms"}]);
    let workflow = bench.steps(parse).await;
    let text = format!("[{}0]", "[],".repeat(100_000));
    let taken = bench.app.memory().reserve(60 * MIB, Duration::ZERO).await.unwrap();
    let id = bench.execute(workflow, json!({"text": text})).await;
    let view = bench.ended(id).await;
    assert_eq!(view.error.as_ref().unwrap().code, "STEP_TIMEOUT");
    drop((view, taken));
    all_is_given_back(&bench).await;
}

#[tokio::test]
async fn small_executions_need_no_memory() {
    let bench = bench(16).await;
    let workflow = bench.steps(json!([{"type": "Json.Parse", "input": "[1, 2]"}])).await;
    let _all = bench.app.memory().reserve(16 * MIB, Duration::ZERO).await.unwrap();
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.record.status, Status::Completed);
}

#[tokio::test]
async fn values_are_reserved_while_an_execution_has_them() {
    let bench = bench(64).await;
    let workflow = bench
        .steps(json!([{"type": "Echo", "input": "{{ inputs.text }}"},
            {"type": "Delay", "config": {"for": "10m"}}]))
        .await;
    let id = bench.execute(workflow, json!({"text": "x".repeat(3 * MIB)})).await;
    bench.until(id, |notice| format!("{notice:?}").contains("Waiting")).await;
    // It sleeps until then, and leaves memory.
    all_is_given_back(&bench).await;
    // To be ended, it is loaded again.
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    all_is_given_back(&bench).await;
}

#[tokio::test]
async fn readers_share_what_is_loaded() {
    let data = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(data.path().join("x.db"), SqliteOptions::default()).unwrap();
    let memory_budget_bytes = (64_u64 << 20).try_into().unwrap();
    let config = EngineConfig { memory_budget_bytes, ..config() };
    let bench = Bench::over(Arc::new(store), config).await;
    let workflow =
        bench.steps(json!([{"type": "TextOperation.Trim", "input": "{{ inputs.text }}"}]));
    let workflow = workflow.await;
    let view = bench.wait(workflow, json!({"text": "x".repeat(3 * MIB)})).await.unwrap();
    let id = view.record.id;
    drop(view);
    all_is_given_back(&bench).await;

    let mut views = Vec::new();
    for _ in 0..50 {
        views.push(bench.app.execution(&bench.caller, None, id).await.unwrap());
    }
    let used = bench.app.memory().used();
    assert!((3 * MIB..32 * MIB).contains(&used), "{used}");
    assert!(views.iter().all(|view| Arc::ptr_eq(&view.input, &views[0].input)));
    drop(views);
    assert_eq!(bench.app.memory().used(), 0);

    // Without room, a reader waits, and is refused when that takes too long.
    let all = bench.app.memory().reserve(64 * MIB, Duration::ZERO).await.unwrap();
    let reading = bench.app.execution(&bench.caller, None, id);
    let early = tokio::time::timeout(Duration::from_millis(100), reading).await;
    assert!(early.is_err(), "it waits");
    let reading = bench.app.execution(&bench.caller, None, id);
    let (read, ()) = tokio::join!(reading, async { drop(all) });
    read.unwrap();
}
