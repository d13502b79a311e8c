//! How often executions were recovered without getting any further.

use stepwell_core::execution::{Event, Status};

use super::build::*;
use crate::traits::Recovery;

/// Counted until the journal grows; trials are counted beside them; unknown ones are left out.
pub async fn recoveries_are_counted(store: Shared) {
    join(&store, 1).await;
    let one = queued(1);
    commit_all(&store, [one.clone(), queued(2)]).await;
    let begin = async |ids: &[u128]| {
        let ids = ids.iter().map(|id| execution(*id)).collect();
        store.begin_recoveries(ids).await.unwrap()
    };
    let counted = |id: u128, recoveries, trials| Recovery { id: execution(id), recoveries, trials };
    store.count_trial(execution(1)).await.unwrap();
    assert_eq!(begin(&[2, 9, 1]).await, [counted(2, 1, 0), counted(1, 1, 0)]);
    store.count_trial(execution(1)).await.unwrap();
    store.count_trial(execution(9)).await.unwrap();
    assert_eq!(begin(&[1]).await, [counted(1, 2, 1)]);
    store.count_trial(execution(1)).await.unwrap();
    assert_eq!(begin(&[1, 2]).await, [counted(1, 3, 2), counted(2, 2, 0)]);
    store.commit(then(&one, Status::Running, vec![Event::Started]).into()).await.unwrap();
    assert_eq!(begin(&[1, 2]).await, [counted(1, 1, 0), counted(2, 3, 0)]);
    assert_eq!(begin(&[]).await, []);
}
