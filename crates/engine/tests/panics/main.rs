//! A panic anywhere in the work on an execution fails that execution and nothing else; one in the
//! work on a delivery holds back that delivery and nothing else.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot continue must stop"
)]

#[path = "../app/payloads.rs"]
mod payloads;
#[path = "../app/receiver.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod receiver;
#[path = "../app/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_core::faults;
use stepwell_core::ids::ExecutionId;
use stepwell_engine::app::Start;
use stepwell_engine::{App, AppError, EngineConfig};

use stepwell_core::TopicFilter;
use stepwell_engine::app::NewWebhook;
use stepwell_store::lists::{ExecutionFilter, List};
use tokio::sync::Mutex;

use receiver::Receiver;
use support::{Bench, PATIENCE, config};

/// The planted fault is one for the process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Runs code of each kind: a chain of pure steps, one off the async workers, a wait, an evaluation
/// that needs the whole budget, outputs.
fn definition() -> serde_json::Value {
    json!({
        "name": "planted",
        "inputs": {"n": "number", "text": "string"},
        "steps": [
            {"id": "a", "type": "Echo", "input": {"n": "{{ inputs.n + 1 }}"}},
            {"id": "wait", "type": "Delay", "config": {"for": "1ms"}},
            {"id": "b", "type": "Echo", "input": {"long": "{{ inputs.text | upper | length }}"}},
            {"id": "c", "type": "Json.Stringify", "input": {"value": "{{ inputs.text }}"}},
            {"id": "d", "type": "Echo", "input": {"n": "{{ steps.a.output.n }}"}},
        ],
        "outputs": {"n": "{{ steps.d.output.n + 1 }}"},
    })
}

fn small() -> EngineConfig {
    // A place that leaks is missed at once. What waits leaves memory.
    EngineConfig { max_active: 2, keep_in_memory_millis: 0, ..config() }
}

async fn accepted(bench: &Bench, workflow: stepwell_core::ids::WorkflowId) -> Option<ExecutionId> {
    let input = json!({"n": 1, "text": "ß".repeat(200_000)});
    let start = Start { input: Some(input), ..Start::default() };
    let wait = Duration::from_millis(1);
    match bench.app.execute(&bench.caller, workflow, start).wait(wait).await {
        Ok(view) => Some(view.record.id),
        Err(AppError::StillRunning(id)) => Some(id),
        Err(error) => {
            // Refused: then no id was named, and it never was.
            assert!(
                matches!(error, AppError::Internal(_) | AppError::Unavailable { .. }),
                "{error}"
            );
            None
        }
    }
}

