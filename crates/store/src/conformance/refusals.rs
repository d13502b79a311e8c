//! Commits that are refused: with the right error, and without a trace.

use crate::traits::LoadExecution;
use stepwell_core::execution::{Event, Status};
use tokio::task::JoinSet;

use super::build::*;
use crate::StoreError;
use crate::commit::Commit;
use crate::record::WorkflowStats;
use crate::record::{IdempotencyOutcome, IdempotencyRecord};
use crate::traits::WriteIdempotent;

/// A commit that would leave traces everywhere.
fn traceable(n: u128) -> Commit {
    let mut commit = queued(n);
    commit.record.external_id = Some(format!("external {n}"));
    commit.idempotency = Some(idempotent(&format!("key {n}"), "x"));
    commit.deliveries = vec![pending(n, n, 1)];
    commit
}

async fn left_no_trace(store: &Shared, n: u128) {
    let Commit { record, idempotency, .. } = traceable(n);
    assert_eq!(store.load_execution(record.id).await.unwrap(), None);
    let external_id = record.external_id.unwrap();
    assert_eq!(store.find_by_external_id(record.workspace, &external_id).await.unwrap(), None);
    let key = idempotency.unwrap().key;
    assert_eq!(store.find_idempotent(record.workspace, &key).await.unwrap(), None);
    assert_eq!(deliveries_about(store, record.id).await, []);
}

/// Neither a node that never joined nor one that was declared dead can commit.
pub async fn a_dead_node_writes_nothing(store: Shared) {
    let refused = store.commit(traceable(1).into()).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    join(&store, 1).await;
    store.commit(queued(2).into()).await.unwrap();
    join_at(&store, node(2), at(100)).await.unwrap();
    store.take_over(node(2), at(50)).await.unwrap();

    let refused = store.commit(traceable(1).into()).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    let late = then(&queued(2), Status::Running, vec![Event::Started]);
    let refused = store.commit(late.into()).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    left_no_trace(&store, 1).await;
    let stored = store.load_execution(execution(2)).await.unwrap().unwrap();
    assert_eq!((stored.record.seq, stored.events.len()), (1, 1));
    let due = all_due(at(1000), 9);
    assert_eq!(store.due_deliveries(due).await.unwrap().deliveries, []);
    let stats = store.workflow_stats(workflow(1)).await.unwrap();
    assert_eq!(stats, WorkflowStats { active: 1, ..WorkflowStats::default() });
}

/// The journal must be where the caller thinks it is.
pub async fn a_wrong_seq_is_a_conflict(store: Shared) {
    join(&store, 1).await;
    let one = queued(1);
    let two = then(&one, Status::Running, vec![Event::Started]);
    let three = then(&two, Status::Completed, vec![ending(Status::Completed)]);
    let mut ahead = three.clone();
    ahead.deliveries = vec![pending(1, 1, 1)];
    for (commit, wanted) in [(two.clone(), 0), (ahead.clone(), 0)] {
        conflicts(&store, commit, wanted).await;
    }
    store.commit(one.clone().into()).await.unwrap();
    conflicts(&store, ahead, 1).await;
    conflicts(&store, queued(1), 1).await;
    has(&store, &one.record, &one.events).await;
    assert_eq!(deliveries_about(&store, execution(1)).await, []);
    commit_all(&store, [two, three]).await;
}

async fn conflicts(store: &Shared, commit: Commit, is_at: u64) {
    let (wanted_id, wanted) = (commit.record.id, commit.expected_seq);
    match store.commit(commit.into()).await {
        Err(StoreError::Conflict { id, expected, actual }) => {
            assert_eq!((id, expected, actual), (wanted_id, wanted, is_at));
        }
        other => panic!("expected a conflict, not {other:?}"),
    }
}

/// What was appended cannot be appended again.
pub async fn the_same_commit_twice_is_a_conflict(store: Shared) {
    join(&store, 1).await;
    let one = queued(1);
    let two = then(&one, Status::Running, vec![Event::Started]);
    commit_all(&store, [one.clone(), two.clone()]).await;
    conflicts(&store, one.clone(), 2).await;
    conflicts(&store, two.clone(), 2).await;
    has(&store, &two.record, &[one.events, two.events].concat()).await;
    let stats = store.workflow_stats(workflow(1)).await.unwrap();
    assert_eq!(stats, WorkflowStats { active: 1, ..WorkflowStats::default() });
}

