//! Signals: waits that survive everything, and signals that are consumed once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::execution::{Status, UnawaitedSignal};
use stepwell_core::ids::ExecutionId;
use stepwell_engine::app::{NewSignal, SentSignal, SignalEffect};
use stepwell_engine::view::{ExecutionWait, NoticeKind, StepStatus, WaitReason};
use stepwell_engine::{AppError, EngineConfig};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::support::{Bench, ManualClock, config};

fn signal(name: &str, data: Value) -> NewSignal {
    let (key, id, unawaited) = (None, None, UnawaitedSignal::Keep);
    NewSignal { name: name.into(), key, id, data: Arc::new(data), unawaited }
}

fn keyed(key: &str, data: Value) -> NewSignal {
    NewSignal { key: Some(key.into()), ..signal("payment", data) }
}

fn rejected(signal: NewSignal) -> NewSignal {
    NewSignal { unawaited: UnawaitedSignal::Reject, ..signal }
}

impl Bench {
    async fn until_waiting(&self, id: ExecutionId) {
        self.until(id, |notice| {
            matches!(&notice.kind, NoticeKind::Step { step, .. } if step.status == StepStatus::Waiting)
        })
        .await;
        // Until it is stored as well: a control request waits for its commit.
        self.app.pause(&self.caller, None, id).await.unwrap();
        self.app.resume(&self.caller, None, id).await.unwrap();
    }

    async fn send(&self, id: ExecutionId, signal: NewSignal) -> Result<SignalEffect, AppError> {
        Ok(self.app.send_signal(&self.caller, id, signal).await?.effect)
    }

    async fn send_keyed(&self, signal: NewSignal) -> Result<SentSignal, AppError> {
        self.app.send_signal_by_key(&self.caller, signal).await
    }

    async fn output(&self, id: ExecutionId) -> Value {
        let view = self.ended(id).await;
        assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
        Value::clone(&view.output.unwrap())
    }
}

fn wait_for_payment() -> Value {
    json!([{"id": "paid", "type": "WaitForSignal", "signal": "payment"}])
}

fn wait_for_key() -> Value {
    json!([{"id": "paid", "type": "WaitForSignal", "signal": "payment", "key": "{{ inputs.order }}"}])
}

#[tokio::test]
async fn a_waiting_execution_continues_with_the_data() {
    let bench = Bench::new().await;
    let workflow = bench.steps(wait_for_payment()).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.until_waiting(id).await;
    let view = bench.app.execution(&bench.caller, None, id).await.unwrap();
    assert_eq!(view.record.status, Status::Waiting);
    let ExecutionWait { reason, step_id, until, signal: awaited, place: _ } = view.waiting.unwrap();
    assert_eq!((reason, step_id.as_deref(), until), (WaitReason::Signal, Some("paid"), None));
    assert_eq!(awaited.unwrap().name, "payment");
    let other = bench.send(id, rejected(signal("other", json!(1)))).await;
    assert!(matches!(other, Err(AppError::SignalNotAwaited)), "{other:?}");
    let sent = bench.send(id, signal("payment", json!({"amount": 25}))).await.unwrap();
    assert_eq!(sent, SignalEffect::Consumed);
    assert_eq!(bench.output(id).await, json!({"amount": 25}));
    let late = bench.send(id, signal("payment", json!(2))).await;
    assert!(matches!(late, Err(AppError::AlreadyEnded(Status::Completed))), "{late:?}");
}

#[tokio::test]
async fn signals_that_come_first_are_kept_and_consumed_in_order() {
    let bench = Bench::new().await;
    let steps = json!([
        {"id": "start", "type": "WaitForSignal", "signal": "start"},
        {"id": "one", "type": "WaitForSignal", "signal": "item"},
        {"id": "two", "type": "WaitForSignal", "signal": "item"},
        {"id": "all", "type": "StaticInput",
            "input": ["{{ steps.one.output }}", "{{ steps.two.output }}"]},
    ]);
    let workflow = bench.steps(steps).await;
    let id = bench.execute(workflow, json!({})).await;
    let item = |n: u32| NewSignal { id: Some(n.to_string()), ..signal("item", json!(n)) };
    for (n, effect) in
        [(1, SignalEffect::Kept), (1, SignalEffect::Repeated), (2, SignalEffect::Kept)]
    {
        assert_eq!(bench.send(id, item(n)).await.unwrap(), effect);
    }
    bench.send(id, signal("start", json!(null))).await.unwrap();
    assert_eq!(bench.output(id).await, json!([1, 2]));
}

