//! Commits that are accepted.

use crate::traits::LoadExecution;
use serde_json::json;
use stepwell_core::execution::{Event, Status};
use tokio::task::JoinSet;

use super::build::*;
use crate::record::ExecutionRecord;

/// A commit with `expected_seq` 0 makes an execution, with everything in its record.
pub async fn adds_a_new_execution(store: Shared) {
    join(&store, 1).await;
    let mut commit = queued(1);
    let record = &mut commit.record;
    record.release = 7;
    record.wake_at = Some(at(-5));
    record.external_id = Some("order 4711 – ünïcode 🚀".to_owned());
    record.metadata.insert("z".to_owned(), json!([1, null]));
    record.metadata.insert("a".to_owned(), json!({ "b": 1.5 }));
    record.webhook_url = Some("https://example.com/?a=b".to_owned());
    store.commit(commit.clone().into()).await.unwrap();
    has(&store, &commit.record, &commit.events).await;
    let found = store.find_by_external_id(workspace(1), "order 4711 – ünïcode 🚀").await.unwrap();
    assert_eq!(found, Some(execution(1)));
    assert_eq!(store.load_execution(execution(2)).await.unwrap(), None);
}

/// A commit with the seq of the last event appends to the journal and changes the record.
pub async fn appends_to_an_execution(store: Shared) {
    join(&store, 1).await;
    let one = queued(1);
    let mut two = then(&one, Status::Waiting, vec![Event::Started, step_started(0, None)]);
    two.record.wake_at = Some(at(99));
    let mut three = then(&two, Status::Completed, vec![ending(Status::Completed)]);
    three.record.wake_at = None;
    three.record.owner = None;
    commit_all(&store, [one.clone(), two.clone()]).await;
    has(&store, &two.record, &[one.events.clone(), two.events.clone()].concat()).await;
    store.commit(three.clone().into()).await.unwrap();
    has(&store, &three.record, &[one.events, two.events, three.events].concat()).await;
}

/// A commit without events moves the wake-up moment and leaves the journal as it is.
pub async fn moves_the_wake_up_moment(store: Shared) {
    join(&store, 1).await;
    let one = queued(1);
    let mut two = then(&one, Status::Waiting, vec![Event::Started, step_started(0, None)]);
    two.record.wake_at = Some(at(99));
    commit_all(&store, [one.clone(), two.clone()]).await;
    let journal = [one.events, two.events.clone()].concat();
    for wake_at in [Some(at(50)), None, Some(at(70))] {
        let mut moved = then(&two, Status::Waiting, vec![]);
        moved.record.wake_at = wake_at;
        store.commit(moved.clone().into()).await.unwrap();
        has(&store, &moved.record, &journal).await;
        assert_eq!(next_wake(&store, 1).await, wake_at);
    }
    let three = then(&two, Status::Completed, vec![ending(Status::Completed)]);
    store.commit(three.clone().into()).await.unwrap();
    has(&store, &three.record, &[journal, three.events].concat()).await;
}

/// Later commits change only what moves on.
pub async fn keeps_what_was_settled_when_accepted(store: Shared) {
    join(&store, 1).await;
    let mut one = queued(1);
    one.record.external_id = Some("mine".to_owned());
    one.record.webhook_url = Some("https://example.com/".to_owned());
    one.record.metadata.insert("a".to_owned(), json!(1));
    let mut two = then(&one, Status::Running, vec![Event::Started]);
    let expected = two.record.clone();
    two.record = ExecutionRecord {
        workspace: workspace(2),
        workflow: workflow(2),
        release: 2,
        created_at: at(1),
        external_id: None,
        metadata: stepwell_core::Map::new(),
        webhook_url: None,
        ..two.record
    };
    commit_all(&store, [one.clone(), two.clone()]).await;
    has(&store, &expected, &[one.events, two.events].concat()).await;
    let found = store.find_by_external_id(workspace(1), "mine").await.unwrap();
    assert_eq!(found, Some(execution(1)));
}

/// A whole execution may come in one commit.
pub async fn ended_at_once(store: Shared) {
    join(&store, 1).await;
    let finals = Status::ALL.into_iter().filter(|status| status.is_final());
    for (n, status) in (1..).zip(finals) {
        let commit = ended(n, status);
        store.commit(commit.clone().into()).await.unwrap();
        has(&store, &commit.record, &commit.events).await;
    }
}

/// Concurrent commits of different executions all arrive, each whole.
pub async fn many_at_once_share_nothing(store: Shared) {
    join(&store, 1).await;
    let mut tasks = JoinSet::new();
    for n in 1..=100 {
        let store = store.clone();
        tasks.spawn(async move {
            let one = queued(n);
            let two = then(&one, Status::Running, vec![Event::Started]);
            commit_all(&store, [one, two]).await;
        });
    }
    tasks.join_all().await;
    for n in 1..=100 {
        let one = queued(n);
        let two = then(&one, Status::Running, vec![Event::Started]);
        has(&store, &two.record, &[one.events, two.events].concat()).await;
    }
}
