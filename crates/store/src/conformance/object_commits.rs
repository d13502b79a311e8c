//! Configured objects that are written with the events of an execution (such as the firing of a
//! schedule with the first one), or with a change of a workflow.

use crate::traits::LoadExecution;
use stepwell_core::execution::{Event, Status};
use tokio::task::JoinSet;

use super::build::*;
use super::objects::{FIRST_KIND, delete, find, object, put};
use crate::commit::Commit;
use crate::objects::{ObjectBatch, StoredObject};
use crate::traits::{FindWorkflow, UpdateWorkflow};
use crate::{Effects, StoreError};

/// A new execution that writes version `version` of object 1.
fn firing(n: u128, version: u64) -> Commit {
    let schedule = StoredObject { version, ..object(FIRST_KIND, 1) };
    let effects =
        Effects { deliveries: vec![hooked(10 * n, 1, 500)], ..Effects::with_audit(noted(n)) };
    Commit { objects: Some(Box::new(ObjectBatch::put(schedule, effects))), ..queued(n) }
}

async fn join_with_object(store: &Shared) {
    join(store, 1).await;
    put(store, object(FIRST_KIND, 1)).await.unwrap();
}

async fn version(store: &Shared) -> u64 {
    find(store, 1).await.unwrap().version
}

/// The execution and the object are stored together, or neither is.
pub async fn objects_are_committed_with_their_execution(store: Shared) {
    join_with_object(&store).await;
    let stale = Commit { node: node(9), ..firing(1, 2) };
    let refused = store.commit(stale.into()).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    assert_eq!(version(&store).await, 1);
    let commit = firing(1, 2);
    store.commit(commit.clone().into()).await.unwrap();
    has(&store, &commit.record, &commit.events).await;
    assert_eq!(version(&store).await, 2);
    assert_eq!(deliveries_about(&store, execution(500)).await, [hooked(10, 1, 500)]);
    // The idempotency key is that of the execution.
    let mut keyed = firing(2, 3);
    let batch = keyed.objects.as_mut().unwrap();
    batch.idempotency = Some(idempotent("k", "x"));
    let refused = store.commit(keyed.into()).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    assert_eq!(version(&store).await, 2);
    // Later events come with objects too, or are rejected with them.
    let next = then(&commit, Status::Running, vec![Event::Started]);
    let outdated = Commit { objects: firing(3, 2).objects, ..next.clone() };
    let refused = store.commit(outdated.into()).await;
    assert!(matches!(refused, Err(StoreError::Outdated(FIRST_KIND))), "{refused:?}");
    has(&store, &commit.record, &commit.events).await;
    let next = Commit { objects: firing(3, 3).objects, ..next };
    store.commit(next.clone().into()).await.unwrap();
    has(&store, &next.record, &[commit.events, next.events].concat()).await;
    assert_eq!(version(&store).await, 3);
}

/// A second execution over the same version is rejected without a trace.
pub async fn an_object_is_committed_once(store: Shared) {
    join_with_object(&store).await;
    store.commit(firing(1, 2).into()).await.unwrap();
    let mut twin = firing(2, 2);
    twin.idempotency = Some(idempotent("twin", "x"));
    twin.deliveries = vec![pending(2, 2, 1)];
    let refused = store.commit(twin.clone().into()).await;
    assert!(matches!(refused, Err(StoreError::Outdated(FIRST_KIND))), "{refused:?}");
    assert_eq!(store.load_execution(execution(2)).await.unwrap(), None);
    assert_eq!(store.find_idempotent(workspace(1), "twin").await.unwrap(), None);
    assert_eq!(deliveries_about(&store, execution(2)).await, []);
    assert_eq!(deliveries_about(&store, execution(500)).await.len(), 1);
    assert_eq!(store.workflow_stats(workflow(1)).await.unwrap().active, 1);
    delete(&store, 1, None).await.unwrap();
    let refused = store.commit(twin.into()).await;
    assert!(matches!(refused, Err(StoreError::Missing(FIRST_KIND))), "{refused:?}");
}

/// Of many concurrent executions over the same version, exactly one is stored.
pub async fn one_execution_gets_the_object(store: Shared) {
    join_with_object(&store).await;
    for round in 0..5_u64 {
        let mut tasks = JoinSet::new();
        for n in 0..20 {
            let store = store.clone();
            let commit = firing(100 * (u128::from(round) + 1) + n, round + 2);
            tasks.spawn(async move { store.commit(commit.into()).await });
        }
        let written = tasks.join_all().await.into_iter().filter(Result::is_ok).count();
        assert_eq!((written, version(&store).await), (1, round + 2), "round {round}");
    }
    assert_eq!(store.workflow_stats(workflow(1)).await.unwrap().active, 5);
}

/// A change of a workflow and the objects that come with it are stored together, or neither is.
pub async fn workflows_change_with_objects(store: Shared) {
    store.create_workflow(new_workflow(1, "w")).await.unwrap();
    let change = |version, delete| {
        let objects = vec![StoredObject { version, ..object(FIRST_KIND, 1) }];
        UpdateWorkflow { objects, delete, ..UpdateWorkflow::of(workflow(1), at(50)) }
    };
    let refused = store.update_workflow(change(2, true)).await;
    assert!(matches!(refused, Err(StoreError::Missing(FIRST_KIND))), "{refused:?}");
    let found = store.find_workflow(FindWorkflow::Id(workflow(1))).await.unwrap().unwrap();
    assert_eq!((found.version, found.deleted_at), (1, None));
    store.update_workflow(change(1, false)).await.unwrap();
    store.update_workflow(change(2, true)).await.unwrap();
    let late = store.update_workflow(change(3, true)).await;
    assert!(matches!(late, Err(StoreError::Missing("the workflow"))), "{late:?}");
    assert_eq!(version(&store).await, 2);
}
