//! Journals come back as they were given.

use crate::traits::LoadExecution;
use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::execution::{
    ApprovalEvent, ApprovalOutcome, BodyResult, ChildLink, ConcurrencyPlace, EndOutcome, Event,
    Failure, GivenInput, HeldKey, ParentLink, RerunSource, ReusedOutcome, ReusedStep, SkipReason,
    Status, StepRunId, Verdict,
};
use stepwell_core::expr::SecretInsertion;
use stepwell_core::{Map, Timestamp};

use super::build::*;
use crate::record::Loaded;

async fn round_trip(store: &Shared, n: u128, events: Vec<Event>) {
    let one = queued(n);
    let two = then(&one, Status::Running, events);
    commit_all(store, [one.clone(), two.clone()]).await;
    has(store, &two.record, &[one.events, two.events].concat()).await;
}

/// A value that is hard to keep.
fn awkward() -> Value {
    let mut map = Map::new();
    for key in ["z", "a", "", "0", "with \"quotes\"", "ключ", "\u{0}\u{1f}\u{7f}", "s", "t", "e"]
    {
        map.insert(key.to_owned(), json!(key));
    }
    map.insert(
        "numbers".to_owned(),
        json!([
            0,
            -0.0,
            0.0,
            1,
            1.0,
            i64::MIN,
            i64::MAX,
            u64::MAX,
            0.1,
            1e-300,
            1.797e308,
            5e-324,
            0.300_000_000_000_000_04,
            123_456_789.123_456_79,
            9_007_199_254_740_993_u64
        ]),
    );
    map.insert(
        "texts".to_owned(),
        json!(["", "a\u{0}b", "👩‍👩‍👧‍👦🇩🇪", "e\u{301}", "\u{10ffff}\u{fffd}", "\\u0000", "\r\n\t"]),
    );
    map.insert("empty".to_owned(), json!([[], {}, null, true, false]));
    Value::Object(map)
}

/// A journal is loaded whole or, where it is large, named with the memory that it takes.
pub async fn large_journals_are_named_before_they_are_loaded(store: Shared) {
    join(&store, 1).await;
    let mut commit = queued(1);
    commit.events[0].event = Event::accepted(json!({"texts": vec!["x".repeat(100); 1000]}));
    store.commit(commit.clone().into()).await.unwrap();
    let id = commit.record.id;
    let whole = store.load_execution(id).await.unwrap().unwrap();
    let loaded = store.load_unless_large(id, 1 << 20).await.unwrap();
    assert_eq!(loaded, Some(Loaded::Events(whole.clone())));
    match store.load_unless_large(id, 10_000).await.unwrap().unwrap() {
        Loaded::Events(stored) => assert_eq!(stored, whole),
        Loaded::Large { record, memory } => {
            assert_eq!(record, whole.record);
            assert!((200_000..1_000_000).contains(&memory), "{memory}");
        }
    }
    assert_eq!(store.load_unless_large(execution(9), 10).await.unwrap(), None);
}

/// A journal is read in parts, from any event on.
pub async fn journals_are_read_in_parts(store: Shared) {
    join(&store, 1).await;
    let mut last = queued(1);
    store.commit(last.clone().into()).await.unwrap();
    let id = last.record.id;
    for n in 0..20 {
        let message = "x".repeat(100);
        let logged = Event::StepLogged { step: n.into(), level: "info".to_owned(), message };
        last = then(&last, Status::Running, vec![logged; 3]);
        store.commit(last.clone().into()).await.unwrap();
    }
    let whole = store.load_execution(id).await.unwrap().unwrap();
    for bytes in [0, 1, 1_000, usize::MAX] {
        for first in [0, 1, 2, 3, 30, 60, 61, 62] {
            let (mut next, mut parts, mut read) = (first, 0, Vec::new());
            loop {
                let part = store.load_part(id, next, bytes).await.unwrap().unwrap();
                assert_eq!(part.record, whole.record);
                let Some(end) = part.events.last() else { break };
                next = end.seq + 1;
                read.extend(part.events);
                parts += 1;
            }
            let rest = whole.events.iter().filter(|event| event.seq >= first);
            assert_eq!(read, rest.cloned().collect::<Vec<_>>(), "{bytes} {first}");
            assert!(bytes < usize::MAX || parts <= 1, "{parts}");
            assert!(bytes > 1_000 || first > 30 || parts > 3, "{bytes} {first}: {parts}");
        }
    }
    assert_eq!(store.load_part(execution(9), 1, 10).await.unwrap(), None);
}

