//! That schedules fire when they should, and react to what is done to them.

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_core::schedule::TimingRequest;
use stepwell_engine::AppError;
use stepwell_engine::app::{Deletion, ScheduleChange, ScheduleSelection};
use stepwell_engine::release_tag::Traffic;

use crate::simulated::{Simulated, at, cron, every, parameters, scheduled_at};

#[tokio::test(start_paused = true)]
async fn a_day_of_an_hourly_schedule() {
    let bench = Simulated::start("2026-05-02T00:00:30Z").await;
    let workflow = bench.quick().await;
    let id = bench.schedule(workflow, cron("0 * * * *")).await;
    let view = bench.view(id).await;
    assert_eq!(view.record.document.progress.next_at, Some(at("2026-05-02T01:00:00Z")));
    assert!(view.last.is_none());
    bench.pass(24 * 3600).await;
    let executions = bench.executions(workflow).await;
    assert_eq!(executions.len(), 24);
    for execution in &executions {
        assert_eq!(execution.status, Status::Completed);
        let late = execution.created_at.since(at(scheduled_at(execution)));
        assert!(late.as_millis() <= 2, "{late:?}");
    }
    let view = bench.view(id).await;
    assert_eq!(view.record.document.progress.next_at, Some(at("2026-05-03T01:00:00Z")));
    let last = view.last.unwrap();
    assert_eq!((last.id, last.status), (executions[23].id, Status::Completed));
    assert_eq!(view.record.document.progress.skipped, None);
    assert_eq!(executions[0].metadata["schedule_id"], json!(id.abi()));
}

