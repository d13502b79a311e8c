//! What is old goes, and nothing else.

use crate::traits::LoadExecution;
use std::collections::BTreeSet;

use stepwell_core::execution::{Event, Status};

use super::build::*;
use crate::commit::Commit;
use crate::lists::{ExecutionFilter, List};
use crate::record::{AttemptRecord, DeliveryStatus};
use crate::traits::{
    ClaimQueued, DeliveryAttempt, Health, OldData, Purge, StoreGauges, WriteIdempotent,
};

/// An ended execution that ended at that second.
fn over(n: u128, seconds: i64) -> Commit {
    let mut commit = ended(n, Status::Completed);
    commit.record.ended_at = Some(at(seconds));
    commit
}

fn purge(default_before: Option<i64>, limit: usize) -> OldData {
    let default_before = default_before.map(at);
    let (idempotency_before, deliveries_before) = (at(0), at(0));
    OldData {
        now: at(1000),
        default_before,
        idempotency_before,
        deliveries_before,
        audit_before: None,
        limit,
    }
}

async fn left(store: &Shared) -> BTreeSet<u128> {
    let list = List::first_page(ExecutionFilter::default(), 1000);
    let records = store.list_executions(workspace(1), list).await.unwrap().items;
    records.iter().map(|record| record.id.uuid().as_u128()).collect()
}

/// However old, what has not ended stays; without a default everything does.
pub async fn ended_and_over_only(store: Shared) {
    join(&store, 1).await;
    let mut paused = queued(4);
    paused.record.status = Status::Paused;
    commit_all(&store, [over(1, 99), over(2, 100), over(3, 101), paused, queued(5)]).await;
    assert_eq!(store.purge(purge(None, 9).into()).await.unwrap(), 0);
    assert_eq!(store.purge(purge(Some(100), 9).into()).await.unwrap(), 1);
    assert_eq!(left(&store).await, BTreeSet::from([2, 3, 4, 5]));
    assert_eq!(store.purge(purge(Some(100_000), 9).into()).await.unwrap(), 2);
    assert_eq!(left(&store).await, BTreeSet::from([4, 5]));
    let stats = store.workflow_stats(workflow(1)).await.unwrap();
    assert_eq!((stats.completed, stats.active), (3, 2));
}

/// A workflow's own retention counts from now, shorter or longer than the default.
pub async fn retention_of_the_workflow(store: Shared) {
    join(&store, 1).await;
    for (n, retention) in [(1, Some(100)), (2, Some(u64::MAX)), (3, None), (4, Some(0))] {
        let mut create = new_workflow(n, "w");
        create.workflow.retention_seconds = retention;
        store.create_workflow(create).await.unwrap();
    }
    let of = |n: u128, flow, seconds| {
        let mut commit = over(n, seconds);
        commit.record.workflow = workflow(flow);
        commit
    };
    let commits = [
        of(1, 1, 899),
        of(2, 1, 900),
        of(3, 2, -900),
        of(4, 3, 499),
        of(5, 3, 500),
        of(6, 4, 999),
        of(7, 4, 1000),
        // Of a workflow that does not exist.
        of(8, 5, 499),
        of(9, 5, 501),
    ];
    commit_all(&store, commits).await;
    assert_eq!(store.purge(purge(Some(500), 100).into()).await.unwrap(), 4);
    assert_eq!(left(&store).await, BTreeSet::from([2, 3, 5, 7, 9]));
    assert_eq!(store.purge(purge(None, 100).into()).await.unwrap(), 0);
}

/// Journal, deliveries and external id go with it; an execution can take its place.
pub async fn with_everything_that_belongs(store: Shared) {
    join(&store, 1).await;
    let named = |n: u128| {
        let mut commit = over(n, 50);
        commit.record.external_id = Some("mine".to_owned());
        commit.deliveries = vec![pending(n, n, 1)];
        commit
    };
    let mut kept = queued(2);
    kept.deliveries = vec![pending(20, 2, 1)];
    commit_all(&store, [named(1), kept.clone()]).await;
    assert_eq!(store.purge(purge(Some(100), 9).into()).await.unwrap(), 1);
    assert_eq!(store.load_execution(execution(1)).await.unwrap(), None);
    assert_eq!(deliveries_about(&store, execution(1)).await, []);
    assert_eq!(store.find_by_external_id(workspace(1), "mine").await.unwrap(), None);
    has(&store, &kept.record, &kept.events).await;
    assert_eq!(deliveries_about(&store, execution(2)).await, kept.deliveries);
    commit_all(&store, [named(1), queued(3)]).await;
    has(&store, &named(1).record, &named(1).events).await;
}

