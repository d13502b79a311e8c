//! Webhooks.

use stepwell_core::{Timestamp, Topic, TopicFilter};

use super::build::*;
use crate::lists::{Begin, Order};
use crate::record::{AttemptRecord, DeliveryStatus};
use crate::traits::{DeliveryAttempt, Health};
use crate::webhooks::{ListWebhookDeliveries, UpdateWebhook, WebhookRecord, WebhookStatus};
use crate::{Effects, StoreError};

fn missing<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Missing(_))), "{answer:?}");
}

/// Everything comes back as it was given.
pub async fn webhooks_come_back(store: Shared) {
    let plain = new_webhook(1);
    let full = WebhookRecord {
        url: "https://example.com/\u{fc}?a=1".to_owned(),
        topics: TopicFilter::Some(vec![Topic::ScheduleTriggered, Topic::WorkflowCreated]),
        description: Some("\u{1f680}".to_owned()),
        status: WebhookStatus::Disabled { reason: "it failed".to_owned() },
        previous_secrets: vec![
            ("whsec_b2xk".to_owned(), at(99)),
            ("whsec_b2xkZXI=".to_owned(), at(98)),
        ],
        failing_since: Some(at(12)),
        ..new_webhook(2)
    };
    let off = WebhookRecord {
        status: WebhookStatus::Inactive,
        topics: TopicFilter::Some(vec![]),
        workspace: workspace(2),
        ..new_webhook(3)
    };
    for webhook in [&plain, &full, &off] {
        store.create_webhook(webhook.clone(), Effects::default()).await.unwrap();
        assert_eq!(store.find_webhook(webhook.id).await.unwrap().as_ref(), Some(webhook));
    }
    store.create_webhook(plain.clone(), Effects::default()).await.unwrap_err();
    assert_eq!(store.find_webhook(webhook(4)).await.unwrap(), None);
    let listed = store.list_webhooks(Some(workspace(1))).await.unwrap();
    assert_eq!(listed, [full.clone(), plain.clone()]);
    assert_eq!(store.list_webhooks(None).await.unwrap(), [off, full, plain]);
}

/// Changed and deleted, and whoever asks can see that something was.
pub async fn webhooks_change(store: Shared) {
    let before = store.webhook_changes().await.unwrap();
    store.create_webhook(new_webhook(1), Effects::default()).await.unwrap();
    let created = store.webhook_changes().await.unwrap();
    let changed = WebhookRecord {
        url: "https://example.org".to_owned(),
        status: WebhookStatus::Inactive,
        secret: "whsec_bmV3".to_owned(),
        previous_secrets: vec![(new_webhook(1).secret, at(40))],
        updated_at: at(30),
        ..new_webhook(1)
    };
    let asked = WebhookRecord { workspace: workspace(2), created_at: at(99), ..changed.clone() };
    let first = new_webhook(1).updated_at;
    store.update_webhook(over(asked, first)).await.unwrap();
    assert_eq!(store.find_webhook(webhook(1)).await.unwrap(), Some(changed.clone()));
    let updated = store.webhook_changes().await.unwrap();
    // Whoever read it before that must read it again.
    let late = WebhookRecord { updated_at: at(50), ..new_webhook(1) };
    let refused = store.update_webhook(over(late, first)).await;
    assert!(matches!(refused, Err(StoreError::Outdated("the webhook"))), "{refused:?}");
    assert_eq!(store.find_webhook(webhook(1)).await.unwrap(), Some(changed));
    missing(store.update_webhook(over(new_webhook(2), first)).await);
    missing(store.delete_webhook(webhook(2), Effects::default()).await);
    assert_eq!(store.webhook_changes().await.unwrap(), updated);
    store.delete_webhook(webhook(1), Effects::default()).await.unwrap();
    assert_eq!(store.find_webhook(webhook(1)).await.unwrap(), None);
    missing(store.delete_webhook(webhook(1), Effects::default()).await);
    let deleted = store.webhook_changes().await.unwrap();
    assert!(before < created && created < updated && updated < deleted);
}

