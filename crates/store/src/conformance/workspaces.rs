//! The tenants.

use stepwell_core::rate::RateLimits;

use super::build::*;
use crate::record::WorkspaceRecord;
use crate::traits::UpdateWorkspace;
use crate::{Effects, StoreError};

/// Everything comes back; what is there stays as it is; only what is given changes.
pub async fn made_changed_and_listed(store: Shared) {
    let limits = RateLimits { requests_per_minute: Some(9), ..RateLimits::NONE };
    let limited = WorkspaceRecord { limits, ..new_workspace(2) };
    for record in [new_workspace(3), new_workspace(1), limited.clone()] {
        store.create_workspace(record, None, Effects::default()).await.unwrap();
    }
    let again = WorkspaceRecord { name: "another".to_owned(), ..new_workspace(1) };
    store.create_workspace(again, None, Effects::default()).await.unwrap();
    assert_eq!(store.find_workspace(workspace(2)).await.unwrap(), Some(limited.clone()));
    assert_eq!(store.find_workspace(workspace(9)).await.unwrap(), None);
    let all = store.list_workspaces().await.unwrap();
    assert_eq!(all, [new_workspace(3), limited, new_workspace(1)]);

    let change = |name: Option<&str>, limits| UpdateWorkspace {
        id: workspace(1),
        name: name.map(str::to_owned),
        limits,
        now: at(20),
        effects: Effects::default(),
    };
    store.update_workspace(change(Some("renamed"), None)).await.unwrap();
    store.update_workspace(change(None, Some(limits))).await.unwrap();
    let changed = WorkspaceRecord {
        name: "renamed".to_owned(),
        limits,
        updated_at: at(20),
        ..new_workspace(1)
    };
    assert_eq!(store.find_workspace(workspace(1)).await.unwrap(), Some(changed));
    let missing = UpdateWorkspace { id: workspace(9), ..change(None, None) };
    let refused = store.update_workspace(missing).await;
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
}

/// The key goes with the workspace; where it is taken, none is made.
pub async fn made_once_for_an_idempotency_key(store: Shared) {
    let key = || Some(idempotent("k", "first"));
    store.create_workspace(new_workspace(1), key(), Effects::default()).await.unwrap();
    let refused = store.create_workspace(new_workspace(2), key(), Effects::default()).await;
    let Err(StoreError::Replayed(found)) = refused else { panic!("{refused:?}") };
    assert_eq!(found.outcome, "first");
    assert_eq!(store.list_workspaces().await.unwrap(), [new_workspace(1)]);
}
