//! Webhooks: who is told of what, when, and for how long it is tried.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use stepwell_core::ids::{ExecutionId, ReceiverId, SubjectId, WebhookId, WorkspaceId};
use stepwell_core::{Topic, Topics};
use stepwell_engine::app::{
    ChangeWebhook, CreateWorkflow, Deletion, DeliveriesQuery, DeliveryView, NewWebhook,
    RotateSecret, ShownWebhook, Start,
};
use stepwell_engine::{AppError, Caller, EngineConfig, SystemClock};
use stepwell_store::Effects;
use stepwell_store::memory::MemoryStore;
use stepwell_store::record::{DeliveryRecord, DeliveryStatus, Destination};
use stepwell_store::webhooks::WebhookStatus;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use uuid::Uuid;

use crate::receiver::{Call, Receiver};
use crate::support::{Bench, HandClock, PATIENCE, config};

const ALL: DeliveriesQuery = DeliveriesQuery { status: None, skip: 0, limit: 100 };

impl Bench {
    async fn hook(&self, receiver: &Receiver, topics: Topics) -> ShownWebhook {
        let url = receiver.url.clone();
        let new = NewWebhook { url, topics, secret: None, description: None };
        self.app.create_webhook(&self.caller, new).await.unwrap()
    }

    async fn static_text(&self) -> stepwell_core::ids::WorkflowId {
        self.steps(json!([{"id": "a", "type": "StaticTextInput", "input": "x"}])).await
    }

    async fn deliveries(&self, id: WebhookId) -> Vec<DeliveryView> {
        self.app.webhook_deliveries(&self.caller, id, ALL).await.unwrap().0
    }

