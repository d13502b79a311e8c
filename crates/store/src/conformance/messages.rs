//! Executions that other executions start, and messages between executions.

use crate::traits::LoadExecution;
use stepwell_core::execution::{Event, ExecutionMessage, OutgoingMessage, Status};
use stepwell_core::ids::ExecutionId;

use super::build::*;
use crate::StoreError;
use crate::commit::{Admission, Commit, RelatedExecutions, StartedExecution};
use crate::lists::{ExecutionFilter, List};
use crate::record::{ExecutionRecord, ParentStep};
use crate::traits::{FindReceivers, Receivers};

/// Execution `n`, started by a step of `parent`, without an owner.
fn child(n: u128, parent: u128) -> StartedExecution {
    let Commit { record, events, .. } = queued(n);
    let parent = Some(ParentStep { execution: execution(parent), step: "charge".into() });
    let record = ExecutionRecord { parent, owner: None, ..record };
    StartedExecution { record, events, admission: Admission::Wait }
}

fn cancel(to: u128, reason: &str) -> OutgoingMessage {
    let message = ExecutionMessage::Cancel { reason: reason.into() };
    OutgoingMessage { to: execution(to), message }
}

/// The next commit of an execution, which starts, sends and handles this.
fn next(before: &Commit, related: RelatedExecutions) -> Commit {
    Commit { related, ..then(before, Status::Running, vec![Event::Recovered]) }
}

fn started(children: impl IntoIterator<Item = StartedExecution>) -> RelatedExecutions {
    RelatedExecutions { started: children.into_iter().collect(), ..RelatedExecutions::default() }
}

fn sent(messages: impl IntoIterator<Item = OutgoingMessage>) -> RelatedExecutions {
    RelatedExecutions { sent: messages.into_iter().collect(), ..RelatedExecutions::default() }
}

fn handled(numbers: impl IntoIterator<Item = u64>) -> RelatedExecutions {
    RelatedExecutions { handled: numbers.into_iter().collect(), ..RelatedExecutions::default() }
}

async fn messages(store: &Shared, to: u128) -> Vec<(u64, ExecutionMessage)> {
    let found = store.list_messages(execution(to), usize::MAX).await.unwrap();
    found.into_iter().map(|stored| (stored.number, stored.message)).collect()
}

async fn receivers(store: &Shared, after: u64, limit: usize) -> Receivers {
    let find = FindReceivers { node: node(1), after, limit };
    store.find_receivers(find).await.unwrap()
}

/// An execution is stored with the commit of the execution that starts it, and can be claimed.
pub async fn executions_start_with_their_commit(store: Shared) {
    join(&store, 1).await;
    let one = Commit { related: started([child(2, 1), child(3, 1)]), ..queued(1) };
    store.commit(one.clone().into()).await.unwrap();
    for n in [2, 3] {
        let StartedExecution { record, events, .. } = child(n, 1);
        has(&store, &record, &events).await;
    }
    let claim = crate::traits::ClaimQueued { node: node(1), limit: 9 };
    assert_eq!(store.claim_queued(claim).await.unwrap(), [execution(2), execution(3)]);
    // What started it stays, whatever later commits say.
    let mut ended = then(&queued(2), Status::Completed, vec![ending(Status::Completed)]);
    ended.record.parent = None;
    store.commit(ended.into()).await.unwrap();
    let found = store.load_execution(execution(2)).await.unwrap().unwrap();
    assert_eq!(found.record.parent, child(2, 1).record.parent);
}

/// Messages come in the order of their commits, with growing numbers.
pub async fn messages_come_in_order(store: Shared) {
    join(&store, 1).await;
    let (one, two) = (queued(1), queued(2));
    commit_all(&store, [one.clone(), two]).await;
    let first = next(&one, sent([cancel(2, "a"), cancel(1, "to itself"), cancel(2, "b")]));
    let second = next(&first, sent([cancel(2, "c")]));
    commit_all(&store, [first, second]).await;
    let found = messages(&store, 2).await;
    let texts: Vec<_> = found.iter().map(|(_, message)| message.clone()).collect();
    assert_eq!(texts, ["a", "b", "c"].map(|text| cancel(2, text).message));
    assert!(found.is_sorted_by(|one, other| one.0 < other.0));
    let limited = store.list_messages(execution(2), 2).await.unwrap();
    assert_eq!(limited.len(), 2);
    assert_eq!(limited[1].number, found[1].0);
    assert_eq!(messages(&store, 1).await.len(), 1);
}

/// A commit deletes the messages that it handles, with or without events, and only its own.
pub async fn messages_are_deleted_with_the_commit_that_handles_them(store: Shared) {
    join(&store, 1).await;
    let (one, two) = (queued(1), queued(2));
    let to_both = [cancel(2, "a"), cancel(2, "b"), cancel(1, "c")];
    let first = next(&one, sent(to_both));
    commit_all(&store, [one.clone(), two.clone(), first.clone()]).await;
    let found: Vec<u64> = messages(&store, 2).await.iter().map(|(number, _)| *number).collect();
    let of_other = messages(&store, 1).await[0].0;
    let second = next(&two, handled([found[0], of_other]));
    store.commit(second.clone().into()).await.unwrap();
    assert_eq!(messages(&store, 2).await, [(found[1], cancel(2, "b").message)]);
    assert_eq!(messages(&store, 1).await.len(), 1, "that of another execution stays");
    let third = Commit { related: handled([found[1]]), ..then(&second, Status::Running, vec![]) };
    store.commit(third.into()).await.unwrap();
    assert_eq!(messages(&store, 2).await, []);
}

