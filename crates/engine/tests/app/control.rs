//! Cancel, pause, resume, and following.

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_engine::AppError;
use stepwell_engine::view::{NoticeKind, StepStatus};

use crate::receiver::Receiver;
use crate::support::Bench;

fn step_is(kind: &NoticeKind, id: &str, status: StepStatus) -> bool {
    matches!(kind, NoticeKind::Step { step, .. } if step.step_id == id && step.status == status)
}

#[tokio::test]
async fn a_waiting_execution_is_cancelled_for_good() {
    let bench = Bench::new().await;
    let workflow =
        bench.steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "1h"}}])).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.until(id, |n| step_is(&n.kind, "wait", StepStatus::Waiting)).await;
    bench.app.cancel(&bench.caller, None, id, Some("enough".into())).await.unwrap();
    let view = bench.app.execution(&bench.caller, None, id).await.unwrap();
    assert_eq!(view.record.status, Status::Cancelled, "it is durable when the call returns");
    let again = bench.app.cancel(&bench.caller, None, id, None).await.unwrap_err();
    assert!(matches!(again, AppError::AlreadyEnded(Status::Cancelled)), "{again}");
}

#[tokio::test]
async fn a_step_under_way_is_stopped_by_cancel() {
    let receiver = Receiver::start(&[0]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "hang", "type": "HttpRequest", "config": {"url": receiver.url}}]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    receiver.at_least(1).await;
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    let view = bench.ended(id).await;
    assert_eq!(view.record.status, Status::Cancelled);
    assert_eq!(view.steps[0].status, StepStatus::Cancelled);
}

#[tokio::test]
async fn paused_starts_nothing_until_resumed() {
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([
            {"id": "wait", "type": "Delay", "config": {"for": "300ms"}, "input": "x"},
            {"id": "after", "type": "Echo"},
        ]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    bench.until(id, |n| step_is(&n.kind, "wait", StepStatus::Waiting)).await;
    bench.app.pause(&bench.caller, None, id).await.unwrap();
    let twice = bench.app.pause(&bench.caller, None, id).await.unwrap_err();
    assert!(matches!(twice, AppError::WrongState { .. }), "{twice}");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let view = bench.app.execution(&bench.caller, None, id).await.unwrap();
    assert_eq!(view.record.status, Status::Paused);
    assert_eq!(view.steps[1].status, StepStatus::Pending);
    bench.app.resume(&bench.caller, None, id).await.unwrap();
    assert_eq!(bench.ended(id).await.record.status, Status::Completed);
}

#[tokio::test]
async fn a_reader_that_comes_back_misses_nothing() {
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "a", "type": "StaticTextInput", "input": "x"}, {"id": "wait", "type": "Delay", "config": {"for": "50ms"}}, {"id": "b", "type": "Echo"}]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    let mut all = Vec::new();
    let mut follow = bench.app.follow(&bench.caller, None, id, 0).await.unwrap();
    while let Some(notice) = follow.next().await.unwrap() {
        all.push(notice.seq);
    }
    assert!(all.windows(2).all(|w| w[0] < w[1]), "in order: {all:?}");
    for from in &all {
        let mut follow = bench.app.follow(&bench.caller, None, id, *from).await.unwrap();
        let mut rest = Vec::new();
        while let Some(notice) = follow.next().await.unwrap() {
            rest.push(notice.seq);
        }
        let wanted: Vec<u64> = all.iter().copied().filter(|seq| seq > from).collect();
        assert_eq!(rest, wanted);
    }
}

#[tokio::test]
async fn a_reader_far_along_a_long_journal_sees_the_end() {
    let bench = Bench::new().await;
    let steps: Vec<_> = (0..400)
        .map(|i| json!({"id": format!("s{i}"), "type": "StaticInput", "input": i, "after": []}))
        .collect();
    let workflow = bench.steps(json!(steps)).await;
    let last = bench.wait(workflow, json!({})).await.unwrap().record;
    let mut follow = bench.app.follow(&bench.caller, None, last.id, last.seq - 1).await.unwrap();
    let notice =
        tokio::time::timeout(crate::support::PATIENCE, follow.next()).await.expect("in time");
    assert_eq!(notice.unwrap().unwrap().seq, last.seq);
}

#[tokio::test]
async fn a_reader_stays_through_sleep_and_waking() {
    let config =
        stepwell_engine::EngineConfig { keep_in_memory_millis: 0, ..crate::support::config() };
    let bench = Bench::with(config).await;
    let workflow = bench
        .steps(json!([
            {"id": "wait", "type": "Delay", "config": {"for": "100ms"}, "input": 1},
            {"id": "again", "type": "Delay", "config": {"for": "100ms"}},
        ]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    let mut follow = bench.app.follow(&bench.caller, None, id, 0).await.unwrap();
    let all = async { while follow.next().await.unwrap().is_some() {} };
    tokio::time::timeout(crate::support::PATIENCE, all).await.expect("the end is seen");
}

#[tokio::test]
async fn another_workspace_sees_nothing() {
    let bench = Bench::new().await;
    let workflow = bench.steps(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    let id = bench.wait(workflow, json!({})).await.unwrap().record.id;
    let mut stranger = bench.caller.clone();
    stranger.workspace = stepwell_core::ids::WorkspaceId::from_uuid(uuid::Uuid::from_u128(7));
    let app = &bench.app;
    assert!(matches!(app.execution(&stranger, None, id).await, Err(AppError::NotFound { .. })));
    assert!(matches!(app.workflow(&stranger, workflow).await, Err(AppError::NotFound { .. })));
    assert!(matches!(app.cancel(&stranger, None, id, None).await, Err(AppError::NotFound { .. })));
    assert!(matches!(
        app.execute(&stranger, workflow, Default::default()).durable().await,
        Err(AppError::NotFound { .. })
    ));
}

#[tokio::test]
async fn waiting_callers_return_when_the_server_stops() {
    let receiver = Receiver::start(&[0]).await;
    let bench = Bench::new().await;
    let workflow =
        bench.steps(json!([{"type": "HttpRequest", "config": {"url": receiver.url}}])).await;
    let waiting = bench.wait(workflow, json!({}));
    let stop = async {
        receiver.at_least(1).await;
        bench.app.shutdown().await;
    };
    let (waited, ()) = tokio::join!(waiting, stop);
    assert!(matches!(waited, Err(AppError::StillRunning(_))), "{waited:?}");
}

#[tokio::test]
async fn a_delay_keeps_to_its_time_out() {
    let bench = Bench::new().await;
    let delay = |length: &str, timeout: &str| {
        json!([{"id": "wait", "type": "Delay", "config": {"for": length}, "timeout": timeout,
            "retry": {"max_attempts": 2, "initial": "1ms"}}])
    };
    let short = bench.wait(bench.steps(delay("10ms", "10s")).await, json!({})).await.unwrap();
    assert_eq!(short.record.status, Status::Completed, "{:?}", short.error);
    let long = bench.wait(bench.steps(delay("1h", "20ms")).await, json!({})).await.unwrap();
    let error = long.error.unwrap();
    assert_eq!((error.code.as_str(), error.attempt), ("STEP_TIMEOUT", Some(2)));
}
