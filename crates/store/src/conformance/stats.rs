//! Counts are exact.

use stepwell_core::execution::{Event, Status};
use tokio::task::JoinSet;

use super::build::*;
use crate::record::WorkflowStats;

/// Each execution is counted where it stands, durations from start to end.
pub async fn counts_are_exact(store: Shared) {
    join(&store, 1).await;
    let stats = async || store.workflow_stats(workflow(1)).await.unwrap();
    assert_eq!(stats().await, WorkflowStats::default());

    // Ended in one commit: a second from start to end.
    commit_all(&store, (1..=3).map(|n| ended(n, Status::Completed))).await;
    commit_all(&store, [ended(4, Status::Failed), ended(5, Status::TimedOut)]).await;
    // Step by step: three seconds.
    let one = queued(6);
    let two = then(&one, Status::Running, vec![Event::Started, step_started(0, None)]);
    let pause = then(&two, Status::Paused, vec![Event::Paused]);
    let three = then(&pause, Status::Completed, vec![ending(Status::Completed)]);
    commit_all(&store, [one, two, pause]).await;
    let before = stats().await;
    assert_eq!((before.active, before.completed), (1, 3));
    store.commit(three.into()).await.unwrap();
    // Never started: no duration.
    let one = queued(7);
    let cancelled = then(&one, Status::Cancelled, vec![ending(Status::Cancelled)]);
    commit_all(&store, [one, cancelled, queued(8), queued(9)]).await;
    let mut elsewhere = queued(10);
    elsewhere.record.workflow = workflow(2);
    store.commit(elsewhere.into()).await.unwrap();

    let expected = WorkflowStats {
        completed: 4,
        failed: 1,
        timed_out: 1,
        cancelled: 1,
        active: 2,
        total_micros: 8_000_000,
        timed: 6,
    };
    assert_eq!(stats().await, expected);
    let other = store.workflow_stats(workflow(2)).await.unwrap();
    assert_eq!(other, WorkflowStats { active: 1, ..WorkflowStats::default() });
}

/// No count is lost or doubled.
pub async fn counts_under_concurrency(store: Shared) {
    join(&store, 1).await;
    let mut tasks = JoinSet::new();
    for n in 1..=90 {
        let store = store.clone();
        tasks.spawn(async move {
            let of = workflow(1 + n % 3);
            let mut one = queued(n);
            one.record.workflow = of;
            let two = then(&one, Status::Running, vec![Event::Started]);
            let three = then(&two, Status::Failed, vec![ending(Status::Failed)]);
            commit_all(&store, [one, two]).await;
            if n % 2 == 0 {
                commit_all(&store, [three]).await;
            }
        });
    }
    tasks.join_all().await;
    for n in 1..=3 {
        let stats = store.workflow_stats(workflow(n)).await.unwrap();
        let expected = WorkflowStats {
            failed: 15,
            active: 15,
            total_micros: 15_000_000,
            timed: 15,
            ..WorkflowStats::default()
        };
        assert_eq!(stats, expected);
    }
}
