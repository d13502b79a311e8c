//! A store whose disk is full: every call that must write is refused soon, none waits for room, and
//! what was under way continues when there is room again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_core::{Topic, TopicFilter};
use stepwell_engine::app::{
    CreateKey, CreateWorkflow, Deletion, Expected, Idempotency, IdempotencyClaim, NewWebhook,
    ScheduleSelection, Start,
};
use stepwell_engine::{AppError, EngineConfig};
use stepwell_store::memory::MemoryStore;

use crate::simulated::{RuntimeClock, Simulated, at, every};
use crate::support::config;

/// How soon a call must be refused.
const SOON: Duration = Duration::from_secs(5);

struct World {
    bench: Simulated,
    store: Arc<MemoryStore>,
    workflow: WorkflowId,
    /// An execution in each state that can be controlled, by the name of that state.
    executions: Vec<(&'static str, ExecutionId)>,
}

impl World {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let clock = RuntimeClock::from(at("2026-05-02T10:00:00Z"));
        let config = EngineConfig { max_active: 1, ..config() };
        let bench = Simulated::over(store.clone(), clock, config).await;
        let slow = bench.slow("1h").await;
        let busy = json!([{"id": "busy", "type": "StreamText", "input": "x y z",
            "config": {"pause": "20m"}, "timeout": "5h"}]);
        let busy = bench.workflow(json!({"name": "busy", "steps": busy})).await;
        let mut executions = Vec::new();
        let start = async |workflow| {
            let id = bench
                .app
                .execute(&bench.caller, workflow, Start::default())
                .durable()
                .await
                .unwrap();
            bench.pass(1).await;
            id
        };
        executions.push(("asleep", start(slow).await));
        let paused = start(slow).await;
        bench.app.pause(&bench.caller, None, paused).await.unwrap();
        executions.push(("paused", paused));
        bench.pass(1).await;
        executions.push(("in memory", start(busy).await));
        executions.push(("queued", start(busy).await));
        for ((state, id), expected) in executions.iter().zip([
            Status::Waiting,
            Status::Paused,
            Status::Running,
            Status::Queued,
        ]) {
            let view = bench.app.execution(&bench.caller, None, *id).await.unwrap();
            assert_eq!(view.record.status, expected, "{state}");
        }
        Self { bench, store, workflow: slow, executions }
    }

    /// Controls every execution; each call is refused.
    async fn control_all(&self) {
        let (app, caller) = (&self.bench.app, &self.bench.caller);
        for (state, id) in &self.executions {
            refused(&format!("cancel {state}"), app.cancel(caller, None, *id, None)).await;
            if *state == "paused" {
                refused(&format!("resume {state}"), app.resume(caller, None, *id)).await;
            } else {
                refused(&format!("pause {state}"), app.pause(caller, None, *id)).await;
            }
        }
    }
}

async fn refused<T>(what: &str, call: impl Future<Output = Result<T, AppError>>) {
    match tokio::time::timeout(SOON, call).await {
        Ok(Err(AppError::Unavailable { retry_after, .. })) => {
            assert!(!retry_after.is_zero() && retry_after <= SOON, "{what}: {retry_after:?}");
        }
        Ok(Err(error)) => panic!("{what}: {error}"),
        Ok(Ok(_)) => panic!("{what}: it was done"),
        Err(_) => panic!("{what}: no response"),
    }
}

#[tokio::test(start_paused = true)]
async fn controls_are_refused_and_change_nothing() {
    let world = World::new().await;
    let (app, caller) = (&world.bench.app, &world.bench.caller);
    world.bench.pass(2).await;
    world.store.set_full(true);
    world.control_all().await;
    world.store.set_full(false);
    world.bench.pass(2).await;
    let expected = [Status::Waiting, Status::Paused, Status::Running, Status::Queued];
    for ((state, id), expected) in world.executions.iter().zip(expected) {
        let view = app.execution(caller, None, *id).await.unwrap();
        assert_eq!(view.record.status, expected, "{state}");
    }
    for (_, id) in &world.executions {
        app.cancel(caller, None, *id, None).await.unwrap();
    }
}

/// The disk gets full between the look at it and the write.
#[tokio::test(start_paused = true)]
async fn controls_are_refused_that_were_decided_before_the_store_failed() {
    let world = World::new().await;
    let (app, caller) = (&world.bench.app, &world.bench.caller);
    for (state, id) in &world.executions {
        world.bench.pass(2).await;
        assert!(app.readiness().await.ready);
        world.store.set_full(true);
        refused(state, app.cancel(caller, None, *id, None)).await;
        // Now its runner waits for the store.
        refused(state, app.cancel(caller, None, *id, None)).await;
        world.bench.pass(2).await;
        refused(state, app.cancel(caller, None, *id, None)).await;
        world.store.set_full(false);
        world.bench.pass(2).await;
        let view = app.execution(caller, None, *id).await.unwrap();
        assert_eq!(view.record.status, Status::Cancelled, "{state}: it takes effect later");
    }
}

