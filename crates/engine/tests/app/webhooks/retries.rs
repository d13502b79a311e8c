//! For how long it is tried, and what becomes of what cannot be delivered.

use super::*;

#[tokio::test]
async fn an_hour_of_outage_loses_nothing() {
    let receiver = Receiver::start(&[200]).await;
    receiver.respond_with(503);
    let clock = ManualClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let some =
        vec![Topic::ExecutionCompleted, Topic::WorkflowActivated, Topic::WorkflowDeactivated];
    let hook = bench.hook(&receiver, TopicFilter::Some(some)).await;
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
    receiver.respond_with(200);
    let before = receiver.calls().len();
    clock.advance(Duration::from_secs(3600));
    bench.app.set_active(&bench.caller, workflow, false, Expected::Any).await.unwrap();
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
async fn given_up_after_a_day_and_sent_again_manually() {
    let receiver = Receiver::start(&[200]).await;
    receiver.respond_with(500);
    let clock = ManualClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await;
    let caller = &bench.caller;
    let made = bench.app.test_webhook(caller, hook.record.id).await.unwrap();
    receiver.at_least(1).await;
    let attempts = |count: usize| move |all: &[DeliveryView]| all[0].attempts.len() == count;
    let other = Receiver::start(&[200]).await;
    let other = bench.hook(&other, TopicFilter::Some(vec![Topic::WorkflowDeleted])).await.record.id;
    for (number, wait, expect) in [
        (2, 3600, DeliveryStatus::Pending),
        (3, 23 * 3600 - 1, DeliveryStatus::Pending),
        (4, 3600, DeliveryStatus::Exhausted),
    ] {
        bench.until_deliveries(hook.record.id, attempts(number - 1)).await;
        clock.advance(Duration::from_secs(wait));
        // Another delivery wakes the sender.
        bench.app.test_webhook(caller, other).await.unwrap();
        let found = bench.until_deliveries(hook.record.id, attempts(number)).await;
        assert_eq!(found[0].record.status, expect, "{number}");
    }
    receiver.respond_with(204);
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
    let clock = ManualClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
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
    // It gets no events until it is activated again.
    let before = bench.deliveries(hook).await.len();
    bench.static_text().await;
    assert_eq!(bench.deliveries(hook).await.len(), before);
    receiver.respond_with(200);
    let change = ChangeWebhook { status: Some(WantedStatus::Active), ..ChangeWebhook::default() };
    let changed = bench.app.change_webhook(caller, hook, change).await.unwrap();
    let status = changed.record.document.status;
    assert_eq!((status, changed.failing_since), (WebhookStatus::Active, None));
    bench.static_text().await;
    let done = |all: &[DeliveryView]| all[0].record.status == DeliveryStatus::Delivered;
    bench.until_deliveries(hook, done).await;
}

#[tokio::test]
async fn success_in_between_begins_the_five_days_anew() {
    let receiver = Receiver::start(&[500]).await;
    let clock = ManualClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
    for (status, days) in [(500, 4), (200, 4), (500, 4), (500, 0)] {
        receiver.respond_with(status);
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
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
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
async fn what_waits_for_a_webhook_that_is_off_is_not_sent() {
    let receiver = Receiver::start(&[500]).await;
    let clock = ManualClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
    bench.static_text().await;
    bench.until_deliveries(hook, |all| all.len() == 1 && !all[0].attempts.is_empty()).await;
    let off = ChangeWebhook { status: Some(WantedStatus::Inactive), ..ChangeWebhook::default() };
    app.change_webhook(caller, hook, off).await.unwrap();
    clock.advance(Duration::from_secs(60));
    // Another webhook's event wakes the sender.
    let other = Receiver::start(&[200]).await;
    bench.hook(&other, TopicFilter::Every).await;
    bench.static_text().await;
    let over = |all: &[DeliveryView]| all[0].record.status == DeliveryStatus::Exhausted;
    let found = bench.until_deliveries(hook, over).await;
    let last = found[0].attempts.last().unwrap();
    assert_eq!((last.response.as_str(), &last.url), ("not sent: the webhook is inactive", &None));
    assert_eq!((found.len(), receiver.calls().len()), (1, 1));
}

/// What failed at one place is forgotten when events go to another.
#[tokio::test]
async fn another_url_begins_anew() {
    let receiver = Receiver::start(&[500]).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
    bench.app.test_webhook(&bench.caller, hook).await.unwrap();
    bench.until_deliveries(hook, |all| !all[0].attempts.is_empty()).await;
    let other = Receiver::start(&[200]).await;
    let url = Some(other.url.clone());
    let change = ChangeWebhook { url, ..ChangeWebhook::default() };
    let changed = bench.app.change_webhook(&bench.caller, hook, change).await.unwrap();
    assert_eq!(changed.failing_since, None);
    // What was still to be sent goes there.
    let done = |all: &[DeliveryView]| all[0].record.status == DeliveryStatus::Delivered;
    let all = bench.until_deliveries(hook, done).await;
    assert_eq!(all[0].attempts.last().unwrap().url.as_deref(), Some(other.url.as_str()));
}

#[tokio::test]
async fn a_restart_loses_nothing() {
    let receiver = Receiver::start(&[500]).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
    bench.static_text().await;
    bench.until_deliveries(hook, |all| !all[0].attempts.is_empty()).await;
    let bench = bench.restart().await;
    receiver.respond_with(200);
    let done = |all: &[DeliveryView]| all[0].record.status == DeliveryStatus::Delivered;
    bench.until_deliveries(hook, done).await;
    let calls = receiver.calls();
    let (first, last) = (&calls[0], calls.last().unwrap());
    assert_eq!(first.header("webhook-id"), last.header("webhook-id"));
    assert_eq!(first.body, last.body);
}

/// The pause is the longer of the sender's own and the receiver's, for every kind of destination.
#[tokio::test]
async fn the_receivers_pace_is_kept() {
    const DATES: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        Retry-After: Sun, 06 Nov 1994 08:59:37 GMT\r\n";
    let bench = Bench::new().await;
    let workflow = bench.static_text().await;
    for (status, headers, seconds) in [
        (429, "Retry-After: 600\r\n", 600..=600),
        (503, DATES, 600..=600),
        (503, "Retry-After: 99999999999999999999999\r\n", 3600..=3600),
        (429, "Retry-After: 0\r\n", 0..=1),
        (429, "Retry-After: -7\r\n", 0..=1),
        (500, "Retry-After: 600\r\n", 0..=1),
    ] {
        let receiver = Receiver::start(&[status]).await;
        receiver.send_headers(headers);
        let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
        bench.app.test_webhook(&bench.caller, hook).await.unwrap();
        let tried = |all: &[DeliveryView]| all.iter().any(|one| !one.attempts.is_empty());
        let of_webhook = bench.until_deliveries(hook, tried).await.remove(0);
        let (record, at) = (&of_webhook.record, of_webhook.attempts.last().unwrap().at);
        let pause = record.next_attempt_at.since(at).as_secs();
        assert!(seconds.contains(&pause), "{status} {headers}: {pause}");

        let urls = [
            Start { webhook_url: Some(receiver.url.clone()), ..Start::default() },
            Start { callback_url: Some(receiver.url.clone()), ..Start::default() },
        ];
        for start in urls {
            let patience = PATIENCE;
            let view = bench.app.execute(&bench.caller, workflow, start).wait(patience).await;
            let subject = SubjectId::from(view.unwrap().record.id);
            let tried = async {
                loop {
                    let all = deliveries_about(&bench.store, subject).await;
                    if let Some(one) = all.into_iter().find(|one| one.attempts > 0) {
                        return one;
                    }
                    tokio::task::yield_now().await;
                }
            };
            let tried = tokio::time::timeout(PATIENCE, tried).await.expect("in time");
            let pause = tried.next_attempt_at.since(bench.now()).as_secs();
            // Some of it is over by now.
            let least = seconds.start().saturating_sub(PATIENCE.as_secs());
            assert!((least..=*seconds.end()).contains(&pause), "{status} {headers}: {pause}");
        }
        let off = ChangeWebhook { status: Some(WantedStatus::Inactive), ..Default::default() };
        bench.app.change_webhook(&bench.caller, hook, off).await.unwrap();
    }
}
