//! Sub-workflows through restarts, failures of the store and cancellation, on several nodes.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_engine::view::{Notice, NoticeKind};
use stepwell_engine::{AppError, EngineConfig};
use stepwell_store::lists::{ExecutionFilter, List};
use stepwell_store::memory::MemoryStore;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::receiver::Receiver;
use crate::sub_workflows::{call, slow, without_stay};
use crate::support::{Bench, config};

/// A tree of more than 1,000 executions on the real store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_an_execution_cancels_the_whole_tree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let open = || Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let bench = Bench::over(open(), config()).await;
    bench.named("leaf", slow()).await;
    let many = |name: &str, count: usize| {
        json!([{"type": "Map", "over": vec![json!({}); count], "max_concurrency": count,
            "steps": [{"id": "call", "type": "SubWorkflow", "workflow": name}]}])
    };
    bench.named("middle", many("leaf", 100)).await;
    let workflow = bench.steps(many("middle", 10)).await;
    let id = bench.execute(workflow, json!({})).await;
    for child in bench.stored_children(id, 10).await {
        bench.stored_children(child.id, 100).await;
    }
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    // Another node continues what this one began.
    bench.app.shutdown().await;
    drop(bench);
    let bench = Bench::over(open(), config()).await;
    for child in bench.children(id).await {
        for leaf in bench.children(child.id).await {
            assert_eq!(bench.ended(leaf.id).await.record.status, Status::Cancelled);
        }
        assert_eq!(bench.ended(child.id).await.record.status, Status::Cancelled);
    }
    let statuses = vec![Status::Cancelled];
    let list = List::first_page(ExecutionFilter { statuses, ..ExecutionFilter::default() }, 1);
    let workspace = bench.caller.workspace;
    let page = bench.store.list_executions(workspace, list.with_total()).await.unwrap();
    assert_eq!(page.total, Some(1 + 10 + 1_000));
}

/// The end of a sub-workflow is stored with it: its parent continues whenever it can.
#[tokio::test]
async fn a_parent_continues_after_a_crash_behind_the_end_of_its_sub_workflow() {
    let receiver = Receiver::start(&[0, 200]).await;
    let bench = Bench::with(EngineConfig { max_active: 1, ..without_stay() }).await;
    bench.named("slow", slow()).await;
    let workflow = bench.steps(call("slow")).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.awaiting(id, 1).await;
    let child = bench.stored_children(id, 1).await[0].id;
    let is_waiting =
        |n: &Notice| matches!(&n.kind, NoticeKind::Step { step, .. } if step.waiting.is_some());
    bench.until(child, is_waiting).await;
    // The only place is taken, so the parent cannot be loaded.
    let blocker = json!([{"type": "HttpRequest", "config": {"url": receiver.url}}]);
    let blocker = bench.named("blocker", blocker).await;
    bench.execute(blocker, json!({})).await;
    receiver.at_least(1).await;
    bench.app.cancel(&bench.caller, None, child, None).await.unwrap();
    assert_eq!(bench.store.list_messages(id, 9).await.unwrap().len(), 1);
    let bench = bench.restart().await;
    let view = bench.ended(id).await;
    assert_eq!(view.error.unwrap().code, "SUB_WORKFLOW_CANCELLED");
    assert_eq!(bench.store.list_messages(id, 9).await.unwrap(), []);
}

/// A start and its sub-workflow are stored together: after a crash before the commit it starts once.
#[tokio::test]
async fn a_sub_workflow_starts_once_when_the_store_fails() {
    let store = Arc::new(MemoryStore::default());
    let bench = Bench::over(store.clone(), without_stay()).await;
    bench.named("child", json!([{"type": "Delay", "config": {"for": 0.3}}])).await;
    let steps = json!([{"type": "Delay", "config": {"for": 0.2}},
        {"id": "call", "type": "SubWorkflow", "workflow": "child"}]);
    let workflow = bench.steps(steps).await;
    let id = bench.execute(workflow, json!({})).await;
    // From here on nothing is stored: the start of the sub-workflow only exists in memory.
    store.set_full(true);
    let starts =
        |n: &Notice| matches!(&n.kind, NoticeKind::Step { step, .. } if step.child.is_some());
    bench.until(id, starts).await;
    assert_eq!(bench.children(id).await, []);
    bench.app.shutdown().await;
    store.set_full(false);
    let bench = Bench::over(store, config()).await;
    let view = bench.ended(id).await;
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    assert_eq!(bench.children(id).await.len(), 1);
}

/// Parents that wait through many restarts are not taken for executions that crash the server.
#[tokio::test]
async fn a_parent_waits_through_restarts() {
    let mut bench = Bench::with(without_stay()).await;
    bench.named("slow", slow()).await;
    let workflow = bench.steps(call("slow")).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.awaiting(id, 1).await;
    for _ in 0..6 {
        bench = bench.restart().await;
    }
    let child = bench.stored_children(id, 1).await[0].id;
    bench.app.cancel(&bench.caller, None, child, None).await.unwrap();
    assert_eq!(bench.ended(id).await.error.unwrap().code, "SUB_WORKFLOW_CANCELLED");
}

/// Another node ends the sub-workflow; the node of the parent notices.
#[tokio::test]
async fn a_sub_workflow_may_end_on_another_node() {
    let store = Arc::new(MemoryStore::default());
    let config = || EngineConfig { sole_node: false, ..without_stay() };
    let bench = Bench::over(store.clone(), config()).await;
    let other = Bench::over(store, config()).await;
    bench.named("slow", slow()).await;
    let workflow = bench.steps(call("slow")).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.awaiting(id, 1).await;
    let child = bench.stored_children(id, 1).await[0].id;
    let is_waiting =
        |n: &Notice| matches!(&n.kind, NoticeKind::Step { step, .. } if step.waiting.is_some());
    bench.until(child, is_waiting).await;
    other.app.cancel(&other.caller, None, child, None).await.unwrap();
    assert_eq!(bench.ended(id).await.error.unwrap().code, "SUB_WORKFLOW_CANCELLED");
}

/// A paused parent records the end of its sub-workflow, and continues when it is resumed.
#[tokio::test]
async fn the_end_of_a_sub_workflow_reaches_a_paused_parent() {
    let bench = Bench::with(without_stay()).await;
    bench.named("slow", slow()).await;
    let steps = json!([{"id": "call", "type": "SubWorkflow", "workflow": "slow", "on_error": "continue"},
        {"type": "StaticTextInput", "input": "after"}]);
    let workflow = bench.steps(steps).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.awaiting(id, 1).await;
    bench.app.pause(&bench.caller, None, id).await.unwrap();
    let child = bench.stored_children(id, 1).await[0].id;
    match bench.app.cancel(&bench.caller, None, child, None).await {
        Ok(()) | Err(AppError::AlreadyEnded(_)) => {}
        Err(error) => panic!("{error}"),
    }
    let ends =
        |n: &Notice| matches!(&n.kind, NoticeKind::Step { step, .. } if step.error.is_some());
    bench.until(id, ends).await;
    let view = bench.app.execution(&bench.caller, None, id).await.unwrap();
    assert_eq!(view.record.status, Status::Paused);
    bench.app.resume(&bench.caller, None, id).await.unwrap();
    assert_eq!(*bench.ended(id).await.output.unwrap(), json!({"text": "after"}));
}