/// The limit holds, and what is left comes next time.
pub async fn at_most_so_many(store: Shared) {
    join(&store, 1).await;
    let commits = (1..=150).map(|n| {
        let mut commit = over(n, 50);
        commit.record.workflow = workflow(n % 4);
        commit
    });
    commit_all(&store, commits).await;
    assert_eq!(store.purge(purge(Some(100), 0).into()).await.unwrap(), 0);
    for expected in [70, 70, 10, 0] {
        assert_eq!(store.purge(purge(Some(100), 70).into()).await.unwrap(), expected);
    }
    assert_eq!(left(&store).await, BTreeSet::new());
}

/// Executions by their ids, with everything that belongs to them, if they have ended.
pub async fn ended_executions_by_id(store: Shared) {
    join(&store, 1).await;
    let mut first = over(1, 50);
    first.deliveries = vec![pending(1, 1, 1)];
    commit_all(&store, [first, queued(2)]).await;
    commit_all(&store, (3..=150).map(|n| over(n, 50))).await;
    assert_eq!(store.purge(Purge::Ended(vec![execution(1), execution(2)])).await.unwrap(), 1);
    assert_eq!(store.load_execution(execution(1)).await.unwrap(), None);
    assert_eq!(deliveries_about(&store, execution(1)).await, []);
    let all = (1..=200).map(execution).collect();
    assert_eq!(store.purge(Purge::Ended(all)).await.unwrap(), 148);
    assert_eq!(left(&store).await, BTreeSet::from([2]));
    assert_eq!(store.purge(Purge::Ended(Vec::new())).await.unwrap(), 0);
    let stats = store.workflow_stats(workflow(1)).await.unwrap();
    assert_eq!((stats.completed, stats.active), (149, 1));
    let list = List::first_page(ExecutionFilter::default(), 0).with_total();
    assert_eq!(store.list_executions(workspace(1), list).await.unwrap().total, Some(1));
}

/// All that are old, however many executions are purged.
pub async fn old_idempotency_keys(store: Shared) {
    for n in 0..150 {
        let mut record = idempotent(&format!("key {n}"), "x");
        record.created_at = at(n);
        store.write_idempotent(WriteIdempotent::Claim(record)).await.unwrap();
    }
    let purge = OldData { idempotency_before: at(140), ..purge(None, 0) };
    assert_eq!(store.purge(purge.into()).await.unwrap(), 0);
    for n in [0, 70, 139, 140, 149] {
        let found = store.find_idempotent(workspace(1), &format!("key {n}")).await.unwrap();
        assert_eq!(found.is_some(), n >= 140, "{n}");
    }
}

/// Deliveries to webhooks outlive their subjects, and are deleted when they are old and final.
pub async fn old_webhook_deliveries(store: Shared) {
    join(&store, 1).await;
    let mut commit = over(1, 50);
    commit.deliveries = (1..=150).map(|n| hooked(n, 1, 1)).collect();
    for delivery in &mut commit.deliveries {
        delivery.created_at = at(delivery.id.uuid().as_u128() as i64);
        let settled = delivery.created_at != at(3);
        delivery.status = if settled { DeliveryStatus::Delivered } else { DeliveryStatus::Pending };
    }
    store.commit(commit.into()).await.unwrap();
    assert_eq!(store.purge(purge(Some(100), 9).into()).await.unwrap(), 1);
    let subject = execution(1);
    assert_eq!(deliveries_about(&store, subject).await.len(), 150);
    let purge = OldData { deliveries_before: at(140), ..purge(None, 0) };
    store.purge(purge.into()).await.unwrap();
    let left = deliveries_about(&store, subject).await;
    let left: Vec<_> = left.iter().map(|delivery| delivery.id.uuid().as_u128()).collect();
    assert_eq!(left, [3].into_iter().chain(140..=150).collect::<Vec<_>>());
}

