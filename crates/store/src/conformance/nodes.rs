//! Nodes come and go.

use crate::traits::LoadExecution;
use stepwell_core::Timestamp;
use stepwell_core::execution::{Event, Status};
use stepwell_core::ids::NodeId;

use super::build::*;
use crate::StoreError;
use crate::traits::{
    ClaimQueued, ClockCorrection, ClockMark, KEPT_CLOCK_MARKS, Unfinished, UnfinishedOf,
};

async fn owner(store: &Shared, n: u128) -> Option<NodeId> {
    store.load_execution(execution(n)).await.unwrap().unwrap().record.owner
}

/// Only who joined and was not declared dead can prove that it lives.
pub async fn joins_and_heartbeats(store: Shared) {
    let refused = heartbeat(&store, node(1), at(10)).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    join(&store, 1).await;
    join(&store, 1).await;
    heartbeat(&store, node(1), at(20)).await.unwrap();
    leave(&store, node(1)).await;
    let refused = heartbeat(&store, node(1), at(30)).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    let refused = join_at(&store, node(1), at(30)).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    leave(&store, node(9)).await;
}

/// All that is unfinished goes over; who has proved that it lives keeps its own.
pub async fn takes_over_from_the_silent(store: Shared) {
    for n in 1..=3 {
        join(&store, n).await;
    }
    let mut paused = queued(2);
    paused.record.status = Status::Paused;
    let mut waiting = queued(3);
    waiting.record.status = Status::Waiting;
    waiting.record.wake_at = Some(at(50));
    let mut lively = queued(5);
    lively.record.owner = Some(node(2));
    let mut free = queued(6);
    free.record.owner = None;
    let done = ended(4, Status::Completed);
    commit_all(&store, [queued(1), paused, waiting, done, lively, free]).await;
    heartbeat(&store, node(2), at(30)).await.unwrap();
    heartbeat(&store, node(3), at(5)).await.unwrap();

    assert_eq!(store.take_over(node(3), at(30)).await.unwrap(), 3);
    for (n, expected) in [(1, Some(3)), (2, Some(3)), (3, Some(3)), (4, Some(1)), (5, Some(2))] {
        assert_eq!(owner(&store, n).await, expected.map(node), "{n}");
    }
    assert_eq!(owner(&store, 6).await, None);
    assert_eq!(next_wake(&store, 3).await, Some(at(50)));
    let owned = Unfinished { of: UnfinishedOf::Owner(node(3)), after: None, limit: 9 };
    assert_eq!(store.unfinished_executions(owned).await.unwrap(), [execution(1)]);
    assert_eq!(store.take_over(node(3), at(30)).await.unwrap(), 0);
    heartbeat(&store, node(2), at(40)).await.unwrap();
    for refused in [
        heartbeat(&store, node(1), at(40)).await,
        store.take_over(node(1), at(99)).await.map(drop),
        store.commit(then(&queued(1), Status::Running, vec![Event::Started]).into()).await,
    ] {
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    }
    let mut resumed = then(&queued(1), Status::Running, vec![Event::Started]);
    resumed.node = node(3);
    store.commit(resumed.into()).await.unwrap();
}

/// However lately they left.
pub async fn takes_over_from_those_who_left(store: Shared) {
    join(&store, 1).await;
    let started = then(&queued(1), Status::Running, vec![Event::Started]);
    commit_all(&store, [queued(1), started]).await;
    heartbeat(&store, node(1), at(100)).await.unwrap();
    leave(&store, node(1)).await;
    assert_eq!(owner(&store, 1).await, Some(node(1)));
    join_at(&store, node(2), at(100)).await.unwrap();
    assert_eq!(store.take_over(node(2), at(0)).await.unwrap(), 1);
    assert_eq!(owner(&store, 1).await, Some(node(2)));
}

/// What has not begun can be claimed by anybody; the rest waits for a take-over.
pub async fn leaving_gives_up_the_queue(store: Shared) {
    join(&store, 1).await;
    join(&store, 2).await;
    let started = then(&queued(2), Status::Running, vec![Event::Started]);
    commit_all(&store, [queued(1), queued(2), started, ended(3, Status::Failed)]).await;
    leave(&store, node(1)).await;
    assert_eq!(owner(&store, 1).await, None);
    assert_eq!(owner(&store, 2).await, Some(node(1)));
    assert_eq!(owner(&store, 3).await, Some(node(1)));
    let claim = ClaimQueued { node: node(2), limit: 9 };
    assert_eq!(store.claim_queued(claim).await.unwrap(), [execution(1)]);
}

