//! The outbox.

use stepwell_core::execution::{Event, Status};

use super::build::*;
use crate::Effects;
use crate::commit::Commit;
use crate::lists::{List, Order};
use crate::record::{AttemptRecord, DeliveryHistory, DeliveryRecord, DeliveryStatus};
use crate::traits::{
    DeliveriesOf, DeliveryAttempt, DeliveryFilter, DueDeliveries, Health, Redeliver,
};

fn with(commit: Commit, deliveries: impl IntoIterator<Item = DeliveryRecord>) -> Commit {
    Commit { deliveries: deliveries.into_iter().collect(), ..commit }
}

fn attempt(n: u128, status: DeliveryStatus, next: i64) -> DeliveryAttempt {
    DeliveryAttempt {
        id: delivery(n),
        status,
        next_attempt_at: at(next),
        attempt: response(1, 503),
        health: Health::Unknown,
    }
}

fn response(number: u32, status: u16) -> AttemptRecord {
    AttemptRecord {
        number,
        at: at(10 + i64::from(number)),
        micros: u64::from(number),
        url: Some("https://example.com/hook".to_owned()),
        response_status: Some(status),
        response: "\u{1f680}".to_owned(),
    }
}

fn numbers(found: &[DeliveryRecord]) -> Vec<u128> {
    found.iter().map(|delivery| delivery.id.uuid().as_u128()).collect()
}

async fn due(store: &Shared, now: i64, except: &[u128], limit: usize) -> Vec<u128> {
    let under_way = |n: &u128| (receiver(1_000_000), execution(*n).into());
    let under_way = except.iter().map(under_way).collect();
    let due = DueDeliveries { under_way, ..all_due(at(now), limit) };
    numbers(&store.due_deliveries(due).await.unwrap().deliveries)
}

/// The next one of an execution is due when the one before is settled, one way or the other.
pub async fn in_order_of_an_execution(store: Shared) {
    join(&store, 1).await;
    let one = queued(1);
    let two = then(&one, Status::Running, vec![Event::Started]);
    let mut early = pending(1, 1, 3);
    early.next_attempt_at = at(5);
    commit_all(&store, [with(one, [pending(9, 1, 1), early]), with(two, [pending(5, 1, 2)])]).await;
    assert_eq!(next_delivery(&store).await, Some(at(10)));
    assert_eq!(due(&store, 9, &[], 9).await, [0_u128; 0]);
    assert_eq!(due(&store, 10, &[], 9).await, [9]);
    store.record_attempts(vec![attempt(9, DeliveryStatus::Delivered, 0)]).await.unwrap();
    assert_eq!(due(&store, 10, &[], 9).await, [5]);
    store.record_attempts(vec![attempt(5, DeliveryStatus::Exhausted, 0)]).await.unwrap();
    assert_eq!(due(&store, 10, &[], 9).await, [1]);
    assert_eq!(next_delivery(&store).await, Some(at(5)));
    store.record_attempts(vec![attempt(1, DeliveryStatus::Delivered, 0)]).await.unwrap();
    assert_eq!(due(&store, 99, &[], 9).await, [0_u128; 0]);
    assert_eq!(next_delivery(&store).await, None);
    let all = deliveries_about(&store, execution(1)).await;
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
    assert_eq!(next_delivery(&store).await, Some(at(26)));
}

/// The result of an attempt is stored; one of an unknown delivery is ignored.
pub async fn attempts_are_noted(store: Shared) {
    join(&store, 1).await;
    store.commit(with(queued(1), [pending(1, 1, 1)]).into()).await.unwrap();
    assert_eq!(deliveries_about(&store, execution(1)).await, [pending(1, 1, 1)]);
    let mut retried = attempt(1, DeliveryStatus::Pending, 60);
    retried.attempt = response(7, 503);
    let gone = attempt(99, DeliveryStatus::Delivered, 0);
    store.record_attempts(vec![gone, retried]).await.unwrap();
    let expected = DeliveryRecord { attempts: 7, next_attempt_at: at(60), ..pending(1, 1, 1) };
    let listed = deliveries_about(&store, execution(1)).await;
    assert_eq!(listed, std::slice::from_ref(&expected));
    assert_eq!(due(&store, 59, &[], 9).await, [0_u128; 0]);
    let found = store.due_deliveries(all_due(at(60), 9)).await.unwrap().deliveries;
    assert_eq!(found, std::slice::from_ref(&expected));
    let found = store.find_delivery(delivery(1)).await.unwrap().unwrap();
    let attempts = vec![response(7, 503)];
    assert_eq!(found, DeliveryHistory { record: expected, attempts });
    assert_eq!(store.find_delivery(delivery(99)).await.unwrap(), None);
    assert_eq!(deliveries_about(&store, execution(2)).await, []);
    // Sent again by a user after it was given up.
    store.record_attempts(vec![attempt(1, DeliveryStatus::Exhausted, 0)]).await.unwrap();
    assert_eq!(next_delivery(&store).await, None);
    let effects = Effects::default();
    let redeliver = |n| Redeliver {
        id: delivery(n),
        now: at(80),
        give_up_at: at(90),
        effects: effects.clone(),
    };
    store.redeliver(redeliver(1)).await.unwrap();
    assert_eq!(next_delivery(&store).await, Some(at(80)));
    let again = store.find_delivery(delivery(1)).await.unwrap().unwrap().record;
    assert_eq!((again.status, again.give_up_at), (DeliveryStatus::Pending, at(90)));
    let refused = store.redeliver(redeliver(2)).await;
    assert!(matches!(refused, Err(crate::StoreError::Missing(_))), "{refused:?}");
}