/// Unicode, 64-bit integers, floats to the last bit, and the order of keys.
pub async fn content_comes_back_identical(store: Shared) {
    join(&store, 1).await;
    let mut commit = queued(1);
    commit.events[0].event = Event::accepted(awkward());
    commit.record.metadata = awkward().as_object().cloned().unwrap_or_default();
    store.commit(commit.clone().into()).await.unwrap();
    has(&store, &commit.record, &commit.events).await;

    let mut at_the_ends = queued(2);
    let input = Arc::new(json!("2"));
    for (seq, micros) in (1..).zip([i64::MAX, i64::MIN, 0, -1, i64::MAX - 1]) {
        let at = Timestamp::from_micros(micros);
        let event = Event::accepted(Value::clone(&input));
        at_the_ends.events.push(stepwell_core::execution::RecordedEvent {
            seq: seq + 1,
            at,
            event,
        });
    }
    at_the_ends.record.seq = 6;
    at_the_ends.record.created_at = Timestamp::from_micros(i64::MIN);
    store.commit(at_the_ends.clone().into()).await.unwrap();
    has(&store, &at_the_ends.record, &at_the_ends.events).await;
}

/// A failure with everything that is optional.
fn full_failure() -> Failure {
    Failure {
        code: "A".to_owned(),
        message: "b".to_owned(),
        step: Some("s".to_owned()),
        attempt: Some(3),
        details: awkward(),
    }
}

/// A rerun with each kind of reused step.
fn full_rerun(value: &Arc<Value>, failure: &Failure) -> RerunSource {
    let reused =
        |step: u32, how| ReusedStep { step: step.into(), input: Some(Arc::new(Value::Null)), how };
    let inside = |step: u32| StepRunId { path: [2, 0, 7].into(), ..step.into() };
    RerunSource {
        of: execution(9),
        steps: vec![
            reused(
                0,
                ReusedOutcome::Completed { output: value.clone(), port: Some("p".to_owned()) },
            ),
            reused(1, ReusedOutcome::Completed { output: Arc::new(Value::Null), port: None }),
            reused(2, ReusedOutcome::Failed { error: failure.clone() }),
            ReusedStep { step: inside(3), input: None, how: ReusedOutcome::Skipped },
            ReusedStep { step: inside(5), input: None, how: ReusedOutcome::Bypassed },
        ],
        given: Some(GivenInput { step: inside(4), input: Arc::new(Value::Null) }),
        events: block_events(value, failure),
    }
}

/// The link of a sub-workflow to the step that started it.
fn parent_link() -> ParentLink {
    ParentLink {
        execution: execution(7),
        step: StepRunId { path: [2, 0, 7].into(), ..1.into() },
        step_name: "orders[2].a".to_owned(),
        depth: 16,
        waits: true,
        held: vec![HeldKey { workflow: workflow(3), key: "k".to_owned() }],
    }
}

/// The events about places of steps.
fn place_events() -> [Event; 2] {
    let place = ConcurrencyPlace { key: "k".to_owned(), limit: 3 };
    let step = StepRunId { path: [2, 0, 7].into(), ..1.into() };
    [Event::PlaceAwaited { step, place }, Event::PlaceTaken { step: 1.into() }]
}

/// The events of sub-workflows, with and without what is optional.
fn child_events(until: Timestamp) -> [Event; 2] {
    let child = || ChildLink { execution: execution(6), workflow: workflow(5), release: 4 };
    let inside = StepRunId { path: [2, 0, 7].into(), ..1.into() };
    [
        Event::ChildStarted { step: inside, child: child(), until: Some(until) },
        Event::ChildStarted { step: 1.into(), child: child(), until: None },
    ]
}

/// The events of signals, with and without what is optional.
fn signal_events(value: &Arc<Value>, until: Timestamp) -> Vec<Event> {
    let inside = StepRunId { path: [2, 0, 7].into(), ..1.into() };
    let text = |text: &str| Some(text.to_owned());
    let received = |key, id, data| Event::SignalReceived { signal: "paid".into(), key, id, data };
    vec![
        Event::SignalAwaited {
            step: inside.clone(),
            signal: "paid".to_owned(),
            key: text("ü"),
            until: Some(until),
        },
        Event::SignalAwaited { step: 1.into(), signal: "paid".to_owned(), key: None, until: None },
        received(text("ü"), text("7"), value.clone()),
        received(None, None, Arc::new(Value::Null)),
        Event::SignalConsumed { step: inside, number: u64::MAX },
    ]
}

