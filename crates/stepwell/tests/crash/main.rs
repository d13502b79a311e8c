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

mod concurrency;
mod counter;
mod load;
mod operations;
mod outside;
mod schedules;
mod server;
mod sub_workflows;

use std::collections::{BTreeMap, BTreeSet};

use counter::{Call, Counter};
use load::{Kills, Load};
use serde_json::{Value, json};
use server::Server;

/// How many acknowledged executions are kept in flight.
const IN_FLIGHT: usize = 200;

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
    let counter = Counter::start().await;
    let mut server = Server::new();
    server.start().await;
    let workflow = server.create(&definition(&counter.url)).await;
    let mut load = Load::new(workflow, IN_FLIGHT);
    load.run(&mut server, Kills::new(10, (20, 720)), async |_, _| {}).await;
    let Load { workflow, accepted, .. } = load;
    check_results(&server, &workflow, &accepted).await;
    check_calls(&counter.calls(), &accepted);
    println!("{} executions, {} calls, all ended once", accepted.len(), counter.calls().len());
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
