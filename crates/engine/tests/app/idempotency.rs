//! Idempotency keys of requests that come more than once.

use std::sync::Arc;

use stepwell_engine::app::{ClaimGuard, Idempotency, IdempotencyClaim};
use stepwell_engine::{App, AppError, Caller, EngineConfig};
use stepwell_store::memory::MemoryStore;

use crate::support::{Bench, config};

async fn app(store: &Arc<MemoryStore>, sole_node: bool) -> App {
    Bench::over(store.clone(), EngineConfig { sole_node, ..config() }).await.app
}

fn key(fingerprint: u8) -> Idempotency {
    Idempotency { key: "k".into(), fingerprint: vec![fingerprint] }
}

async fn claim(app: &App) -> IdempotencyClaim {
    app.claim_idempotency_key(&Caller::internal(), &key(1)).await.unwrap()
}

async fn first(app: &App) -> ClaimGuard {
    match claim(app).await {
        IdempotencyClaim::First(guard) => guard,
        IdempotencyClaim::Replayed { body, .. } => panic!("replayed: {body}"),
        IdempotencyClaim::ReplayedSecret => panic!("replayed: a secret"),
        IdempotencyClaim::InProgress => panic!("in progress"),
    }
}

#[tokio::test]
async fn one_request_is_first_and_the_others_wait_or_get_its_response() {
    let store = Arc::new(MemoryStore::default());
    let (app, other_node) = (app(&store, false).await, app(&store, false).await);
    let guard = first(&app).await;
    for app in [&app, &other_node] {
        assert!(matches!(claim(app).await, IdempotencyClaim::InProgress));
        let reused = app.claim_idempotency_key(&Caller::internal(), &key(2)).await;
        assert!(matches!(reused, Err(AppError::IdempotencyKeyReused)));
    }
    guard.release().await;
    first(&other_node).await.complete(201, "first".into()).await.unwrap();
    let IdempotencyClaim::Replayed { status, body } = claim(&app).await else { panic!() };
    assert_eq!((status, body.as_str()), (201, "first"));
}

#[tokio::test]
async fn an_abandoned_claim_is_taken_over() {
    let store = Arc::new(MemoryStore::default());
    let crashed = app(&store, true).await;
    std::mem::forget(first(&crashed).await);
    assert!(matches!(claim(&crashed).await, IdempotencyClaim::InProgress));
    let next = app(&store, true).await;
    first(&next).await.complete(200, "again".into()).await.unwrap();
    // The first node changes nothing when it returns.
    let IdempotencyClaim::Replayed { body, .. } = claim(&crashed).await else { panic!() };
    assert_eq!(body, "again");
}

#[tokio::test]
async fn a_response_with_a_secret_is_not_stored() {
    let store = Arc::new(MemoryStore::default());
    let app = app(&store, false).await;
    first(&app).await.complete_secret().await.unwrap();
    assert!(matches!(claim(&app).await, IdempotencyClaim::ReplayedSecret));
}