/// What a step reports while the store fails is not lost.
#[tokio::test(start_paused = true)]
async fn what_is_under_way_continues_when_there_is_room_again() {
    let world = World::new().await;
    let (app, caller) = (&world.bench.app, &world.bench.caller);
    world.bench.pass(2).await;
    world.store.set_full(true);
    world.bench.pass(2 * 3600).await;
    world.control_all().await;
    world.store.set_full(false);
    world.bench.pass(2).await;
    for (state, id) in &world.executions {
        if *state == "paused" {
            app.resume(caller, None, *id).await.unwrap();
        }
        let view = app.wait_for(caller, *id, Duration::from_secs(5 * 3600)).await.unwrap();
        assert_eq!(view.record.status, Status::Completed, "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_other_call_that_writes_is_refused() {
    let world = World::new().await;
    let World { bench, workflow, .. } = &world;
    let (app, caller, workflow) = (&bench.app, &bench.caller, *workflow);
    let schedule = bench.schedule(workflow, every(1, "hours")).await;
    let hook = || NewWebhook {
        url: "http://127.0.0.1:9/".to_owned(),
        topics: TopicFilter::Some(vec![Topic::ExecutionCompleted]),
        secret: None,
        description: None,
    };
    let webhook = app.create_webhook(caller, hook()).await.unwrap().record.id;
    let key = app.create_key(caller, CreateKey::new("k", &["admin"])).await.unwrap().record.id;
    bench.pass(2).await;
    world.store.set_full(true);
    let source = json!({"name": "n", "steps": [{"type": "Echo", "input": 1}]});
    let create = CreateWorkflow { source, active: true, idempotency: None };
    refused("create a workflow", app.create_workflow(caller, create)).await;
    refused("execute", app.execute(caller, workflow, Start::default()).durable()).await;
    let patience = Duration::from_secs(600);
    let wait = app.execute(caller, workflow, Start::default()).wait(patience);
    refused("execute and wait", wait).await;
    let within = app.execute(caller, workflow, Start::default()).wait_within(patience);
    refused("execute within", within).await;
    for cancel_running in [false, true] {
        let deletion = Deletion { expected: Expected::Any, cancel_running };
        refused("delete a workflow", app.delete_workflow(caller, workflow, deletion)).await;
    }
    refused("deactivate", app.set_active(caller, workflow, false, Expected::Any)).await;
    refused("schedule", app.create_schedule(caller, workflow, every(1, "hours"))).await;
    refused("trigger", app.trigger_schedule(caller, schedule)).await;
    refused("pause a schedule", app.enable_schedule(caller, schedule, false)).await;
    let all = app.enable_schedules(caller, ScheduleSelection::All, false);
    refused("pause all schedules", all).await;
    refused("delete a schedule", app.delete_schedule(caller, schedule)).await;
    refused("create a webhook", app.create_webhook(caller, hook())).await;
    refused("test a webhook", app.test_webhook(caller, webhook)).await;
    refused("delete a webhook", app.delete_webhook(caller, webhook)).await;
    refused("create a key", app.create_key(caller, CreateKey::new("l", &["admin"]))).await;
    refused("revoke a key", app.revoke_key(caller, key)).await;
    // Reading works.
    app.schedule(caller, schedule).await.unwrap();
    app.workflow(caller, workflow).await.unwrap();
}

/// A request whose key was taken before the disk was full can be repeated when there is room.
#[tokio::test(start_paused = true)]
async fn an_idempotency_key_is_freed_when_there_is_room_again() {
    let world = World::new().await;
    let (app, caller) = (&world.bench.app, &world.bench.caller);
    let key = Idempotency { key: "k".to_owned(), fingerprint: vec![1] };
    let IdempotencyClaim::First(guard) = app.claim_idempotency_key(caller, &key).await.unwrap()
    else {
        panic!("the first")
    };
    world.store.set_full(true);
    guard.release().await;
    world.bench.pass(5).await;
    assert!(matches!(
        app.claim_idempotency_key(caller, &key).await,
        Ok(IdempotencyClaim::InProgress)
    ));
    world.store.set_full(false);
    world.bench.pass(2).await;
    assert!(matches!(
        app.claim_idempotency_key(caller, &key).await,
        Ok(IdempotencyClaim::First(_))
    ));
}
