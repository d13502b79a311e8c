//! Concurrency limits of workflows: how many executions with a key are under way, and what happens
//! to further ones.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::app::NewSignal;
use stepwell_engine::view::{AwaitedPlace, ExecutionView, NoticeKind, StepStatus, WaitReason};
use stepwell_engine::{AppError, EngineConfig};
use stepwell_store::Store;
use stepwell_store::lists::{ExecutionFilter, List};
use stepwell_store::traits::LoadExecution as _;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::sub_workflows::{call, without_stay};
use crate::support::{Bench, PATIENCE, with_input};

impl Bench {
    /// A workflow with this `concurrency` whose executions wait for the signal `go`.
    async fn limited(&self, concurrency: Value) -> WorkflowId {
        let steps = json!([{"id": "wait", "type": "WaitForSignal", "signal": "go"}]);
        self.create(json!({"name": "limited", "inputs": {"k": "any"}, "steps": steps,
            "concurrency": concurrency}))
            .await
    }

    async fn view(&self, id: ExecutionId) -> ExecutionView {
        self.app.execution(&self.caller, None, id).await.unwrap()
    }

    /// Waits until the execution runs.
    async fn begun(&self, id: ExecutionId) {
        self.until(id, |notice| {
            matches!(&notice.kind, NoticeKind::Step { step, .. } if step.status == StepStatus::Waiting)
        })
        .await;
    }

    /// What a queued execution waits for.
    async fn awaited_place(&self, id: ExecutionId) -> Option<AwaitedPlace> {
        let waiting = self.view(id).await.waiting?;
        assert_eq!(waiting.place.is_some(), waiting.reason == WaitReason::Concurrency);
        waiting.place
    }

    async fn go(&self, id: ExecutionId) {
        let (key, signal_id) = (None, None);
        let unawaited = stepwell_core::execution::UnawaitedSignal::Keep;
        let data = Arc::new(Value::Null);
        let signal = NewSignal { name: "go".into(), key, id: signal_id, data, unawaited };
        self.app.send_signal(&self.caller, id, signal).await.unwrap();
    }

    async fn started(&self, workflow: WorkflowId, input: Value) -> Result<ExecutionId, AppError> {
        self.app.execute(&self.caller, workflow, with_input(input)).durable().await
    }
}

fn by_key(limit: u32, policy: &str) -> Value {
    json!({"limit": limit, "key": "{{ inputs.k }}", "policy": policy})
}

/// The most executions that were under way at the same time.
async fn most_under_way(bench: &Bench) -> i32 {
    let list = List::first_page(ExecutionFilter::default(), 10_000);
    let all = bench.store.list_executions(bench.caller.workspace, list).await.unwrap().items;
    let mut times = Vec::new();
    for record in all {
        times.push((record.started_at.unwrap(), 1));
        times.push((record.ended_at.unwrap(), -1));
    }
    times.sort_unstable();
    let running = times.iter().scan(0, |running, (_, change)| {
        *running += change;
        Some(*running)
    });
    running.max().unwrap()
}

#[tokio::test]
async fn further_ones_wait_in_order_and_show_it() {
    let bench = Bench::with(without_stay()).await;
    let workflow = bench.limited(by_key(2, "queue")).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(bench.execute(workflow, json!({"k": "a"})).await);
    }
    let other = bench.execute(workflow, json!({"k": "b"})).await;
    for id in [ids[0], ids[1], other] {
        bench.begun(id).await;
    }
    let place = |position| {
        Some(AwaitedPlace { limit: 2, key: Some("a".to_owned()), position: Some(position) })
    };
    assert_eq!(bench.awaited_place(ids[2]).await, place(1));
    assert_eq!(bench.awaited_place(ids[3]).await, place(2));
    assert_eq!(bench.view(ids[2]).await.record.status, Status::Queued);
    // One that waits and one that is paused still have their places.
    bench.app.pause(&bench.caller, None, ids[0]).await.unwrap();
    assert_eq!(bench.awaited_place(ids[2]).await, place(1));
    bench.go(ids[1]).await;
    bench.begun(ids[2]).await;
    assert_eq!(bench.awaited_place(ids[3]).await, place(1));
    bench.app.cancel(&bench.caller, None, ids[0], None).await.unwrap();
    bench.begun(ids[3]).await;
    assert_eq!(bench.view(ids[3]).await.waiting.unwrap().reason, WaitReason::Signal);
    for id in [ids[2], ids[3], other] {
        bench.go(id).await;
        assert_eq!(bench.ended(id).await.record.status, Status::Completed);
    }
}

