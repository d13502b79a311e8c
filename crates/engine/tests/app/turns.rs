//! Whose turn it is to do the work of a request that comes more than once.

use std::sync::Arc;

use stepwell_engine::app::{Idempotency, Ticket, Turn};
use stepwell_engine::{App, AppError, Caller, EngineConfig};
use stepwell_store::memory::MemoryStore;

use crate::support::{Bench, config};

async fn app(store: &Arc<MemoryStore>, sole_node: bool) -> App {
    Bench::over(store.clone(), EngineConfig { sole_node, ..config() }).await.app
}

fn key(fingerprint: u8) -> Idempotency {
    Idempotency { key: "k".into(), fingerprint: vec![fingerprint] }
}

async fn turn(app: &App) -> Turn {
    app.turn(&Caller::internal(), &key(1)).await.unwrap()
}

async fn first(app: &App) -> Ticket {
    match turn(app).await {
        Turn::First(ticket) => ticket,
        Turn::Again(answer) => panic!("answered: {answer}"),
        Turn::Busy => panic!("busy"),
    }
}

#[tokio::test]
async fn one_works_and_the_others_wait_or_get_its_answer() {
    let store = Arc::new(MemoryStore::default());
    let (app, other_node) = (app(&store, false).await, app(&store, false).await);
    let ticket = first(&app).await;
    for app in [&app, &other_node] {
        assert!(matches!(turn(app).await, Turn::Busy));
        let reused = app.turn(&Caller::internal(), &key(2)).await;
        assert!(matches!(reused, Err(AppError::IdempotencyKeyReused)));
    }
    ticket.release().await;
    first(&other_node).await.settle("201".into()).await.unwrap();
    assert!(matches!(turn(&app).await, Turn::Again(answer) if answer == "201"));
}

#[tokio::test]
async fn work_that_was_given_up_is_done_by_another() {
    let store = Arc::new(MemoryStore::default());
    let crashed = app(&store, true).await;
    std::mem::forget(first(&crashed).await);
    assert!(matches!(turn(&crashed).await, Turn::Busy));
    let next = app(&store, true).await;
    first(&next).await.settle("again".into()).await.unwrap();
    // Whoever comes back late changes nothing.
    assert!(matches!(turn(&crashed).await, Turn::Again(answer) if answer == "again"));
}
