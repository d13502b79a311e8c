//! Who works on what: claims, timers, and what must be resumed.

use crate::traits::LoadExecution;
use std::collections::BTreeSet;

use stepwell_core::Timestamp;
use stepwell_core::execution::{Event, Status};
use stepwell_core::ids::ExecutionId;
use tokio::task::JoinSet;

use super::build::*;
use crate::StoreError;
use crate::commit::Commit;
use crate::traits::{ActiveOf, ClaimQueued, Due, Unfinished, UnfinishedOf};

fn unowned(n: u128) -> Commit {
    let mut commit = queued(n);
    commit.record.owner = None;
    commit
}

fn ids(numbers: impl IntoIterator<Item = u128>) -> Vec<ExecutionId> {
    numbers.into_iter().map(execution).collect()
}

/// Neither owned ones nor those that are under way.
pub async fn oldest_unowned_queued_first(store: Shared) {
    join(&store, 1).await;
    join(&store, 2).await;
    let mut paused = unowned(2);
    paused.record.status = Status::Paused;
    commit_all(&store, [unowned(5), unowned(1), queued(3), paused, unowned(4)]).await;
    let claim = |limit| ClaimQueued { node: node(2), limit };
    assert_eq!(store.claim_queued(claim(0)).await.unwrap(), []);
    assert_eq!(store.claim_queued(claim(2)).await.unwrap(), ids([1, 4]));
    let record = store.load_execution(execution(1)).await.unwrap().unwrap().record;
    assert_eq!((record.owner, record.seq, record.status), (Some(node(2)), 1, Status::Queued));
    assert_eq!(store.claim_queued(claim(9)).await.unwrap(), ids([5]));
    assert_eq!(store.claim_queued(claim(9)).await.unwrap(), []);
    let mut started = then(&unowned(1), Status::Running, vec![Event::Started]);
    started.record.owner = Some(node(2));
    started.node = node(2);
    store.commit(started.into()).await.unwrap();
}

/// However many claim at once, each execution is given once.
pub async fn two_claimers_never_share(store: Shared) {
    for n in 1..=4 {
        join(&store, n).await;
    }
    commit_all(&store, (1..=60).map(unowned)).await;
    let mut tasks = JoinSet::new();
    for n in 1..=4 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claim = ClaimQueued { node: node(n), limit: 3 };
                let claimed = store.claim_queued(claim).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed);
            }
        });
    }
    let claimed = tasks.join_all().await.concat();
    assert_eq!(claimed.len(), 60);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>().len(), 60);
}

/// A node that is not alive gets nothing.
pub async fn dead_nodes_claim_nothing(store: Shared) {
    join(&store, 1).await;
    store.commit(unowned(1).into()).await.unwrap();
    let claim = |n| ClaimQueued { node: node(n), limit: 9 };
    for n in [1, 2] {
        leave(&store, node(n)).await;
        let refused = store.claim_queued(claim(n)).await;
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    }
    join(&store, 3).await;
    assert_eq!(store.claim_queued(claim(3)).await.unwrap(), ids([1]));
}

/// The node's own timers, earliest first, as they are after the last commit.
pub async fn due_and_next_wake(store: Shared) {
    join(&store, 1).await;
    let waking = |n, wake: Option<Timestamp>, owner| {
        let mut commit = queued(n);
        commit.record.status = Status::Waiting;
        commit.record.wake_at = wake;
        commit.record.owner = Some(node(owner));
        commit
    };
    assert_eq!(next_wake(&store, 1).await, None);
    let commits = [
        waking(1, Some(at(30)), 1),
        waking(2, Some(at(20)), 1),
        waking(3, Some(at(-20)), 1),
        waking(4, Some(at(20)), 1),
        waking(5, Some(at(5)), 2),
        waking(6, None, 1),
    ];
    commit_all(&store, commits.clone()).await;
    let due = |now, limit| Due { node: node(1), now: at(now), limit };
    assert_eq!(next_wake(&store, 1).await, Some(at(-20)));
    assert_eq!(store.due(due(-21, 9)).await.unwrap().ids, []);
    assert_eq!(store.due(due(20, 9)).await.unwrap().ids, ids([3, 2, 4]));
    assert_eq!(store.due(due(99, 2)).await.unwrap().ids, ids([3, 2]));
    assert_eq!(store.due(due(99, 9)).await.unwrap().ids, ids([3, 2, 4, 1]));

    let mut woken = then(&commits[2], Status::Running, vec![Event::Resumed]);
    woken.record.wake_at = None;
    let mut later = then(&commits[1], Status::Waiting, vec![Event::Resumed]);
    later.record.wake_at = Some(at(40));
    commit_all(&store, [woken, later]).await;
    assert_eq!(next_wake(&store, 1).await, Some(at(20)));
    assert_eq!(store.due(due(99, 9)).await.unwrap().ids, ids([4, 1, 2]));
    assert_eq!(next_wake(&store, 9).await, None);
}

