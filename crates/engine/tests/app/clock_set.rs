//! The wall clock is set while executions and schedules wait: lengths of time keep their length,
//! moments that users named stay moments of the wall clock.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::execution::Status;
use stepwell_core::ids::ExecutionId;
use stepwell_core::rate::RateLimits;
use stepwell_engine::AppError;
use stepwell_engine::app::{CreateKey, Start};
use stepwell_engine::view::ExecutionView;
use stepwell_store::Store;
use stepwell_store::memory::MemoryStore;
use tokio::time::Instant;
use uuid::Uuid;

use crate::simulated::{RuntimeClock, Simulated, at, cron, every};
use crate::support::config;
use crate::waits::ErrorLines;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// How far the clock is set.
const STEPS: [i64; 5] = [-3, -30, -HOUR, -DAY, HOUR];
/// How much later than its length a wait may end.
const LATE: Duration = Duration::from_millis(1500);
/// More than any wait here.
const PATIENCE: Duration = Duration::from_secs(10 * 24 * 3600);

struct World {
    bench: Simulated,
    clock: Arc<RuntimeClock>,
}

impl World {
    async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()), RuntimeClock::from(at("2026-05-02T10:00:00Z")))
            .await
    }

    async fn over(store: Arc<dyn Store>, clock: Arc<RuntimeClock>) -> Self {
        Self { bench: Simulated::over(store, clock.clone(), config()).await, clock }
    }

    async fn restart(self, meanwhile: impl FnOnce(&RuntimeClock)) -> Self {
        self.bench.app.shutdown().await;
        meanwhile(&self.clock);
        Self::over(self.bench.store, self.clock).await
    }

    async fn begin(&self, definition: &Value) -> ExecutionId {
        let workflow = self.bench.workflow(definition.clone()).await;
        self.bench
            .app
            .execute(&self.bench.caller, workflow, Start::default())
            .durable()
            .await
            .unwrap()
    }

    async fn ended(&self, id: ExecutionId) -> ExecutionView {
        self.bench.app.wait_for(&self.bench.caller, id, PATIENCE).await.unwrap()
    }
}

fn delay(length: &str) -> Value {
    json!([{"id": "wait", "type": "Delay", "config": {"for": length}}])
}

fn retry(pause: &str) -> Value {
    json!([{"id": "wait", "type": "Json.Parse", "input": {"text": "{{ execution.id }}"}, "retry": {
        "max_attempts": 2, "initial": pause, "max": pause, "jitter": 0, "on": ["INVALID_JSON"]}}])
}

/// Every kind of wait, with its length in milliseconds and how the execution ends.
fn lengths() -> Vec<(Value, u64, Status)> {
    let of = |steps: Value| json!({"name": "waits", "steps": steps});
    let limited =
        |timeout: &str, steps: Value| json!({"name": "waits", "timeout": timeout, "steps": steps});
    let cut = json!([{"id": "wait", "type": "Delay", "config": {"for": "9h"}, "timeout": "9s"}]);
    let named = json!([{"id": "wait", "type": "Delay", "timeout": "9s",
        "config": {"until": "2027-01-01T00:00:00Z"}}]);
    vec![
        (of(delay("1500ms")), 1_500, Status::Completed),
        (of(delay("4s")), 4_000, Status::Completed),
        (of(delay("2h")), 7_200_000, Status::Completed),
        (of(retry("1500ms")), 1_500, Status::Failed),
        (of(retry("4s")), 4_000, Status::Failed),
        (of(retry("1h")), 3_600_000, Status::Failed),
        (of(cut), 9_000, Status::Failed),
        (of(named), 9_000, Status::Failed),
        (limited("1s", delay("9h")), 1_000, Status::TimedOut),
        (limited("5s", delay("9h")), 5_000, Status::TimedOut),
        (limited("1h", delay("9h")), 3_600_000, Status::TimedOut),
    ]
}