/// The events of approvals, with and without what is optional.
fn approval_events(value: &Arc<Value>, until: Timestamp) -> Vec<Event> {
    let inside = || StepRunId { path: [2, 0, 7].into(), ..1.into() };
    let requested = |approvers: Vec<String>, quorum, at: Option<Timestamp>| {
        let (until, remind_at, escalate_at) = (at, at, at);
        ApprovalEvent::Requested { approvers, quorum, until, remind_at, escalate_at }
    };
    let voted = |verdict, comment, data| ApprovalEvent::Voted {
        approver: "ada".into(),
        verdict,
        comment,
        data,
    };
    let delegated = |comment| {
        let (approver, to) = ("ada".to_owned(), "bob".to_owned());
        ApprovalEvent::Delegated { approver, to, comment }
    };
    let mut events = vec![
        requested(vec!["ada".to_owned(), "ü".to_owned()], 2, Some(until)),
        requested(Vec::new(), 1, None),
        voted(Verdict::Approve, Some("because".to_owned()), value.clone()),
        voted(Verdict::Reject, None, Arc::new(Value::Null)),
        delegated(Some("because".to_owned())),
        delegated(None),
        ApprovalEvent::Reminded { next: Some(until) },
        ApprovalEvent::Reminded { next: None },
        ApprovalEvent::Escalated { to: vec!["eve".to_owned()] },
    ];
    let outcomes = [
        ApprovalOutcome::Approved,
        ApprovalOutcome::Rejected,
        ApprovalOutcome::ExpiredApproved,
        ApprovalOutcome::ExpiredRejected,
        ApprovalOutcome::Expired,
    ];
    events.extend(outcomes.map(|outcome| ApprovalEvent::Ended { outcome }));
    events.into_iter().map(|event| Event::Approval { step: inside(), event }).collect()
}

/// The events of blocks, with and without what is optional.
fn block_events(value: &Arc<Value>, failure: &Failure) -> Vec<Event> {
    let block = || StepRunId { path: [4].into(), ..3.into() };
    let ended =
        |output, error| Event::BodyEnded { step: block(), body: 1, index: 7, output, error };
    let results = vec![
        BodyResult::Completed(Arc::new(Value::Null)),
        BodyResult::Completed(value.clone()),
        BodyResult::Failed(failure.clone()),
    ];
    vec![
        Event::BodyStarted { step: 3.into(), body: 0, index: 0 },
        Event::BodyStarted { step: block(), body: 1, index: u32::MAX },
        ended(Some(value.clone()), None),
        ended(Some(Arc::new(Value::Null)), None),
        ended(None, Some(failure.clone())),
        Event::ItemsEnded { step: 3.into(), index: 0, results: Vec::new() },
        Event::ItemsEnded { step: block(), index: 5, results },
    ]
}

/// Starts of steps, with and without what is optional.
fn step_starts(value: &Arc<Value>) -> [Event; 3] {
    [
        Event::StepStarted { step: 0.into(), attempt: 1, input: None, config: None, secrets: None },
        Event::StepStarted {
            step: 0.into(),
            attempt: 2,
            input: Some(Arc::new(json!(null))),
            config: None,
            secrets: Some(Vec::new()),
        },
        Event::StepStarted {
            step: u32::MAX.into(),
            attempt: u32::MAX,
            input: Some(value.clone()),
            config: Some(Arc::new(json!({ "a": 1 }))),
            secrets: Some(vec![SecretInsertion {
                pointer: "/config/a~1b/0".to_owned(),
                offset: 7,
                name: "TOKEN".to_owned(),
            }]),
        },
    ]
}