/// Those that nothing would wake, in order of id.
pub async fn unfinished_in_pages(store: Shared) {
    join(&store, 1).await;
    let standing = |n, status| {
        let mut commit = queued(n);
        commit.record.status = status;
        commit
    };
    let mut waiting = standing(5, Status::Waiting);
    waiting.record.wake_at = Some(at(20));
    let mut elsewhere = queued(6);
    elsewhere.record.owner = Some(node(2));
    let commits = [
        standing(7, Status::Running),
        standing(1, Status::Queued),
        standing(2, Status::Waiting),
        standing(3, Status::Paused),
        ended(4, Status::Completed),
        waiting,
        elsewhere,
        unowned(8),
        standing(9, Status::Running),
    ];
    commit_all(&store, commits).await;
    let owned = |after: Option<u128>, limit| Unfinished {
        of: UnfinishedOf::Owner(node(1)),
        after: after.map(execution),
        limit,
    };
    assert_eq!(store.unfinished_executions(owned(None, 9)).await.unwrap(), ids([1, 2, 7, 9]));
    assert_eq!(store.unfinished_executions(owned(None, 2)).await.unwrap(), ids([1, 2]));
    assert_eq!(store.unfinished_executions(owned(Some(2), 1)).await.unwrap(), ids([7]));
    assert_eq!(store.unfinished_executions(owned(Some(8), 9)).await.unwrap(), ids([9]));
    assert_eq!(store.unfinished_executions(owned(Some(9), 9)).await.unwrap(), []);
}

/// All that have not ended, with any owner, of one key or of one workspace.
pub async fn active_by_key_and_workspace(store: Shared) {
    join(&store, 1).await;
    let by = |mut commit: Commit, n: u128| {
        commit.record.started_by = Some(key(n));
        commit
    };
    let elsewhere = |mut commit: Commit| {
        commit.record.workspace = workspace(2);
        commit
    };
    let first = by(queued(1), 1);
    let waiting = then(&first, Status::Waiting, vec![Event::Started]);
    let paused = then(&by(queued(2), 1), Status::Paused, vec![Event::Started]);
    commit_all(
        &store,
        [
            first,
            waiting,
            joined(by(queued(2), 1), paused),
            by(ended(3, Status::Completed), 1),
            by(queued(4), 2),
            queued(5),
            elsewhere(by(queued(6), 1)),
        ],
    )
    .await;
    let active = async |of| store.unfinished_executions(Unfinished::active(of)).await.unwrap();
    assert_eq!(active(ActiveOf::Key(key(1))).await, [1, 2, 6].map(execution));
    assert_eq!(active(ActiveOf::Key(key(2))).await, [4].map(execution));
    assert_eq!(active(ActiveOf::Workspace(workspace(1))).await, [1, 2, 4, 5].map(execution));
    assert_eq!(active(ActiveOf::Workspace(workspace(2))).await, [6].map(execution));
    assert_eq!(active(ActiveOf::Key(key(3))).await, [].map(execution));
    // Who started it is settled when it is accepted.
    let found = store.load_execution(execution(1)).await.unwrap().unwrap();
    assert_eq!(found.record.started_by, Some(key(1)));
}