/// A key is taken with its execution; later requests with it get its record.
pub async fn an_idempotency_key_is_replayed(store: Shared) {
    join(&store, 1).await;
    let mut first = queued(1);
    first.idempotency = Some(idempotent("k", "execution 1"));
    store.commit(first.into()).await.unwrap();
    let found = store.find_idempotent(workspace(1), "k").await.unwrap();
    assert_eq!(found, Some(idempotent("k", "execution 1")));

    let mut second = traceable(2);
    let taken = idempotent("k", "execution 2");
    second.idempotency = Some(taken.clone());
    match store.commit(second.clone().into()).await {
        Err(StoreError::Replayed(record)) => assert_eq!(*record, idempotent("k", "execution 1")),
        other => panic!("expected a replay, not {other:?}"),
    }
    left_no_trace(&store, 2).await;

    second.idempotency =
        Some(crate::record::IdempotencyRecord { workspace: workspace(2), ..taken });
    store.commit(second.into()).await.unwrap();
    assert_eq!(store.find_idempotent(workspace(2), "other").await.unwrap(), None);
}

/// In another workspace the same external id is another one.
pub async fn an_external_id_is_unique_in_its_workspace(store: Shared) {
    join(&store, 1).await;
    let named = |n, of| {
        let mut commit = queued(n);
        commit.record.workspace = workspace(of);
        commit.record.external_id = Some("order".to_owned());
        commit.deliveries = vec![pending(n, n, 1)];
        commit
    };
    commit_all(&store, [named(1, 1), named(2, 2)]).await;
    match store.commit(named(3, 1).into()).await {
        Err(StoreError::ExternalIdTaken(by)) => assert_eq!(by, execution(1)),
        other => panic!("expected that the external id is taken, not {other:?}"),
    }
    assert_eq!(store.load_execution(execution(3)).await.unwrap(), None);
    assert_eq!(deliveries_about(&store, execution(3)).await, []);
    for n in [1, 2] {
        let found = store.find_by_external_id(workspace(n), "order").await.unwrap();
        assert_eq!(found, Some(execution(n)));
    }
    assert_eq!(store.find_by_external_id(workspace(3), "order").await.unwrap(), None);
}

/// The same request again takes the same key and the same external id: it is a replay.
pub async fn an_idempotency_key_comes_before_an_external_id(store: Shared) {
    join(&store, 1).await;
    store.commit(traceable(1).into()).await.unwrap();
    let mut again = traceable(1);
    again.record.id = execution(2);
    again.deliveries.clear();
    let refused = store.commit(again.into()).await;
    assert!(matches!(refused, Err(StoreError::Replayed(_))), "{refused:?}");
}

/// A commit whose parts contradict each other would make an unreadable journal.
pub async fn parts_that_do_not_fit(store: Shared) {
    join(&store, 1).await;
    let spoilt: [fn(&mut Commit); 4] = [
        |commit| commit.events.clear(),
        |commit| commit.events[0].seq = 2,
        |commit| commit.record.seq = 2,
        |commit| commit.deliveries = vec![pending(1, 9, 1)],
    ];
    for spoil in spoilt {
        let mut commit = queued(1);
        spoil(&mut commit);
        let refused = store.commit(commit.into()).await;
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    }
    store.commit(queued(1).into()).await.unwrap();
    let mut keyed = then(&queued(1), Status::Running, vec![Event::Started]);
    keyed.idempotency = Some(idempotent("k", "x"));
    let refused = store.commit(keyed.into()).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    // Without events only the wake-up moment changes.
    let spoilt: [fn(&mut Commit); 4] = [
        |commit| commit.record.seq = 2,
        |commit| commit.deliveries = vec![pending(1, 1, 1)],
        |commit| commit.audit = vec![noted(1)],
        |commit| commit.idempotency = Some(idempotent("k", "x")),
    ];
    for spoil in spoilt {
        let mut commit = then(&queued(1), Status::Queued, vec![]);
        spoil(&mut commit);
        let refused = store.commit(commit.into()).await;
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    }
    assert_eq!(store.load_execution(execution(1)).await.unwrap().unwrap().record.seq, 1);
}

