//! Limits, queues, idempotency.

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_engine::app::{CreateWorkflow, Idempotency, Start};
use stepwell_engine::view::{ExecutionWait, NoticeKind, WaitReason};
use stepwell_engine::{AppError, EngineConfig};

use crate::support::{Bench, PATIENCE, config, with_input};

#[tokio::test]
async fn above_the_limit_executions_wait_in_the_queue() {
    let bench = Bench::with(EngineConfig { max_active: 2, ..config() }).await;
    let workflow =
        bench.steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "100ms"}}])).await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(bench.execute(workflow, json!({})).await);
    }
    assert!(bench.app.load().0 <= 2);
    for id in ids {
        assert_eq!(bench.ended(id).await.record.status, Status::Completed);
    }
}

#[tokio::test]
async fn reloaded_limits_take_effect_at_once() {
    let limited = EngineConfig { max_active: 1, keep_in_memory_millis: 3_600_000, ..config() };
    let bench = Bench::with(limited.clone()).await;
    let wait = json!({"id": "wait", "type": "Delay", "config": {"for": "10m"}});
    let workflow = bench.steps(json!([wait])).await;
    bench.execute(workflow, json!({})).await;
    let queued = bench.execute(workflow, json!({})).await;
    assert_eq!(bench.app.load(), (1, 1));
    let reloaded = EngineConfig { max_active: 2, max_value_bytes: 40, ..limited };
    bench.app.reload_config(&reloaded);
    let is_running = |status: Status| !matches!(status, Status::Queued);
    bench
        .until(
            queued,
            |notice| matches!(notice.kind, NoticeKind::Status { status, .. } if is_running(status)),
        )
        .await;
    assert_eq!(bench.app.load(), (2, 0));
    let large = json!({"text": "x".repeat(50)});
    let refused = bench.wait(workflow, large).await.unwrap_err();
    assert!(matches!(refused, AppError::TooLarge(_)), "{refused}");
}

#[tokio::test]
async fn one_that_still_waits_in_the_queue_when_its_time_is_over_is_stopped() {
    let bench = Bench::with(EngineConfig { max_active: 0, ..config() }).await;
    let workflow = bench.steps(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    let timeout = std::time::Duration::from_millis(50);
    let start = with_input(json!({}));
    let ended =
        bench.app.execute(&bench.caller, workflow, start).wait_within(timeout).await.unwrap();
    assert_eq!(ended.record.status, Status::TimedOut);
    assert_eq!((ended.record.started_at, ended.output), (None, None));
    let begun = bench.app.execute(&bench.caller, workflow, with_input(json!({}))).accepted().await;
    let begun = begun.unwrap();
    assert_eq!(begun.record.status, Status::Queued);
    let reason = WaitReason::Capacity;
    let expected = ExecutionWait { reason, step_id: None, until: None, signal: None, place: None };
    assert_eq!(begun.waiting, Some(expected));
}

#[tokio::test]
async fn a_full_queue_refuses_and_names_the_time_to_retry() {
    let bench = Bench::with(EngineConfig { max_active: 1, max_queued: 1, ..config() }).await;
    let workflow =
        bench.steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "1s"}}])).await;
    bench.execute(workflow, json!({})).await;
    bench.execute(workflow, json!({})).await;
    let refused = bench
        .app
        .execute(&bench.caller, workflow, with_input(json!({})))
        .durable()
        .await
        .unwrap_err();
    assert!(matches!(refused, AppError::Unavailable { .. }), "{refused}");
}

