//! Lists of executions.

use stepwell_core::execution::Status;

use super::build::*;
use crate::commit::Commit;
use crate::lists::{ExecutionCursor, ExecutionFilter, List, Order, PageStart};

const ANY: usize = 1000;

fn all(filter: ExecutionFilter) -> List<ExecutionFilter> {
    List::first_page(filter, ANY)
}

async fn listed(store: &Shared, space: u128, list: List<ExecutionFilter>) -> Vec<u128> {
    let records = store.list_executions(workspace(space), list).await.unwrap();
    records.items.iter().map(|record| record.id.uuid().as_u128()).collect()
}

/// 24 executions: workspaces 1 and 2 in turn, workflows 1 to 6 in turn, all statuses in turn. They
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
            commit.record.workflow = workflow(1 + n % 6);
            commit
        })
        .collect();
    commit_all(store, commits.clone()).await;
    commits
}

/// The greatest id first of those created at the same moment, with the whole record.
pub async fn newest_first(store: Shared) {
    let mut commits = fill(&store).await;
    commits.sort_by_key(|commit| std::cmp::Reverse(commit.record.id));
    let records: Vec<_> = commits.into_iter().map(|commit| commit.record).collect();
    for space in 1..=2 {
        let of: Vec<_> =
            records.iter().filter(|record| record.workspace == workspace(space)).cloned().collect();
        let list = all(ExecutionFilter::default());
        assert_eq!(store.list_executions(workspace(space), list).await.unwrap().items, of);
    }
}

/// Only those of the workspace, and of the workflow in it.
pub async fn by_workspace_and_workflow(store: Shared) {
    fill(&store).await;
    for space in 1..=3_u128 {
        let of_space = || (1..=24).rev().filter(move |n| 1 + n % 2 == space);
        assert_eq!(
            listed(&store, space, all(ExecutionFilter::default())).await,
            of_space().collect::<Vec<_>>()
        );
        for flow in 1..=7 {
            let list = all(ExecutionFilter {
                workflow: Some(workflow(flow)),
                ..ExecutionFilter::default()
            });
            let expected: Vec<_> = of_space().filter(|n| 1 + n % 6 == flow).collect();
            if !expected.is_empty() {
                assert_eq!(listed(&store, space, list).await, expected);
            }
        }
    }
    let none = all(ExecutionFilter { workflow: Some(workflow(9)), ..ExecutionFilter::default() });
    assert_eq!(listed(&store, 1, none).await, [0_u128; 0]);
}

/// Only those that stand so now.
pub async fn by_status(store: Shared) {
    fill(&store).await;
    let list =
        |statuses: Vec<Status>| all(ExecutionFilter { statuses, ..ExecutionFilter::default() });
    assert_eq!(listed(&store, 1, list(vec![Status::Queued])).await, [24, 16, 8]);
    assert_eq!(listed(&store, 1, list(vec![Status::Running])).await, [0_u128; 0]);
    let two = vec![Status::Cancelled, Status::Waiting, Status::Failed, Status::Waiting];
    assert_eq!(listed(&store, 1, list(two)).await, [18, 10, 2]);
    let one = queued(24);
    let mut ended = then(&one, Status::Failed, vec![ending(Status::Failed)]);
    ended.record.status = Status::Completed;
    store.commit(ended.into()).await.unwrap();
    assert_eq!(listed(&store, 1, list(vec![Status::Queued])).await, [16, 8]);
    assert_eq!(listed(&store, 1, list(vec![Status::Completed])).await, [24, 20, 12, 4]);
    assert_eq!(listed(&store, 2, list(vec![Status::Cancelled])).await, [23, 15, 7]);
}

/// Page by page is the same as at once, also where the last of a page has gone, in both orders.
pub async fn pages(store: Shared) {
    fill(&store).await;
    let statuses = vec![Status::Queued, Status::Completed, Status::TimedOut];
    let whole = all(ExecutionFilter { statuses, ..ExecutionFilter::default() });
    let mut expected = listed(&store, 1, whole.clone()).await;
    assert_eq!(expected.len(), 9);
    for order in [Order::Descending, Order::Ascending] {
        for limit in 1..=10 {
            let mut found = Vec::new();
            let mut begin = PageStart::Skip(0);
            loop {
                let mut list = whole.clone().sorted_by((), order).starting_at(begin);
                list.window.size = limit;
                let page = listed(&store, 1, list).await;
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                begin =
                    PageStart::After(ExecutionCursor { created_at: at(10), id: execution(*last) });
                found.extend(page);
            }
            assert_eq!(found, expected, "pages of {limit}");
        }
        expected.reverse();
    }
    let gap = PageStart::After(ExecutionCursor { created_at: at(10), id: execution(19) });
    let from_a_gap = whole.starting_at(gap);
    let below: Vec<_> = expected.into_iter().filter(|n| *n < 19).collect();
    assert_eq!(listed(&store, 1, from_a_gap).await, below);
}

/// Never more than the limit; an empty page of an empty list.
pub async fn limits(store: Shared) {
    let list = |limit| List::first_page(ExecutionFilter::default(), limit);
    assert_eq!(listed(&store, 1, list(5)).await, [0_u128; 0]);
    fill(&store).await;
    assert_eq!(listed(&store, 1, list(0)).await, [0_u128; 0]);
    assert_eq!(listed(&store, 1, list(3)).await, [24, 22, 20]);
    assert_eq!(listed(&store, 1, list(usize::MAX)).await.len(), 12);
}

