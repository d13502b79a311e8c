//! Counts of recoveries without progress.

use stepwell_core::execution::{Event, Status};

use super::build::*;
use crate::traits::{CountRecoveries, Recovery, RecoveryCount};

/// Counted until the journal grows; trials are counted separately; unknown ones are omitted.
pub async fn recoveries_are_counted(store: Shared) {
    join(&store, 1).await;
    let one = queued(1);
    commit_all(&store, [one.clone(), queued(2)]).await;
    let begin = async |ids: &[u128]| {
        let ids = ids.iter().map(|id| execution(*id)).collect();
        let counted = RecoveryCount::Recovery;
        store.count_recoveries(CountRecoveries { ids, counted }).await.unwrap()
    };
    let trial = async |id: u128| {
        let (ids, counted) = (vec![execution(id)], RecoveryCount::Trial);
        store.count_recoveries(CountRecoveries { ids, counted }).await.unwrap()
    };
    let counted = |id: u128, recoveries, trials| Recovery { id: execution(id), recoveries, trials };
    assert_eq!(trial(1).await, []);
    assert_eq!(begin(&[2, 9, 1]).await, [counted(2, 1, 0), counted(1, 1, 0)]);
    assert_eq!(trial(1).await, [counted(1, 1, 1)]);
    assert_eq!(trial(9).await, []);
    assert_eq!(begin(&[1]).await, [counted(1, 2, 1)]);
    assert_eq!(trial(1).await, [counted(1, 2, 2)]);
    assert_eq!(begin(&[1, 2]).await, [counted(1, 3, 2), counted(2, 2, 0)]);
    store.commit(then(&one, Status::Running, vec![Event::Started]).into()).await.unwrap();
    assert_eq!(begin(&[1, 2]).await, [counted(1, 1, 0), counted(2, 3, 0)]);
    assert_eq!(begin(&[]).await, []);
}
