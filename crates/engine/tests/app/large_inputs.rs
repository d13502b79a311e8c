//! Inputs whose check against the schema is much work: refused, or checked off the runtime's
//! threads, whichever way they come in.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stepwell_core::execution::{RerunFrom, Status};
use stepwell_engine::AppError;
use stepwell_engine::app::{RerunRequest, ScheduleChange};

use crate::simulated::cron;
use crate::support::{Bench, with_input};

/// Many alternatives for each item of a list.
fn definition() -> Value {
    let alternatives: Vec<Value> = (1..=300).map(|i| json!({"const": -i})).collect();
    json!({
        "name": "alternatives",
        "inputs": {"v": {"type": "array", "items": {"anyOf": alternatives}}},
        "steps": [{"type": "StaticTextInput", "input": "x"}],
    })
}

fn input(items: usize) -> Value {
    json!({"v": (0..items).map(|i| -1 - (i as i64 % 300)).collect::<Vec<_>>()})
}

fn refused_as_too_much(error: AppError) {
    let AppError::InvalidInput(problems) = &error else { panic!("{error}") };
    assert_eq!(problems.0[0].path, "input.v", "{problems}");
    assert!(problems.0[0].message.contains("too much work"), "{problems}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_much_work_is_refused_on_every_way_in() {
    let bench = Bench::new().await;
    let workflow = bench.create(definition()).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let start = Instant::now();
    refused_as_too_much(
        app.execute(caller, workflow, with_input(input(200_000))).durable().await.unwrap_err(),
    );
    refused_as_too_much(bench.wait(workflow, input(200_000)).await.unwrap_err());
    let Value::Object(parameters) = input(200_000) else { unreachable!() };
    let change = ScheduleChange { parameters: Some(parameters), ..cron("0 0 * * *") };
    refused_as_too_much(app.create_schedule(caller, workflow, change).await.unwrap_err());

    // What is allowed is checked on a thread, and the rerun takes the same way.
    let ended = bench.ended(bench.execute(workflow, input(2_000)).await).await;
    assert_eq!(ended.record.status, Status::Completed);
    let again = RerunRequest { input: Some(input(200_000)), ..RerunRequest::default() };
    let (workflow, rerun) = app.rerun(caller, ended.record.id, again).await.unwrap();
    refused_as_too_much(app.execute(caller, workflow, rerun).durable().await.unwrap_err());
    let from = RerunFrom::Step { id: "static_text_input".into(), input: Some(json!({"text": 1})) };
    let again = RerunRequest { from: Some(from), ..RerunRequest::default() };
    let refused = app.rerun(caller, ended.record.id, again).await.unwrap_err();
    assert!(matches!(refused, AppError::InvalidInput(_)), "{refused}");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// With more such requests than threads, others complete meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_checks_leave_room_for_others() {
    let bench = Bench::new().await;
    let large = bench.create(definition()).await;
    let small = bench.steps(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    let checks: Vec<_> = (0..8)
        .map(|_| {
            let (app, caller) = (bench.app.clone(), bench.caller.clone());
            tokio::spawn(async move {
                app.execute(&caller, large, with_input(input(10_000))).durable().await
            })
        })
        .collect();
    let mut completed = 0;
    while !checks.iter().all(tokio::task::JoinHandle::is_finished) && completed < 20 {
        let start = Instant::now();
        bench.wait(small, json!({})).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        completed += 1;
    }
    for check in checks {
        match check.await.unwrap() {
            Ok(id) => drop(bench.ended(id).await),
            // There was no place for it in time.
            Err(error) => assert!(matches!(error, AppError::Unavailable { .. }), "{error}"),
        }
    }
}