/// A change takes away since when a webhook fails, or leaves what attempts have noted.
pub async fn a_change_does_not_undo_health(store: Shared) {
    let failing = WebhookRecord { failing_since: Some(at(12)), ..new_webhook(1) };
    store.create_webhook(failing.clone(), Effects::default()).await.unwrap();
    for (second, asked, expect) in
        [(31, Some(at(9)), Some(at(12))), (32, None, None), (33, Some(at(9)), None)]
    {
        let before = store.find_webhook(webhook(1)).await.unwrap().unwrap().updated_at;
        let after =
            WebhookRecord { failing_since: asked, updated_at: at(second), ..failing.clone() };
        store.update_webhook(over(after, before)).await.unwrap();
        let found = store.find_webhook(webhook(1)).await.unwrap().unwrap();
        assert_eq!(found.failing_since, expect, "{second}");
    }
}

fn over(webhook: WebhookRecord, expected: Timestamp) -> UpdateWebhook {
    UpdateWebhook { webhook, expected, effects: Effects::default() }
}

/// A webhook fails from the first failed attempt on, until one is answered as it should be.
pub async fn attempts_tell_of_health(store: Shared) {
    for n in 1..=2 {
        store.create_webhook(new_webhook(n), Effects::default()).await.unwrap();
    }
    let changes = store.webhook_changes().await.unwrap();
    store
        .add_effects(Effects::with_deliveries(vec![hooked(1, 1, 1), hooked(9, 9, 1)]))
        .await
        .unwrap();
    for (second, health, expect) in [
        (20, Health::Unknown, None),
        (30, Health::Failing, Some(30)),
        (40, Health::Failing, Some(30)),
        (45, Health::Unknown, Some(30)),
        (50, Health::Well, None),
        (60, Health::Failing, Some(60)),
    ] {
        // The webhook of the second one was deleted.
        let made = [1, 9].map(|n| DeliveryAttempt {
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
        store.record_attempts(made.into()).await.unwrap();
        let found = store.find_webhook(webhook(1)).await.unwrap().unwrap();
        assert_eq!(found.failing_since, expect.map(at), "{second}");
        assert_eq!(store.find_webhook(webhook(2)).await.unwrap(), Some(new_webhook(2)));
    }
    assert_eq!(store.webhook_changes().await.unwrap(), changes, "that is no change of theirs");
}

/// Page by page, by number and by place, all or those that stand so or tell of something.
pub async fn deliveries_in_pages(store: Shared) {
    let mut all: Vec<_> = (1..=20).map(|n| hooked(n, 1, n)).collect();
    for delivery in all.iter_mut().skip(15) {
        delivery.status = DeliveryStatus::Exhausted;
    }
    all[3].event = "execution.failed".to_owned();
    all[18].event = "execution.failed".to_owned();
    all.push(hooked(30, 2, 1));
    all.push(pending(31, 1, 1));
    store.add_effects(Effects::with_deliveries(all)).await.unwrap();
    let listed = async |list| {
        let page = store.webhook_deliveries(list).await.unwrap();
        let ids = page.items.iter().map(|delivery| delivery.id.uuid().as_u128());
        (ids.collect::<Vec<_>>(), page.total.unwrap())
    };
    let newest = |to: u128, limit| ListWebhookDeliveries::newest(webhook(to), limit);
    let page = async |to: u128, status, skip, limit| {
        let begin = Begin::Skip(skip);
        listed(ListWebhookDeliveries { status, begin, ..newest(to, limit) }).await
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
        let begin = Begin::After(delivery(after));
        let list = ListWebhookDeliveries { order, begin, ..newest(1, 2) };
        assert_eq!(listed(list).await, (expect, 20), "{order:?} {after}");
    }
    for (event, status, expect) in [
        ("execution.failed", None, vec![19, 4]),
        ("execution.failed", Some(DeliveryStatus::Exhausted), vec![19]),
        ("execution.fail", None, vec![]),
    ] {
        let event = Some(event.to_owned());
        let list = ListWebhookDeliveries { event, status, ..newest(1, 9) };
        assert_eq!(listed(list).await, (expect.clone(), expect.len() as u64), "{status:?}");
    }
}