/// Messages to executions that have ended or do not exist are dropped.
pub async fn an_execution_that_has_ended_gets_no_messages(store: Shared) {
    join(&store, 1).await;
    let (one, two) = (queued(1), queued(2));
    let first = next(&one, sent([cancel(2, "a"), cancel(9, "nothing")]));
    commit_all(&store, [one.clone(), two.clone(), first.clone()]).await;
    assert_eq!(messages(&store, 2).await.len(), 1);
    assert_eq!(messages(&store, 9).await, []);
    store.commit(then(&two, Status::Failed, vec![ending(Status::Failed)]).into()).await.unwrap();
    assert_eq!(messages(&store, 2).await, [], "the end deletes all");
    store.commit(next(&first, sent([cancel(2, "late")])).into()).await.unwrap();
    assert_eq!(messages(&store, 2).await, []);
    assert_eq!(receivers(&store, 0, 9).await, Receivers::default());
}

/// Receivers are those that the node drives, or that no node owns.
pub async fn receivers_of_a_node(store: Shared) {
    join(&store, 1).await;
    join(&store, 2).await;
    let one = queued(1);
    let mut of_other = queued(3);
    of_other.node = node(2);
    of_other.record.owner = Some(node(2));
    let first = Commit {
        related: RelatedExecutions {
            started: vec![child(2, 1)],
            sent: vec![cancel(3, "a"), cancel(2, "b"), cancel(1, "c"), cancel(2, "d")],
            handled: Vec::new(),
            ..RelatedExecutions::default()
        },
        ..then(&one, Status::Running, vec![Event::Started])
    };
    commit_all(&store, [one, of_other, first]).await;
    let all = receivers(&store, 0, 9).await;
    let expected: Vec<ExecutionId> = [2, 1, 2].map(execution).into();
    assert_eq!(all, Receivers { ids: expected, next: None });
    let mut found = Vec::new();
    let mut after = Some(0);
    while let Some(from) = after {
        let page = receivers(&store, from, 1).await;
        found.extend(page.ids);
        after = page.next;
    }
    assert_eq!(found, [2, 1, 2].map(execution), "page by page");
}

/// The executions that steps of one started, as a list.
pub async fn children_are_listed(store: Shared) {
    join(&store, 1).await;
    let one = Commit { related: started((2..7).map(|n| child(n, 1))), ..queued(1) };
    commit_all(&store, [one, Commit { related: started([child(9, 8)]), ..queued(8) }]).await;
    let done = then(&queued(4), Status::Completed, vec![ending(Status::Completed)]);
    store.commit(done.into()).await.unwrap();
    let of = |statuses: Vec<Status>| ExecutionFilter {
        parent: Some(execution(1)),
        statuses,
        ..ExecutionFilter::default()
    };
    let list = async |of_workspace, filter, size| {
        let list = List::first_page(filter, size).with_total();
        let page = store.list_executions(workspace(of_workspace), list).await.unwrap();
        let ids: Vec<_> = page.items.iter().map(|record| record.id).collect();
        (ids, page.total, page.next.is_some())
    };
    let expected = [6, 5, 4, 3, 2].map(execution).to_vec();
    assert_eq!(list(1, of(vec![]), 9).await, (expected.clone(), Some(5), false));
    assert_eq!(list(1, of(vec![]), 2).await, (expected[..2].to_vec(), Some(5), true));
    let completed = of(vec![Status::Completed]);
    assert_eq!(list(1, completed, 9).await, (vec![execution(4)], Some(1), false));
    assert_eq!(list(2, of(vec![]), 9).await, (vec![], Some(0), false), "of another workspace");
    let other = ExecutionFilter { workflow: Some(workflow(2)), ..of(vec![]) };
    assert_eq!(list(1, other, 9).await, (vec![], Some(0), false), "of another workflow");
}

/// A commit that is rejected starts nothing and sends nothing.
pub async fn a_rejected_commit_starts_and_sends_nothing(store: Shared) {
    join(&store, 1).await;
    let (one, two) = (queued(1), queued(2));
    commit_all(&store, [one.clone(), two]).await;
    let related = || RelatedExecutions {
        started: vec![child(3, 1)],
        sent: vec![cancel(2, "a")],
        handled: Vec::new(),
        ..RelatedExecutions::default()
    };
    let mut stale = next(&one, related());
    stale.expected_seq = 7;
    stale.record.seq = 8;
    stale.events[0].seq = 8;
    let result = store.commit(stale.into()).await;
    assert!(matches!(result, Err(StoreError::Conflict { .. })), "{result:?}");
    // An execution that exists is not started again.
    let again = next(&one, RelatedExecutions { started: vec![child(2, 1)], ..related() });
    let result = store.commit(again.into()).await;
    assert!(matches!(result, Err(StoreError::Conflict { .. })), "{result:?}");
    assert_eq!(messages(&store, 2).await, []);
    assert_eq!(store.load_execution(execution(3)).await.unwrap(), None);
    // Parts that do not fit.
    let mut of_other = child(3, 1);
    of_other.record.parent = child(3, 2).record.parent;
    let mut with_gap = child(3, 1);
    with_gap.events[0].seq = 2;
    let mut empty = child(3, 1);
    empty.events.clear();
    for wrong in [of_other, with_gap, empty] {
        let result = store.commit(next(&one, started([wrong])).into()).await;
        assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
    }
    let without_events = Commit { related: related(), ..then(&one, Status::Running, vec![]) };
    let result = store.commit(without_events.into()).await;
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
}
