use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::{Map, json};
use stepwell_core::Timestamp;
use stepwell_core::ids::WorkspaceId;
use stepwell_store::Effects;
use stepwell_store::memory::MemoryStore;
use stepwell_store::record::ReleaseRecord;
use stepwell_store::traits::CreateWorkflow;
use uuid::Uuid;

use super::*;

/// A definition with so many fields of text.
fn definition(fields: usize) -> Value {
    let fields: Map<_, _> = (0..fields).map(|n| (format!("field_{n}"), json!("a text"))).collect();
    json!({"name": "n", "steps": [{"type": "Echo", "input": fields}]})
}

/// More than is compiled at once.
fn large() -> Value {
    definition(3000)
}

fn id(n: u128) -> WorkflowId {
    WorkflowId::from_uuid(Uuid::from_u128(n))
}

fn workflow(n: u128) -> WorkflowRecord {
    WorkflowRecord {
        id: id(n),
        workspace: WorkspaceId::DEFAULT,
        name: format!("n{n}"),
        active: true,
        release: 1,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        deleted_at: None,
        metadata: Map::new(),
        retention_seconds: None,
        description: None,
        kind: "custom".into(),
        configuration: None,
        integrations: Vec::new(),
        created_by: None,
        activated_at: None,
        deactivated_at: None,
        version: 1,
    }
}

/// A store with the first releases of workflows 0, 1, … of these definitions.
async fn store(definitions: &[Value]) -> Arc<dyn Store> {
    let store = MemoryStore::default();
    for (n, source) in (0..).zip(definitions) {
        let release = ReleaseRecord {
            workflow: id(n),
            number: 1,
            source: Arc::new(source.clone()),
            created_at: Timestamp::default(),
        };
        let create = CreateWorkflow {
            workflow: workflow(n),
            release,
            idempotency: None,
            effects: Effects::default(),
        };
        stepwell_store::WorkflowStore::create_workflow(&store, create).await.unwrap();
    }
    Arc::new(store)
}

#[tokio::test]
async fn concurrent_requests_for_a_release_compile_it_once() {
    let plans = Plans::new(store(&[large()]).await);
    let found = join_all((0..100).map(|_| plans.plan(id(0), 1))).await;
    let all: Vec<_> = found.into_iter().map(Result::unwrap).collect();
    assert_eq!(plans.compiled(), 1);
    assert!(all.iter().all(|plan| Arc::ptr_eq(plan, &all[0])));
}

#[tokio::test]
async fn one_that_is_given_up_does_not_hold_up_the_others() {
    let plans = Plans::new(store(&[large()]).await);
    let mut first = Box::pin(plans.plan(id(0), 1));
    assert!((&mut first).now_or_never().is_none(), "it is still compiled");
    let second = plans.plan(id(0), 1);
    drop(first);
    second.await.unwrap();
    assert!(plans.plan(id(0), 2).await.is_err());
    assert!(plans.plan(id(0), 2).await.is_err(), "a failure is not cached and blocks no caller");
}

#[tokio::test]
async fn the_plans_of_updates_stay_within_the_bytes_of_the_cache() {
    let plans = Plans::with_limits(store(&[]).await, 8 << 20, LIVE_BYTES);
    let mut all = 0;
    for number in 1..=300 {
        let (_, plan) = plans.compile_new(Arc::new(definition(500))).await.unwrap();
        all += plan.memory_bytes as u64;
        plans.remember(id(0), number, plan);
        let [cached, running, _] = plans.usage();
        assert!(cached.used <= cached.limit, "{cached:?}");
        assert_eq!(running.used, 0, "what is evicted is gone: {cached:?}");
    }
    assert!(all > 16 << 20, "{all}");
}

#[tokio::test]
async fn a_plan_that_does_not_fit_the_cache_is_shared_while_it_is_used() {
    let plans = Plans::with_limits(store(&[large()]).await, 1 << 10, LIVE_BYTES);
    let found = join_all((0..20).map(|_| plans.plan(id(0), 1))).await;
    let later = plans.plan(id(0), 1).await.unwrap();
    assert!(found.iter().all(|plan| Arc::ptr_eq(plan.as_ref().unwrap(), &later)));
    assert_eq!(plans.compiled(), 1);
    drop((found, later));
    assert_eq!(plans.live.bytes(), 0);
    plans.plan(id(0), 1).await.unwrap();
    assert_eq!(plans.compiled(), 2);
}

#[tokio::test]
async fn no_plan_is_loaded_while_those_of_executions_take_all_the_memory() {
    let plans = Plans::with_limits(store(&[large(), large()]).await, 1 << 20, 1 << 20);
    let executed = plans.plan(id(0), 1).await.unwrap();
    let refused = plans.plan(id(1), 1).await.unwrap_err();
    assert!(matches!(refused, AppError::Unavailable { .. }), "{refused}");
    // The same plan is there for further executions.
    plans.plan(id(0), 1).await.unwrap();
    drop(executed);
    plans.plan(id(1), 1).await.unwrap();
}