#[tokio::test]
async fn an_execution_keeps_a_bounded_number_of_signals() {
    let bench = Bench::new().await;
    let workflow = bench.steps(wait_for_payment()).await;
    let id = bench.execute(workflow, json!({})).await;
    for n in 0..100 {
        assert_eq!(bench.send(id, signal("other", json!(n))).await.unwrap(), SignalEffect::Kept);
    }
    let refused = bench.send(id, signal("other", json!(100))).await;
    assert!(matches!(refused, Err(AppError::TooManySignals(_))), "{refused:?}");
    assert_eq!(bench.send(id, signal("payment", json!(1))).await.unwrap(), SignalEffect::Consumed);
    let too_large = signal("payment", json!("x".repeat(64 << 20)));
    let refused = bench.send(id, too_large).await;
    assert!(matches!(refused, Err(AppError::TooLarge(_))), "{refused:?}");
}

#[tokio::test]
async fn a_paused_execution_keeps_its_signal() {
    let bench = Bench::new().await;
    let workflow = bench.steps(wait_for_payment()).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.until_waiting(id).await;
    bench.app.pause(&bench.caller, None, id).await.unwrap();
    let sent = bench.send(id, rejected(signal("payment", json!(1)))).await.unwrap();
    assert_eq!(sent, SignalEffect::Kept, "it is awaited");
    let view = bench.app.execution(&bench.caller, None, id).await.unwrap();
    assert_eq!(view.record.status, Status::Paused);
    bench.app.resume(&bench.caller, None, id).await.unwrap();
    assert_eq!(bench.output(id).await, json!(1));
}

#[tokio::test]
async fn a_queued_execution_stays_in_the_queue() {
    let bench = Bench::with(EngineConfig { max_active: 1, ..config() }).await;
    let slow = bench.steps(json!([{"type": "Delay", "config": {"for": "1s"}}])).await;
    let first = bench.execute(slow, json!({})).await;
    let workflow = bench.steps(wait_for_payment()).await;
    let id = bench.execute(workflow, json!({})).await;
    let view = bench.app.execution(&bench.caller, None, id).await.unwrap();
    assert_eq!(view.record.status, Status::Queued);
    let sent = bench.send(id, signal("payment", json!("early"))).await.unwrap();
    assert_eq!(sent, SignalEffect::Kept);
    assert_eq!(bench.output(id).await, json!("early"));
    assert_eq!(bench.ended(first).await.record.status, Status::Completed);
}

#[tokio::test]
async fn a_key_finds_the_execution_that_waits_for_it() {
    let bench = Bench::new().await;
    let workflow = bench.steps(wait_for_key()).await;
    let mut ids = Vec::new();
    for order in ["a", "b", "a"] {
        let id = bench.execute(workflow, json!({"order": order})).await;
        bench.until_waiting(id).await;
        ids.push(id);
    }
    let unknown = bench.send_keyed(rejected(keyed("c", json!(0)))).await;
    assert!(matches!(unknown, Err(AppError::SignalNotAwaited)), "{unknown:?}");
    for (n, (key, id)) in [("a", ids[0]), ("a", ids[2]), ("b", ids[1])].into_iter().enumerate() {
        let sent = bench.send_keyed(keyed(key, json!(n))).await.unwrap();
        assert_eq!((sent.effect, sent.execution), (SignalEffect::Consumed, Some(id)));
        assert_eq!(bench.output(id).await, json!(n));
    }
    let unawaited = bench.send_keyed(rejected(keyed("a", json!(3)))).await;
    assert!(matches!(unawaited, Err(AppError::SignalNotAwaited)), "{unawaited:?}");
}

