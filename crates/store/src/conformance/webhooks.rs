//! Webhooks.

use stepwell_core::{Topic, Topics};

use super::build::*;
use crate::record::{AttemptRecord, DeliveryStatus};
use crate::traits::{DeliveryAttempt, Health};
use crate::webhooks::{ListWebhookDeliveries, WebhookRecord, WebhookStatus};
use crate::{Effects, StoreError};

fn missing<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Missing(_))), "{answer:?}");
}

/// Everything comes back as it was given.
pub async fn webhooks_come_back(store: Shared) {
    let plain = new_webhook(1);
    let full = WebhookRecord {
        url: "https://example.com/\u{fc}?a=1".to_owned(),
        topics: Topics::Some(vec![Topic::ScheduleTriggered, Topic::WorkflowCreated]),
        description: Some("\u{1f680}".to_owned()),
        status: WebhookStatus::Disabled { reason: "it failed".to_owned() },
        previous_secret: Some(("whsec_b2xk".to_owned(), at(99))),
        failing_since: Some(at(12)),
        ..new_webhook(2)
    };
    let off = WebhookRecord {
        status: WebhookStatus::Inactive,
        topics: Topics::Some(vec![]),
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
        previous_secret: Some((new_webhook(1).secret, at(40))),
        updated_at: at(30),
        ..new_webhook(1)
    };
    let asked = WebhookRecord { workspace: workspace(2), created_at: at(99), ..changed.clone() };
    store.update_webhook(asked, Effects::default()).await.unwrap();
    assert_eq!(store.find_webhook(webhook(1)).await.unwrap(), Some(changed));
    let updated = store.webhook_changes().await.unwrap();
    missing(store.update_webhook(new_webhook(2), Effects::default()).await);
    missing(store.delete_webhook(webhook(2), Effects::default()).await);
    assert_eq!(store.webhook_changes().await.unwrap(), updated);
    store.delete_webhook(webhook(1), Effects::default()).await.unwrap();
    assert_eq!(store.find_webhook(webhook(1)).await.unwrap(), None);
    missing(store.delete_webhook(webhook(1), Effects::default()).await);
    let deleted = store.webhook_changes().await.unwrap();
    assert!(before < created && created < updated && updated < deleted);
}

/// A webhook fails from the first failed attempt on, until one is answered as it should be.
pub async fn attempts_tell_of_health(store: Shared) {
    for n in 1..=2 {
        store.create_webhook(new_webhook(n), Effects::default()).await.unwrap();
    }
    let changes = store.webhook_changes().await.unwrap();
    store.add_effects(Effects::telling(vec![hooked(1, 1, 1), hooked(9, 9, 1)])).await.unwrap();
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

/// Newest first, page by page, all or those that stand so.
pub async fn deliveries_in_pages(store: Shared) {
    let mut all: Vec<_> = (1..=20).map(|n| hooked(n, 1, n)).collect();
    for delivery in all.iter_mut().skip(15) {
        delivery.status = DeliveryStatus::Exhausted;
    }
    all.push(hooked(30, 2, 1));
    all.push(pending(31, 1, 1));
    store.add_effects(Effects::telling(all)).await.unwrap();
    let page = async |to: u128, status, skip, limit| {
        let list = ListWebhookDeliveries { webhook: webhook(to), status, skip, limit };
        let page = store.webhook_deliveries(list).await.unwrap();
        let ids = page.deliveries.iter().map(|delivery| delivery.id.uuid().as_u128());
        (ids.collect::<Vec<_>>(), page.total)
    };
    assert_eq!(page(1, None, 0, 3).await, (vec![20, 19, 18], 20));
    assert_eq!(page(1, None, 18, 3).await, (vec![2, 1], 20));
    assert_eq!(page(1, None, 20, 3).await, (vec![], 20));
    assert_eq!(page(1, Some(DeliveryStatus::Pending), 0, 2).await, (vec![15, 14], 15));
    assert_eq!(page(1, Some(DeliveryStatus::Exhausted), 4, 2).await, (vec![16], 5));
    assert_eq!(page(1, Some(DeliveryStatus::Delivered), 0, 2).await, (vec![], 0));
    assert_eq!(page(2, None, 0, 9).await, (vec![30], 1));
    assert_eq!(page(3, None, 0, 9).await, (vec![], 0));
}
