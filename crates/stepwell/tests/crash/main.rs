//! The crash harness kills the real server with `kill -9` at random times while 200 executions are in
//! flight. No acknowledged execution may be lost, end twice, or repeat a step whose result was
//! recorded.
//!
//! `STEPWELL_CRASH_ROUNDS` (default 10) is the number of kills, `STEPWELL_CRASH_SEED` the seed of
//! their times.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot continue must fail"
)]

mod counter;
mod operations;
mod schedules;
mod server;
mod sub_workflows;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use counter::{Call, Counter};
use futures_util::StreamExt;
use serde_json::{Value, json};
use server::Server;

/// How many acknowledged executions are kept in flight.
const IN_FLIGHT: usize = 200;
/// How many requests are sent concurrently.
const CONCURRENCY: usize = 16;
/// How long all executions together may take to end after the last start.
const TIMEOUT: Duration = Duration::from_secs(120);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A delay, an external call, pure steps, and an external call in parallel with an idempotent one.
fn definition(counter: &str) -> Value {
    let call = |step: &str| {
        json!({
            "method": "POST",
            "url": format!("{counter}/call"),
            "headers": {"x-execution": "{{ execution.id }}", "x-step": step},
        })
    };
    json!({
        "name": "crash",
        "inputs": {"n": "integer"},
        "steps": [
            {"id": "pause", "type": "Delay", "config": {"for": "{{ (inputs.n % 7 + 1) * 0.05 }}"}, "input": {"n": "{{ inputs.n }}"}},
            {"id": "first", "type": "HttpRequest", "config": call("first"), "input": {"body": {"n": "{{ inputs.n }}"}},
             "retry": {"max_attempts": 5, "initial": 0.05}},
            {"id": "text", "type": "TextOperation.Uppercase", "input": "response {{ steps.first.output.body.n }}"},
            {"id": "look", "type": "HttpRequest", "after": ["first"],
             "config": {"url": format!("{counter}/look")}, "retry": {"max_attempts": 5, "initial": 0.05}},
            {"id": "second", "type": "HttpRequest", "after": ["text"], "config": call("second"),
             "input": {"body": {"text": "{{ steps.text.output.text }}"}},
             "retry": {"max_attempts": 5, "initial": 0.05}},
            {"id": "join", "type": "Echo", "after": ["second", "look"]},
        ],
        "outputs": {"text": "{{ steps.text.output.text }}", "n": "{{ inputs.n }}"},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_execution_is_lost_or_repeated() {
    let rounds = setting("STEPWELL_CRASH_ROUNDS", 10);
    let mut random = setting("STEPWELL_CRASH_SEED", u64::from(std::process::id()));
    println!("rounds {rounds}, seed {random}");
    let counter = Counter::start().await;
    let mut server = Server::new();
    server.start().await;
    let workflow = server.create(&definition(&counter.url)).await;

    let mut accepted: BTreeMap<String, u64> = BTreeMap::new();
    let mut ended: BTreeMap<String, Value> = BTreeMap::new();
    let mut n = 0;
    for round in 0..rounds {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let kill_after = Duration::from_millis(20 + (random >> 33) % 700);
        top_up(&server, &workflow, &mut n, &mut accepted, &ended).await;
        let in_flight = accepted.len() - ended.len();
        // Keeps executions in flight until the kill.
        let keep = async {
            loop {
                record_ended(&server, &workflow, &accepted, &mut ended).await;
                top_up(&server, &workflow, &mut n, &mut accepted, &ended).await;
            }
        };
        tokio::select! {
            () = keep => {}
            () = tokio::time::sleep(kill_after) => {}
        }
        server.kill();
        println!(
            "round {round}: {in_flight} in flight, killed after {kill_after:?}, {} accepted, {} ended",
            accepted.len(),
            ended.len()
        );
        server.start().await;
    }
    let deadline = Instant::now() + TIMEOUT;
    while ended.len() < accepted.len() {
        assert!(
            Instant::now() < deadline,
            "{} of {} have not ended",
            accepted.len() - ended.len(),
            accepted.len()
        );
        record_ended(&server, &workflow, &accepted, &mut ended).await;
    }
    check_results(&server, &workflow, &accepted).await;
    check_calls(&counter.calls(), &accepted);
    println!("{} executions, {} calls, all ended once", accepted.len(), counter.calls().len());
}

/// Starts executions until enough are in flight, and records each acknowledged one.
async fn top_up(
    server: &Server,
    workflow: &str,
    n: &mut u64,
    accepted: &mut BTreeMap<String, u64>,
    ended: &BTreeMap<String, Value>,
) {
    let missing = IN_FLIGHT.saturating_sub(accepted.len() - ended.len()) as u64;
    let first = *n + 1;
    *n += missing;
    let starts =
        (first..first + missing).map(|n| async move { (server.execute(workflow, n).await, n) });
    let mut starts = futures_util::stream::iter(starts).buffer_unordered(CONCURRENCY);
    while let Some((id, n)) = starts.next().await {
        if let Some(id) = id {
            accepted.insert(id, n);
        }
    }
}

/// Gets every execution that has not ended, and records those that have ended since.
async fn record_ended(
    server: &Server,
    workflow: &str,
    accepted: &BTreeMap<String, u64>,
    ended: &mut BTreeMap<String, Value>,
) {
    let open: Vec<&String> = accepted.keys().filter(|id| !ended.contains_key(*id)).collect();
    for id in open {
        if let Some(shown) = server.execution(workflow, id).await {
            let status = shown["status"].as_str().unwrap_or_default();
            if !matches!(status, "PENDING" | "RUNNING") {
                ended.insert(id.clone(), shown);
            }
        }
    }
}

async fn check_results(server: &Server, workflow: &str, accepted: &BTreeMap<String, u64>) {
    for (id, n) in accepted {
        let shown = server.execution(workflow, id).await.expect("an acknowledged execution exists");
        assert_eq!(shown["status"], "COMPLETED", "{shown:#}");
        assert_eq!(shown["output"], json!({"text": format!("RESPONSE {n}"), "n": n}), "{id}");
        for task in shown["tasks"].as_array().unwrap() {
            assert_eq!(task["status"], "COMPLETED", "{shown:#}");
        }
        let finals = server.final_events(workflow, id).await;
        assert_eq!(finals, 1, "{id} ended {finals} times");
    }
}

fn check_calls(calls: &[Call], accepted: &BTreeMap<String, u64>) {
    let mut keys: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for call in calls {
        keys.entry((call.execution.clone(), call.step.clone()))
            .or_default()
            .insert(call.key.clone());
    }
    for ((execution, step), keys) in &keys {
        assert_eq!(keys.len(), 1, "{execution}/{step} had several keys: {keys:?}");
        assert!(keys.iter().all(|key| !key.is_empty()), "{execution}/{step} had no key");
    }
    let all: BTreeSet<&String> = keys.values().flatten().collect();
    assert_eq!(all.len(), keys.len(), "a key belongs to one step of one execution");
    assert!(keys.len() >= 2 * accepted.len(), "each acknowledged execution made both calls");
    // The second call starts only after the result of the first was recorded. From then on, the first
    // must not be repeated.
    let mut past_first: BTreeSet<&str> = BTreeSet::new();
    for call in calls {
        match call.step.as_str() {
            "second" => drop(past_first.insert(&call.execution)),
            _ => assert!(
                !past_first.contains(call.execution.as_str()),
                "{} ran `first` again after its result was recorded",
                call.execution
            ),
        }
    }
}