#[tokio::test(start_paused = true)]
async fn a_fixed_time_fires_once_and_is_spent() {
    let bench = Simulated::start("2026-05-02T00:00:00Z").await;
    let workflow = bench.quick().await;
    let timing = TimingRequest {
        schedule_type: Some("fixed_time".into()),
        execution_time: Some("2026-05-02T10:00:00.250Z".into()),
        ..TimingRequest::default()
    };
    let id = bench.schedule(workflow, ScheduleChange { timing, ..cron("") }).await;
    bench.pass(48 * 3600).await;
    assert_eq!(bench.fired(workflow).await, ["10:00:00"]);
    let record = bench.view(id).await.record;
    assert_eq!(
        (record.document.progress.next_at, record.document.due_at, record.document.enabled),
        (None, None, false)
    );
    let (app, caller) = (&bench.app, &bench.caller);
    let enabled = ScheduleChange { enabled: Some(true), ..ScheduleChange::default() };
    let error = app.update_schedule(caller, id, enabled).await.unwrap_err();
    assert!(error.to_string().contains("execution_time"), "{error}");
    let timing = TimingRequest {
        execution_time: Some("2026-05-06T10:00:00Z".into()),
        ..TimingRequest::default()
    };
    let later = ScheduleChange { timing, ..ScheduleChange::default() };
    assert!(app.update_schedule(caller, id, later).await.unwrap().record.document.enabled);
    bench.pass(72 * 3600).await;
    assert_eq!(bench.fired(workflow).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_time_that_passed_in_a_pause_is_not_resumed() {
    let bench = Simulated::start("2026-05-02T00:00:00Z").await;
    let (app, caller) = (&bench.app, &bench.caller);
    let workflow = bench.quick().await;
    let timing = TimingRequest {
        schedule_type: Some("fixed_time".into()),
        execution_time: Some("2026-05-02T10:00:00Z".into()),
        ..TimingRequest::default()
    };
    let fixed = bench.schedule(workflow, ScheduleChange { timing, ..cron("") }).await;
    let hourly = bench.schedule(workflow, every(1, "hours")).await;
    app.enable_schedules(caller, ScheduleSelection::All, false).await.unwrap();
    bench.pass(24 * 3600).await;
    app.enable_schedules(caller, ScheduleSelection::All, true).await.unwrap();
    assert!(!bench.view(fixed).await.record.document.enabled, "its only time has passed");
    assert!(bench.view(hourly).await.record.document.enabled);
}

#[tokio::test(start_paused = true)]
async fn changes_count_at_once() {
    let bench = Simulated::start("2026-05-02T10:00:30Z").await;
    let (app, caller) = (&bench.app, &bench.caller);
    let workflow = bench.quick().await;
    let id = bench.schedule(workflow, every(1, "hours")).await;
    bench.pass(2).await;
    // Nearer than what the loop sleeps for.
    let nearer = ScheduleChange {
        timing: TimingRequest {
            interval_unit: Some("seconds".into()),
            interval_value: Some(10.0),
            ..TimingRequest::default()
        },
        ..ScheduleChange::default()
    };
    let view = app.update_schedule(caller, id, nearer).await.unwrap();
    assert_eq!(view.record.document.progress.next_at, Some(at("2026-05-02T10:00:42Z")));
    bench.pass(25).await;
    assert_eq!(bench.fired(workflow).await, ["10:00:42", "10:00:52"]);
    // Another name is no other time.
    let renamed = ScheduleChange { name: Some("other".into()), ..ScheduleChange::default() };
    let view = app.update_schedule(caller, id, renamed).await.unwrap();
    assert_eq!(view.record.document.progress.next_at, Some(at("2026-05-02T10:01:02Z")));
    app.enable_schedule(caller, id, false).await.unwrap();
    assert_eq!(bench.view(id).await.record.document.progress.next_at, None);
    bench.pass(60).await;
    assert_eq!(bench.fired(workflow).await.len(), 2, "a paused one does not fire");
    app.enable_schedule(caller, id, true).await.unwrap();
    bench.pass(15).await;
    assert_eq!(bench.fired(workflow).await.last().unwrap(), "10:02:07", "from when it resumed");
    app.delete_schedule(caller, id).await.unwrap();
    bench.pass(60).await;
    assert_eq!(bench.fired(workflow).await.len(), 3);
    let gone = app.schedule(caller, id).await.unwrap_err();
    assert!(matches!(gone, AppError::NotFound { kind: "schedule", .. }), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_workflow_takes_its_schedules_along() {
    let bench = Simulated::start("2026-05-02T10:00:30Z").await;
    let workflow = bench.quick().await;
    let id = bench.schedule(workflow, cron("* * * * *")).await;
    bench.pass(60).await;
    bench.app.delete_workflow(&bench.caller, workflow, Deletion::default()).await.unwrap();
    bench.pass(300).await;
    assert_eq!(bench.fired(workflow).await, ["10:01:00"]);
    let gone = bench.app.schedule(&bench.caller, id).await.unwrap_err();
    assert!(matches!(gone, AppError::NotFound { .. }), "{gone}");
    let made = bench.app.create_schedule(&bench.caller, workflow, cron("* * * * *")).await;
    assert!(matches!(made, Err(AppError::NotFound { kind: "workflow", .. })));
}

#[tokio::test(start_paused = true)]
async fn firings_of_an_inactive_workflow_start_nothing_and_show_it() {
    let bench = Simulated::start("2026-05-02T10:00:30Z").await;
    let (app, caller) = (&bench.app, &bench.caller);
    let workflow = bench.quick().await;
    app.set_active(caller, workflow, false, stepwell_engine::app::Expected::Any).await.unwrap();
    let id = bench.schedule(workflow, cron("* * * * *")).await;
    bench.pass(60).await;
    let record = bench.view(id).await.record;
    let skipped = record.document.progress.skipped.unwrap();
    assert_eq!(skipped.code, "WORKFLOW_INACTIVE");
    assert_eq!(skipped.scheduled_at, at("2026-05-02T10:01:00Z"));
    assert_eq!(record.document.progress.next_at, Some(at("2026-05-02T10:02:00Z")), "it continues");
    let refused = app.trigger_schedule(caller, id).await.unwrap_err();
    assert!(matches!(refused, AppError::Inactive), "{refused}");
    app.set_active(caller, workflow, true, stepwell_engine::app::Expected::Any).await.unwrap();
    bench.pass(60).await;
    assert_eq!(bench.fired(workflow).await, ["10:02:00"]);
}

#[tokio::test(start_paused = true)]
async fn each_firing_runs_the_release_of_the_tag_at_that_time() {
    let bench = Simulated::start("2026-05-02T10:00:30Z").await;
    let (app, caller) = (&bench.app, &bench.caller);
    let definition = |input| json!({"name": "t", "steps": [{"type": "Echo", "input": input}]});
    let workflow = bench.workflow(definition("one")).await;
    app.update_workflow(caller, workflow, definition("two")).await.unwrap();
    let point = |release| vec![Traffic { release, weight: 1 }];
    app.put_release_tag(caller, workflow, "prod", point(1)).await.unwrap();
    let tagged = ScheduleChange { release_tag: Some(Some("prod".to_owned())), ..cron("* * * * *") };
    let id = bench.schedule(workflow, tagged).await;
    let last = async || bench.view(id).await.last.unwrap();
    bench.pass(60).await;
    assert_eq!(last().await.release, 1);
    app.put_release_tag(caller, workflow, "prod", point(2)).await.unwrap();
    bench.pass(60).await;
    assert_eq!(last().await.release, 2);

    app.delete_release_tag(caller, workflow, "prod").await.unwrap();
    bench.pass(60).await;
    assert_eq!(bench.fired(workflow).await, ["10:01:00", "10:02:00"]);
    let record = bench.view(id).await.record;
    let skipped = record.document.progress.skipped.unwrap();
    assert_eq!(skipped.code, "RELEASE_TAG_NOT_FOUND");
    assert!(skipped.message.contains("no release tag `prod`"), "{}", skipped.message);
    assert_eq!(skipped.scheduled_at, at("2026-05-02T10:03:00Z"));
    app.put_release_tag(caller, workflow, "prod", point(1)).await.unwrap();
    bench.pass(60).await;
    assert_eq!(last().await.release, 1, "it continues");
}

#[tokio::test(start_paused = true)]
async fn parameters_are_checked_when_made_and_when_fired() {
    let bench = Simulated::start("2026-05-02T10:00:30Z").await;
    let (app, caller) = (&bench.app, &bench.caller);
    let definition = |inputs| json!({"name": "typed", "inputs": inputs, "steps": [{"type": "Echo", "input": "x"}]});
    let workflow = bench.workflow(definition(json!({"n": "integer"}))).await;
    let with = |value| ScheduleChange { parameters: Some(parameters(value)), ..cron("* * * * *") };
    for wrong in [json!({}), json!({"n": "one"})] {
        let refused = app.create_schedule(caller, workflow, with(wrong)).await.unwrap_err();
        assert!(matches!(refused, AppError::InvalidInput(_)), "{refused}");
    }
    let id = bench.schedule(workflow, with(json!({"n": 1}))).await;
    bench.pass(60).await;
    let changed = definition(json!({"text": "string"}));
    app.update_workflow(caller, workflow, changed).await.unwrap();
    bench.pass(120).await;
    assert_eq!(bench.fired(workflow).await, ["10:01:00"]);
    let skipped = bench.view(id).await.record.document.progress.skipped.unwrap();
    assert_eq!(skipped.code, "PARAMETER_VALIDATION_ERROR");
    assert_eq!(
        skipped.message,
        "the parameters do not fit the workflow's input schema: parameters.n: there is no `n` \
         here; remove it; parameters.text: `text` is required"
    );
    let refused = app.trigger_schedule(caller, id).await.unwrap_err();
    assert!(matches!(refused, AppError::InvalidInput(_)), "{refused}");
    let refused = app.update_schedule(caller, id, with(json!({"n": 1}))).await.unwrap_err();
    assert!(matches!(refused, AppError::InvalidInput(_)), "{refused}");
    app.update_schedule(caller, id, with(json!({"text": "x"}))).await.unwrap();
    bench.pass(60).await;
    assert_eq!(bench.fired(workflow).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn triggered_manually() {
    let bench = Simulated::start("2026-05-02T10:00:30Z").await;
    let (app, caller) = (&bench.app, &bench.caller);
    let workflow = bench.quick().await;
    let id = bench.schedule(workflow, cron("0 * * * *")).await;
    app.enable_schedule(caller, id, false).await.unwrap();
    let started = app.trigger_schedule(caller, id).await.unwrap();
    bench.pass(1).await;
    let view = bench.view(id).await;
    let last = view.last.unwrap();
    assert_eq!((last.id, last.status), (started.execution, Status::Completed));
    assert_eq!(last.metadata, parameters(json!({"schedule_id": id.abi()})));
    // Many hands at once: each has its own execution.
    let all = (0..20).map(|_| {
        let (app, caller) = (app.clone(), caller.clone());
        tokio::spawn(async move { app.trigger_schedule(&caller, id).await.unwrap().execution })
    });
    let mut ids = std::collections::BTreeSet::new();
    for task in all.collect::<Vec<_>>() {
        ids.insert(task.await.unwrap());
    }
    assert_eq!(ids.len(), 20);
    assert_eq!(bench.executions(workflow).await.len(), 21);
}

#[tokio::test(start_paused = true)]
async fn many_are_paused_and_resumed_at_once() {
    let bench = Simulated::start("2026-05-02T10:00:30Z").await;
    let (app, caller) = (&bench.app, &bench.caller);
    let (one, two) = (bench.quick().await, bench.quick().await);
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(bench.schedule(if n < 5 { one } else { two }, cron("* * * * *")).await);
    }
    let change = async |selection, enabled| {
        let changed = app.enable_schedules(caller, selection, enabled).await.unwrap();
        (changed.matched, changed.changed)
    };
    assert_eq!(change(ScheduleSelection::OfWorkflow(one), false).await, (5, 5));
    // The one of them that is paused already is from now on paused by itself.
    assert_eq!(change(ScheduleSelection::These(ids[4..7].to_vec()), false).await, (3, 3));
    bench.pass(60).await;
    assert_eq!((bench.fired(one).await.len(), bench.fired(two).await.len()), (0, 5));
    assert_eq!(change(ScheduleSelection::All, true).await, (12, 0), "none was paused with all");
    assert_eq!(change(ScheduleSelection::OfWorkflow(one), true).await, (5, 4));
    assert_eq!(change(ScheduleSelection::These(ids[4..7].to_vec()), true).await, (3, 3));
    bench.pass(60).await;
    assert_eq!((bench.fired(one).await.len(), bench.fired(two).await.len()), (5, 12));
    let mut stranger = caller.clone();
    stranger.workspace = stepwell_core::ids::WorkspaceId::from_uuid(uuid::Uuid::from_u128(7));
    let theirs = app.enable_schedules(&stranger, ScheduleSelection::All, false).await.unwrap();
    assert_eq!(theirs.matched, 0);
    let named = ScheduleSelection::These(ids[..1].to_vec());
    let refused = app.enable_schedules(&stranger, named, false).await.unwrap_err();
    assert!(matches!(refused, AppError::NotFound { .. }), "{refused}");
}
