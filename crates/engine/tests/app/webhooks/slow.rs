//! Receivers that are slow.

use super::*;

/// A receiver that never responds has 10,000 events waiting; others get theirs at once, and
/// executions continue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_receiver_delays_no_other() {
    let (slow, fast) = (Receiver::start(&[0]).await, Receiver::start(&[200]).await);
    let folder = tempfile::TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("test.db"), SqliteOptions::default()).unwrap();
    let bench = Bench::at(Arc::new(store), config(), Arc::new(SystemClock)).await;
    let topics = || TopicFilter::Some(vec![Topic::ExecutionCompleted]);
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
        sensitive: false,
    });
    let waiting = ObjectBatch::effects(Effects::with_deliveries(waiting.collect()));
    bench.store.write_objects(waiting).await.unwrap();
    bench.app.test_webhook(&bench.caller, stuck).await.unwrap();
    slow.at_least(32).await;
    let began = std::time::Instant::now();
    for _ in 0..200 {
        bench.wait(workflow, json!({})).await.unwrap();
    }
    let executing = began.elapsed();
    fast.at_least(200).await;
    let delivered = began.elapsed();
    println!("200 executions in {executing:?}, the fast receiver knew of all after {delivered:?}");
    assert!(
        delivered < Duration::from_secs(15),
        "before any attempt at the slow one can have ended"
    );
    assert_eq!(slow.calls().len(), 32, "its share, and no more");
    let of_slow = bench.app.webhook_deliveries(&bench.caller, stuck, all()).await.unwrap();
    let of_fast = bench.app.webhook_deliveries(&bench.caller, quick, all()).await.unwrap();
    assert_eq!((of_slow.total, of_fast.total), (Some(10_202), Some(200)));
}
