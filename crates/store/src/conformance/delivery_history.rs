//! Lists of deliveries, and the health of receivers.

use stepwell_core::Timestamp;

use super::build::*;
use crate::Effects;
use crate::lists::{List, Order, PageStart};
use crate::record::{AttemptRecord, DeliveryStatus};
use crate::traits::{ClockCorrection, DeliveriesOf, DeliveryAttempt, DeliveryFilter, Health};

async fn failing(store: &Shared, to: u128) -> Option<Timestamp> {
    let found = store.failing_since(vec![receiver(77), webhook(to).into()]).await.unwrap();
    assert_eq!(found[0], None);
    found[1]
}

/// A webhook fails from the first failed attempt on, until one succeeds or a change resets it.
pub async fn attempts_report_health(store: Shared) {
    let url = pending(2, 1, 1);
    let to_url = url.receiver;
    add_effects(&store, Effects::with_deliveries(vec![hooked(1, 1, 1), url])).await;
    for (second, health, expect) in [
        (20, Health::Unknown, None),
        (30, Health::Failing, Some(30)),
        (40, Health::Failing, Some(30)),
        (45, Health::Unknown, Some(30)),
        (50, Health::Well, None),
        (60, Health::Failing, Some(60)),
    ] {
        let attempts = [1, 2, 9].map(|n| DeliveryAttempt {
            id: delivery(n),
            status: DeliveryStatus::Pending,
            next_attempt_at: at(99),
            attempt: AttemptRecord {
                number: 1,
                at: at(second),
                micros: 0,
                url: None,
                response_status: None,
                response: String::new(),
            },
            health,
        });
        store.record_attempts(attempts.into()).await.unwrap();
        assert_eq!(failing(&store, 1).await, expect.map(at), "{second}");
        assert_eq!(failing(&store, 2).await, None);
        assert_eq!(store.failing_since(vec![to_url]).await.unwrap(), [None], "only webhooks");
    }
    join(&store, 1).await;
    let later = ClockCorrection { limits: 7_000_000, ..no_correction(at(70)) };
    store.correct_clock(later).await.unwrap();
    assert_eq!(failing(&store, 1).await, Some(at(67)));
    let recovered = vec![webhook(1).into(), webhook(2).into()];
    add_effects(&store, Effects { recovered, ..Effects::default() }).await;
    assert_eq!(failing(&store, 1).await, None);
}

fn no_correction(now: Timestamp) -> ClockCorrection {
    let (waits, pauses, limits) = (0, 0, 0);
    ClockCorrection { node: node(1), waits, pauses, limits, now, at_start: false, mark: None }
}

/// Page by page, by number and by place, all or those of a status or an event.
pub async fn deliveries_in_pages(store: Shared) {
    let mut all: Vec<_> = (1..=20).map(|n| hooked(n, 1, n)).collect();
    for delivery in all.iter_mut().skip(15) {
        delivery.status = DeliveryStatus::Exhausted;
    }
    all[3].event = "execution.failed".to_owned();
    all[18].event = "execution.failed".to_owned();
    all.push(hooked(30, 2, 1));
    all.push(pending(31, 1, 1));
    add_effects(&store, Effects::with_deliveries(all)).await;
    let listed = async |of, list: List<DeliveryFilter>| {
        let page = store.list_deliveries(of, list.with_total()).await.unwrap();
        let ids = page.items.iter().map(|found| found.record.id.uuid().as_u128());
        (ids.collect::<Vec<_>>(), page.total.unwrap())
    };
    let to = |n| DeliveriesOf::Webhook(webhook(n));
    let page = async |n: u128, status, skip, limit| {
        let list = List::first_page(DeliveryFilter { status, event: None }, limit);
        listed(to(n), list.starting_at(PageStart::Skip(skip))).await
    };
    assert_eq!(page(1, None, 0, 3).await, (vec![20, 19, 18], 20));
    assert_eq!(page(1, None, 18, 3).await, (vec![2, 1], 20));
    assert_eq!(page(1, None, 20, 3).await, (vec![], 20));
    assert_eq!(page(1, Some(DeliveryStatus::Pending), 0, 2).await, (vec![15, 14], 15));
    assert_eq!(page(1, Some(DeliveryStatus::Exhausted), 4, 2).await, (vec![16], 5));
    assert_eq!(page(1, Some(DeliveryStatus::Delivered), 0, 2).await, (vec![], 0));
    assert_eq!(page(2, None, 0, 9).await, (vec![30], 1));
    assert_eq!(page(3, None, 0, 9).await, (vec![], 0));
    for (order, after, expect) in [
        (Order::Descending, 18, vec![17, 16]),
        (Order::Descending, 1, vec![]),
        (Order::Ascending, 18, vec![19, 20]),
        (Order::Ascending, 25, vec![]),
    ] {
        let begin = PageStart::After(delivery(after));
        let list = List::first_page(DeliveryFilter::default(), 2).sorted_by((), order);
        assert_eq!(listed(to(1), list.starting_at(begin)).await, (expect, 20), "{order:?} {after}");
    }
    for (event, status, expect) in [
        ("execution.failed", None, vec![19, 4]),
        ("execution.failed", Some(DeliveryStatus::Exhausted), vec![19]),
        ("execution.fail", None, vec![]),
    ] {
        let filter = DeliveryFilter { status, event: Some(event.to_owned()) };
        let found = listed(to(1), List::first_page(filter, 9)).await;
        assert_eq!(found, (expect.clone(), expect.len() as u64), "{status:?}");
    }
    let filter = DeliveryFilter { status: Some(DeliveryStatus::Pending), event: None };
    let list = List::first_page(filter, 9).starting_at(PageStart::Skip(1));
    // Deliveries to webhooks 1 and 2, and one to a URL.
    let about = DeliveriesOf::Subject(execution(1).into());
    assert_eq!(listed(about, list).await, (vec![30, 1], 3));
}