#[tokio::test]
async fn one_key_one_execution_however_often_it_is_sent() {
    let bench = Bench::new().await;
    let workflow = bench.steps(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    let start = |fingerprint: u8| Start {
        idempotency: Some(Idempotency { key: "k".into(), fingerprint: vec![fingerprint] }),
        ..Start::default()
    };
    let all = (0..20).map(|i| {
        let (app, caller, start) = (bench.app.clone(), bench.caller.clone(), start(1));
        tokio::spawn(async move {
            if i % 2 == 0 {
                app.execute(&caller, workflow, start).durable().await.unwrap()
            } else {
                app.execute(&caller, workflow, start).wait(PATIENCE).await.unwrap().record.id
            }
        })
    });
    let mut ids = Vec::new();
    for task in all.collect::<Vec<_>>() {
        ids.push(task.await.unwrap());
    }
    assert!(ids.windows(2).all(|w| w[0] == w[1]), "{ids:?}");
    let other = bench.app.execute(&bench.caller, workflow, start(2)).durable().await.unwrap_err();
    assert!(matches!(other, AppError::IdempotencyKeyReused), "{other}");
}

#[tokio::test]
async fn values_over_the_limit_fail_the_step() {
    let bench = Bench::with(EngineConfig { max_value_bytes: 1000, ..config() }).await;
    let workflow = bench
        .steps(json!([{"type": "StaticTextInput", "input": "{{ 'x' * 600 }}"}, {"id": "twice", "type": "TextOperation.Concat",
            "input": {"parts": ["{{ steps.static_text_input.output.text }}", "{{ steps.static_text_input.output.text }}"]}}]))
        .await;
    let view = bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(view.error.unwrap().code, "VALUE_TOO_LARGE");
    let large = bench.wait(workflow, json!({"text": "y".repeat(2000)})).await.unwrap_err();
    assert!(matches!(large, AppError::TooLarge(_)), "{large}");
}

/// An input nested this deep around a text.
fn nested(levels: usize) -> serde_json::Value {
    (0..levels).fold(json!("x"), |inner, _| json!([inner]))
}

#[tokio::test]
async fn values_nest_to_one_limit_wherever_they_come_from() {
    let bench = Bench::new().await;
    let echo = bench.steps(json!([{"type": "Echo", "input": "{{ inputs.v }}"}])).await;
    let accepted = bench.execute(echo, json!({"v": nested(99)})).await;
    assert_eq!(bench.ended(accepted).await.record.status, Status::Completed);
    let start = with_input(json!({"v": nested(100)}));
    let refused = bench.app.execute(&bench.caller, echo, start).durable().await.unwrap_err();
    assert!(matches!(refused, AppError::InvalidInput(_)), "{refused}");
    assert!(refused.to_string().contains("100 levels"), "{refused}");

    // Steps that wrap what they are given reach it at run time, outputs too.
    let wrap = json!([{"type": "StaticInput", "input": [["{{ inputs.v }}"]]}]);
    let wrap = bench.steps(wrap).await;
    let ended = bench.ended(bench.execute(wrap, json!({"v": nested(99)})).await).await;
    let error = ended.error.unwrap();
    assert_eq!(
        (error.code.as_str(), error.step.as_deref()),
        ("VALUE_TOO_DEEP", Some("static_input"))
    );
}

#[tokio::test]
async fn names_that_mislead_are_refused_wherever_they_are_given() {
    let bench = Bench::new().await;
    let (app, caller) = (&bench.app, &bench.caller);
    let steps = json!([{"type": "StaticTextInput", "input": "x"}]);
    for (field, value, path) in [
        ("inputs", json!({"pay\u{202e}gpj": "string"}), "inputs.paygpj"),
        (
            "inputs",
            json!({"o": {"type": "object", "properties": {"a\0": {}}}}),
            "inputs.properties.o.a",
        ),
        ("description", json!("a\u{202e}b"), "description"),
        ("metadata", json!({"team": ["a\u{202e}b"]}), "metadata.team[0]"),
    ] {
        let mut source = json!({"name": "n", "steps": steps});
        source[field] = value;
        let create = CreateWorkflow { source, active: true, idempotency: None };
        let AppError::InvalidDefinition(problems) =
            app.create_workflow(caller, create).await.unwrap_err()
        else {
            panic!("{field}")
        };
        assert!(problems.0[0].path.ends_with(path.rsplit('.').next().unwrap()), "{problems}");
    }
    let workflow = bench.steps(steps).await;
    let labels = [("team".to_owned(), json!("a\u{202e}b"))].into_iter().collect();
    for start in [
        Start { external_id: Some("a\u{202e}b".into()), ..Start::default() },
        Start { metadata: labels, ..Start::default() },
    ] {
        let refused = app.execute(caller, workflow, start).durable().await.unwrap_err();
        assert!(refused.to_string().contains("U+202E"), "{refused}");
    }
    // Names that are only known when a step runs fail the step.
    for step in [
        json!({"type": "SetState", "input": "{{ {inputs.name: 1} }}"}),
        json!({"type": "Fail", "config": {"message": "x", "code": "{{ inputs.name }}"}}),
    ] {
        let workflow = bench.steps(json!([step])).await;
        let ended = bench.ended(bench.execute(workflow, json!({"name": "a\u{202e}b"})).await).await;
        let error = ended.error.unwrap();
        assert!(error.message.contains("U+202E"), "{error:?}");
        assert_eq!(ended.record.status, Status::Failed);
    }
}