#[tokio::test]
async fn what_waits_can_be_cancelled_and_paused() {
    let bench = Bench::with(without_stay()).await;
    let workflow = bench.limited(json!({})).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(bench.execute(workflow, json!({"k": 1})).await);
    }
    bench.begun(ids[0]).await;
    let place = |position| Some(AwaitedPlace { limit: 1, key: None, position: Some(position) });
    assert_eq!(bench.awaited_place(ids[3]).await, place(3));
    bench.app.cancel(&bench.caller, None, ids[1], None).await.unwrap();
    assert_eq!(bench.ended(ids[1]).await.record.status, Status::Cancelled);
    // One that is paused while it waits is passed by the next one, and waits again when resumed.
    bench.app.pause(&bench.caller, None, ids[2]).await.unwrap();
    assert_eq!(bench.awaited_place(ids[3]).await, place(1));
    bench.go(ids[0]).await;
    bench.begun(ids[3]).await;
    bench.app.resume(&bench.caller, None, ids[2]).await.unwrap();
    assert_eq!(bench.awaited_place(ids[2]).await, place(1));
    bench.go(ids[3]).await;
    bench.begun(ids[2]).await;
    // Resumed with a free place, it begins at once.
    let last = bench.execute(workflow, json!({"k": 1})).await;
    bench.app.pause(&bench.caller, None, last).await.unwrap();
    bench.go(ids[2]).await;
    bench.ended(ids[2]).await;
    bench.app.resume(&bench.caller, None, last).await.unwrap();
    bench.begun(last).await;
}

#[tokio::test]
async fn with_reject_nothing_is_stored() {
    let bench = Bench::new().await;
    let workflow = bench.limited(by_key(1, "reject")).await;
    let first = bench.execute(workflow, json!({"k": "a"})).await;
    for _ in 0..2 {
        let refused = bench.started(workflow, json!({"k": "a"})).await;
        assert!(matches!(refused, Err(AppError::ConcurrencyLimit(1))), "{refused:?}");
    }
    let list = List::first_page(ExecutionFilter::default(), 10);
    let stored = bench.store.list_executions(bench.caller.workspace, list).await.unwrap().items;
    assert_eq!(stored.len(), 1);
    bench.begun(first).await;
    bench.go(first).await;
    bench.ended(first).await;
    bench.execute(workflow, json!({"k": "a"})).await;
}

#[tokio::test]
async fn with_cancel_running_the_newest_runs() {
    let bench = Bench::with(without_stay()).await;
    let workflow = bench.limited(by_key(2, "cancel_running")).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        let id = bench.execute(workflow, json!({"k": "a"})).await;
        bench.begun(id).await;
        ids.push(id);
    }
    for (id, by) in [(ids[0], ids[2]), (ids[1], ids[3])] {
        let view = bench.ended(id).await;
        assert_eq!(view.record.status, Status::Cancelled);
        let events = bench.store.load_execution(id).await.unwrap().unwrap().events;
        let last = format!("{:?}", events.last().unwrap().event);
        assert!(last.contains(&format!("the execution {}", by.dataflow())), "{last}");
    }
    for id in &ids[2..] {
        bench.go(*id).await;
        assert_eq!(bench.ended(*id).await.record.status, Status::Completed);
    }
}

#[tokio::test]
async fn with_replace_queued_only_the_newest_waits() {
    let bench = Bench::with(without_stay()).await;
    let workflow = bench.limited(by_key(1, "replace_queued")).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(bench.execute(workflow, json!({"k": "a"})).await);
    }
    for id in &ids[1..3] {
        assert_eq!(bench.ended(*id).await.record.status, Status::Cancelled);
    }
    bench.begun(ids[0]).await;
    assert_eq!(bench.awaited_place(ids[3]).await.unwrap().position, Some(1));
    bench.go(ids[0]).await;
    bench.begun(ids[3]).await;
    assert_eq!(bench.ended(ids[0]).await.record.status, Status::Completed);
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_an_error() {
    let bench = Bench::new().await;
    let workflow = bench.limited(by_key(1, "queue")).await;
    for (input, expected) in [
        (json!({"k": null}), "the concurrency key is null; it must be text, a number or"),
        (json!({"k": [1]}), "the concurrency key is array"),
        (json!({"k": ""}), "the concurrency key is empty"),
        (
            json!({"k": "x".repeat(201)}),
            "the concurrency key has 201 bytes; it may have at most 200",
        ),
    ] {
        match bench.started(workflow, input.clone()).await {
            Err(AppError::InvalidConcurrencyKey(problem)) => {
                assert!(problem.message.starts_with(expected), "{input}: {problem}");
            }
            other => panic!("{input}: {other:?}"),
        }
    }
    for key in [json!("x".repeat(200)), json!(5), json!(true), json!(0.5)] {
        bench.execute(workflow, json!({ "k": key })).await;
    }
}