    /// Waits until a webhook's deliveries are as wanted.
    async fn until_deliveries(
        &self,
        id: WebhookId,
        wanted: impl Fn(&[DeliveryView]) -> bool,
    ) -> Vec<DeliveryView> {
        let looking = async {
            loop {
                let found = self.deliveries(id).await;
                if wanted(&found) {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("in time")
    }

    async fn status(&self, id: WebhookId) -> WebhookStatus {
        self.app.webhook(&self.caller, id).await.unwrap().status
    }
}

fn bodies(calls: &[Call]) -> Vec<Value> {
    calls.iter().map(|call| serde_json::from_str(&call.body).unwrap()).collect()
}

fn types(calls: &[Call]) -> Vec<String> {
    bodies(calls).iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect()
}

fn verify(secret: &str, call: &Call) -> bool {
    let headers = call.headers.iter().map(|(name, value)| {
        (name.parse::<http::HeaderName>().unwrap(), value.parse::<http::HeaderValue>().unwrap())
    });
    Webhook::new(secret).unwrap().verify(call.body.as_bytes(), &headers.collect()).is_ok()
}

#[tokio::test]
async fn a_workflow_s_life_is_told_in_order_and_signed() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&receiver, Topics::Every).await;
    let workflow = bench.static_text().await;
    let caller = &bench.caller;
    bench
        .app
        .set_active(caller, workflow, (false, stepwell_engine::app::Expected::Any))
        .await
        .unwrap();
    // Said twice, told once.
    bench
        .app
        .set_active(caller, workflow, (false, stepwell_engine::app::Expected::Any))
        .await
        .unwrap();
    bench
        .app
        .set_active(caller, workflow, (true, stepwell_engine::app::Expected::Any))
        .await
        .unwrap();
    let next = json!({"name": "next", "steps": [{"id": "a", "type": "Echo", "input": 1}]});
    bench.app.update_workflow(caller, workflow, next).await.unwrap();
    bench.app.delete_workflow(caller, workflow, Deletion::default()).await.unwrap();
    let calls = receiver.at_least(5).await;
    assert_eq!(
        types(&calls),
        [
            "workflow.created",
            "workflow.deactivated",
            "workflow.activated",
            "workflow.updated",
            "workflow.deleted"
        ]
    );
    let told = bodies(&calls);
    let data = |at: usize, field: &str| told[at]["data"][field].clone();
    assert_eq!((data(0, "name"), data(0, "active")), (json!("test"), json!(true)));
    assert_eq!((data(1, "active"), data(2, "active")), (json!(false), json!(true)));
    assert_eq!((data(3, "name"), data(3, "release")), (json!("next"), json!(2)));
    assert_eq!(data(4, "steps"), json!([{"id": "a", "type": "Echo", "input": 1}]));
    let secret = hook.secret().unwrap();
    assert!(calls.iter().all(|call| verify(secret, call)));
    assert!(!verify("whsec_bm90IHRoZSBzZWNyZXQgYXQgYWxs", &calls[0]));
}

#[tokio::test]
async fn executions_are_told_to_those_who_asked_for_it() {
    let (one, two) = (Receiver::start(&[200]).await, Receiver::start(&[200]).await);
    let bench = Bench::new().await;
    bench.hook(&one, Topics::Every).await;
    bench.hook(&two, Topics::Some(vec![Topic::ExecutionFailed])).await;
    let good = bench
        .steps(json!([{"id": "a", "type": "StaticTextInput", "input": "x"}, {"id": "b", "type": "Echo"}]))
        .await;
    let bad = bench.steps(json!([{"id": "a", "type": "Fail", "config": {"message": "no"}}])).await;
    let view = bench.wait(good, json!({})).await.unwrap();
    let failed = bench.wait(bad, json!({})).await.unwrap();
    let calls = one.at_least(8).await;
    let of = |id: ExecutionId| {
        let told = bodies(&calls).into_iter();
        told.filter(move |body| body["data"]["execution"] == json!(id)).collect::<Vec<_>>()
    };
    let told = of(view.record.id);
    let types: Vec<_> = told.iter().map(|body| body["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "workflow.executed",
            "execution.step_completed",
            "execution.step_completed",
            "execution.completed"
        ]
    );
    // Each as it was at that moment, though all were committed at once.
    assert_eq!(
        (&told[0]["data"]["status"], &told[0]["data"]["settled"]),
        (&json!("running"), &json!(0))
    );
    assert_eq!((&told[1]["data"]["step"], &told[2]["data"]["step"]), (&json!("a"), &json!("b")));
    assert_eq!(told[3]["data"]["output"], json!({"text": "x"}));
    assert_eq!(told[3]["data"]["workflow"], "test");
    let told = of(failed.record.id);
    assert_eq!(told[1]["type"], "execution.failed");
    let calls = two.at_least(1).await;
    let failure = bodies(&calls).remove(0);
    assert_eq!(failure["data"]["execution"], json!(failed.record.id));
    assert_eq!(failure["id"], told[1]["id"], "one event, however many are told");
    assert_ne!(two.calls()[0].header("webhook-id"), one.calls()[7].header("webhook-id"));
}

#[tokio::test]
async fn whoever_asks_while_it_goes_on_is_told_of_the_rest() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "200ms"}, "input": 1}, {"id": "b", "type": "Echo"}]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    bench
        .until(id, |notice| {
            matches!(&notice.what, stepwell_engine::view::What::Step { step, .. } if step.step_id == "wait")
        })
        .await;
    let hook = bench.hook(&receiver, Topics::Every).await;
    bench.ended(id).await;
    let calls = receiver.at_least(3).await;
    assert_eq!(
        types(&calls),
        ["execution.step_completed", "execution.step_completed", "execution.completed"]
    );
    assert_eq!(bodies(&calls)[2]["data"]["settled"], 2);
    // And nobody who has gone is.
    bench.app.delete_webhook(&bench.caller, hook.record.id).await.unwrap();
    bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(receiver.calls().len(), 3);
}

