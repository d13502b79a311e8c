//! Webhook events of schedules.

use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::schedule::TimingRequest;
use stepwell_core::{Topic, TopicFilter};
use stepwell_engine::app::{Deletion, NewWebhook, ScheduleChange};
use stepwell_engine::{AppError, Clock, SystemClock};

use crate::receiver::Receiver;
use crate::simulated::{cron, every};
use crate::support::Bench;

/// A receiver of these events, or of all.
async fn hooked(bench: &Bench, topics: TopicFilter) -> Receiver {
    let receiver = Receiver::start(&[200]).await;
    let url = receiver.url.clone();
    let new = NewWebhook { url, topics, secret: None, description: None };
    bench.app.create_webhook(&bench.caller, new).await.unwrap();
    receiver
}

async fn events_of(receiver: &Receiver, count: usize) -> Vec<Value> {
    let calls = receiver.at_least(count).await;
    calls.iter().map(|call| serde_json::from_str(&call.body).unwrap()).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|body| body["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_events_of_a_schedule_are_sent_in_order() {
    let bench = Bench::new().await;
    let (app, caller) = (&bench.app, &bench.caller);
    let workflow = bench.steps(json!([{"type": "Echo", "input": 1}])).await;
    let topics = vec![
        Topic::ScheduleCreated,
        Topic::ScheduleUpdated,
        Topic::ScheduleTriggered,
        Topic::ScheduleDeleted,
    ];
    let receiver = hooked(&bench, TopicFilter::Some(topics)).await;
    let id = app.create_schedule(caller, workflow, cron("0 0 * * *")).await.unwrap().record.id;
    let renamed = ScheduleChange { name: Some("next".to_owned()), ..ScheduleChange::default() };
    app.update_schedule(caller, id, renamed.clone()).await.unwrap();
    // Nothing changes: no event is sent.
    app.update_schedule(caller, id, renamed).await.unwrap();
    app.enable_schedule(caller, id, true).await.unwrap();
    app.enable_schedule(caller, id, false).await.unwrap();
    let triggered = app.trigger_schedule(caller, id).await.unwrap();
    bench.ended(triggered.execution).await;
    app.delete_schedule(caller, id).await.unwrap();
    let again = app.delete_schedule(caller, id).await;
    assert!(matches!(again, Err(AppError::NotFound { .. })), "{again:?}");
    let events = events_of(&receiver, 5).await;
    let names = [
        "schedule.created",
        "schedule.updated",
        "schedule.updated",
        "schedule.triggered",
        "schedule.deleted",
    ];
    assert_eq!(types(&events), names);
    let data =
        |field: &str| events.iter().map(|one| one["data"][field].clone()).collect::<Vec<_>>();
    assert_eq!(data("schedule"), vec![json!(id); 5]);
    assert_eq!(data("name"), ["test", "next", "next", "next", "next"]);
    assert_eq!(data("enabled"), [true, true, false, false, false]);
    assert_eq!(data("workflow"), ["test"; 5]);
    let last = json!(triggered.execution);
    assert_eq!(data("last"), [Value::Null, Value::Null, Value::Null, last.clone(), last]);
    // The receiver is not subscribed to the execution's own events.
    assert_eq!(receiver.calls().len(), 5);
}

#[tokio::test]
async fn the_event_of_a_firing_has_its_execution() {
    let bench = Bench::new().await;
    let (app, caller) = (&bench.app, &bench.caller);
    let workflow = bench.steps(json!([{"type": "Echo", "input": 1}])).await;
    let receiver =
        hooked(&bench, TopicFilter::Some(vec![Topic::ScheduleTriggered, Topic::WorkflowExecuted]))
            .await;
    let soon = SystemClock.now().after(Duration::from_millis(300));
    let timing = TimingRequest {
        schedule_type: Some("fixed_time".to_owned()),
        execution_time: Some(soon.to_string()),
        ..TimingRequest::default()
    };
    let change = ScheduleChange { timing, ..cron("") };
    let id = app.create_schedule(caller, workflow, change).await.unwrap().record.id;
    let mut events = events_of(&receiver, 2).await;
    // Of different subjects either may come first.
    events.sort_by_key(|one| one["type"] == "workflow.executed");
    assert_eq!(types(&events), ["schedule.triggered", "workflow.executed"]);
    assert_eq!(events[0]["data"]["schedule"], json!(id));
    assert_eq!(events[0]["data"]["last"], events[1]["data"]["execution"]);
    let shown = app.schedule(caller, id).await.unwrap();
    assert_eq!(json!(shown.last.unwrap().id), events[1]["data"]["execution"]);
}

#[tokio::test]
async fn skipped_firings_and_schedules_deleted_with_their_workflow_have_no_events() {
    let bench = Bench::new().await;
    let (app, caller) = (&bench.app, &bench.caller);
    let workflow = bench.steps(json!([{"type": "Echo", "input": 1}])).await;
    app.set_active(caller, workflow, false, stepwell_engine::app::Expected::Any).await.unwrap();
    let receiver = hooked(&bench, TopicFilter::Every).await;
    let id = app.create_schedule(caller, workflow, every(1, "seconds")).await.unwrap().record.id;
    let skipped = async {
        while app.schedule(caller, id).await.unwrap().record.document.progress.skipped.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, skipped).await.expect("in time");
    app.delete_workflow(caller, workflow, Deletion::default()).await.unwrap();
    let events = events_of(&receiver, 2).await;
    assert_eq!(types(&events), ["schedule.created", "workflow.deleted"]);
}
