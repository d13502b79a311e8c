//! What owners do with their webhooks: secrets, changes, tests; and who is none.

use super::*;

#[tokio::test]
async fn both_secrets_sign_while_one_takes_over() {
    let receiver = Receiver::start(&[200]).await;
    let clock = ManualClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let hook = bench.hook(&receiver, TopicFilter::Every).await;
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
async fn other_workspaces_see_and_receive_nothing() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
    let made = bench.app.test_webhook(&bench.caller, hook).await.unwrap().record.id;
    let other = WorkspaceId::from_uuid(Uuid::from_u128(2));
    let stranger = Caller { workspace: other, ..bench.caller.clone() };
    let app = &bench.app;
    let none = |result: Result<(), AppError>| {
        assert!(matches!(result, Err(AppError::NotFound { .. })), "{result:?}");
    };
    none(app.webhook(&stranger, hook).await.map(drop));
    none(app.change_webhook(&stranger, hook, ChangeWebhook::default()).await.map(drop));
    none(app.rotate_secret(&stranger, hook, RotateSecret::default()).await.map(drop));
    none(app.delete_webhook(&stranger, hook).await);
    none(app.test_webhook(&stranger, hook).await.map(drop));
    none(app.webhook_deliveries(&stranger, hook, all()).await.map(drop));
    none(app.redeliver(&stranger, made).await.map(drop));
    none(app.webhook_delivery(&stranger, made).await.map(drop));
    assert!(app.webhooks(&stranger).await.unwrap().is_empty());
    let source = json!({"name": "theirs", "steps": [{"type": "StaticTextInput", "input": "x"}]});
    let create = CreateWorkflow { source, active: true, idempotency: None };
    let workflow = app.create_workflow(&stranger, create).await.unwrap();
    app.execute(&stranger, workflow, Start::default()).wait(PATIENCE).await.unwrap();
    assert_eq!(bench.deliveries(hook).await.len(), 1, "the test, and nothing of theirs");
}

/// Rotating twice, because the first response was lost, invalidates no secret in use.
#[tokio::test]
async fn every_secret_before_signs_for_its_time() {
    let receiver = Receiver::start(&[200]).await;
    let clock = ManualClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock.clone()).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let hook = bench.hook(&receiver, TopicFilter::Every).await;
    let id = hook.record.id;
    let mut secrets = vec![hook.secret().unwrap().to_owned()];
    for seconds in [100, 50] {
        let rotate = RotateSecret { secret: None, overlap: Duration::from_secs(seconds) };
        let rotated = app.rotate_secret(caller, id, rotate).await.unwrap();
        secrets.push(rotated.secret().unwrap().to_owned());
    }
    for (number, wait, sign) in [
        (1, 49, [true, true, true]),
        (2, 50, [true, true, true]),
        (3, 1, [true, false, true]),
        (4, 0, [false, false, true]),
    ] {
        app.test_webhook(caller, id).await.unwrap();
        let call = receiver.at_least(number).await.pop().unwrap();
        assert_eq!(secrets.iter().map(|one| verify(one, &call)).collect::<Vec<_>>(), sign);
        clock.advance(Duration::from_secs(wait));
    }
}

/// None of them writes over what another one did.
#[tokio::test]
async fn changes_at_once_are_all_kept() {
    let receiver = Receiver::start(&[200]).await;
    for _ in 0..20 {
        let bench = Bench::new().await;
        let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
        let (app, caller) = (&bench.app, &bench.caller);
        let change = |change| app.change_webhook(caller, hook, change);
        let none = ChangeWebhook::default;
        let topics = TopicFilter::Some(vec![Topic::WorkflowDeleted]);
        let rotate = RotateSecret { secret: None, overlap: Duration::from_secs(60) };
        let (one, two, three, four, five) = tokio::join!(
            change(ChangeWebhook { description: Some("x".into()), ..none() }),
            change(ChangeWebhook { url: Some("https://example.com".into()), ..none() }),
            change(ChangeWebhook { topics: Some(topics.clone()), ..none() }),
            change(ChangeWebhook { status: Some(WantedStatus::Inactive), ..none() }),
            app.rotate_secret(caller, hook, rotate),
        );
        for result in [one, two, three, four] {
            result.unwrap();
        }
        let new = five.unwrap();
        let stored = app.webhook(caller, hook).await.unwrap().record.document;
        assert_eq!(stored.description.as_deref(), Some("x"));
        assert_eq!((stored.url.as_str(), &stored.topics), ("https://example.com", &topics));
        assert_eq!(stored.status, WebhookStatus::Inactive);
        assert_eq!(Some(stored.secret.as_str()), new.secret());
    }
}

/// A test that failed must not delay the next one.
#[tokio::test]
async fn tests_do_not_wait_for_one_another() {
    let receiver = Receiver::start(&[500]).await;
    let clock = ManualClock::new();
    let bench = Bench::at(Arc::new(MemoryStore::new()), config(), clock).await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
    bench.app.test_webhook(&bench.caller, hook).await.unwrap();
    bench.until_deliveries(hook, |all| all[0].attempts.len() == 1).await;
    receiver.respond_with(200);
    let second = bench.app.test_webhook(&bench.caller, hook).await.unwrap().record.id;
    let done = |one: &DeliveryView| {
        one.record.id == second && one.record.status == DeliveryStatus::Delivered
    };
    bench.until_deliveries(hook, |all| all.iter().any(done)).await;
    assert_eq!(receiver.calls().len(), 2);
}

/// Pages by number and by cursor, filtered; and one by its id.
#[tokio::test]
async fn deliveries_are_found() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let (app, caller) = (&bench.app, &bench.caller);
    let hook = bench.hook(&receiver, TopicFilter::Every).await.record.id;
    let mut tests = Vec::new();
    for _ in 0..3 {
        tests.push(app.test_webhook(caller, hook).await.unwrap().record.id);
        bench.static_text().await;
    }
    let page = async |query| app.webhook_deliveries(caller, hook, query).await.unwrap();
    let event = Some("webhook.test".to_owned());
    let first = List::first_page(DeliveryFilter { status: None, event }, 2);
    let first = first.sorted_by((), Order::Ascending).with_total();
    let one = page(first.clone()).await;
    let ids =
        |page: &Page<DeliveryView>| page.items.iter().map(|one| one.record.id).collect::<Vec<_>>();
    assert_eq!((ids(&one), one.total), (tests[..2].to_vec(), Some(3)));
    let next = PageStart::After(one.next.unwrap());
    let two = page(first.clone().starting_at(next)).await;
    assert_eq!((ids(&two), two.total, &two.next), (vec![tests[2]], Some(3), &None));
    let numbered = page(first.clone().starting_at(PageStart::Skip(2))).await;
    assert_eq!(ids(&numbered), ids(&two));
    let unknown = first.starting_at(PageStart::After("x".to_owned()));
    let refused = app.webhook_deliveries(caller, hook, unknown).await;
    let AppError::InvalidRequest(problem) = refused.unwrap_err() else { panic!() };
    assert_eq!(problem.path, "cursor");
    let found = app.webhook_delivery(caller, tests[0]).await.unwrap();
    assert_eq!((found.record.id, found.record.event.as_str()), (tests[0], "webhook.test"));
    app.delete_webhook(caller, hook).await.unwrap();
    let gone = app.webhook_delivery(caller, tests[0]).await.unwrap_err();
    assert!(matches!(gone, AppError::NotFound { .. }), "{gone}");
}
