//! A clock that is set, and time without a server, are no reason to give up or to hurry.

use std::sync::atomic::{AtomicI64, Ordering};

use stepwell_core::Timestamp;
use stepwell_engine::Clock;

use super::*;

/// The system's clocks; the test sets the wall clock.
struct SetClock(AtomicI64);

impl SetClock {
    fn set(&self, by: Duration) {
        self.0.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().as_micros() + self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    fn boot(&self) -> Option<Uuid> {
        Some(Uuid::from_u128(1))
    }
}

const FAR: Duration = Duration::from_secs(25 * 3600);

#[tokio::test]
async fn deliveries_outlive_a_clock_set_forward() {
    let receiver = Receiver::start(&[500]).await;
    let clock = Arc::new(SetClock(AtomicI64::new(0)));
    let config = EngineConfig { webhook_disable_seconds: 24 * 3600, ..config() };
    let bench = Bench::at(Arc::new(MemoryStore::new()), config.clone(), clock.clone()).await;
    let hook = bench.hook(&receiver, TopicFilter::Some(vec![Topic::ExecutionCompleted])).await;
    let workflow = bench.static_text().await;
    let start = Start { webhook_url: Some(receiver.url.clone()), ..Start::default() };
    let id = bench.app.execute(&bench.caller, workflow, start).durable().await.unwrap();
    receiver.at_least(2).await;
    clock.set(FAR);
    // Sent before it is noticed that the clock was set.
    let begun = std::time::Instant::now();
    bench.wait(workflow, json!({})).await.unwrap();
    let pending = async |bench: &Bench| {
        let found = deliveries_about(&bench.store, id).await;
        assert!(!found.is_empty());
        for delivery in &found {
            assert_eq!(delivery.status, DeliveryStatus::Pending, "{delivery:?}");
        }
        assert_eq!(bench.status(hook.record.id).await, WebhookStatus::Active);
        found.iter().map(|delivery| delivery.attempts).max().unwrap()
    };
    while pending(&bench).await < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // At least 0.8 + 1.6 + 3.2 s lie between four attempts, one of them before the change.
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    // A server that was away for as long tries again.
    bench.app.shutdown().await;
    clock.set(FAR);
    let before = receiver.calls().len();
    let bench = Bench::at(bench.store, config, clock).await;
    receiver.at_least(before + 1).await;
    while pending(&bench).await < 5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