/// What waits for a length of time comes earlier by as much as the clock was set back.
pub async fn a_clock_that_was_set_back(store: Shared) {
    assert_eq!(store.last_seen(None).await.unwrap().heartbeat, None);
    join(&store, 1).await;
    join(&store, 2).await;
    heartbeat(&store, node(2), at(70)).await.unwrap();
    assert_eq!(store.last_seen(None).await.unwrap().heartbeat, Some(at(70)));
    let mut mine = queued(1);
    mine.record.wake_at = Some(at(500));
    mine.deliveries = vec![pending(1, 1, 1), pending(2, 1, 2)];
    let deliveries = mine.deliveries.clone();
    let mut other = queued(2);
    other.record.owner = Some(node(2));
    other.record.wake_at = Some(at(500));
    let awake = queued(3);
    commit_all(&store, [mine, other, awake]).await;
    let wakes = async |expect: [Option<i64>; 3]| {
        for (n, expect) in (1..).zip(expect) {
            let record = store.load_execution(execution(n)).await.unwrap().unwrap().record;
            assert_eq!(record.wake_at, expect.map(at), "{n}");
        }
    };
    let by = std::time::Duration::from_secs(100);
    // The other node leads, so what all share is its business.
    let (now, at_start) = (at(60), false);
    let correction =
        |n, at_start| ClockCorrection { node: node(n), at_start, ..all_moved(-100, now) };
    let set_back = async |n| store.correct_clock(correction(n, at_start)).await;
    assert!(!set_back(2).await.unwrap());
    assert_eq!(store.last_seen(None).await.unwrap().heartbeat, Some(at(10)), "the other one's");
    wakes([Some(500), Some(400), None]).await;
    let found = deliveries_about(&store, execution(1)).await;
    assert_eq!(found, deliveries);
    assert!(set_back(1).await.unwrap());
    wakes([Some(400), Some(400), None]).await;
    let found = deliveries_about(&store, execution(1)).await;
    for (found, before) in found.iter().zip(&deliveries) {
        assert_eq!(found.next_attempt_at, before.next_attempt_at.before(by));
        assert_eq!(found.give_up_at, before.give_up_at.before(by));
    }
    // One that starts leads where the other has not proved since that it lives.
    heartbeat(&store, node(1), at(70)).await.unwrap();
    let starts = correction(2, true);
    assert!(store.correct_clock(starts).await.unwrap());
    heartbeat(&store, node(1), at(60)).await.unwrap();
    assert!(!store.correct_clock(starts).await.unwrap());
    leave(&store, node(1)).await;
    assert!(set_back(2).await.unwrap());
    assert!(matches!(set_back(1).await, Err(StoreError::Fenced)));
}

/// Everything moved by so many seconds.
fn all_moved(seconds: i64, now: Timestamp) -> ClockCorrection {
    let by = seconds * 1_000_000;
    let (waits, pauses, limits) = (by, by, by);
    ClockCorrection { node: node(1), waits, pauses, limits, now, at_start: false, mark: None }
}

/// What is given up at some moment is given up later by as much as the clock was set forward.
pub async fn a_clock_that_was_set_forward(store: Shared) {
    join(&store, 1).await;
    let mut mine = queued(1);
    mine.record.wake_at = Some(at(500));
    mine.deliveries = vec![pending(1, 1, 1)];
    commit_all(&store, [mine]).await;
    let forward = all_moved(100, at(60));
    let forward = ClockCorrection { waits: 0, ..forward };
    assert!(store.correct_clock(forward).await.unwrap());
    let outage = ClockCorrection { pauses: 0, ..forward };
    assert!(store.correct_clock(outage).await.unwrap());
    let found = store.load_execution(execution(1)).await.unwrap().unwrap();
    assert_eq!(found.record.wake_at, Some(at(500)));
    let found = deliveries_about(&store, execution(1)).await;
    assert_eq!((found[0].next_attempt_at, found[0].give_up_at), (at(110), at(1200)));
    let later = ClockCorrection { waits: 5_000_000, pauses: 0, limits: 0, ..forward };
    assert!(store.correct_clock(later).await.unwrap());
    let found = store.load_execution(execution(1)).await.unwrap().unwrap();
    assert_eq!(found.record.wake_at, Some(at(505)));
}

/// What is noted of a machine's clocks is found by the start of that machine.
pub async fn clock_marks(store: Shared) {
    join(&store, 1).await;
    let boot = uuid::Uuid::from_u128;
    let mark = async |n, offset, second| {
        let mark = Some(ClockMark { boot: boot(n), offset });
        let correction = ClockCorrection { mark, ..all_moved(0, at(second)) };
        assert!(store.correct_clock(correction).await.unwrap());
    };
    assert_eq!(store.last_seen(Some(boot(1))).await.unwrap().mark, None);
    mark(1, -7, 10).await;
    mark(2, 9, 11).await;
    mark(1, 8, 12).await;
    for (n, offset) in [(1, 8), (2, 9)] {
        let expect = ClockMark { boot: boot(n), offset };
        assert_eq!(store.last_seen(Some(boot(n))).await.unwrap().mark, Some(expect));
    }
    for n in 0..KEPT_CLOCK_MARKS as u128 - 1 {
        mark(100 + n, 0, 20).await;
    }
    assert_eq!(store.last_seen(Some(boot(2))).await.unwrap().mark, None, "the oldest goes");
    assert!(store.last_seen(Some(boot(1))).await.unwrap().mark.is_some());
}
