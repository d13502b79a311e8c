//! The outbox.

use stepwell_core::execution::{Event, Status};
use stepwell_core::ids::ExecutionId;

use super::build::*;
use crate::commit::Commit;
use crate::record::{DeliveryRecord, DeliveryStatus};
use crate::traits::{DeliveryAttempt, DueDeliveries};

fn with(commit: Commit, deliveries: impl IntoIterator<Item = DeliveryRecord>) -> Commit {
    Commit { deliveries: deliveries.into_iter().collect(), ..commit }
}

fn attempt(n: u128, status: DeliveryStatus, next: i64) -> DeliveryAttempt {
    DeliveryAttempt {
        id: delivery(n),
        status,
        attempts: 1,
        next_attempt_at: at(next),
        last_result: "503".to_owned(),
    }
}

async fn due(store: &Shared, now: i64, except: &[u128], limit: usize) -> Vec<u128> {
    let except: Vec<ExecutionId> = except.iter().copied().map(execution).collect();
    let due = DueDeliveries { now: at(now), except, limit };
    let found = store.due_deliveries(due).await.unwrap();
    found.iter().map(|delivery| delivery.id.uuid().as_u128()).collect()
}

/// The next one of an execution is due when the one before is settled, one way or the other.
pub async fn in_order_of_an_execution(store: Shared) {
    join(&store, 1).await;
    let one = queued(1);
    let two = then(&one, Status::Running, vec![Event::Started]);
    let mut early = pending(1, 1, 3);
    early.next_attempt_at = at(5);
    commit_all(&store, [with(one, [pending(9, 1, 1), early]), with(two, [pending(5, 1, 2)])]).await;
    assert_eq!(store.next_delivery().await.unwrap(), Some(at(10)));
    assert_eq!(due(&store, 9, &[], 9).await, [0_u128; 0]);
    assert_eq!(due(&store, 10, &[], 9).await, [9]);
    store.record_attempts(vec![attempt(9, DeliveryStatus::Delivered, 0)]).await.unwrap();
    assert_eq!(due(&store, 10, &[], 9).await, [5]);
    store.record_attempts(vec![attempt(5, DeliveryStatus::Exhausted, 0)]).await.unwrap();
    assert_eq!(due(&store, 10, &[], 9).await, [1]);
    assert_eq!(store.next_delivery().await.unwrap(), Some(at(5)));
    store.record_attempts(vec![attempt(1, DeliveryStatus::Delivered, 0)]).await.unwrap();
    assert_eq!(due(&store, 99, &[], 9).await, [0_u128; 0]);
    assert_eq!(store.next_delivery().await.unwrap(), None);
    let all = store.list_deliveries(execution(1)).await.unwrap();
    let places: Vec<_> = all.iter().map(|delivery| (delivery.sequence, delivery.status)).collect();
    use DeliveryStatus::{Delivered, Exhausted};
    assert_eq!(places, [(1, Delivered), (2, Exhausted), (3, Delivered)]);
}

/// One of each execution, earliest first, and not of those that are under way.
pub async fn one_at_a_time_and_except(store: Shared) {
    join(&store, 1).await;
    let commits = (1..=4).map(|n| {
        let mut first = pending(10 * n, n, 1);
        first.next_attempt_at = at(30 - n as i64);
        with(queued(n), [first, pending(10 * n + 1, n, 2)])
    });
    commit_all(&store, commits).await;
    assert_eq!(due(&store, 99, &[], 9).await, [40, 30, 20, 10]);
    assert_eq!(due(&store, 27, &[], 9).await, [40, 30]);
    assert_eq!(due(&store, 99, &[], 2).await, [40, 30]);
    assert_eq!(due(&store, 99, &[4, 2, 7], 2).await, [30, 10]);
    assert_eq!(due(&store, 99, &[1, 2, 3, 4], 9).await, [0_u128; 0]);
    assert_eq!(due(&store, 99, &[], 0).await, [0_u128; 0]);
    assert_eq!(store.next_delivery().await.unwrap(), Some(at(26)));
}

/// What came of an attempt is kept; one that is gone is passed over.
pub async fn attempts_are_noted(store: Shared) {
    join(&store, 1).await;
    store.commit(with(queued(1), [pending(1, 1, 1)])).await.unwrap();
    assert_eq!(store.list_deliveries(execution(1)).await.unwrap(), [pending(1, 1, 1)]);
    let retried = DeliveryAttempt { attempts: 7, ..attempt(1, DeliveryStatus::Pending, 60) };
    let gone = attempt(99, DeliveryStatus::Delivered, 0);
    store.record_attempts(vec![gone, retried]).await.unwrap();
    let expected = DeliveryRecord {
        attempts: 7,
        next_attempt_at: at(60),
        last_result: Some("503".to_owned()),
        ..pending(1, 1, 1)
    };
    let listed = store.list_deliveries(execution(1)).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&expected));
    assert_eq!(due(&store, 59, &[], 9).await, [0_u128; 0]);
    let all = DueDeliveries { now: at(60), except: Vec::new(), limit: 9 };
    assert_eq!(store.due_deliveries(all).await.unwrap(), [expected]);
    assert_eq!(store.list_deliveries(execution(2)).await.unwrap(), []);
    // Sent again by hand after it was given up.
    store.record_attempts(vec![attempt(1, DeliveryStatus::Exhausted, 0)]).await.unwrap();
    assert_eq!(store.next_delivery().await.unwrap(), None);
    store.record_attempts(vec![attempt(1, DeliveryStatus::Pending, 80)]).await.unwrap();
    assert_eq!(store.next_delivery().await.unwrap(), Some(at(80)));
}

/// The outbox and the journal are one.
pub async fn only_with_their_commit(store: Shared) {
    join(&store, 1).await;
    store.commit(queued(1)).await.unwrap();
    store.commit(with(queued(1), [pending(1, 1, 1)])).await.unwrap_err();
    assert_eq!(store.list_deliveries(execution(1)).await.unwrap(), []);
    assert_eq!(store.next_delivery().await.unwrap(), None);
}

/// A receiver that is down does not stop the others.
pub async fn a_failing_head_holds_back_its_own_only(store: Shared) {
    join(&store, 1).await;
    let commits =
        (1..=2).map(|n| with(queued(n), [pending(10 * n, n, 1), pending(10 * n + 1, n, 2)]));
    commit_all(&store, commits).await;
    let down = attempt(10, DeliveryStatus::Pending, 500);
    let up = attempt(20, DeliveryStatus::Delivered, 0);
    store.record_attempts(vec![down, up]).await.unwrap();
    assert_eq!(due(&store, 100, &[], 9).await, [21]);
    assert_eq!(due(&store, 500, &[], 9).await, [21, 10]);
}
