//! Lists of executions.

use stepwell_core::execution::Status;
use stepwell_core::ids::ExecutionId;

use super::build::*;
use crate::commit::Commit;
use crate::traits::ListExecutions;

const ANY: usize = 1000;

async fn listed(store: &Shared, list: ListExecutions) -> Vec<u128> {
    let records = store.list_executions(list).await.unwrap();
    records.iter().map(|record| record.id.uuid().as_u128()).collect()
}

/// 24 executions: workspaces 1 and 2 in turn, workflows 1 to 3 in turn, all statuses in turn. They
/// are not committed in the order of their ids.
async fn fill(store: &Shared) -> Vec<Commit> {
    join(store, 1).await;
    let order = (1..=24_u128).map(|n| 1 + n * 7 % 24);
    let commits: Vec<_> = order
        .map(|n| {
            let status = Status::ALL[(n % 8) as usize];
            let mut commit = if status.is_final() { ended(n, status) } else { queued(n) };
            commit.record.status = status;
            commit.record.workspace = workspace(1 + n % 2);
            commit.record.workflow = workflow(1 + n % 3);
            commit
        })
        .collect();
    commit_all(store, commits.clone()).await;
    commits
}

/// The greatest id first, with the whole record.
pub async fn newest_first(store: Shared) {
    let mut commits = fill(&store).await;
    commits.sort_by_key(|commit| std::cmp::Reverse(commit.record.id));
    let records: Vec<_> = commits.into_iter().map(|commit| commit.record).collect();
    let list = ListExecutions { limit: ANY, ..ListExecutions::default() };
    assert_eq!(store.list_executions(list).await.unwrap(), records);
}

/// Only those of the workspace, of the workflow, of both.
pub async fn by_workspace_and_workflow(store: Shared) {
    fill(&store).await;
    for space in 1..=3 {
        for flow in 1..=4 {
            let list = ListExecutions { limit: ANY, ..ListExecutions::default() };
            let in_space = ListExecutions { workspace: Some(workspace(space)), ..list.clone() };
            let of_flow = ListExecutions { workflow: Some(workflow(flow)), ..list };
            let both = ListExecutions { workspace: in_space.workspace, ..of_flow.clone() };
            let expected = |space: Option<u128>, flow: Option<u128>| -> Vec<u128> {
                let all = (1..=24).rev();
                all.filter(|n| space.is_none_or(|space| 1 + n % 2 == space))
                    .filter(|n| flow.is_none_or(|flow| 1 + n % 3 == flow))
                    .collect()
            };
            assert_eq!(listed(&store, in_space).await, expected(Some(space), None));
            assert_eq!(listed(&store, of_flow).await, expected(None, Some(flow)));
            assert_eq!(listed(&store, both).await, expected(Some(space), Some(flow)));
        }
    }
}

/// Only those that stand so now.
pub async fn by_status(store: Shared) {
    fill(&store).await;
    let list = |statuses: Vec<Status>| ListExecutions {
        workspace: Some(workspace(1)),
        statuses,
        limit: ANY,
        ..ListExecutions::default()
    };
    assert_eq!(listed(&store, list(vec![Status::Queued])).await, [24, 16, 8]);
    assert_eq!(listed(&store, list(vec![Status::Running])).await, [0_u128; 0]);
    let two = vec![Status::Cancelled, Status::Waiting, Status::Failed, Status::Waiting];
    assert_eq!(listed(&store, list(two)).await, [18, 10, 2]);
    let one = queued(24);
    let mut ended = then(&one, Status::Failed, vec![ending(Status::Failed)]);
    ended.record.status = Status::Completed;
    store.commit(ended).await.unwrap();
    assert_eq!(listed(&store, list(vec![Status::Queued])).await, [16, 8]);
    assert_eq!(listed(&store, list(vec![Status::Completed])).await, [24, 20, 12, 4]);
    let all_workspaces = ListExecutions { workspace: None, ..list(vec![Status::Cancelled]) };
    assert_eq!(listed(&store, all_workspaces).await, [23, 15, 7]);
}

/// Page by page is the same as at once, also where the last of a page has gone.
pub async fn pages(store: Shared) {
    fill(&store).await;
    let whole = ListExecutions {
        workspace: Some(workspace(1)),
        statuses: vec![Status::Queued, Status::Completed, Status::TimedOut],
        limit: ANY,
        ..ListExecutions::default()
    };
    let expected = listed(&store, whole.clone()).await;
    assert_eq!(expected.len(), 9);
    for limit in 1..=10 {
        let mut found = Vec::new();
        let mut after: Option<ExecutionId> = None;
        loop {
            let page = ListExecutions { limit, after, ..whole.clone() };
            let page = listed(&store, page).await;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(execution(*last));
            found.extend(page);
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    let from_a_gap = ListExecutions { after: Some(execution(19)), ..whole };
    let below: Vec<_> = expected.into_iter().filter(|n| *n < 19).collect();
    assert_eq!(listed(&store, from_a_gap).await, below);
}

/// Never more than asked for; nothing of nothing.
pub async fn limits(store: Shared) {
    let list = |limit| ListExecutions { limit, ..ListExecutions::default() };
    assert_eq!(listed(&store, list(5)).await, [0_u128; 0]);
    fill(&store).await;
    assert_eq!(listed(&store, list(0)).await, [0_u128; 0]);
    assert_eq!(listed(&store, list(3)).await, [24, 23, 22]);
    assert_eq!(listed(&store, list(usize::MAX)).await.len(), 24);
}
