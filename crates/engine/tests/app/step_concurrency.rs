//! Concurrency limits of steps: how many attempts run at the same time.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::view::{AwaitedPlace, ExecutionView, NoticeKind, StepStatus, WaitReason};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::receiver::Receiver;
use crate::sub_workflows::without_stay;
use crate::support::{Bench, PATIENCE};

impl Bench {
    /// A workflow whose step `call` calls the receiver, at most `limit` at a time for each key.
    async fn calls(&self, url: &str, limit: u32) -> WorkflowId {
        let concurrency = json!({"limit": limit, "key": "{{ inputs.k }}"});
        self.create(json!({"name": "calls", "inputs": {"k": "string"}, "steps": [
            {"id": "call", "type": "HttpRequest", "config": {"method": "POST", "url": url},
                "input": {"body": 1}, "concurrency": concurrency},
            {"type": "Echo", "input": "done"},
        ]}))
        .await
    }

    /// Waits until the step waits for a place, and returns the place.
    async fn awaited_step_place(&self, id: ExecutionId) -> AwaitedPlace {
        let notice = self
            .until(id, |notice| {
                matches!(&notice.kind, NoticeKind::Step { step, .. } if step.status == StepStatus::Waiting)
            })
            .await;
        let NoticeKind::Step { step, .. } = notice.kind else { panic!("not a step") };
        let wait = step.waiting.clone().unwrap();
        assert_eq!(wait.reason, WaitReason::Concurrency);
        wait.place.unwrap()
    }

    /// The execution once its step `call` has this position in the queue.
    async fn shown_at(&self, id: ExecutionId, position: u64) -> ExecutionView {
        let shown = async {
            loop {
                let view = self.app.execution(&self.caller, None, id).await.unwrap();
                let wait = view.steps[0].waiting.as_ref();
                if wait.and_then(|wait| wait.place.as_ref()?.position) == Some(position) {
                    return view;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, shown).await.expect("in time")
    }

    async fn completed(&self, id: ExecutionId) {
        let view = self.ended(id).await;
        assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    }
}

fn place(limit: u32, key: &str) -> AwaitedPlace {
    AwaitedPlace { limit, key: Some(key.to_owned()), position: None }
}

/// Waits until so many calls have come.
async fn calls(receiver: &Receiver, count: usize) {
    let come = async {
        while receiver.calls().len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, come).await.expect("in time");
}

#[tokio::test]
async fn further_attempts_wait_and_show_it() {
    // The first call gets no response.
    let receiver = Receiver::start(&[0, 200]).await;
    let bench = Bench::with(without_stay()).await;
    let workflow = bench.calls(&receiver.url, 1).await;
    let first = bench.execute(workflow, json!({"k": "a"})).await;
    calls(&receiver, 1).await;
    let second = bench.execute(workflow, json!({"k": "a"})).await;
    assert_eq!(bench.awaited_step_place(second).await, place(1, "a"));
    let shown = bench.shown_at(second, 1).await;
    assert_eq!(shown.record.status, Status::Waiting);
    let waiting = shown.waiting.unwrap();
    let expected = AwaitedPlace { position: Some(1), ..place(1, "a") };
    assert_eq!((waiting.step_id.as_deref(), waiting.place), (Some("call"), Some(expected)));
    // Another key has a place of its own.
    let other = bench.execute(workflow, json!({"k": "b"})).await;
    bench.completed(other).await;
    assert_eq!(receiver.calls().len(), 2);
    bench.app.cancel(&bench.caller, None, first, None).await.unwrap();
    bench.completed(second).await;
}

#[tokio::test]
async fn what_waits_can_be_cancelled_and_paused() {
    let receiver = Receiver::start(&[0, 200]).await;
    let bench = Bench::with(without_stay()).await;
    let workflow = bench.calls(&receiver.url, 1).await;
    let first = bench.execute(workflow, json!({"k": "a"})).await;
    calls(&receiver, 1).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = bench.execute(workflow, json!({"k": "a"})).await;
        bench.awaited_step_place(id).await;
        ids.push(id);
    }
    for (id, position) in ids.iter().zip(1..) {
        bench.shown_at(*id, position).await;
    }
    bench.app.cancel(&bench.caller, None, ids[0], None).await.unwrap();
    assert_eq!(bench.ended(ids[0]).await.record.status, Status::Cancelled);
    bench.app.pause(&bench.caller, None, ids[1]).await.unwrap();
    bench.app.cancel(&bench.caller, None, first, None).await.unwrap();
    // The one that is paused has no place in the queue, and does not hold up the next.
    bench.completed(ids[2]).await;
    assert_eq!(receiver.calls().len(), 2);
    bench.app.resume(&bench.caller, None, ids[1]).await.unwrap();
    bench.completed(ids[1]).await;
}

#[tokio::test]
async fn waiting_attempts_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let open = || Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let receiver = Receiver::start(&[0, 200]).await;
    let bench = Bench::over(open(), without_stay()).await;
    let workflow = bench.calls(&receiver.url, 1).await;
    let first = bench.execute(workflow, json!({"k": "a"})).await;
    calls(&receiver, 1).await;
    let mut ids = vec![first];
    for _ in 0..3 {
        let id = bench.execute(workflow, json!({"k": "a"})).await;
        bench.awaited_step_place(id).await;
        ids.push(id);
    }
    bench.app.shutdown().await;
    drop(bench);
    let bench = Bench::over(open(), without_stay()).await;
    for id in ids {
        bench.completed(id).await;
    }
}

