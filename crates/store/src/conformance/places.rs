//! Places under the concurrency limits of workflows.

use stepwell_core::execution::{ConcurrencyPlace, Event, ExecutionMessage, Status};
use stepwell_core::ids::ExecutionId;
use tokio::task::JoinSet;

use super::build::*;
use crate::StoreError;
use crate::commit::{Admission, Commit, Displaced, StartedExecution};
use crate::record::{ExecutionRecord, ParentStep, PlaceRecord};
use crate::traits::{
    ClaimQueued, ConcurrencyKey, LoadExecution as _, Unfinished, UnfinishedOf, WorkflowPlaces,
};

/// A new queued execution of workflow 1 that needs a place.
fn keyed(n: u128, key: &str, limit: u32) -> Commit {
    let mut commit = queued(n);
    commit.record.owner = None;
    let needed = ConcurrencyPlace { key: key.to_owned(), limit };
    commit.record.concurrency = Some(Box::new(PlaceRecord::waiting(needed)));
    commit
}

fn admitted(n: u128, admission: Admission) -> Commit {
    let mut commit = keyed(n, "a", 1);
    commit.related.admission = admission;
    commit
}

fn started(commit: &Commit) -> Commit {
    let mut next = then(commit, Status::Running, vec![Event::Started]);
    next.record.owner = Some(node(1));
    next
}

fn ended(commit: &Commit) -> Commit {
    let cancelled = Event::Cancelled { reason: None };
    let mut next = then(commit, Status::Cancelled, vec![cancelled]);
    next.record.ended_at = Some(at(50));
    next
}

async fn claim(store: &Shared) -> Vec<ExecutionId> {
    store.claim_queued(ClaimQueued { node: node(1), limit: 1000 }).await.unwrap()
}

async fn has_place(store: &Shared, n: u128) -> bool {
    let record = store.load_execution(execution(n)).await.unwrap().unwrap().record;
    !record.waits_for_place()
}

fn ids(numbers: impl IntoIterator<Item = u128>) -> Vec<ExecutionId> {
    numbers.into_iter().map(execution).collect()
}

/// The oldest get places; each end, and only that, frees one.
pub async fn places_are_granted_in_order(store: Shared) {
    join(&store, 1).await;
    let all: Vec<_> = (1..=5).map(|n| keyed(n, "a", 2)).collect();
    // Another key and another workflow have places of their own.
    let mut elsewhere = keyed(7, "a", 1);
    elsewhere.record.workflow = workflow(2);
    commit_all(&store, all.clone()).await;
    commit_all(&store, [keyed(6, "b", 1), elsewhere, queued(8)]).await;
    assert_eq!(claim(&store).await, ids([1, 2, 6, 7]));
    let (one, two) = (started(&all[0]), started(&all[1]));
    store.commit(one.clone().into()).await.unwrap();
    store.commit(two.clone().into()).await.unwrap();
    let waits =
        then(&two, Status::Waiting, vec![Event::StepWaiting { step: 0.into(), until: at(9) }]);
    store.commit(waits.into()).await.unwrap();
    assert_eq!(claim(&store).await, []);
    let of = || ConcurrencyKey { workflow: workflow(1), key: "a".to_owned() };
    let list = async |of, after: Option<u128>| {
        let list = Unfinished { of, after: after.map(execution), limit: 2 };
        store.unfinished_executions(list).await.unwrap()
    };
    assert_eq!(list(UnfinishedOf::WithPlace(of()), None).await, ids([1, 2]));
    assert_eq!(list(UnfinishedOf::AwaitingPlace(of()), None).await, ids([3, 4]));
    assert_eq!(list(UnfinishedOf::AwaitingPlace(of()), Some(4)).await, ids([5]));
    let places = |n, taken, waiting| WorkflowPlaces { workflow: workflow(n), taken, waiting };
    let counted = async || store.gauges().await.unwrap().places;
    assert_eq!(counted().await, [places(1, 3, 3), places(2, 1, 0)]);
    // One that is cancelled while it waits takes no place.
    store.commit(ended(&all[2]).into()).await.unwrap();
    assert_eq!(claim(&store).await, []);
    store.commit(ended(&one).into()).await.unwrap();
    assert!(has_place(&store, 4).await && !has_place(&store, 5).await);
    assert_eq!(claim(&store).await, ids([4]));
    assert_eq!(claim(&store).await, []);
    assert_eq!(counted().await, [places(1, 3, 1), places(2, 1, 0)]);
}

/// One that is paused before it started gets a place when it is queued again.
pub async fn paused_ones_wait_without_a_place(store: Shared) {
    join(&store, 1).await;
    let all: Vec<_> = (1..=3).map(|n| keyed(n, "a", 1)).collect();
    commit_all(&store, all.clone()).await;
    let mut paused = then(&all[1], Status::Paused, vec![Event::Paused]);
    paused.record.owner = Some(node(1));
    store.commit(paused.clone().into()).await.unwrap();
    store.commit(ended(&all[0]).into()).await.unwrap();
    assert!(!has_place(&store, 2).await && has_place(&store, 3).await);
    let places = [WorkflowPlaces { workflow: workflow(1), taken: 1, waiting: 0 }];
    assert_eq!(store.gauges().await.unwrap().places, places);
    let mut resumed = then(&paused, Status::Queued, vec![Event::Resumed]);
    resumed.record.owner = None;
    store.commit(resumed.into()).await.unwrap();
    assert!(!has_place(&store, 2).await);
    store.commit(ended(&all[2]).into()).await.unwrap();
    assert_eq!(claim(&store).await, ids([2]));
}

