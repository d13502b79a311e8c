use stepwell_core::rate::RateLimits;
use uuid::Uuid;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn id(n: u128) -> ExecutionId {
    ExecutionId::from_uuid(Uuid::from_u128(n))
}

fn meter(limits: RateLimits) -> Arc<Meter> {
    let meter = Meter::new();
    meter.set(limits, at(0));
    Arc::new(meter)
}

async fn counting(limits: RateLimits, before: &[u128]) -> Arc<Meter> {
    let meter = meter(limits);
    let before = before.iter().map(|n| id(*n)).collect();
    meter.active.fill(async { Ok::<_, ()>(before) }).await.unwrap();
    meter
}

fn executions(limit: u32) -> RateLimits {
    RateLimits { executions_per_second: Some(limit), ..RateLimits::NONE }
}

fn requests(limit: u32) -> RateLimits {
    RateLimits { requests_per_minute: Some(limit), ..RateLimits::NONE }
}

fn concurrent(limit: u32) -> RateLimits {
    RateLimits { concurrent_executions: Some(limit), ..RateLimits::NONE }
}

/// How many of so many requests at the same moment are let through.
fn passed(limits: &Limits, tries: u32, now: Timestamp) -> u32 {
    (0..tries).map(|_| u32::from(limits.take_request(now).is_ok())).sum()
}

#[test]
fn nothing_is_limited_that_is_not_set() {
    let none = Limits { key: None, workspace: Some(meter(RateLimits::NONE)) };
    for limits in [Limits::default(), none] {
        assert_eq!(passed(&limits, 10_000, at(0)), 10_000);
        assert!(limits.take_execution(id(1), at(0)).is_ok());
        assert_eq!(limits.standing(at(0)), None);
    }
}

#[test]
fn one_key_over_its_limit_takes_nothing_from_the_others() {
    let workspace = meter(requests(10));
    let greedy = Limits { key: Some(meter(requests(4))), workspace: Some(workspace.clone()) };
    let modest = Limits { key: Some(meter(requests(4))), workspace: Some(workspace.clone()) };
    let unlimited = Limits { key: None, workspace: Some(workspace) };
    assert_eq!(passed(&greedy, 1000, at(0)), 4);
    assert_eq!(passed(&modest, 3, at(0)), 3);
    assert_eq!(passed(&unlimited, 1000, at(0)), 3, "what is left of the workspace's");
    let refused = modest.take_request(at(0)).unwrap_err();
    assert_eq!((refused.owner, refused.standing.limit), (LimitOwner::Workspace, 10));
    // What the workspace refused was given back to the key.
    assert_eq!(modest.key.as_ref().unwrap().requests.standing(at(0)).unwrap().remaining, 1);
    let refused = greedy.take_request(at(0)).unwrap_err();
    assert_eq!((refused.owner, refused.standing.remaining), (LimitOwner::Key, 0));
    let message = refused.to_string();
    assert_eq!(
        message,
        "the limit of 4 requests a minute for this key is used up; try again in 15 s"
    );
}

#[test]
fn messages_name_the_limit_and_the_remedy() {
    let message = |owner, kind, limit, millis| {
        let standing = BucketStatus { limit, remaining: 0, full_at: at(0) };
        let retry_after = Duration::from_millis(millis);
        Limited { owner, kind, standing, retry_after }.to_string()
    };
    for (message, expect) in [
        (
            message(LimitOwner::Key, LimitKind::Requests, 1, 60_000),
            "the limit of 1 request a minute for this key is used up; try again in 60 s",
        ),
        (
            message(LimitOwner::Workspace, LimitKind::Executions, 5, 200),
            "the limit of 5 executions a second for this workspace is used up; try again in 1 s",
        ),
        (
            message(LimitOwner::Key, LimitKind::Concurrent, 1, 1000),
            "the limit of 1 execution at a time for this key is used up; wait for one to end, or cancel one",
        ),
        (
            message(LimitOwner::Key, LimitKind::Concurrent, 2, 1000),
            "the limit of 2 executions at a time for this key is used up; wait for one to end, or cancel one",
        ),
    ] {
        assert_eq!(message, expect);
    }
}

