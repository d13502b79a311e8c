//! Actuals.

use serde_json::json;
use stepwell_core::Map;
use stepwell_core::execution::Status;
use stepwell_core::ids::ActualId;
use uuid::Uuid;

use super::build::*;
use crate::record::{ActualRecord, QualityRow};
use crate::traits::OldData;

fn actual(n: u128, of: u128, release: u32, tag: Option<&str>) -> ActualRecord {
    ActualRecord {
        id: ActualId::from_uuid(Uuid::from_u128(n)),
        execution: execution(of),
        workflow: workflow(1),
        release,
        tag: tag.map(str::to_owned),
        output: "result".to_owned(),
        quality: None,
        desired: None,
        matched: None,
        metadata: Map::new(),
        at: at(20),
        created_at: at(30),
    }
}

/// The whole record comes back, in the order of ids; a batch is stored whole or not at all.
pub async fn actuals_come_back(store: Shared) {
    let mut first = actual(1, 1, 1, Some("beta"));
    first.quality = Some(0.1);
    first.desired = Some(json!({ "z": [0.1, null], "a": "é" }));
    first.matched = Some(false);
    first.metadata.insert("by".to_owned(), json!("me"));
    let second = actual(2, 1, 1, None);
    store.add_actuals(vec![first.clone(), second.clone()]).await.unwrap();
    store.add_actuals(vec![actual(3, 2, 1, None)]).await.unwrap();
    let twins = store.add_actuals(vec![actual(4, 1, 1, None), actual(3, 1, 1, None)]).await;
    assert!(twins.is_err(), "{twins:?}");
    assert_eq!(store.list_actuals(execution(1)).await.unwrap(), [first, second]);
    assert_eq!(store.list_actuals(execution(9)).await.unwrap(), []);
}

/// By release and tag; what was not rated or compared does not count there.
pub async fn quality_is_summed(store: Shared) {
    let with = |n, release, tag, quality, matched| ActualRecord {
        quality,
        matched,
        ..actual(n, 1, release, tag)
    };
    store
        .add_actuals(vec![
            with(1, 1, None, Some(1.0), Some(true)),
            with(2, 1, None, None, Some(false)),
            with(3, 1, Some("beta"), Some(0.5), None),
            with(4, 2, None, Some(0.25), None),
        ])
        .await
        .unwrap();
    let row = |release, tag: Option<&str>, count, (rated, quality_sum), (compared, matched)| {
        let tag = tag.map(str::to_owned);
        QualityRow { release, tag, count, rated, quality_sum, compared, matched }
    };
    assert_eq!(
        store.quality(workflow(1)).await.unwrap(),
        [
            row(1, None, 2, (1, 1.0), (2, 1)),
            row(1, Some("beta"), 1, (1, 0.5), (0, 0)),
            row(2, None, 1, (1, 0.25), (0, 0)),
        ]
    );
    assert_eq!(store.quality(workflow(2)).await.unwrap(), []);
}

/// Actuals go with their execution.
pub async fn actuals_are_purged(store: Shared) {
    join(&store, 1).await;
    store.commit(ended(1, Status::Completed).into()).await.unwrap();
    store.add_actuals(vec![actual(1, 1, 1, None), actual(2, 2, 1, None)]).await.unwrap();
    let purge = OldData {
        now: at(1000),
        default_before: Some(at(1000)),
        idempotency_before: at(0),
        deliveries_before: at(0),
        limit: 10,
        audit_before: None,
    };
    assert_eq!(store.purge(purge.into()).await.unwrap(), 1);
    assert_eq!(store.list_actuals(execution(1)).await.unwrap(), []);
    assert_eq!(store.list_actuals(execution(2)).await.unwrap().len(), 1);
}