/// A rejected one stores nothing.
pub async fn a_place_can_be_required(store: Shared) {
    join(&store, 1).await;
    let require = || Admission::RequirePlace;
    let one = admitted(1, require());
    store.commit(one.clone().into()).await.unwrap();
    let refused = store.commit(admitted(2, require()).into()).await;
    let expected = matches!(refused, Err(StoreError::NoPlace { taken: 1, limit: 1 }));
    assert!(expected, "{refused:?}");
    assert_eq!(store.load_execution(execution(2)).await.unwrap(), None);
    store.commit(ended(&one).into()).await.unwrap();
    store.commit(admitted(3, require()).into()).await.unwrap();
    assert!(has_place(&store, 3).await);
}

/// However many require a place at the same time, one gets it.
pub async fn of_rivals_one_gets_the_place(store: Shared) {
    join(&store, 1).await;
    let mut tasks = JoinSet::new();
    for n in 1..=50 {
        let store = store.clone();
        let commit = admitted(n, Admission::RequirePlace);
        tasks.spawn(async move { store.commit(commit.into()).await.is_ok() });
    }
    let accepted = tasks.join_all().await.into_iter().filter(|accepted| *accepted).count();
    assert_eq!(accepted, 1);
    assert_eq!(claim(&store).await.len(), 1);
}

/// An execution that another one starts and that requires a place: if there is none, it is not
/// stored, and the one that starts it gets a message in the same transaction.
pub async fn started_ones_without_a_place_are_reported(store: Shared) {
    join(&store, 1).await;
    let message = |n: u128| ExecutionMessage::Cancel { reason: format!("{n} has no place") };
    let child = |n: u128, parent: u128| {
        let Commit { record, events, .. } = keyed(n, "a", 1);
        let parent = Some(ParentStep { execution: execution(parent), step: "call".into() });
        let record = ExecutionRecord { parent, ..record };
        StartedExecution { record, events, admission: Admission::RequirePlaceOr(message(n)) }
    };
    let starting = |n: u128, children: &[u128]| {
        let mut commit = queued(n);
        commit.related.started = children.iter().map(|of| child(*of, n)).collect();
        commit
    };
    let messages = async |n: u128| -> Vec<ExecutionMessage> {
        let found = store.list_messages(execution(n), usize::MAX).await.unwrap();
        found.into_iter().map(|stored| stored.message).collect()
    };
    store.commit(starting(1, &[2, 3]).into()).await.unwrap();
    assert!(has_place(&store, 2).await);
    assert_eq!(store.load_execution(execution(3)).await.unwrap(), None);
    assert_eq!(messages(1).await, [message(3)]);
    assert_eq!(claim(&store).await, ids([2]));
    // Once the place is free, one of many gets it.
    store.commit(ended(&keyed(2, "a", 1)).into()).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 10..30 {
        let (store, commit) = (store.clone(), starting(n, &[100 + n]));
        tasks.spawn(async move { store.commit(commit.into()).await.unwrap() });
    }
    tasks.join_all().await;
    let mut stored = 0;
    for n in 10..30 {
        let found = store.load_execution(execution(100 + n)).await.unwrap();
        let expected = if found.is_some() { vec![] } else { vec![message(100 + n)] };
        assert_eq!(messages(n).await, expected);
        stored += usize::from(found.is_some());
    }
    assert_eq!(stored, 1);
    // It is about executions that others start only.
    let refused = store.commit(admitted(50, Admission::RequirePlaceOr(message(50))).into()).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
}

/// Those that are displaced get a message; the others do not.
pub async fn displaced_ones_get_a_message(store: Shared) {
    join(&store, 1).await;
    let message = || ExecutionMessage::Cancel { reason: "newer".to_owned() };
    let displace = |which| Admission::Displace(which, message());
    commit_all(&store, (1..=3).map(|n| keyed(n, "a", 1))).await;
    store.commit(keyed(9, "b", 1).into()).await.unwrap();
    store.commit(admitted(4, displace(Displaced::Waiting)).into()).await.unwrap();
    let received = async |n| {
        let found = store.list_messages(execution(n), 9).await.unwrap();
        found.into_iter().filter(|found| found.message == message()).count()
    };
    for (n, expected) in [(1, 0), (2, 1), (3, 1), (4, 0), (9, 0)] {
        assert_eq!(received(n).await, expected, "{n}");
    }
    // Places for all but the last: three of four others.
    let mut five = keyed(5, "a", 2);
    five.related.admission = displace(Displaced::Oldest);
    store.commit(five.into()).await.unwrap();
    for (n, expected) in [(1, 1), (2, 2), (3, 2), (4, 0), (5, 0), (9, 0)] {
        assert_eq!(received(n).await, expected, "{n}");
    }
}