/// Counts of what waits follow what is stored; files have their size, where there are any.
pub async fn gauges_count_what_waits(store: Shared) {
    let gauges = async || {
        let found = store.gauges().await.unwrap();
        StoreGauges { database_bytes: 0, free_bytes: 0, log_bytes: 0, ..found }
    };
    assert_eq!(gauges().await, StoreGauges::default());
    join(&store, 1).await;
    let mut commits: Vec<_> = (1..=4).map(queued).collect();
    for (commit, seconds) in commits.iter_mut().zip([11, 12, 13, 14]) {
        commit.record.created_at = at(seconds);
    }
    // The first one is owned by a node, the others wait.
    commits[1..].iter_mut().for_each(|commit| commit.record.owner = None);
    for n in [1, 2] {
        // Two of a queue: what waits behind the first is counted as well.
        let deliveries = [pending(10 * n, n, 1), pending(10 * n + 1, n, 2)];
        commits[n as usize - 1].deliveries = deliveries.into();
    }
    commits[0].deliveries[0].created_at = at(5);
    commits[0].deliveries[1].created_at = at(6);
    commit_all(&store, commits).await;
    let all = StoreGauges {
        by_status: [4, 0, 0, 0, 0, 0, 0, 0],
        queued: 3,
        oldest_queued: Some(at(12)),
        oldest_execution: Some(at(11)),
        pending_deliveries: 4,
        oldest_delivery: Some(at(5)),
        ..StoreGauges::default()
    };
    assert_eq!(gauges().await, all);
    store.claim_queued(ClaimQueued { node: node(1), limit: 1 }).await.unwrap();
    let attempt = DeliveryAttempt {
        id: delivery(10),
        status: DeliveryStatus::Delivered,
        next_attempt_at: at(20),
        attempt: AttemptRecord {
            number: 1,
            at: at(20),
            micros: 1,
            url: None,
            response_status: Some(200),
            response: String::new(),
        },
        health: Health::Well,
    };
    store.record_attempts(vec![attempt]).await.unwrap();
    let less = StoreGauges {
        queued: 2,
        oldest_queued: Some(at(13)),
        pending_deliveries: 3,
        oldest_delivery: Some(at(6)),
        ..all
    };
    assert_eq!(gauges().await, less);
}

/// The number of executions of each status follows every commit and purge, and no refused one.
pub async fn executions_are_counted_by_status(store: Shared) {
    let counts = async || {
        let by_status = store.gauges().await.unwrap().by_status;
        let all = Status::ALL.into_iter().zip(by_status);
        all.filter(|(_, count)| *count > 0).collect::<Vec<_>>()
    };
    join(&store, 1).await;
    let (first, second) = (queued(1), queued(2));
    commit_all(&store, [first.clone(), second.clone(), over(3, 99), over(4, 101)]).await;
    commit_all(&store, [ended(5, Status::Failed)]).await;
    let expect = [(Status::Queued, 2), (Status::Completed, 2), (Status::Failed, 1)];
    assert_eq!(counts().await, expect);
    let running = then(&first, Status::Running, vec![Event::Started]);
    store.commit(running.clone().into()).await.unwrap();
    // Repeated, so it is refused.
    store.commit(running.clone().into()).await.unwrap_err();
    let waiting = then(&running, Status::Waiting, vec![step_started(0, None)]);
    let cancelled = then(&second, Status::Cancelled, vec![ending(Status::Cancelled)]);
    commit_all(&store, [waiting, cancelled]).await;
    let expect =
        [(Status::Waiting, 1), (Status::Completed, 2), (Status::Failed, 1), (Status::Cancelled, 1)];
    assert_eq!(counts().await, expect);
    // All that ended before: the third, the failed and the cancelled one.
    assert_eq!(store.purge(purge(Some(100), 9).into()).await.unwrap(), 3);
    assert_eq!(counts().await, [(Status::Waiting, 1), (Status::Completed, 1)]);
}