#[tokio::test]
async fn a_signal_that_comes_before_its_execution_is_kept_for_one() {
    let bench = Bench::new().await;
    let workflow = bench.steps(wait_for_key()).await;
    let first = NewSignal { id: Some("p-1".into()), ..keyed("a", json!("first")) };
    let sent = bench.send_keyed(first.clone()).await.unwrap();
    assert_eq!((sent.effect, sent.execution), (SignalEffect::Kept, None));
    assert!(sent.expires_at.is_some());
    let again = bench.send_keyed(first.clone()).await.unwrap();
    assert_eq!(again.effect, SignalEffect::Repeated);
    let one = bench.execute(workflow, json!({"order": "a"})).await;
    assert_eq!(bench.output(one).await, json!("first"));
    let other = bench.execute(workflow, json!({"order": "a"})).await;
    bench.until_waiting(other).await;
    let again = bench.send_keyed(first).await.unwrap();
    assert_eq!(again.effect, SignalEffect::Repeated, "also after it was consumed");
    let sent = bench.send_keyed(keyed("a", json!("second"))).await.unwrap();
    assert_eq!(sent.execution, Some(other));
    assert_eq!(bench.output(other).await, json!("second"));
}

#[tokio::test]
async fn signals_and_executions_that_meet_find_each_other() {
    let bench = Bench::new().await;
    let workflow = bench.steps(wait_for_key()).await;
    for n in 0..30 {
        let order = n.to_string();
        let send = async { bench.send_keyed(keyed(&order, json!(n))).await.unwrap() };
        let execute = bench.execute(workflow, json!({"order": order}));
        let (_, id) = tokio::join!(send, execute);
        assert_eq!(bench.output(id).await, json!(n));
    }
}

#[tokio::test]
async fn kept_signals_are_bounded_by_key() {
    let bench = Bench::new().await;
    for n in 0..100 {
        bench.send_keyed(keyed("a", json!(n))).await.unwrap();
    }
    let refused = bench.send_keyed(keyed("a", json!(100))).await;
    assert!(matches!(refused, Err(AppError::TooManySignals(_))), "{refused:?}");
    bench.send_keyed(keyed("b", json!(1))).await.unwrap();
}

#[tokio::test]
async fn an_ended_wait_is_not_found_any_more() {
    let bench = Bench::new().await;
    let workflow = bench.steps(wait_for_key()).await;
    let id = bench.execute(workflow, json!({"order": "a"})).await;
    bench.until_waiting(id).await;
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    let refused = bench.send_keyed(rejected(keyed("a", json!(1)))).await;
    assert!(matches!(refused, Err(AppError::SignalNotAwaited)), "{refused:?}");
}

#[tokio::test]
async fn a_timeout_fails_the_step_or_leaves_by_its_port() {
    let bench = Bench::new().await;
    let wait =
        json!({"id": "paid", "type": "WaitForSignal", "signal": "payment", "timeout": "50ms"});
    let failing = bench.steps(json!([wait])).await;
    let view = bench.ended(bench.execute(failing, json!({})).await).await;
    assert_eq!(view.error.unwrap().code, "SIGNAL_TIMEOUT");
    let mut wait = wait;
    wait["on_timeout"] = json!("port");
    let steps = json!([
        wait,
        {"id": "thank", "type": "Echo", "input": "paid", "after": ["paid"]},
        {"id": "remind", "type": "Echo", "input": "late", "after": ["paid.timeout"]},
    ]);
    let workflow = bench.steps(steps).await;
    let late = bench.execute(workflow, json!({})).await;
    assert_eq!(bench.output(late).await, json!({"remind": "late"}));
}

