//! What a restart keeps.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::execution::Status;
use stepwell_engine::view::{ExecutionView, Notice, NoticeKind, StepStatus, WaitReason};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::receiver::Receiver;
use crate::support::{Bench, config};

#[tokio::test]
async fn a_sleeping_execution_continues_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
    let bench = Bench::over(Arc::new(store), config()).await;
    let workflow = bench
        .steps(json!([
            {"id": "before", "type": "StaticTextInput", "input": "kept"},
            {"id": "wait", "type": "Delay", "config": {"for": "2500ms"}},
            {"id": "after", "type": "TextOperation.Uppercase", "input": "{{ steps.before.output.text }}"},
        ]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    bench
        .until(
            id,
            |n| matches!(&n.kind, NoticeKind::Step { step, .. } if step.status == StepStatus::Waiting),
        )
        .await;
    bench.app.shutdown().await;
    drop(bench);

    let store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
    let bench = Bench::over(Arc::new(store), config()).await;
    let view = bench.ended(id).await;
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    assert_eq!(*view.output.unwrap(), json!({"text": "KEPT"}));
}

#[tokio::test]
async fn a_step_cut_off_by_the_stop_is_run_again_with_its_key() {
    let receiver = Receiver::start(&[0, 200]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "call", "type": "HttpRequest", "config": {"method": "POST", "url": receiver.url}, "input": {"body": 1}}]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    receiver.at_least(1).await;
    let bench = bench.restart().await;
    let view = bench.ended(id).await;
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    let calls = receiver.at_least(2).await;
    assert_eq!(calls[0].header("idempotency-key"), calls[1].header("idempotency-key"));
    assert_eq!(view.steps[0].attempt_count, 1, "the same attempt");
}

#[tokio::test]
async fn a_step_that_must_not_be_repeated_fails_as_interrupted() {
    let receiver = Receiver::start(&[0]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "call", "type": "HttpRequest", "at_most_once": true,
            "config": {"method": "POST", "url": receiver.url}, "input": {"body": 1}}]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    receiver.at_least(1).await;
    let bench = bench.restart().await;
    let view = bench.ended(id).await;
    assert_eq!(view.error.unwrap().code, "INTERRUPTED");
    assert_eq!(receiver.calls().len(), 1);
}

#[tokio::test]
async fn the_queue_survives() {
    let bench = Bench::with(stepwell_engine::EngineConfig { max_active: 1, ..config() }).await;
    let workflow =
        bench.steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "200ms"}}])).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.execute(workflow, json!({})).await);
    }
    let bench = bench.restart().await;
    for id in ids {
        assert_eq!(bench.ended(id).await.record.status, Status::Completed);
    }
}

#[tokio::test]
async fn attempts_and_configurations_are_the_same_after_a_restart() {
    let receiver = Receiver::start(&[500]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([
            {"id": "constant", "type": "Template", "config": {"template": "x"}},
            {"id": "call", "type": "HttpRequest", "after": ["constant"],
                "config": {"url": receiver.url, "query": {"a": "{{ steps.constant.output.text }}"}},
                "retry": {"max_attempts": 2, "initial": "1h", "max": "1h"}},
        ]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    let waits =
        |n: &Notice| matches!(&n.kind, NoticeKind::Step { step, .. } if step.waiting.is_some());
    bench.until(id, waits).await;
    let before = bench.app.execution(&bench.caller, None, id).await.unwrap();
    let bench = bench.restart().await;
    let after = bench.app.execution(&bench.caller, None, id).await.unwrap();
    let explained = |view: &ExecutionView| {
        let steps = view.steps.iter();
        let steps =
            steps.map(|step| (step.attempts.clone(), step.waiting.clone(), step.config.clone()));
        (view.waiting.clone(), steps.collect::<Vec<_>>())
    };
    assert_eq!(explained(&before), explained(&after));
    let configs = after.steps.iter().map(|step| Value::clone(&step.config.as_ref().unwrap().value));
    let expected = [json!({"template": "x"}), json!({"url": receiver.url, "query": {"a": "x"}})];
    assert_eq!(configs.collect::<Vec<_>>(), expected);
    let call = &after.steps[1];
    let wait = call.waiting.clone().unwrap();
    assert_eq!((wait.reason, wait.until), (WaitReason::Retry, call.attempts[0].next_at));
    let error = call.attempts[0].error.as_ref().unwrap();
    assert_eq!((call.attempts.len(), error.code.as_str()), (1, "HTTP_STATUS"));
}