/// Every attempt comes back, in order; one with the same number takes its place.
pub async fn attempts_are_listed(store: Shared) {
    add_effects(&store, Effects::with_deliveries(vec![hooked(1, 1, 1), hooked(2, 1, 2)])).await;
    let no_response = AttemptRecord { url: None, response_status: None, ..response(10, 0) };
    for (n, made) in [
        (1, response(2, 500)),
        (1, response(1, 404)),
        (1, no_response.clone()),
        (2, response(1, 1)),
    ] {
        let made = DeliveryAttempt { attempt: made, ..attempt(n, DeliveryStatus::Pending, 20) };
        store.record_attempts(vec![made]).await.unwrap();
    }
    let again = response(2, 200);
    let made =
        DeliveryAttempt { attempt: again.clone(), ..attempt(1, DeliveryStatus::Pending, 20) };
    store.record_attempts(vec![made]).await.unwrap();
    let expect = [vec![response(1, 404), again, no_response], vec![response(1, 1)]];
    let list = List::first_page(DeliveryFilter::default(), 9).sorted_by((), Order::Ascending);
    let listed =
        store.list_deliveries(DeliveriesOf::Webhook(webhook(1)), list).await.unwrap().items;
    let attempts: Vec<_> = listed.into_iter().map(|found| found.attempts).collect();
    assert_eq!(attempts, expect);
    let found = store.find_delivery(delivery(1)).await.unwrap().unwrap();
    assert_eq!(found.attempts, expect[0]);
}

/// However many wait for one receiver, the others are served, in turns.
pub async fn receivers_share(store: Shared) {
    let mut all: Vec<_> = (0..50).map(|n| hooked(100 + n, 1, 100 + n)).collect();
    for late in &mut all[..2] {
        late.next_attempt_at = at(20);
    }
    all.extend([hooked(201, 2, 100), hooked(202, 2, 101), hooked(301, 3, 100)]);
    let mut later = hooked(302, 3, 101);
    later.next_attempt_at = at(99);
    all.push(later);
    add_effects(&store, Effects::with_deliveries(all)).await;
    let due = async |share, after: Option<u128>, under_way: &[(u128, u128)], limit| {
        let under_way = under_way.iter().map(|(to, of)| (receiver(*to), execution(*of).into()));
        let due = DueDeliveries {
            now: at(20),
            under_way: under_way.collect(),
            share,
            after: after.map(receiver),
            limit,
        };
        numbers(&store.due_deliveries(due).await.unwrap().deliveries)
    };
    assert_eq!(due(3, None, &[], 99).await, [102, 201, 301, 103, 202, 104]);
    assert_eq!(due(3, Some(1), &[], 99).await, [201, 301, 102, 202, 103, 104]);
    assert_eq!(due(3, Some(3), &[], 4).await, [102, 201, 301, 103]);
    assert_eq!(due(1, Some(2), &[], 2).await, [301, 102]);
    assert_eq!(due(2, None, &[(1, 102), (1, 104)], 99).await, [201, 301, 202]);
    assert_eq!(due(3, None, &[(1, 102), (1, 104), (2, 101)], 99).await, [103, 201, 301]);
    assert_eq!(due(0, None, &[], 99).await, [0_u128; 0]);
    let first_ones = due(99, None, &[(9, 9)], 99).await;
    assert_eq!(first_ones.len(), 53);
    assert_eq!(first_ones[52], 101, "the late ones come last");
    assert_eq!(next_delivery(&store).await, Some(at(10)));
}

/// The outbox and the journal are one.
pub async fn only_with_their_commit(store: Shared) {
    join(&store, 1).await;
    store.commit(queued(1).into()).await.unwrap();
    store.commit(with(queued(1), [pending(1, 1, 1)]).into()).await.unwrap_err();
    assert_eq!(deliveries_about(&store, execution(1)).await, []);
    assert_eq!(next_delivery(&store).await, None);
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

/// What is sent again has its old place: before those that are waiting, also the first of them.
pub async fn sent_again_in_its_place(store: Shared) {
    join(&store, 1).await;
    let three = [pending(30, 1, 1), pending(20, 1, 2), pending(10, 1, 3)];
    store.commit(with(queued(1), three).into()).await.unwrap();
    let settle = async |n| {
        store.record_attempts(vec![attempt(n, DeliveryStatus::Delivered, 0)]).await.unwrap();
    };
    let again = async |n| {
        let (now, give_up_at, effects) = (at(20), at(90), Effects::default());
        store.redeliver(Redeliver { id: delivery(n), now, give_up_at, effects }).await.unwrap();
    };
    settle(30).await;
    settle(20).await;
    assert_eq!(due(&store, 50, &[], 9).await, [10]);
    again(20).await;
    assert_eq!(due(&store, 50, &[], 9).await, [20]);
    again(30).await;
    assert_eq!(due(&store, 50, &[], 9).await, [30]);
    // One that is waiting already keeps its place; its result while it waits frees no other.
    again(20).await;
    assert_eq!(due(&store, 50, &[], 9).await, [30]);
    settle(20).await;
    assert_eq!(due(&store, 50, &[], 9).await, [30]);
    // An attempt that fails late makes it pending again.
    let failed = attempt(20, DeliveryStatus::Pending, 30);
    store.record_attempts(vec![failed]).await.unwrap();
    settle(30).await;
    assert_eq!(due(&store, 29, &[], 9).await, [0_u128; 0]);
    assert_eq!(due(&store, 30, &[], 9).await, [20]);
    settle(20).await;
    settle(10).await;
    assert_eq!(next_delivery(&store).await, None);
}
