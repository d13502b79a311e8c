//! Rate limits, with a manual clock, and across restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::json;
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId, WorkspaceId};
use stepwell_core::rate::{RateLimits, RateTier};
use stepwell_engine::app::{ChangeWorkspace, CreateKey, Start};
use stepwell_engine::limits::{LimitKind, LimitOwner, Limited};
use stepwell_engine::view::Notice;
use stepwell_engine::{App, AppError, Caller, Clock, EngineConfig};
use stepwell_store::Store;
use stepwell_store::memory::MemoryStore;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::payloads::TestPayloads;
use crate::support::{Bench, PATIENCE, config, with_input};

/// A clock that moves only when it is set.
struct Hand(AtomicI64);

impl Hand {
    fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst) as u64)
    }
}

async fn with_hand() -> (Bench, Arc<Hand>) {
    let hand = Arc::new(Hand(AtomicI64::new(1_800_000_000_000)));
    let store = Arc::new(MemoryStore::default());
    let app =
        App::start(store.clone(), config(), hand.clone(), Arc::new(TestPayloads)).await.unwrap();
    (Bench { app, store, caller: Caller::internal() }, hand)
}

async fn key(app: &App, limits: RateLimits) -> String {
    let create = CreateKey { limits, ..CreateKey::new("limited", &["admin"]) };
    app.create_key(&Caller::internal(), create).await.unwrap().secret
}

async fn caller(app: &App, secret: &str) -> Caller {
    app.authenticate(Some(secret)).await.unwrap()
}

fn limited(error: AppError) -> Limited {
    match error {
        AppError::RateLimited(limited) => limited,
        other => panic!("{other}"),
    }
}

const SHORT: &str = "short";

async fn short(bench: &Bench) -> WorkflowId {
    bench.steps(json!([{"type": "StaticTextInput", "input": SHORT}])).await
}

/// Ends when it is cancelled only.
async fn long(bench: &Bench) -> WorkflowId {
    bench.steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "1h"}}])).await
}

async fn start(app: &App, caller: &Caller, workflow: WorkflowId) -> Result<ExecutionId, AppError> {
    app.execute(caller, workflow, Start::default()).durable().await
}

#[tokio::test]
async fn a_standard_key_starts_five_a_second() {
    let (bench, hand) = with_hand().await;
    let workflow = short(&bench).await;
    let limits = RateLimits::choose_limits(Some(RateTier::Standard), None).unwrap();
    let secret = key(&bench.app, limits).await;
    let caller = caller(&bench.app, &secret).await;
    for n in 0..5 {
        // Whichever way it is started.
        if n % 2 == 0 {
            start(&bench.app, &caller, workflow).await.unwrap();
        } else {
            let input = with_input(json!({}));
            bench.app.execute(&caller, workflow, input).wait(PATIENCE).await.unwrap();
        }
    }
    let refused = limited(start(&bench.app, &caller, workflow).await.unwrap_err());
    assert_eq!((refused.owner, refused.kind), (LimitOwner::Key, LimitKind::Executions));
    assert_eq!(refused.retry_after, Duration::from_millis(200));
    let follow = bench.app.execute(&caller, workflow, Start::default()).follow().await;
    limited(follow.err().unwrap());
    hand.advance(199);
    limited(start(&bench.app, &caller, workflow).await.unwrap_err());
    hand.advance(1);
    start(&bench.app, &caller, workflow).await.unwrap();
    limited(start(&bench.app, &caller, workflow).await.unwrap_err());
    // Others are not touched.
    start(&bench.app, &Caller::internal(), workflow).await.unwrap();
}

#[tokio::test]
async fn what_is_not_started_does_not_count() {
    let (bench, _hand) = with_hand().await;
    let workflow = bench
        .create(json!({"name": "n", "inputs": {"n": "number"}, "steps": [{"type": "Echo"}]}))
        .await;
    let limits = RateLimits { executions_per_second: Some(1), ..RateLimits::NONE };
    let secret = key(&bench.app, limits).await;
    let caller = caller(&bench.app, &secret).await;
    for _ in 0..3 {
        let wrong = with_input(json!({"n": "x"}));
        let refused = bench.app.execute(&caller, workflow, wrong).durable().await.unwrap_err();
        assert!(matches!(refused, AppError::InvalidInput(_)), "{refused}");
    }
    let right = || Start {
        idempotency: Some(stepwell_engine::app::Idempotency {
            key: "k".into(),
            fingerprint: vec![1],
        }),
        ..with_input(json!({"n": 1}))
    };
    let first = bench.app.execute(&caller, workflow, right()).durable().await.unwrap();
    let again = bench.app.execute(&caller, workflow, right()).durable().await.unwrap();
    assert_eq!(first, again, "a repeat starts nothing");
}

#[tokio::test]
async fn all_keys_of_a_workspace_share_its_limits() {
    let (bench, hand) = with_hand().await;
    let secrets =
        [key(&bench.app, RateLimits::NONE).await, key(&bench.app, RateLimits::NONE).await];
    let one = caller(&bench.app, &secrets[0]).await;
    let other = caller(&bench.app, &secrets[1]).await;
    assert_eq!(bench.app.standing(&one.limits), None, "no limit unless set");
    // It holds at once, for those too that are known already.
    let limits = Some(RateLimits { requests_per_minute: Some(3), ..RateLimits::NONE });
    let change = ChangeWorkspace { limits, ..ChangeWorkspace::default() };
    bench.app.change_workspace(&bench.caller, WorkspaceId::DEFAULT, change).await.unwrap();
    bench.app.admit_request(&one).unwrap();
    bench.app.admit_request(&other).unwrap();
    bench.app.admit_request(&one).unwrap();
    let refused = limited(bench.app.admit_request(&other).unwrap_err());
    assert_eq!((refused.owner, refused.kind), (LimitOwner::Workspace, LimitKind::Requests));
    assert_eq!(bench.app.standing(&one.limits).unwrap().remaining, 0);
    hand.advance(20_000);
    bench.app.admit_request(&other).unwrap();
    bench.app.admit_request(&one).unwrap_err();
}