#[tokio::test(start_paused = true)]
async fn lengths_keep_their_length() {
    let (errors, _guard) = ErrorLines::watch();
    for seconds in STEPS {
        for (definition, millis, status) in lengths() {
            let (length, world) = (Duration::from_millis(millis), World::new().await);
            let begun = Instant::now();
            let id = world.begin(&definition).await;
            tokio::time::sleep(length / 4).await;
            world.clock.set(seconds);
            let view = world.ended(id).await;
            let took = begun.elapsed();
            let what = format!("{definition} after {seconds} s: {took:?}");
            assert_eq!(view.record.status, status, "{what}");
            assert!(took <= length + LATE, "{what}");
            // What sleeps in the store takes a clock that is set forward for time that went by.
            assert!(seconds > 0 || took >= length, "{what}");
            world.bench.app.shutdown().await;
        }
    }
    assert_eq!(errors.count(), 0);
}

/// In memory, a clock that is set forward ends nothing early.
#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_does_not_time_out_what_runs() {
    let world = World::new().await;
    let steps = json!([
        {"id": "busy", "type": "StreamText", "input": "x y", "config": {"pause": "20m"},
            "timeout": "2h"}]);
    let definition = json!({"name": "busy", "timeout": "1h", "steps": steps});
    let id = world.begin(&definition).await;
    world.bench.pass(60).await;
    world.clock.set(DAY);
    assert_eq!(world.ended(id).await.record.status, Status::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_clock_put_right_while_no_server_runs() {
    let (errors, _guard) = ErrorLines::watch();
    // The machine's own clock shows how long the server was away, or does not.
    for boot in [Some(Uuid::from_u128(1)), None] {
        for seconds in [-30, -HOUR, -3 * HOUR, -DAY] {
            for (definition, millis, status) in lengths() {
                let length = Duration::from_millis(millis);
                let clock = RuntimeClock::of_boot(at("2026-05-02T10:00:00Z"), boot);
                let world = World::over(Arc::new(MemoryStore::new()), clock).await;
                let begun = Instant::now();
                let id = world.begin(&definition).await;
                tokio::time::sleep(length / 4).await;
                let away = length / 4;
                let stopping = Instant::now();
                world.bench.app.shutdown().await;
                let stopping = stopping.elapsed();
                tokio::time::sleep(away).await;
                world.clock.set(seconds);
                let world = World::over(world.bench.store, world.clock).await;
                let restarted = Instant::now();
                let view = world.ended(id).await;
                let took = begun.elapsed();
                let what = format!("{definition} after {seconds} s, {boot:?}: {took:?}");
                assert_eq!(view.record.status, status, "{what}");
                assert!(took >= length, "{what}: too early");
                assert!(restarted.elapsed() <= length + LATE, "{what}");
                assert!(boot.is_none() || took <= length + stopping + LATE, "{what}: too late");
                world.bench.app.shutdown().await;
            }
        }
    }
    assert_eq!(errors.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_named_moment_is_one_of_the_wall_clock() {
    for (seconds, expect) in [(-30, 90), (-HOUR, 60 + 3600), (20, 40), (HOUR, 5)] {
        for until in ["2026-05-02T10:01:00Z"] {
            let world = World::new().await;
            let steps = json!([{"id": "wait", "type": "Delay", "config": {"until": until}}]);
            let begun = Instant::now();
            let id = world.begin(&json!({"name": "named", "steps": steps})).await;
            world.bench.pass(5).await;
            world.clock.set(seconds);
            let view = world.ended(id).await;
            assert_eq!(view.record.status, Status::Completed);
            let (took, expect) = (begun.elapsed(), Duration::from_secs(expect));
            assert!(took >= expect && took <= expect + LATE, "{seconds}: {took:?}");
            world.bench.app.shutdown().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn intervals_continue() {
    for restarts in [false, true] {
        for seconds in [-30, -HOUR, -DAY] {
            let mut world = World::new().await;
            let workflow = world.bench.quick().await;
            let often = world.bench.schedule(workflow, every(2, "seconds")).await;
            let hourly = world.bench.quick().await;
            let _hourly = world.bench.schedule(hourly, every(1, "hours")).await;
            world.bench.pass(21).await;
            assert_eq!(world.bench.executions(workflow).await.len(), 10);
            if restarts {
                world = world.restart(|clock| clock.set(seconds)).await;
            } else {
                world.clock.set(seconds);
            }
            world.bench.pass(40).await;
            let fired = world.bench.executions(workflow).await.len();
            assert!((28..=32).contains(&fired), "{seconds}: {fired}");
            let next = world.bench.view(often).await.record.document.progress.next_at.unwrap();
            assert!(next.since(world.bench.clock.now()).as_secs() <= 2, "{next}");
            world.bench.pass(3600 - 61 - 10).await;
            assert_eq!(world.bench.executions(hourly).await.len(), 0, "{seconds}");
            world.bench.pass(12).await;
            assert_eq!(world.bench.executions(hourly).await.len(), 1, "{seconds}");
            world.bench.pass(3600).await;
            assert_eq!(world.bench.executions(hourly).await.len(), 2, "{seconds}");
            world.bench.app.shutdown().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cron_follows_the_clock() {
    for seconds in [-HOUR, -DAY] {
        let world = World::new().await;
        let workflow = world.bench.quick().await;
        world.bench.schedule(workflow, cron("*/2 * * * * *")).await;
        world.bench.pass(21).await;
        world.clock.set(seconds);
        world.bench.pass(40).await;
        let fired = world.bench.executions(workflow).await.len();
        assert!((28..=32).contains(&fired), "{seconds}: {fired}");
        world.bench.app.shutdown().await;
    }
    // A day ahead, and put right again: the next day is not skipped.
    let world = World::new().await;
    let workflow = world.bench.quick().await;
    world.bench.schedule(workflow, cron("0 6 * * *")).await;
    world.clock.set(DAY);
    world.bench.pass(60).await;
    assert_eq!(world.bench.executions(workflow).await.len(), 1, "what was missed");
    world.clock.set(-DAY);
    world.bench.pass(20 * 3600).await;
    assert_eq!(world.bench.executions(workflow).await.len(), 2);
    // Set back by a little, it does not fire for the same moment again.
    world.clock.set(-600);
    world.bench.pass(3600).await;
    assert_eq!(world.bench.executions(workflow).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rate_limits_and_keys_measure_time() {
    let world = World::new().await;
    let (app, caller) = (&world.bench.app, &world.bench.caller);
    let limits = RateLimits { requests_per_minute: Some(2), ..RateLimits::NONE };
    let create = CreateKey { limits, ..CreateKey::new("limited", &["admin"]) };
    let key = app.create_key(caller, create).await.unwrap();
    let limited = app.authenticate(Some(&key.secret)).await.unwrap();
    for _ in 0..2 {
        app.admit_request(&limited).unwrap();
    }
    world.clock.set(-HOUR);
    let refused = app.admit_request(&limited).unwrap_err();
    let AppError::RateLimited(refused) = refused else { panic!("{refused}") };
    assert!(refused.retry_after <= Duration::from_secs(31), "{:?}", refused.retry_after);
    let full_in = refused.standing.full_at.since(world.bench.clock.now());
    assert!(full_in <= Duration::from_secs(61), "{full_in:?}");
    world.bench.pass(31).await;
    app.admit_request(&limited).unwrap();
}

/// Lists are newest first although the clock was set back a little.
#[tokio::test(start_paused = true)]
async fn creation_keeps_its_order() {
    let world = World::new().await;
    let workflow = world.bench.quick().await;
    let mut begun = Vec::new();
    for _ in 0..5 {
        let start = Start::default();
        begun.push(
            world.bench.app.execute(&world.bench.caller, workflow, start).durable().await.unwrap(),
        );
        world.clock.set(-8);
    }
    let found: Vec<_> = world.bench.executions(workflow).await.iter().map(|one| one.id).collect();
    assert_eq!(found, begun);
}
