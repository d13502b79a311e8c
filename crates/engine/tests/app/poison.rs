//! An execution that gets nowhere each time it is recovered is set aside, and nothing else is.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_core::ids::ExecutionId;
use stepwell_engine::app::RerunRequest;
use stepwell_store::Store;
use stepwell_store::memory::MemoryStore;
use stepwell_store::traits::{CountRecoveries, Heartbeat, HeartbeatKind, RecoveryCount};

use crate::support::{Bench, config};

/// A store as an execution leaves it that was recovered so often without getting further.
async fn recovered(store: &Arc<dyn Store>, id: ExecutionId, times: u32, trials: u32) {
    for _ in 0..times {
        let (ids, counted) = (vec![id], RecoveryCount::Recovery);
        store.count_recoveries(CountRecoveries { ids, counted }).await.unwrap();
    }
    for _ in 0..trials {
        let (ids, counted) = (vec![id], RecoveryCount::Trial);
        store.count_recoveries(CountRecoveries { ids, counted }).await.unwrap();
    }
}

/// Starts a server over a store in which an execution waits to be recovered.
async fn after(times: u32, trials: u32) -> (Bench, ExecutionId) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    // A server that never drives anything leaves its executions as they were accepted.
    let idle = stepwell_engine::EngineConfig { max_active: 0, ..config() };
    let bench = Bench::over(store.clone(), idle).await;
    let workflow = bench.steps(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    let id = bench.execute(workflow, json!({})).await;
    let node = stepwell_core::ids::NodeId::from_uuid(uuid::Uuid::from_u128(77));
    let now = stepwell_core::Timestamp::from_millis(0);
    store.heartbeat(Heartbeat { node, now, kind: HeartbeatKind::Join }).await.unwrap();
    let claim = stepwell_store::traits::ClaimQueued { node, limit: 9 };
    assert_eq!(store.claim_queued(claim).await.unwrap(), [id]);
    recovered(&store, id, times, trials).await;
    bench.app.shutdown().await;
    (Bench::over(store, config()).await, id)
}

#[tokio::test]
async fn it_is_tried_again_until_two_trials_led_nowhere() {
    for (times, trials, expect) in [
        (0, 0, Status::Completed),
        (1, 0, Status::Completed),
        (5, 1, Status::Completed),
        (2, 2, Status::Failed),
        (9, 3, Status::Failed),
    ] {
        let (bench, id) = after(times, trials).await;
        let view = bench.ended(id).await;
        assert_eq!(view.record.status, expect, "{times} {trials}");
        let code = view.error.as_ref().map(|error| error.code.as_str());
        assert_eq!(code, (expect == Status::Failed).then_some("POISONED"));
        if expect == Status::Failed {
            let rerun = bench.app.rerun(&bench.caller, id, RerunRequest::default()).await.unwrap();
            let again = bench.app.execute(&bench.caller, rerun.0, rerun.1).durable().await.unwrap();
            assert_eq!(bench.ended(again).await.record.status, Status::Completed);
        }
        bench.app.shutdown().await;
    }
}