// Several threads: the notified caller continues while the runner does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn places_are_free_when_the_end_is_reported() {
    let bench = Bench::new().await;
    let (quick, slow) = (short(&bench).await, long(&bench).await);
    let limits = RateLimits { concurrent_executions: Some(1), ..RateLimits::NONE };
    let secret = key(&bench.app, limits).await;
    let caller = caller(&bench.app, &secret).await;
    for _ in 0..300 {
        let input = with_input(json!({}));
        bench.app.execute(&caller, quick, input).wait(PATIENCE).await.unwrap();
    }
    for _ in 0..300 {
        let id = start(&bench.app, &caller, slow).await.unwrap();
        let refused = limited(start(&bench.app, &caller, slow).await.unwrap_err());
        assert_eq!((refused.kind, refused.standing.limit), (LimitKind::Concurrent, 1));
        bench.app.cancel(&caller, None, id, None).await.unwrap();
    }
    // One that is refused by the store takes no place.
    let taken = || Start { external_id: Some("x".into()), ..Start::default() };
    bench.app.execute(&caller, quick, taken()).wait(PATIENCE).await.unwrap();
    for _ in 0..3 {
        let refused = bench.app.execute(&caller, quick, taken()).wait(PATIENCE).await;
        assert!(matches!(refused, Err(AppError::ExternalIdTaken(_))), "{refused:?}");
    }
    start(&bench.app, &caller, quick).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_no_more_run_than_may() {
    let bench = Bench::new().await;
    let workflow = long(&bench).await;
    let limits = RateLimits { concurrent_executions: Some(7), ..RateLimits::NONE };
    let secret = key(&bench.app, limits).await;
    let caller = caller(&bench.app, &secret).await;
    let all = (0..40).map(|_| {
        let (app, caller) = (bench.app.clone(), caller.clone());
        tokio::spawn(async move { start(&app, &caller, workflow).await.is_ok() })
    });
    let mut started = 0;
    for one in all.collect::<Vec<_>>() {
        started += usize::from(one.await.unwrap());
    }
    assert_eq!(started, 7);
}

/// Starts over the database, with the one place of the queue or with many.
async fn over(path: &std::path::Path, max_active: usize) -> Bench {
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap());
    Bench::over(store, EngineConfig { max_active, ..config() }).await
}

#[tokio::test]
async fn a_restart_forgets_none_that_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let bench = over(&path, 2).await;
    let (quick, slow) = (short(&bench).await, long(&bench).await);
    let limits = RateLimits { concurrent_executions: Some(4), ..RateLimits::NONE };
    let secret = key(&bench.app, limits).await;
    let first = caller(&bench.app, &secret).await;
    // Asleep, at work or in the queue: all of them are accepted and not ended.
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(start(&bench.app, &first, slow).await.unwrap());
    }
    // Executions without a key do not count for this one.
    start(&bench.app, &bench.caller, slow).await.unwrap();
    limited(start(&bench.app, &first, quick).await.unwrap_err());
    bench.app.shutdown().await;
    drop(bench);

    let bench = over(&path, 100).await;
    let again = caller(&bench.app, &secret).await;
    let refused = limited(start(&bench.app, &again, quick).await.unwrap_err());
    assert_eq!((refused.owner, refused.kind), (LimitOwner::Key, LimitKind::Concurrent));
    for id in ids {
        bench.app.cancel(&again, None, id, None).await.unwrap();
        assert_eq!(bench.ended(id).await.record.status, Status::Cancelled);
        // One place was freed, and no more.
        start(&bench.app, &again, slow).await.unwrap();
        limited(start(&bench.app, &again, quick).await.unwrap_err());
    }
}

#[tokio::test]
async fn a_limit_set_while_executions_run_counts_them() {
    let bench = Bench::new().await;
    let workflow = long(&bench).await;
    let secret = key(&bench.app, RateLimits::NONE).await;
    let caller = caller(&bench.app, &secret).await;
    let first = start(&bench.app, &caller, workflow).await.unwrap();
    let begun = |notice: &Notice| notice.seq > 1;
    bench.until(first, begun).await;
    let limits = Some(RateLimits { concurrent_executions: Some(2), ..RateLimits::NONE });
    let change = ChangeWorkspace { limits, ..ChangeWorkspace::default() };
    bench.app.change_workspace(&bench.caller, WorkspaceId::DEFAULT, change).await.unwrap();
    start(&bench.app, &caller, workflow).await.unwrap();
    let refused = limited(start(&bench.app, &caller, workflow).await.unwrap_err());
    assert_eq!((refused.owner, refused.kind), (LimitOwner::Workspace, LimitKind::Concurrent));
    bench.app.cancel(&caller, None, first, None).await.unwrap();
    start(&bench.app, &caller, workflow).await.unwrap();
    // Without the limit, none is counted.
    let change = ChangeWorkspace { limits: Some(RateLimits::NONE), name: None };
    bench.app.change_workspace(&bench.caller, WorkspaceId::DEFAULT, change).await.unwrap();
    for _ in 0..5 {
        start(&bench.app, &caller, workflow).await.unwrap();
    }
}