/// However many run at once, the limit is never exceeded: in items of maps and over executions,
/// with retries.
#[tokio::test(flavor = "multi_thread")]
async fn races_never_exceed_the_limit() {
    let bench = Arc::new(Bench::with(without_stay()).await);
    let workflow = bench
        .create(json!({"name": "race", "inputs": {"n": "integer"}, "steps": [
            {"type": "Map", "over": [1, 2, 3, 4, 5], "steps": [
                {"id": "work", "type": "Echo", "input": {"n": "{{ item }}"},
                    "concurrency": {"limit": 3}}]}]}))
        .await;
    let starts: Vec<_> = (0..40)
        .map(|n| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.wait(workflow, json!({"n": n})).await.unwrap() })
        })
        .collect();
    let mut times = Vec::new();
    for start in starts {
        let view = start.await.unwrap();
        assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
        for step in view.steps.iter().filter(|step| step.step_id.ends_with("].work")) {
            let started = step.attempts.last().unwrap().started_at;
            times.push((started, 1));
            times.push((step.ended_at.unwrap(), -1));
        }
    }
    assert_eq!(times.len(), 40 * 5 * 2);
    times.sort_unstable();
    let running = times.iter().scan(0, |running, (_, change)| {
        *running += change;
        Some(*running)
    });
    let most = running.max().unwrap();
    assert!((1..=3).contains(&most), "{most}");
}

/// The timeout of a step counts from the moment at which it has its place.
#[tokio::test]
async fn a_timeout_does_not_count_the_wait() {
    let receiver = Receiver::start(&[0, 0, 200]).await;
    let bench = Bench::with(without_stay()).await;
    let step = json!({"id": "call", "type": "HttpRequest", "timeout": 0.3, "input": {"body": 1},
        "config": {"method": "POST", "url": receiver.url}, "concurrency": {}});
    let workflow = bench.steps(json!([step])).await;
    let mut ids = Vec::new();
    for started in 0..3 {
        let id = bench.execute(workflow, json!({})).await;
        match started {
            0 => calls(&receiver, 1).await,
            _ => drop(bench.awaited_step_place(id).await),
        }
        ids.push(id);
    }
    let statuses = [Status::Failed, Status::Failed, Status::Completed];
    for (id, expected) in ids.into_iter().zip(statuses) {
        let view = bench.ended(id).await;
        assert_eq!(view.record.status, expected, "{:?}", view.error);
    }
}

#[tokio::test]
async fn a_wrong_key_fails_the_step() {
    let bench = Bench::with(without_stay()).await;
    for (key, code) in [
        ("{{ inputs.none }}", "EXPRESSION_ERROR"),
        ("{{ inputs.list }}", "INVALID_CONCURRENCY_KEY"),
        ("{{ inputs.list + 1 }}", "EXPRESSION_ERROR"),
    ] {
        let step = json!({"type": "Echo", "input": 1, "concurrency": {"key": key}});
        let inputs = json!({"list": "any", "none": "any?"});
        let source = json!({"name": "n", "inputs": inputs, "steps": [step]});
        let workflow = bench.create(source).await;
        let view = bench.wait(workflow, json!({"list": [1]})).await.unwrap();
        assert_eq!(view.error.map(|error| error.code), Some(code.to_owned()), "{key}");
    }
}