#[test]
fn the_status_is_that_of_the_limit_with_the_least_left() {
    let both = RateLimits { executions_per_second: Some(2), ..requests(50) };
    let limits = Limits { key: Some(meter(both)), workspace: Some(meter(requests(40))) };
    assert_eq!(limits.standing(at(0)).unwrap().limit, 40);
    let limits = Limits { key: Some(meter(executions(5))), workspace: None };
    limits.take_execution(id(1), at(0)).unwrap();
    let standing = limits.standing(at(0)).unwrap();
    assert_eq!((standing.limit, standing.remaining, standing.full_at), (5, 4, at(200)));
}

#[test]
fn a_bucket_without_a_lock_lets_no_more_through_than_it_holds() {
    let limits = Limits { key: Some(meter(requests(500))), workspace: Some(meter(requests(450))) };
    let all: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| passed(&limits, 200, at(0)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(all <= 450, "{all}");
    // A request that the workspace refuses holds a token of the key for a moment.
    assert_eq!(passed(&limits, 1000, at(0)), 450 - all);
}

#[test]
fn a_limit_that_is_changed_holds_at_once() {
    let limits = Limits { key: None, workspace: Some(meter(requests(2))) };
    assert_eq!(passed(&limits, 5, at(0)), 2);
    let set = |to| limits.workspace.as_ref().unwrap().set(to, at(0));
    set(requests(6));
    assert_eq!(passed(&limits, 5, at(0)), 4, "two were taken before");
    set(requests(6));
    assert_eq!(passed(&limits, 5, at(0)), 0, "set again as it is");
    set(requests(3));
    assert_eq!(passed(&limits, 5, at(0)), 0);
    set(RateLimits::NONE);
    assert_eq!(passed(&limits, 5, at(0)), 5);
    set(requests(3));
    assert_eq!(passed(&limits, 5, at(0)), 3, "while there was no limit nothing was counted");
}

#[tokio::test]
async fn executions_count_until_they_end() {
    let limits = Limits {
        key: Some(counting(concurrent(3), &[1]).await),
        workspace: Some(counting(concurrent(3), &[1, 2]).await),
    };
    limits.take_execution(id(3), at(0)).unwrap();
    limits.take_execution(id(3), at(0)).unwrap();
    let refused = limits.take_execution(id(4), at(0)).unwrap_err();
    assert_eq!((refused.owner, refused.kind), (LimitOwner::Workspace, LimitKind::Concurrent));
    assert_eq!(refused.standing.remaining, 0);
    assert!(refused.to_string().contains("3 executions at a time"), "{refused}");
    assert_eq!(limits.key.as_ref().unwrap().active.count(), 2, "the refused one left no trace");
    for n in [9, 2, 2] {
        limits.leave(id(n));
    }
    limits.take_execution(id(4), at(0)).unwrap();
    limits.take_execution(id(5), at(0)).unwrap_err();
}

#[tokio::test]
async fn a_start_that_comes_too_fast_takes_no_place() {
    let slow = RateLimits { executions_per_second: Some(1), ..concurrent(9) };
    let limits = Limits { key: Some(counting(slow, &[]).await), workspace: None };
    limits.take_execution(id(1), at(0)).unwrap();
    let refused = limits.take_execution(id(2), at(0)).unwrap_err();
    assert_eq!(
        (refused.kind, refused.retry_after),
        (LimitKind::Executions, Duration::from_secs(1))
    );
    assert_eq!(limits.key.as_ref().unwrap().active.count(), 1);
}

#[tokio::test]
async fn what_begins_and_ends_while_others_are_looked_for_is_counted_right() {
    let meter = meter(concurrent(9));
    let active = &meter.active;
    let find = async {
        active.leave(id(1));
        active.enter(id(3));
        active.enter(id(4));
        active.leave(id(4));
        Ok::<_, ()>(vec![id(1), id(2), id(3)])
    };
    active.fill(find).await.unwrap();
    assert_eq!(active.count(), 2, "2 and 3");
    active.fill(async { Ok::<_, ()>(vec![id(7)]) }).await.unwrap();
    assert_eq!(active.count(), 2, "they are known already");
    active.stop().await;
    active.fill(async { Err(()) }).await.unwrap_err();
    active.enter(id(8));
    assert_eq!(active.count(), 0, "none is counted");
}