/// Good and bad commits at the same moment, perhaps in the same transaction.
pub async fn refused_ones_do_not_disturb_others(store: Shared) {
    join(&store, 1).await;
    store.commit(traceable(1000).into()).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 1..=200 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut commit = traceable(n);
            match n % 5 {
                0 => commit.node = node(9),
                1 => commit.idempotency = Some(idempotent("key 1000", "x")),
                2 => commit.record.external_id = Some("external 1000".to_owned()),
                3 => {
                    commit.record.id = execution(1000);
                    commit.deliveries.clear();
                }
                _ => {}
            }
            (n, store.commit(commit.into()).await)
        });
    }
    for (n, result) in tasks.join_all().await {
        let right = matches!(
            (n % 5, &result),
            (0, Err(StoreError::Fenced))
                | (1, Err(StoreError::Replayed(_)))
                | (2, Err(StoreError::ExternalIdTaken(_)))
                | (3, Err(StoreError::Conflict { .. }))
                | (4, Ok(()))
        );
        assert!(right, "{n}: {result:?}");
        if n % 5 == 4 {
            let Commit { record, events, deliveries, .. } = traceable(n);
            has(&store, &record, &events).await;
            assert_eq!(deliveries_about(&store, record.id).await, deliveries);
        } else {
            left_no_trace(&store, n).await;
        }
    }
    let stats = store.workflow_stats(workflow(1)).await.unwrap();
    assert_eq!(stats.active, 41);
}

/// Of those who want the same seq, key or external id at once, exactly one gets it.
pub async fn of_rivals_one_wins(store: Shared) {
    join(&store, 1).await;
    store.commit(queued(1).into()).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..60_u128 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut commit = queued(100 + n);
            match n % 3 {
                0 => commit = then(&queued(1), Status::Running, vec![Event::Started]),
                1 => commit.idempotency = Some(idempotent("rivals", &n.to_string())),
                _ => commit.record.external_id = Some("rivals".to_owned()),
            }
            (n % 3, store.commit(commit.into()).await.is_ok())
        });
    }
    let results = tasks.join_all().await;
    for kind in 0..3 {
        let won = results.iter().filter(|result| **result == (kind, true)).count();
        assert_eq!(won, 1, "kind {kind}");
    }
}

/// A key can have any outcome.
pub async fn keys_for_stored_responses(store: Shared) {
    let outcomes = [
        stored_response("{\"id\":\"wf-1\"}"),
        stored_response(""),
        stored_response("\nsecret"),
        IdempotencyOutcome::Response { status: u16::MAX, body: "ü".to_owned() },
        IdempotencyOutcome::SecretResponse,
        IdempotencyOutcome::Created(execution(1).into()),
        IdempotencyOutcome::InProgress { node: node(1), since: at(10) },
        IdempotencyOutcome::InProgress { node: node(2), since: at(-10) },
    ];
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let key = n.to_string();
        let record = IdempotencyRecord { outcome, ..idempotent(&key, "") };
        store.write_idempotent(WriteIdempotent::Claim(record.clone())).await.unwrap();
        match store.write_idempotent(WriteIdempotent::Claim(idempotent(&key, "another"))).await {
            Err(StoreError::Replayed(taken)) => assert_eq!(*taken, record),
            other => panic!("expected a replay, not {other:?}"),
        }
        assert_eq!(store.find_idempotent(workspace(1), &key).await.unwrap(), Some(record));
    }
}

/// A key is replaced or freed only if it has the expected record.
pub async fn keys_are_swapped(store: Shared) {
    let swap = |from: &str, to: Option<&str>| match to {
        Some(outcome) => WriteIdempotent::Replace {
            from: idempotent("k", from),
            outcome: stored_response(outcome),
        },
        None => WriteIdempotent::Free(idempotent("k", from)),
    };
    let swapped = async |swap| store.write_idempotent(swap).await.unwrap();
    assert!(!swapped(swap("a", Some("b"))).await, "there is no such key");
    store.write_idempotent(WriteIdempotent::Claim(idempotent("k", "a"))).await.unwrap();
    assert!(!swapped(swap("x", Some("b"))).await);
    let from = IdempotencyRecord { fingerprint: vec![9], ..idempotent("k", "a") };
    let other = WriteIdempotent::Replace { from, outcome: stored_response("b") };
    assert!(!swapped(other).await, "of another request");
    assert!(swapped(swap("a", Some("b"))).await);
    let found = store.find_idempotent(workspace(1), "k").await.unwrap();
    assert_eq!(found, Some(idempotent("k", "b")));
    assert!(!swapped(swap("a", None)).await);
    assert!(swapped(swap("b", None)).await);
    assert_eq!(store.find_idempotent(workspace(1), "k").await.unwrap(), None);
}