#[tokio::test]
async fn waits_and_kept_signals_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let open = || Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let bench = Bench::over(open(), config()).await;
    let workflow = bench.steps(wait_for_key()).await;
    let waiting = bench.execute(workflow, json!({"order": "a"})).await;
    bench.until_waiting(waiting).await;
    bench.send_keyed(keyed("b", json!("kept"))).await.unwrap();
    for _ in 0..4 {
        // It makes no progress at any start, which is no failure of its recovery.
        bench.app.shutdown().await;
    }
    drop(bench);
    let mut bench = Bench::over(open(), config()).await;
    for _ in 0..4 {
        bench = bench.restart().await;
    }
    let view = bench.app.execution(&bench.caller, None, waiting).await.unwrap();
    assert_eq!(view.record.status, Status::Waiting);
    let sent = bench.send_keyed(keyed("a", json!("after"))).await.unwrap();
    assert_eq!((sent.effect, sent.execution), (SignalEffect::Consumed, Some(waiting)));
    assert_eq!(bench.output(waiting).await, json!("after"));
    let late = bench.execute(workflow, json!({"order": "b"})).await;
    assert_eq!(bench.output(late).await, json!("kept"));
}

#[tokio::test]
async fn a_kept_signal_that_a_crash_left_is_delivered_at_the_next_start() {
    let bench = Bench::new().await;
    let workflow = bench.steps(wait_for_key()).await;
    let id = bench.execute(workflow, json!({"order": "a"})).await;
    bench.until_waiting(id).await;
    bench.app.shutdown().await;
    // As a server that stopped between keeping a signal and delivering it.
    let kept = stepwell_engine::signal::KeptSignal {
        key: stepwell_engine::signal::SignalKey { signal: "payment".into(), key: "a".into() },
        id: None,
        data: Arc::new(json!("left")),
        expires_at: bench.now().after(Duration::from_secs(60)),
    };
    let object = stepwell_engine::objects::Object::new(
        stepwell_core::ids::SubjectId::from_uuid(uuid::Uuid::from_u128(7)),
        bench.caller.workspace,
        bench.now(),
        kept,
    );
    let batch = stepwell_store::objects::ObjectBatch::put(
        object.to_stored().unwrap(),
        stepwell_store::Effects::default(),
    );
    bench.store.write_objects(batch).await.unwrap();
    let bench = bench.restart().await;
    assert_eq!(bench.output(id).await, json!("left"));
}

#[tokio::test]
async fn kept_signals_expire() {
    let clock = ManualClock::new();
    let store = Arc::new(stepwell_store::memory::MemoryStore::default());
    let bench = Bench::at(store.clone(), config(), clock.clone()).await;
    bench.send_keyed(keyed("a", json!(1))).await.unwrap();
    bench.app.shutdown().await;
    clock.advance(Duration::from_secs(8 * 24 * 60 * 60));
    // The loop deletes expired signals at the start.
    let bench = Bench::at(store, config(), clock).await;
    let workflow = bench.steps(wait_for_key()).await;
    let found = bench.store.due_objects(stepwell_store::objects::DueObjects::first("kept_signal"));
    let mut left = found.await.unwrap().len();
    while left > 0 {
        tokio::task::yield_now().await;
        let due = stepwell_store::objects::DueObjects::first("kept_signal");
        left = bench.store.due_objects(due).await.unwrap().len();
    }
    let id = bench.execute(workflow, json!({"order": "a"})).await;
    bench.until_waiting(id).await;
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
}

#[tokio::test]
async fn names_and_keys_are_checked() {
    let bench = Bench::new().await;
    for (wrong, field) in [
        (NewSignal { name: String::new(), ..keyed("a", json!(1)) }, "name"),
        (keyed("", json!(1)), "key"),
        (keyed("a\u{202e}b", json!(1)), "key"),
        (NewSignal { id: Some("x".repeat(256)), ..keyed("a", json!(1)) }, "id"),
        (NewSignal { key: None, ..keyed("a", json!(1)) }, "key"),
    ] {
        match bench.send_keyed(wrong).await {
            Err(AppError::InvalidRequest(problem)) => assert_eq!(problem.path, field),
            other => panic!("{other:?}"),
        }
    }
}