/// Each variant, with and without what is optional.
pub async fn every_kind_of_event(store: Shared) {
    join(&store, 1).await;
    let full = full_failure();
    let value = Arc::new(awkward());
    let values = awkward().as_object().cloned().unwrap_or_default();
    let until = at(-99);
    let inside = |step: u32| StepRunId { path: [2, 0, 7].into(), ..step.into() };
    let rerun = full_rerun(&value, &full);
    let accepted = |rerun: Option<Box<RerunSource>>| Event::Accepted {
        input: value.clone(),
        state: Some(values.clone()),
        previous: Some(execution(8)),
        tag: Some("beta".to_owned()),
        timeout_millis: Some(u64::MAX),
        parent: rerun.as_ref().map(|_| Box::new(parent_link())),
        // A name is a key as any other.
        vars: rerun.as_ref().map(|_| Arc::new(json!({"A": awkward(), "in": null}))),
        rerun,
        secrets: true,
        concurrency: Some(Box::new(ConcurrencyPlace { key: "k".to_owned(), limit: 3 })),
    };
    let mut events = block_events(&value, &full);
    events.extend(child_events(until));
    events.extend(signal_events(&value, until));
    events.extend(approval_events(&value, until));
    events.extend(step_starts(&value));
    events.extend(place_events());
    events.extend([
        accepted(Some(Box::new(rerun))),
        accepted(None),
        accepted(Some(Box::new(RerunSource {
            of: execution(9),
            steps: Vec::new(),
            given: None,
            events: Vec::new(),
        }))),
        Event::Started,
        Event::StepWaiting { step: 1.into(), until },
        Event::StepCompleted {
            step: 1.into(),
            output: value.clone(),
            port: Some("approved".to_owned()),
        },
        Event::StepCompleted { step: 1.into(), output: Arc::new(Value::Null), port: None },
        Event::StepRetrying { step: 1.into(), error: full.clone(), until, policy: 0 },
        Event::StepRetrying { step: 1.into(), error: full.clone(), until, policy: 2 },
        Event::StepFailed { step: 1.into(), error: Failure::new("X", ""), handled: true },
        Event::StepFailed { step: 1.into(), error: full.clone(), handled: false },
        Event::StepSkipped { step: 2.into(), reason: SkipReason::Condition },
        Event::StepSkipped { step: 2.into(), reason: SkipReason::NotTaken },
        Event::StepCancelled { step: inside(3) },
        Event::StepCheckpoint { step: inside(3), value: Arc::new(json!({"line": 7})) },
        Event::StateSet { values: Map::new() },
        Event::StateSet { values },
        Event::StepLogged { step: 4.into(), level: "warn".to_owned(), message: "ü\n".to_owned() },
        Event::Recovered,
        Event::Paused,
        Event::Resumed,
        Event::Ending { outcome: EndOutcome::Failed { error: full.clone() } },
        Event::Ending { outcome: EndOutcome::TimedOut { error: full.clone() } },
        Event::Ending { outcome: EndOutcome::Cancelled { reason: Some("because".to_owned()) } },
        Event::Completed { output: value },
        Event::Failed { error: full.clone() },
        Event::TimedOut { error: full },
        Event::Cancelled { reason: None },
        Event::Cancelled { reason: Some("because".to_owned()) },
    ]);
    round_trip(&store, 1, events).await;
}

/// Values that repeat, as a step's input repeats the output of the one before, and values that
/// only seem to.
pub async fn repeated_values_stay_in_order(store: Shared) {
    join(&store, 1).await;
    let ab: Value = serde_json::from_str(r#"{"a":{"x":0.0},"b":2}"#).unwrap();
    let ba: Value = serde_json::from_str(r#"{"b":2,"a":{"x":0.0}}"#).unwrap();
    let negative: Value = serde_json::from_str(r#"{"a":{"x":-0.0},"b":2}"#).unwrap();
    let shared = Arc::new(ab.clone());
    let mut events = vec![Event::Started];
    for (step, value) in (0_u32..).zip([&ab, &ba, &negative, &ab, &json!(null), &json!([]), &ba]) {
        let step = StepRunId::from(step);
        events.push(Event::StepStarted {
            step: step.clone(),
            attempt: 1,
            input: Some(Arc::new(value.clone())),
            config: Some(shared.clone()),
            secrets: None,
        });
        let (output, port) = (Arc::new(value.clone()), None);
        events.push(Event::StepCompleted { step: step.clone(), output, port });
        events.push(Event::StepStarted {
            step: step.clone(),
            attempt: 2,
            input: None,
            config: None,
            secrets: None,
        });
        events.push(Event::StepCompleted { step, output: shared.clone(), port: Some("p".into()) });
    }
    events.push(Event::Completed { output: shared });
    round_trip(&store, 1, events).await;
}

/// Nesting that goes beyond what a request may have, as steps wrap values.
pub async fn deep_values(store: Shared) {
    join(&store, 1).await;
    let mut value = json!("deep");
    for level in 0..200 {
        value = if level % 2 == 0 { json!([value]) } else { json!({ "k": value }) };
    }
    round_trip(&store, 1, vec![Event::Completed { output: Arc::new(value) }]).await;
}

/// A value of some megabytes.
pub async fn large_values(store: Shared) {
    join(&store, 1).await;
    let value = json!({ "text": "äöü€".repeat(400_000), "list": vec![1; 10_000] });
    let output = Arc::new(value);
    let events = vec![
        Event::StepCompleted { step: 0.into(), output: output.clone(), port: None },
        Event::Completed { output },
    ];
    round_trip(&store, 1, events).await;
}

/// Many commits, and many events in one.
pub async fn long_journals(store: Shared) {
    join(&store, 1).await;
    let mut last = queued(1);
    let mut events = last.events.clone();
    store.commit(last.clone().into()).await.unwrap();
    for n in 0..60 {
        let logged = |step: u32| Event::StepLogged {
            step: step.into(),
            level: "info".to_owned(),
            message: format!("line {n}"),
        };
        last = then(&last, Status::Running, (0..n).chain([n]).map(logged).collect());
        events.extend(last.events.clone());
        store.commit(last.clone().into()).await.unwrap();
    }
    has(&store, &last.record, &events).await;
}
