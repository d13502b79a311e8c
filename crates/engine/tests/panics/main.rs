//! A panic anywhere in the work on an execution fails that execution and nothing else.
//!
//! One test, because the planted fault is one for the process.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]

#[path = "../app/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;
#[path = "../app/words.rs"]
mod words;

use std::time::Duration;

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_core::faults;
use stepwell_core::ids::ExecutionId;
use stepwell_engine::app::Start;
use stepwell_engine::{App, AppError, EngineConfig};

use support::{Bench, PATIENCE, config};

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
    match bench.app.execute_and_wait(&bench.caller, workflow, start, wait).await {
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
    let bench = Bench::with(small()).await;
    let workflow = bench.create(definition()).await;
    let mut failed = 0;
    for point in faults::POINTS {
        for nth in 0..10 {
            faults::plant(Some((point, nth)));
            let id = accepted(&bench, workflow).await;
            if let Some(id) = id {
                // What could not be loaded is woken again by whoever wants something of it.
                let view = loop {
                    match bench.app.wait_for(&bench.caller, id, Duration::from_secs(2)).await {
                        Err(AppError::StillRunning(_)) => {
                            faults::plant(None);
                            let _ = bench.app.cancel(&bench.caller, None, id, None).await;
                        }
                        view => break view.unwrap_or_else(|e| panic!("{point} {nth}: {e}")),
                    }
                };
                let status = view.record.status;
                let error = view.error.as_ref().map(|error| error.code.as_str());
                match status {
                    Status::Completed => assert_eq!(error, None),
                    Status::Failed => {
                        failed += 1;
                        assert_eq!(error, Some("INTERNAL_ERROR"), "{point} {nth}");
                    }
                    Status::Cancelled => assert_eq!(*point, "load"),
                    other => panic!("{point} {nth}: {other:?}"),
                }
            }
            faults::plant(None);
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
