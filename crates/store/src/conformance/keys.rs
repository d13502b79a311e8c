//! API keys and settings.

use stepwell_core::rate::RateLimits;

use super::build::*;
use crate::record::KeyRecord;
use crate::traits::UpdateKey;
use crate::{Effects, StoreError};

/// Everything about a key comes back, also of one that is no longer accepted.
pub async fn found_by_hash(store: Shared) {
    let full = KeyRecord {
        expires_at: Some(at(1)),
        last_used_at: Some(at(2)),
        revoked_at: Some(at(3)),
        scopes: Vec::new(),
        limits: RateLimits { concurrent_executions: Some(3), ..RateLimits::NONE },
        ..new_key(2)
    };
    store.create_key(new_key(1), Effects::default()).await.unwrap();
    store.create_key(full.clone(), Effects::default()).await.unwrap();
    assert_eq!(store.find_key(new_key(1).hash).await.unwrap(), Some(new_key(1)));
    assert_eq!(store.find_key(full.hash).await.unwrap(), Some(full));
    assert_eq!(store.find_key([0; 32]).await.unwrap(), None);
    let again = store.create_key(new_key(1), Effects::default()).await;
    assert!(matches!(again, Err(StoreError::Corrupt(_))), "{again:?}");
}

/// Newest first; only in its workspace can a key be revoked, and only once.
pub async fn listed_and_revoked(store: Shared) {
    let other = KeyRecord { workspace: workspace(2), ..new_key(2) };
    for key in [new_key(3), new_key(1), other.clone()] {
        store.create_key(key, Effects::default()).await.unwrap();
    }
    let own = store.list_keys(Some(workspace(1))).await.unwrap();
    assert_eq!(own, [new_key(3), new_key(1)]);
    assert_eq!(store.list_keys(None).await.unwrap(), [new_key(3), other, new_key(1)]);
    for (of, n) in [(1, 2), (2, 1), (1, 9)] {
        let refused = store.revoke_key(revoke(workspace(of), key(n), at(20))).await;
        assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    }
    store.revoke_key(revoke(workspace(1), key(1), at(20))).await.unwrap();
    store.revoke_key(revoke(workspace(1), key(1), at(30))).await.unwrap();
    let found = store.find_key(new_key(1).hash).await.unwrap().unwrap();
    assert_eq!(found.revoked_at, Some(at(20)));
    assert_eq!(store.list_keys(Some(workspace(1))).await.unwrap().len(), 2);
}

/// What is given changes and the rest stays; only in its workspace.
pub async fn changed(store: Shared) {
    let limits = RateLimits { requests_per_minute: Some(7), ..RateLimits::NONE };
    store.create_key(new_key(1), Effects::default()).await.unwrap();
    let update = |of, n| UpdateKey {
        workspace: workspace(of),
        id: key(n),
        name: None,
        limits: None,
        effects: Effects::default(),
    };
    for (of, n) in [(2, 1), (1, 9)] {
        let refused = store.update_key(update(of, n)).await;
        assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    }
    let mut expect = new_key(1);
    let steps = [
        (Some("b"), Some(limits)),
        (None, None),
        (Some("c"), None),
        (None, Some(RateLimits::NONE)),
    ];
    for (name, limits) in steps {
        let name = name.map(str::to_owned);
        expect.name = name.clone().unwrap_or(expect.name);
        expect.limits = limits.unwrap_or(expect.limits);
        store.update_key(UpdateKey { name, limits, ..update(1, 1) }).await.unwrap();
        let found = store.find_key(expect.hash).await.unwrap();
        assert_eq!(found.as_ref(), Some(&expect));
    }
}

/// The last use stays, in whatever order it is told; keys that are gone are passed over.
pub async fn touched(store: Shared) {
    store.create_key(new_key(1), Effects::default()).await.unwrap();
    store.touch_keys(vec![(key(9), at(1)), (key(1), at(20)), (key(1), at(15))]).await.unwrap();
    let found = store.find_key(new_key(1).hash).await.unwrap().unwrap();
    assert_eq!(found.last_used_at, Some(at(20)));
    store.touch_keys(vec![]).await.unwrap();
}

/// The first value stays.
pub async fn settings_are_inserted_once(store: Shared) {
    assert_eq!(store.setting_or_insert("secret", "a").await.unwrap(), "a");
    assert_eq!(store.setting_or_insert("secret", "b").await.unwrap(), "a");
    assert_eq!(store.setting_or_insert("other", "b").await.unwrap(), "b");
}