/// 60 executions of one workflow over some days, two at each moment, not committed in order. Every
/// third is queued, the others have completed.
async fn over_days(store: &Shared) -> Vec<(i64, u128)> {
    join(store, 1).await;
    let seconds = |n: u128| i64::try_from(n / 2).unwrap() * 7_919;
    let order = (0..60_u128).map(|n| 1 + n * 7 % 60);
    let commits = order.map(|n| {
        let mut commit = if n % 3 == 0 { queued(n) } else { ended(n, Status::Completed) };
        commit.record.created_at = at(seconds(n));
        commit
    });
    commit_all(store, commits).await;
    (1..=60).map(|n| (seconds(n), n)).collect()
}

/// Both ends of a range of time are in it, however it lies.
pub async fn by_time(store: Shared) {
    let all_of_them = over_days(&store).await;
    let micro = std::time::Duration::from_micros(1);
    let moments: Vec<_> = all_of_them.iter().step_by(9).map(|(seconds, _)| *seconds).collect();
    for first in &moments {
        for last in &moments {
            for (from, until) in [
                (at(*first), at(*last)),
                (at(*first).after(micro), at(*last).before(micro)),
                (at(*first).before(micro), at(*last).after(micro)),
            ] {
                let within = |(seconds, _): &&(i64, u128)| (from..=until).contains(&at(*seconds));
                let mut expected: Vec<_> =
                    all_of_them.iter().filter(within).map(|(_, n)| *n).collect();
                let order = Order::Ascending;
                let (from, until) = (Some(from), Some(until));
                let filter = ExecutionFilter { from, until, ..ExecutionFilter::default() };
                let list = all(filter).sorted_by((), order).with_total();
                let found = store.list_executions(workspace(1), list.clone()).await.unwrap();
                assert_eq!(found.total, Some(expected.len() as u64), "{from:?} {until:?}");
                assert_eq!(listed(&store, 1, list.clone()).await, expected);
                expected.reverse();
                let newest = list.sorted_by((), Order::Descending);
                assert_eq!(listed(&store, 1, newest).await, expected);
            }
        }
    }
}

/// Any page is where it would be if all pages before it had been read, and the total is exact.
pub async fn far_pages(store: Shared) {
    over_days(&store).await;
    for statuses in [vec![], vec![Status::Completed], vec![Status::Queued, Status::Completed]] {
        for workflow in [None, Some(workflow(1))] {
            for order in [Order::Descending, Order::Ascending] {
                let statuses = statuses.clone();
                let filter = ExecutionFilter { statuses, workflow, ..ExecutionFilter::default() };
                let whole = all(filter).sorted_by((), order).with_total();
                let expected = listed(&store, 1, whole.clone()).await;
                for skip in 0..=61 {
                    let begin = PageStart::Skip(skip as u64);
                    let mut page = whole.clone().starting_at(begin);
                    page.window.size = 4;
                    let found = store.list_executions(workspace(1), page.clone()).await.unwrap();
                    assert_eq!(found.total, Some(expected.len() as u64));
                    let wanted: Vec<_> = expected.iter().skip(skip).take(4).copied().collect();
                    assert_eq!(listed(&store, 1, page).await, wanted, "{order:?} {skip}");
                }
            }
        }
    }
}

/// What changes its status or is purged is counted where it is.
pub async fn totals_follow(store: Shared) {
    over_days(&store).await;
    let total = async |statuses: Vec<Status>| {
        let list = all(ExecutionFilter { statuses, ..ExecutionFilter::default() }).with_total();
        store.list_executions(workspace(1), list).await.unwrap().total
    };
    assert_eq!(total(vec![Status::Completed]).await, Some(40));
    let failed = then(&queued(3), Status::Failed, vec![ending(Status::Failed)]);
    store.commit(failed.into()).await.unwrap();
    assert_eq!(total(vec![Status::Queued]).await, Some(19));
    assert_eq!(total(vec![Status::Failed, Status::Completed]).await, Some(41));
    let purge = crate::traits::OldData {
        now: at(10_000_000),
        default_before: Some(at(10_000_000)),
        idempotency_before: at(0),
        deliveries_before: at(0),
        audit_before: None,
        limit: 30,
    };
    assert_eq!(store.purge(purge.into()).await.unwrap(), 30);
    assert_eq!(total(vec![]).await, Some(30));
    assert_eq!(total(vec![Status::Failed, Status::Completed]).await, Some(11));
}

/// Only those that have all of the labels.
pub async fn by_label(store: Shared) {
    join(&store, 1).await;
    for n in 1..=12 {
        let mut commit = if n % 2 == 0 { queued(n) } else { ended(n, Status::Completed) };
        commit.record.created_at = at(i64::try_from(n).unwrap());
        let labels = serde_json::json!({
            "team": if n % 3 == 0 { "ops" } else { "dev" }, "n": n % 4, "on": n > 6, "list": [1],
        });
        if n != 9 {
            commit.record.metadata = labels.as_object().cloned().unwrap();
        }
        store.commit(commit.into()).await.unwrap();
    }
    for (labels, expected) in [
        (vec![("team", "ops")], vec![12, 6, 3]),
        (vec![("n", "1")], vec![5, 1]),
        (vec![("n", "1"), ("on", "false")], vec![5, 1]),
        (vec![("team", "ops"), ("on", "true")], vec![12]),
        (vec![("list", "[1]")], vec![]),
        (vec![("nothing", "")], vec![]),
    ] {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let filter = ExecutionFilter { labels, ..ExecutionFilter::default() };
        let list = List::first_page(filter.clone(), 2).with_total();
        let found = store.list_executions(workspace(1), list.clone()).await.unwrap();
        assert_eq!(found.total, Some(expected.len() as u64), "{expected:?}");
        assert_eq!(listed(&store, 1, all(filter)).await, expected);
        let second = list.starting_at(PageStart::Skip(1));
        let wanted: Vec<u128> = expected.iter().skip(1).take(2).copied().collect();
        assert_eq!(listed(&store, 1, second).await, wanted);
    }
}
