//! Lists by place.

use stepwell_core::execution::Status;

use super::build::*;
use crate::browse::{BrowseExecutions, BrowseWorkflows, Counted, WorkflowOrder};
use crate::record::{ExecutionRecord, WorkflowRecord};
use crate::traits::UpdateWorkflow;

const ANY: usize = 1000;

fn all_workflows(order: WorkflowOrder) -> BrowseWorkflows {
    BrowseWorkflows { workspace: workspace(1), active: None, order, skip: 0, limit: ANY }
}

async fn workflows(store: &Shared, browse: BrowseWorkflows) -> (Vec<u128>, u64) {
    let Counted { items, total } = store.browse_workflows(browse).await.unwrap();
    let ids = items.iter().map(|WorkflowRecord { id, .. }| id.uuid().as_u128()).collect();
    (ids, total)
}

/// In each order; deleted ones and those of other workspaces are neither listed nor counted.
pub async fn workflows_in_each_order(store: Shared) {
    for (n, name) in [(1, "b"), (2, "a"), (3, "é"), (4, "b"), (5, "B"), (6, "x"), (7, "a")] {
        let mut create = new_workflow(n, name);
        create.workflow.workspace = workspace(if n == 7 { 2 } else { 1 });
        create.workflow.active = n != 2;
        store.create_workflow(create).await.unwrap();
    }
    let gone = UpdateWorkflow { delete: true, ..UpdateWorkflow::of(workflow(6), at(50)) };
    store.update_workflow(gone).await.unwrap();
    for (order, expected) in [
        (WorkflowOrder::Newest, [5, 4, 3, 2, 1]),
        (WorkflowOrder::Oldest, [1, 2, 3, 4, 5]),
        (WorkflowOrder::Name, [5, 2, 1, 4, 3]),
        (WorkflowOrder::NameBackwards, [3, 4, 1, 2, 5]),
    ] {
        let whole = all_workflows(order);
        assert_eq!(workflows(&store, whole).await, (expected.to_vec(), 5), "{order:?}");
        for limit in 0..7 {
            for skip in 0..7 {
                let page = workflows(&store, BrowseWorkflows { skip, limit, ..whole }).await;
                let cut: Vec<u128> = expected.into_iter().skip(skip).take(limit).collect();
                assert_eq!(page, (cut, 5), "{order:?} {skip} {limit}");
            }
        }
        let far = BrowseWorkflows { skip: usize::MAX, limit: usize::MAX, ..whole };
        assert_eq!(workflows(&store, far).await, (vec![], 5));
        let active = BrowseWorkflows { active: Some(true), ..whole };
        let without: Vec<u128> = expected.into_iter().filter(|n| *n != 2).collect();
        assert_eq!(workflows(&store, active).await, (without, 4));
        let inactive = BrowseWorkflows { active: Some(false), limit: 0, ..whole };
        assert_eq!(workflows(&store, inactive).await, (vec![], 1));
    }
}

/// From both ends, in every status, of one release: what is listed is what is counted.
pub async fn executions_from_both_ends(store: Shared) {
    join(&store, 1).await;
    let commits = (1..=24_u128).map(|n| {
        let n = 1 + n * 7 % 24;
        let status = Status::ALL[(n % 8) as usize];
        let mut commit = if status.is_final() { ended(n, status) } else { queued(n) };
        commit.record.status = status;
        commit.record.workflow = workflow(1 + n % 2);
        commit.record.release = 1 + u32::from(n > 12);
        commit
    });
    commit_all(&store, commits.collect::<Vec<_>>()).await;
    let sets: [&[Status]; 3] = [&[], &[Status::Queued], &[Status::Completed, Status::Running]];
    for (statuses, release) in
        sets.into_iter().flat_map(|s| [(s, None), (s, Some(1)), (s, Some(2))])
    {
        let mut expected: Vec<u128> = (1..=24)
            .filter(|n| n % 2 == 0)
            .filter(|n| statuses.is_empty() || statuses.contains(&Status::ALL[(n % 8) as usize]))
            .filter(|n| release.is_none_or(|release| release == 1 + u32::from(*n > 12)))
            .collect();
        for oldest_first in [true, false] {
            for (skip, limit) in [(0, ANY), (0, 1), (1, 2), (2, 3), (3, 0), (100, 5)] {
                let browse = BrowseExecutions {
                    workflow: workflow(1),
                    statuses: statuses.to_vec(),
                    release,
                    oldest_first,
                    skip,
                    limit,
                };
                let shown = format!("{browse:?}");
                let Counted { items, total } = store.browse_executions(browse).await.unwrap();
                let ids: Vec<_> =
                    items.iter().map(|ExecutionRecord { id, .. }| id.uuid().as_u128()).collect();
                let cut: Vec<_> = expected.iter().copied().skip(skip).take(limit).collect();
                assert_eq!((ids, total), (cut, expected.len() as u64), "{shown}");
            }
            expected.reverse();
        }
    }
}