/// However many start at once, the limit is never exceeded, and all run.
#[tokio::test(flavor = "multi_thread")]
async fn races_never_exceed_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let sqlite: Arc<dyn Store> =
        Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let bench = Arc::new(Bench::over(sqlite, without_stay()).await);
    let workflow = bench
        .create(json!({"name": "race", "concurrency": {"limit": 3}, "steps": [
            {"type": "Delay", "config": {"for": "1ms"}}, {"type": "Echo"}]}))
        .await;
    let starts: Vec<_> = (0..200)
        .map(|_| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.wait(workflow, json!({})).await.unwrap() })
        })
        .collect();
    for start in starts {
        assert_eq!(start.await.unwrap().record.status, Status::Completed);
    }
    let most = most_under_way(&bench).await;
    assert!((1..=3).contains(&most), "{most}");
}

/// Those that are rejected at the same time leave one that runs.
#[tokio::test(flavor = "multi_thread")]
async fn of_rivals_with_reject_one_is_accepted() {
    let bench = Arc::new(Bench::new().await);
    let workflow = bench.limited(by_key(1, "reject")).await;
    let starts: Vec<_> = (0..200)
        .map(|_| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.started(workflow, json!({"k": "a"})).await })
        })
        .collect();
    let mut accepted = 0;
    for start in starts {
        match start.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(AppError::ConcurrencyLimit(1)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn places_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let open = || Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let bench = Bench::over(open(), without_stay()).await;
    let workflow = bench.limited(by_key(1, "queue")).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(bench.execute(workflow, json!({"k": "a"})).await);
    }
    bench.begun(ids[0]).await;
    bench.app.shutdown().await;
    drop(bench);

    let bench = Bench::over(open(), without_stay()).await;
    assert_eq!(bench.awaited_place(ids[1]).await.unwrap().position, Some(1));
    assert_eq!(bench.awaited_place(ids[2]).await.unwrap().position, Some(2));
    for id in ids {
        bench.begun(id).await;
        bench.go(id).await;
        assert_eq!(bench.ended(id).await.record.status, Status::Completed);
    }
}