/// Waits until nothing is in memory any more: a place that leaked would stay.
async fn all_gone(app: &App) {
    let gone = async {
        while app.load().0 > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("no place leaks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_fails_one_execution_and_nothing_else() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let bench = Bench::with(small()).await;
    let workflow = bench.create(definition()).await;
    let mut failed = 0;
    for point in faults::POINTS {
        for nth in 0..10 {
            faults::plant_fault(Some((point, nth)));
            let id = accepted(&bench, workflow).await;
            if let Some(id) = id {
                // What could not be loaded is loaded again after a pause.
                let view = bench.app.wait_for(&bench.caller, id, PATIENCE).await;
                let view = view.unwrap_or_else(|error| panic!("{point} {nth}: {error}"));
                let status = view.record.status;
                let error = view.error.as_ref().map(|error| error.code.as_str());
                match status {
                    Status::Completed => assert_eq!(error, None),
                    Status::Failed => {
                        failed += 1;
                        assert_eq!(error, Some("INTERNAL_ERROR"), "{point} {nth}");
                    }
                    other => panic!("{point} {nth}: {other:?}"),
                }
            }
            faults::plant_fault(None);
            all_gone(&bench.app).await;
        }
    }
    assert!(failed > 20, "{failed}");
    // Everything works as before, and what was named is there after a restart.
    let bench = bench.restart().await;
    let view = bench.wait(workflow, json!({"n": 1, "text": "x"})).await.unwrap();
    assert_eq!(view.record.status, Status::Completed);
    bench.app.shutdown().await;
}

/// An execution under a concurrency limit that fails by a panic gives its place to the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_loses_no_concurrency_place() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let bench = Bench::with(small()).await;
    let mut limited = definition();
    limited["concurrency"] = json!({"limit": 1});
    let workflow = bench.create(limited).await;
    let mut failed = 0;
    for point in faults::POINTS {
        for nth in 0..6 {
            faults::plant_fault(Some((point, nth)));
            let ids = [accepted(&bench, workflow).await, accepted(&bench, workflow).await];
            for id in ids.into_iter().flatten() {
                let view = bench.app.wait_for(&bench.caller, id, PATIENCE).await;
                let view = view.unwrap_or_else(|error| panic!("{point} {nth}: {error}"));
                failed += u32::from(view.record.status == Status::Failed);
            }
            faults::plant_fault(None);
            let view = bench.wait(workflow, json!({"n": 1, "text": "x"})).await.unwrap();
            assert_eq!(view.record.status, Status::Completed, "{point} {nth}");
        }
    }
    assert!(failed > 10, "{failed}");
}

/// Both executions end, and no message stays in the store.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_leaves_no_sub_workflow_behind() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let bench = Bench::with(small()).await;
    let steps = json!([{"type": "Delay", "config": {"for": "1ms"}}, {"type": "Echo"}]);
    bench.create(json!({"name": "child", "steps": steps})).await;
    let call = json!([{"id": "call", "type": "SubWorkflow", "workflow": "child", "input": {}}]);
    let inputs = json!({"n": "number", "text": "string"});
    let parent = json!({"name": "parent", "inputs": inputs, "steps": call});
    let workflow = bench.create(parent).await;
    let mut fired = BTreeMap::new();
    for point in faults::POINTS {
        for nth in 0..12 {
            faults::plant_fault(Some((point, nth)));
            let Some(id) = accepted(&bench, workflow).await else {
                assert!(!faults::is_planted(), "{point} {nth}: only a fault refuses it");
                *fired.entry(point).or_insert(0) += 1;
                continue;
            };
            let view = bench.app.wait_for(&bench.caller, id, PATIENCE).await;
            let view = view.unwrap_or_else(|error| panic!("{point} {nth}: {error}"));
            let has_fired = !faults::is_planted();
            faults::plant_fault(None);
            *fired.entry(point).or_insert(0) += u32::from(has_fired);
            if view.record.status != Status::Completed {
                assert!(has_fired, "{point} {nth}: only a fault fails it");
                assert_eq!(view.error.unwrap().code, "INTERNAL_ERROR", "{point} {nth}");
            }
            let filter = ExecutionFilter { parent: Some(id), ..ExecutionFilter::default() };
            let list = List::first_page(filter, 9);
            let children = bench.store.list_executions(bench.caller.workspace, list).await;
            for child in children.unwrap().items {
                let ended = bench.app.wait_for(&bench.caller, child.id, PATIENCE).await;
                ended.unwrap_or_else(|error| panic!("{point} {nth}: {error}"));
                assert_eq!(bench.store.list_messages(child.id, 9).await.unwrap(), []);
            }
            assert_eq!(bench.store.list_messages(id, 9).await.unwrap(), []);
            all_gone(&bench.app).await;
        }
    }
    faults::plant_fault(None);
    for point in &["advance", "commit", "load", "step"] {
        assert!(fired[point] > 0, "{point} is never reached: {fired:?}");
    }
    let total: u32 = fired.values().sum();
    assert!(total >= 10, "{fired:?}");
    bench.app.shutdown().await;
}

/// Starts an engine with a webhook for everything, and a receiver of its deliveries.
async fn with_webhook() -> (Bench, Receiver) {
    let bench = Bench::new().await;
    let receiver = Receiver::start(&[200]).await;
    let url = receiver.url.clone();
    let new = NewWebhook { url, topics: TopicFilter::Every, secret: None, description: None };
    bench.app.create_webhook(&bench.caller, new).await.unwrap();
    (bench, receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_a_delivery_is_sent_holds_back_no_other() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (bench, receiver) = with_webhook().await;
    faults::plant_fault(Some((faults::SEND_DELIVERY, 0)));
    let held_back = bench.create(json!({"name": "one", "steps": [{"type": "Echo"}]})).await;
    while faults::is_planted() {
        tokio::task::yield_now().await;
    }
    let other = bench.create(json!({"name": "other", "steps": [{"type": "Echo"}]})).await;
    let calls = receiver.at_least(1).await;
    assert!(calls[0].body.contains("other"), "{other} {held_back}: {}", calls[0].body);
    bench.app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_outcomes_are_stored_sends_the_delivery_again() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (bench, receiver) = with_webhook().await;
    faults::plant_fault(Some((faults::STORE_OUTCOMES, 0)));
    bench.create(json!({"name": "one", "steps": [{"type": "Echo"}]})).await;
    let calls = receiver.at_least(2).await;
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    bench.app.shutdown().await;
}
