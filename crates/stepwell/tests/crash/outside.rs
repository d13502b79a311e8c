//! Signals, approvals and compensations while the server is killed: each acknowledged signal is
//! consumed once, each acknowledged vote counts once, and what a rejected execution has done is
//! undone once, in reverse order.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::counter::{Call, Counter};
use crate::load::{CONCURRENCY, Kills, Load};
use crate::server::Server;

/// How many acknowledged executions are kept in flight.
const IN_FLIGHT: usize = 60;

/// An external call, a signal, another call, and an approval whose rejection undoes both calls.
fn definition(counter: &str) -> Value {
    let call = |step: &str| {
        json!({
            "method": "POST",
            "url": format!("{counter}/call"),
            "headers": {"x-execution": "n{{ inputs.n }}", "x-step": step},
        })
    };
    let retry = json!({"max_attempts": 5, "initial": 0.05});
    let step = |id: &str, undo: &str, input: Value| {
        let compensate = json!({"type": "HttpRequest", "config": call(undo), "retry": retry});
        json!({"id": id, "type": "HttpRequest", "config": call(id), "retry": retry,
            "input": {"body": input}, "compensate": compensate})
    };
    json!({
        "name": "outside",
        "inputs": {"n": "integer"},
        "steps": [
            step("first", "undo-first", json!("{{ inputs.n }}")),
            {"id": "paid", "type": "WaitForSignal", "signal": "payment", "key": "{{ inputs.n }}",
             "timeout": "1h"},
            step("second", "undo-second", json!("{{ steps.paid.output }}")),
            {"id": "check", "type": "Approval",
             "config": {"title": "order {{ inputs.n }}", "approvers": ["ada", "bob"], "quorum": 2}},
            {"id": "refuse", "type": "Fail", "after": ["check.rejected"],
             "config": {"code": "REFUSED", "message": "by a vote"}},
        ],
        "outputs": {"paid": "{{ steps.paid.output }}", "votes": "{{ steps.check.output.votes | length }}"},
    })
}

const fn is_approved(n: u64) -> bool {
    !n.is_multiple_of(3)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_votes_and_compensations_happen_once() {
    let counter = Counter::start().await;
    let mut server = Server::new();
    server.start().await;
    let workflow = server.create(&definition(&counter.url)).await;
    let mut load = Load::new(workflow, IN_FLIGHT);
    load.run(&mut server, Kills::new(8, (100, 1100)), async |server, load| {
        send_signals(server, load).await;
        vote(server).await;
    })
    .await;
    let Load { workflow, accepted, .. } = load;
    let calls = calls_by_execution(counter.calls());
    for (id, n) in &accepted {
        check_execution(&server, &workflow, id, *n, calls.get(&format!("n{n}"))).await;
    }
    let undone = accepted.values().filter(|n| !is_approved(**n)).count();
    println!("{} executions, {undone} undone, all ended once", accepted.len());
}

/// Sends the signal of each execution, by its key, again and again: its id makes it count once.
async fn send_signals(server: &Server, load: &Load) {
    let requests = load.unfinished().map(|(_, n)| async move {
        let body = json!({"key": n.to_string(), "data": {"n": n}, "id": format!("payment-{n}")});
        let response = server.try_post("/api/v1/signals/payment", &body).await;
        let is_sent = response.is_none_or(|(status, _)| matches!(status, 200 | 202));
        assert!(is_sent, "a signal is accepted");
    });
    let mut requests = futures_util::stream::iter(requests).buffer_unordered(CONCURRENCY);
    while requests.next().await.is_some() {}
}

/// Votes about each approval that waits. An approver who has voted is refused.
async fn vote(server: &Server) {
    let path = "/api/v1/approvals?status=pending&page_size=100";
    let Some((200, page)) = server.get(path).await else { return };
    for approval in page["data"]["items"].as_array().unwrap() {
        let n: u64 = approval["title"].as_str().unwrap()[6..].parse().unwrap();
        let verdict = if is_approved(n) { "approve" } else { "reject" };
        let path = format!("/api/v1/approvals/{}/{verdict}", approval["id"].as_str().unwrap());
        for approver in ["ada", "bob"] {
            let body = json!({"approver": approver});
            let Some((status, response)) = server.try_post(&path, &body).await else { return };
            assert!(matches!(status, 200 | 409), "{status}: {response:#}");
        }
    }
}

fn calls_by_execution(calls: Vec<Call>) -> BTreeMap<String, Vec<Call>> {
    let mut all: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for call in calls {
        all.entry(call.execution.clone()).or_default().push(call);
    }
    all
}

async fn check_execution(
    server: &Server,
    workflow: &str,
    id: &str,
    n: u64,
    calls: Option<&Vec<Call>>,
) {
    let shown = server.execution(workflow, id).await.expect("an acknowledged execution exists");
    assert_eq!(server.final_events(workflow, id).await, 1, "{id}");
    let steps = match is_approved(n) {
        true => {
            assert_eq!(shown["status"], "COMPLETED", "{shown:#}");
            assert_eq!(shown["output"], json!({"paid": {"n": n}, "votes": 2}), "{id}");
            vec!["first", "second"]
        }
        false => {
            assert_eq!(shown["status"], "FAILED", "{shown:#}");
            assert_eq!(shown["error"]["code"], "REFUSED", "{shown:#}");
            vec!["first", "second", "undo-second", "undo-first"]
        }
    };
    // A call may be repeated after a crash, by the same key, and only before the next one.
    let mut made: Vec<(&str, &str)> = Vec::new();
    for call in calls.into_iter().flatten() {
        let call = (call.step.as_str(), call.key.as_str());
        if made.last() != Some(&call) {
            made.push(call);
        }
    }
    let order: Vec<&str> = made.iter().map(|(step, _)| *step).collect();
    assert_eq!(order, steps, "{id}: {made:?}");
}