/// The same idempotency key starts one execution, also if both requests come at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_the_first_execution() {
    let bench = Arc::new(Bench::new().await);
    let workflow = bench.limited(by_key(1, "reject")).await;
    let starts: Vec<_> = (0..20)
        .map(|_| {
            let bench = bench.clone();
            tokio::spawn(async move {
                let idempotency = stepwell_engine::app::Idempotency {
                    key: "once".to_owned(),
                    fingerprint: vec![1],
                };
                let start = stepwell_engine::app::Start {
                    idempotency: Some(idempotency),
                    ..with_input(json!({"k": "a"}))
                };
                bench.app.execute(&bench.caller, workflow, start).durable().await.unwrap()
            })
        })
        .collect();
    let mut ids = Vec::new();
    for start in starts {
        ids.push(start.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

/// Cancelled executions make room in the queue.
#[tokio::test]
async fn replaced_ones_do_not_fill_the_queue() {
    let bench = Bench::with(EngineConfig { max_queued: 4, ..without_stay() }).await;
    let workflow = bench.limited(by_key(1, "replace_queued")).await;
    let first = bench.execute(workflow, json!({"k": "a"})).await;
    bench.begun(first).await;
    let mut last = bench.execute(workflow, json!({"k": "a"})).await;
    for _ in 0..20 {
        let next = bench.execute(workflow, json!({"k": "a"})).await;
        assert_eq!(bench.ended(last).await.record.status, Status::Cancelled);
        last = next;
    }
}

#[tokio::test]
async fn sub_workflows_need_places_too() {
    let bench = Bench::with(without_stay()).await;
    let child = json!({"name": "child", "inputs": {"n": "any"}, "concurrency": {"limit": 2},
        "steps": [{"type": "Delay", "config": {"for": "1ms"}}, {"type": "Echo", "input": "{{ inputs.n }}"}]});
    bench.create(child).await;
    let map = json!([{"type": "Map", "over": [1, 2, 3, 4, 5, 6], "steps": [
        {"id": "call", "type": "SubWorkflow", "workflow": "child", "input": {"n": "{{ item }}"}}]}]);
    let workflow = bench.steps(map).await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.output.as_deref(), Some(&json!([1, 2, 3, 4, 5, 6])), "{:?}", view.error);
    assert!(bench.children(view.record.id).await.len() == 6);
}

/// A sub-workflow that needs a place of an execution that waits for it fails.
#[tokio::test]
async fn a_deadlock_is_an_error() {
    let bench = Bench::with(without_stay()).await;
    bench.named("middle", call("outer")).await;
    for (limit, steps, fails) in [
        (1, call("outer"), true),
        // Not the parent itself, but an execution above it.
        (1, call("middle"), true),
        // Each takes a place, until none is left.
        (3, call("outer"), true),
        (
            1,
            json!([{"type": "SubWorkflow", "workflow": "outer", "wait": false,
            "when": "inputs.more | default(true)", "input": {"more": false}}]),
            false,
        ),
    ] {
        let name = "outer";
        let source = json!({"name": name, "concurrency": {"limit": limit}, "steps": steps});
        let workflow = bench.create(source).await;
        let view = bench.wait(workflow, json!({})).await.unwrap();
        let code = view.error.as_ref().map(|error| error.code.as_str());
        assert_eq!(code, fails.then_some("CONCURRENCY_DEADLOCK"), "{steps} {:?}", view.error);
        let expected = stepwell_engine::app::Deletion::default();
        let _ = bench.app.delete_workflow(&bench.caller, workflow, expected).await;
    }
}

/// However many start it at the same time, one sub-workflow gets the place, and none waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn of_rival_sub_workflows_one_gets_the_place() {
    let bench = Bench::with(without_stay()).await;
    let steps = json!([{"type": "Delay", "config": {"for": "1h"}}]);
    let limited = json!({"name": "held", "concurrency": {"policy": "reject"}, "steps": steps});
    let limited = bench.create(limited).await;
    let workflow = bench.steps(json!([{"type": "SubWorkflow", "workflow": "held"}])).await;
    let starts = (0..30).map(|_| bench.execute(workflow, json!({})));
    let ids = futures_util::future::join_all(starts).await;
    let of_limited = ExecutionFilter { workflow: Some(limited), ..ExecutionFilter::default() };
    let settled = async {
        loop {
            let mut failed = 0;
            for id in &ids {
                failed += usize::from(bench.view(*id).await.record.status == Status::Failed);
            }
            if failed == ids.len() - 1 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("in time");
    let list = List::first_page(of_limited, 100);
    let stored = bench.store.list_executions(bench.caller.workspace, list).await.unwrap().items;
    assert_eq!(stored.len(), 1);
    for id in ids {
        let view = bench.view(id).await;
        let child = view.steps[0].child.as_ref().map(|child| child.execution);
        match &view.error {
            Some(error) => assert_eq!((error.code.as_str(), child), ("CONCURRENCY_LIMIT", None)),
            None => assert_eq!(child, Some(stored[0].id)),
        }
    }
}

#[tokio::test]
async fn a_rejected_sub_workflow_fails_its_step() {
    let bench = Bench::with(without_stay()).await;
    let limited = bench.limited(by_key(1, "reject")).await;
    let holder = bench.execute(limited, json!({"k": "a"})).await;
    let steps =
        |input: Value| json!([{"type": "SubWorkflow", "workflow": "limited", "input": input}]);
    for (input, code) in
        [(json!({"k": "a"}), "CONCURRENCY_LIMIT"), (json!({"k": null}), "INVALID_CONCURRENCY_KEY")]
    {
        let workflow = bench.steps(steps(input)).await;
        let view = bench.wait(workflow, json!({})).await.unwrap();
        assert_eq!(view.error.unwrap().code, code);
    }
    bench.begun(holder).await;
}