#[tokio::test]
async fn an_hour_of_outage_loses_nothing() {
    let receiver = Receiver::start(&[200]).await;
    receiver.answer(503);
    let clock = HandClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let some =
        vec![Topic::ExecutionCompleted, Topic::WorkflowActivated, Topic::WorkflowDeactivated];
    let hook = bench.hook(&receiver, Topics::Some(some)).await;
    let workflow = bench.static_text().await;
    let mut made = Vec::new();
    // Every five minutes something happens; nothing arrives.
    for round in 1..=12 {
        let view = bench.wait(workflow, json!({})).await.unwrap();
        made.push(json!(view.record.id));
        receiver.at_least(round).await;
        let tried = |all: &[DeliveryView]| all.iter().all(|one| !one.attempts.is_empty());
        bench.until_deliveries(hook.record.id, tried).await;
        clock.advance(Duration::from_secs(300));
    }
    assert_eq!(bench.status(hook.record.id).await, WebhookStatus::Active);
    receiver.answer(200);
    let before = receiver.calls().len();
    clock.advance(Duration::from_secs(3600));
    bench
        .app
        .set_active(&bench.caller, workflow, (false, stepwell_engine::app::Expected::Any))
        .await
        .unwrap();
    let all_delivered = |all: &[DeliveryView]| {
        all.len() == 13 && all.iter().all(|one| one.record.status == DeliveryStatus::Delivered)
    };
    let all = bench.until_deliveries(hook.record.id, all_delivered).await;
    let arrived = bodies(&receiver.calls()[before..]);
    for id in &made {
        let count = arrived.iter().filter(|body| body["data"]["execution"] == *id).count();
        assert_eq!(count, 1, "{id}");
    }
    assert!(all.iter().skip(1).all(|one| {
        let [first, .., last] = one.attempts.as_slice() else { panic!("{one:?}") };
        first.response_status == Some(503) && last.response_status == Some(200)
    }));
    // The same delivery at each attempt.
    let of_first = |call: &&Call| call.body.contains(made[0].as_str().unwrap());
    let ids: std::collections::BTreeSet<_> = receiver
        .calls()
        .iter()
        .filter(of_first)
        .map(|call| (call.header("webhook-id").to_owned(), call.body.clone()))
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn given_up_after_a_day_and_sent_again_by_hand() {
    let receiver = Receiver::start(&[200]).await;
    receiver.answer(500);
    let clock = HandClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let hook = bench.hook(&receiver, Topics::Every).await;
    let caller = &bench.caller;
    let made = bench.app.test_webhook(caller, hook.record.id).await.unwrap();
    receiver.at_least(1).await;
    let attempts = |count: usize| move |all: &[DeliveryView]| all[0].attempts.len() == count;
    let other = Receiver::start(&[200]).await;
    let other = bench.hook(&other, Topics::Some(vec![Topic::WorkflowDeleted])).await.record.id;
    for (number, wait, expect) in [
        (2, 3600, DeliveryStatus::Pending),
        (3, 23 * 3600 - 1, DeliveryStatus::Pending),
        (4, 3600, DeliveryStatus::Exhausted),
    ] {
        bench.until_deliveries(hook.record.id, attempts(number - 1)).await;
        clock.advance(Duration::from_secs(wait));
        // Something else has the outbox looked at.
        bench.app.test_webhook(caller, other).await.unwrap();
        let found = bench.until_deliveries(hook.record.id, attempts(number)).await;
        assert_eq!(found[0].record.status, expect, "{number}");
    }
    receiver.answer(204);
    let again = bench.app.redeliver(caller, made.record.id).await.unwrap();
    assert_eq!(again.record.status, DeliveryStatus::Pending);
    let done = |all: &[DeliveryView]| all[0].record.status == DeliveryStatus::Delivered;
    let found = bench.until_deliveries(hook.record.id, done).await;
    assert_eq!(found[0].attempts.last().unwrap().response_status, Some(204));
    let ids: Vec<_> = receiver.calls().iter().map(|c| c.header("webhook-id").to_owned()).collect();
    assert!(ids.iter().all(|id| *id == made.record.id.abi()), "{ids:?}");
}

#[tokio::test]
async fn five_days_of_failures_disable_a_webhook() {
    let receiver = Receiver::start(&[500]).await;
    let clock = HandClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let hook = bench.hook(&receiver, Topics::Every).await.record.id;
    let caller = &bench.caller;
    for day in 1..=5 {
        bench.app.test_webhook(caller, hook).await.unwrap();
        bench.until_deliveries(hook, |all| !all[0].attempts.is_empty()).await;
        assert_eq!(bench.status(hook).await, WebhookStatus::Active, "day {day}");
        clock.advance(Duration::from_secs(24 * 3600));
    }
    let last = bench.app.test_webhook(caller, hook).await.unwrap();
    let tried = |all: &[DeliveryView]| {
        all.iter().any(|one| one.record.id == last.record.id && !one.attempts.is_empty())
    };
    bench.until_deliveries(hook, tried).await;
    let disabled = async {
        while bench.status(hook).await == WebhookStatus::Active {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, disabled).await.expect("in time");
    let WebhookStatus::Disabled { reason } = bench.status(hook).await else { panic!() };
    assert!(reason.starts_with("every delivery since 20"), "{reason}");
    let refused = bench.app.test_webhook(caller, hook).await.unwrap_err();
    assert!(matches!(refused, AppError::Conflict(_)), "{refused}");
    // It is told of nothing, until somebody switches it on again.
    let before = bench.deliveries(hook).await.len();
    bench.static_text().await;
    assert_eq!(bench.deliveries(hook).await.len(), before);
    receiver.answer(200);
    let change = ChangeWebhook { active: Some(true), ..ChangeWebhook::default() };
    let record = bench.app.change_webhook(caller, hook, change).await.unwrap();
    assert_eq!((record.status, record.failing_since), (WebhookStatus::Active, None));
    bench.static_text().await;
    let done = |all: &[DeliveryView]| all[0].record.status == DeliveryStatus::Delivered;
    bench.until_deliveries(hook, done).await;
}

#[tokio::test]
async fn success_in_between_begins_the_five_days_anew() {
    let receiver = Receiver::start(&[500]).await;
    let clock = HandClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let hook = bench.hook(&receiver, Topics::Every).await.record.id;
    for (status, days) in [(500, 4), (200, 4), (500, 4), (500, 0)] {
        receiver.answer(status);
        let made = bench.app.test_webhook(&bench.caller, hook).await.unwrap().record.id;
        let tried = |all: &[DeliveryView]| {
            all.iter().any(|one| one.record.id == made && !one.attempts.is_empty())
        };
        bench.until_deliveries(hook, tried).await;
        clock.advance(Duration::from_secs(days * 24 * 3600));
    }
    assert_eq!(bench.status(hook).await, WebhookStatus::Active);
}

#[tokio::test]
async fn gone_is_gone() {
    let receiver = Receiver::start(&[410]).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&receiver, Topics::Every).await.record.id;
    bench.app.test_webhook(&bench.caller, hook).await.unwrap();
    let over = |all: &[DeliveryView]| all[0].record.status == DeliveryStatus::Exhausted;
    bench.until_deliveries(hook, over).await;
    let disabled = async {
        while bench.status(hook).await == WebhookStatus::Active {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, disabled).await.expect("in time");
    assert_eq!(receiver.calls().len(), 1);
}

#[tokio::test]
async fn both_secrets_sign_while_one_takes_over() {
    let receiver = Receiver::start(&[200]).await;
    let clock = HandClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let hook = bench.hook(&receiver, Topics::Every).await;
    let (id, old) = (hook.record.id, hook.secret().unwrap().to_owned());
    let overlap = Duration::from_secs(100);
    let rotated =
        app.rotate_secret(caller, id, RotateSecret { secret: None, overlap }).await.unwrap();
    let new = rotated.secret().unwrap();
    assert_ne!(new, old);
    for (number, wait, by_old) in [(1, 99, true), (2, 1, true), (3, 0, false)] {
        app.test_webhook(caller, id).await.unwrap();
        let call = receiver.at_least(number).await.pop().unwrap();
        assert_eq!((verify(new, &call), verify(&old, &call)), (true, by_old), "{number}");
        let signatures = call.header("webhook-signature").split(' ').count();
        assert_eq!(signatures, 1 + usize::from(by_old));
        clock.advance(Duration::from_secs(wait));
    }
    let given = RotateSecret {
        secret: Some("whsec_abcdefghijklmnopqrstuvwxyz".into()),
        overlap: Duration::ZERO,
    };
    let rotated = app.rotate_secret(caller, id, given).await.unwrap();
    assert_eq!(rotated.secret(), None);
    app.test_webhook(caller, id).await.unwrap();
    let call = receiver.at_least(4).await.pop().unwrap();
    // The bits that its last character has too many are nothing to the signature.
    assert!(verify("whsec_abcdefghijklmnopqrstuvwxyw==", &call));
    assert!(!verify(new, &call));
    let week = RotateSecret { secret: None, overlap: Duration::from_secs(7 * 24 * 3600 + 1) };
    let refused = app.rotate_secret(caller, id, week).await.unwrap_err();
    let AppError::InvalidRequest(problem) = refused else { panic!("{refused}") };
    assert_eq!(problem.path, "overlap_seconds");
}

#[tokio::test]
async fn what_waits_for_a_webhook_that_is_off_is_not_sent() {
    let receiver = Receiver::start(&[500]).await;
    let clock = HandClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let hook = bench.hook(&receiver, Topics::Every).await.record.id;
    bench.static_text().await;
    bench.until_deliveries(hook, |all| all.len() == 1 && !all[0].attempts.is_empty()).await;
    let off = ChangeWebhook { active: Some(false), ..ChangeWebhook::default() };
    app.change_webhook(caller, hook, off).await.unwrap();
    clock.advance(Duration::from_secs(60));
    // Another webhook's event has the outbox looked at.
    let other = Receiver::start(&[200]).await;
    bench.hook(&other, Topics::Every).await;
    bench.static_text().await;
    let over = |all: &[DeliveryView]| all[0].record.status == DeliveryStatus::Exhausted;
    let found = bench.until_deliveries(hook, over).await;
    let last = found[0].attempts.last().unwrap();
    assert_eq!((last.response.as_str(), &last.url), ("not sent: the webhook is inactive", &None));
    assert_eq!((found.len(), receiver.calls().len()), (1, 1));
}

#[tokio::test]
async fn other_workspaces_see_and_hear_nothing() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&receiver, Topics::Every).await.record.id;
    let made = bench.app.test_webhook(&bench.caller, hook).await.unwrap().record.id;
    let other = WorkspaceId::from_uuid(Uuid::from_u128(2));
    let stranger = Caller { workspace: other, ..bench.caller.clone() };
    let app = &bench.app;
    let none = |answer: Result<(), AppError>| {
        assert!(matches!(answer, Err(AppError::NotFound { .. })), "{answer:?}");
    };
    none(app.webhook(&stranger, hook).await.map(drop));
    none(app.change_webhook(&stranger, hook, ChangeWebhook::default()).await.map(drop));
    none(app.rotate_secret(&stranger, hook, RotateSecret::default()).await.map(drop));
    none(app.delete_webhook(&stranger, hook).await);
    none(app.test_webhook(&stranger, hook).await.map(drop));
    none(app.webhook_deliveries(&stranger, hook, ALL).await.map(drop));
    none(app.redeliver(&stranger, made).await.map(drop));
    assert!(app.webhooks(&stranger).await.unwrap().is_empty());
    let source = json!({"name": "theirs", "steps": [{"type": "StaticTextInput", "input": "x"}]});
    let create = CreateWorkflow { source, active: true, idempotency: None };
    let workflow = app.create_workflow(&stranger, create).await.unwrap();
    app.execute_and_wait(&stranger, workflow, Start::default(), PATIENCE).await.unwrap();
    assert_eq!(bench.deliveries(hook).await.len(), 1, "the test, and nothing of theirs");
}

