//! Executions that run to their end.

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_engine::view::{NoticeKind, StepStatus};
use stepwell_engine::{AppError, EngineConfig};
use stepwell_store::LoadExecution;
use stepwell_store::lists::{ExecutionFilter, List};

use crate::receiver::Receiver;
use crate::support::{Bench, config};

#[tokio::test]
async fn the_seed_workflow_runs() {
    let bench = Bench::new().await;
    let workflow = bench
        .create(json!({"name": "Dummy Workflow", "steps": [
            {"type": "StaticTextInput", "input": "Hello, world!"},
            {"type": "TextOperation.Reverse"},
            {"type": "Echo"},
        ]}))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.record.status, Status::Completed);
    let outputs: Vec<_> = view.steps.iter().map(|s| s.output.clone().unwrap()).collect();
    assert_eq!(*outputs[0], json!({"text": "Hello, world!"}));
    assert_eq!(*outputs[2], json!({"text": "!dlrow ,olleH"}));
    assert_eq!(view.output.unwrap(), outputs[2]);
    // What was shown is what is stored.
    let stored = bench.app.execution(&bench.caller, None, view.record.id).await.unwrap();
    assert_eq!(stored.record.status, Status::Completed);
    assert_eq!(stored.record.seq, view.record.seq);
}

#[tokio::test]
async fn retries_until_it_goes_well_with_one_key() {
    let receiver = Receiver::start(&[503, 500, 200]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{
            "id": "call", "type": "HttpRequest",
            "config": {"method": "POST", "url": receiver.url, "retry_rate_limited": 0},
            "input": {"body": {"a": 1}},
            "retry": {"max_attempts": 4, "initial": 0.01},
        }]))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    assert_eq!(view.steps[0].attempt_count, 3);
    let calls = receiver.calls();
    assert_eq!(calls.len(), 3);
    let key = format!("{}/call/0", view.record.id);
    assert!(calls.iter().all(|call| call.header("idempotency-key") == key), "{calls:?}");
}

#[tokio::test]
async fn a_failure_names_step_attempt_and_cause() {
    let receiver = Receiver::start(&[500]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([
            {"id": "call", "type": "HttpRequest", "config": {"url": receiver.url},
             "retry": {"max_attempts": 2, "initial": 0.01}},
            {"id": "after", "type": "Echo"},
        ]))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.record.status, Status::Failed);
    let error = view.error.clone().unwrap();
    assert_eq!(
        (error.code.as_str(), error.step.as_deref(), error.attempt),
        ("HTTP_STATUS", Some("call"), Some(2))
    );
    assert_eq!(view.steps[1].status, StepStatus::NotReached);
    assert_eq!(view.progress(), (1, 2), "only the failed step has finished");
}

#[tokio::test]
async fn parallel_steps_run_side_by_side_and_a_failed_one_is_handled() {
    let receiver = Receiver::start(&[200]).await;
    let bad = Receiver::start(&[404]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .create(json!({"name": "fan", "steps": [
            {"id": "a", "type": "HttpRequest", "after": [], "config": {"url": receiver.url}},
            {"id": "b", "type": "HttpRequest", "after": [], "config": {"url": bad.url}, "on_error": "continue"},
            {"id": "c", "type": "HttpRequest", "after": [], "config": {"url": bad.url}, "on_error": "port"},
            {"id": "rescue", "type": "StaticTextInput", "input": "rescued {{ steps.c.error.code }}", "after": ["c.error"]},
            {"id": "join", "type": "Echo", "after": ["a", "b", "rescue"], "input": {
                "a": "{{ steps.a.output.status }}", "b": "{{ steps.b.error.code }}", "c": "{{ steps.rescue.output.text }}"}},
        ]}))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    assert_eq!(
        *view.output.unwrap(),
        json!({"a": 200, "b": "HTTP_STATUS", "c": "rescued HTTP_STATUS"})
    );
}

#[tokio::test]
async fn a_step_that_hangs_times_out() {
    let receiver = Receiver::start(&[0]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "slow", "type": "HttpRequest", "config": {"url": receiver.url}, "timeout": "50ms"}]))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.error.unwrap().code, "STEP_TIMEOUT");
}

#[tokio::test]
async fn an_execution_times_out_while_it_waits() {
    let bench = Bench::new().await;
    let workflow = bench
        .create(json!({"name": "late", "timeout": "100ms", "steps": [
            {"id": "wait", "type": "Delay", "config": {"for": "1h"}}]}))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.record.status, Status::TimedOut);
    assert_eq!(view.error.unwrap().code, "EXECUTION_TIMEOUT");
    assert_eq!(view.steps[0].status, StepStatus::Cancelled);
}

#[tokio::test]
async fn secrets_reach_the_step_and_nothing_else() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "call", "type": "HttpRequest", "config": {
            "method": "POST", "url": receiver.url, "headers": {"authorization": "Bearer {{ secrets.API_KEY }}"}},
            "input": {"body": "x"}}]))
        .await;
    let start = stepwell_engine::app::Start {
        secrets: vec![("API_KEY".into(), "very-secret-value".into())],
        ..Default::default()
    };
    let view = bench
        .app
        .execute(&bench.caller, workflow, start)
        .wait(crate::support::PATIENCE)
        .await
        .unwrap();
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    assert_eq!(receiver.calls()[0].header("authorization"), "Bearer very-secret-value");
    let stored = bench.store.load_execution(view.record.id).await.unwrap().unwrap();
    assert!(!format!("{stored:?}").contains("very-secret-value"));

    let without = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(without.error.unwrap().code, "SECRET_UNAVAILABLE");
}

#[tokio::test]
async fn wrong_input_is_refused_and_nothing_is_stored() {
    let bench = Bench::new().await;
    let workflow = bench
        .create(json!({"name": "typed", "inputs": {"text": "string"}, "steps": [{"type": "TextOperation.Reverse"}]}))
        .await;
    let refused = bench.wait(workflow, json!({"text": 5})).await.unwrap_err();
    let AppError::InvalidInput(problems) = refused else { panic!("{refused}") };
    assert_eq!(problems.0[0].path, "input.text");
    let page = bench
        .app
        .executions(&bench.caller, List::first_page(ExecutionFilter::default(), 10))
        .await
        .unwrap();
    assert!(page.items.is_empty());
}

/// Both attach while it is in memory; what ends it is another runner than the one they met.
#[tokio::test]
async fn waiting_callers_get_the_end_of_an_execution_that_slept() {
    let bench = Bench::with(EngineConfig { keep_in_memory_millis: 0, ..config() }).await;
    let workflow =
        bench.steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "1200ms"}}])).await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.record.status, Status::Completed);
    let id = bench.execute(workflow, json!({})).await;
    bench
        .until(id, |notice| {
            matches!(notice.kind, NoticeKind::Status { status: Status::Completed, .. })
        })
        .await;
}