#[tokio::test]
async fn other_nodes_hear_of_a_new_webhook() {
    let receiver = Receiver::start(&[200]).await;
    let store = Arc::new(MemoryStore::new());
    let several = || EngineConfig { sole_node: false, ..config() };
    let one = Bench::over(store.clone(), several()).await;
    let two = Bench::over(store, several()).await;
    one.hook(&receiver, Topics::Every).await;
    let told = async {
        while receiver.calls().is_empty() {
            two.static_text().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("in time");
}

/// A receiver that never answers has 10,000 events waiting; others are told at once, and
/// executions go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_receiver_holds_up_nobody() {
    let (slow, fast) = (Receiver::start(&[0]).await, Receiver::start(&[200]).await);
    let folder = tempfile::TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("test.db"), SqliteOptions::default()).unwrap();
    let bench = Bench::at(Arc::new(store), config(), Arc::new(SystemClock)).await;
    let topics = || Topics::Some(vec![Topic::ExecutionCompleted]);
    let stuck = bench.hook(&slow, topics()).await.record.id;
    let quick = bench.hook(&fast, topics()).await.record.id;
    let workflow = bench.static_text().await;
    let now = bench.app.test_webhook(&bench.caller, stuck).await.unwrap().record.created_at;
    let waiting = (0..10_000_u128).map(|n| DeliveryRecord {
        id: stepwell_core::ids::DeliveryId::from_uuid(Uuid::from_u128(n)),
        destination: Destination::Webhook(stuck),
        receiver: ReceiverId::from(stuck),
        subject: SubjectId::from_uuid(Uuid::from_u128(n)),
        sequence: 1,
        workspace: bench.caller.workspace,
        event: "execution.completed".into(),
        body: "{}".into(),
        status: DeliveryStatus::Pending,
        attempts: 0,
        created_at: now,
        next_attempt_at: now,
        give_up_at: now.after(Duration::from_secs(3600)),
    });
    bench.store.add_effects(Effects::telling(waiting.collect())).await.unwrap();
    bench.app.test_webhook(&bench.caller, stuck).await.unwrap();
    slow.at_least(32).await;
    let began = std::time::Instant::now();
    for _ in 0..200 {
        bench.wait(workflow, json!({})).await.unwrap();
    }
    let executing = began.elapsed();
    fast.at_least(200).await;
    let told = began.elapsed();
    println!("200 executions in {executing:?}, the fast receiver knew of all after {told:?}");
    assert!(told < Duration::from_secs(15), "before any attempt at the slow one can have ended");
    assert_eq!(slow.calls().len(), 32, "its share, and no more");
    let (_, of_slow) = bench.app.webhook_deliveries(&bench.caller, stuck, ALL).await.unwrap();
    let (_, of_fast) = bench.app.webhook_deliveries(&bench.caller, quick, ALL).await.unwrap();
    assert_eq!((of_slow, of_fast), (10_202, 200));
}
