//! Requests that need much memory: the resident memory of the server stays below the documented
//! bound, each request succeeds or is rejected with 503, and small requests are served meanwhile.
//!
//! By default inputs and budget are small. `STEPWELL_MEMORY_FULL=1` uses the default budget and the
//! largest inputs.

#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::Topic;
use crate::target::{Accepted, Target};

const MIB: usize = 1 << 20;

/// What the server needs beside the budget: docs/operations.md, "Memory".
const BASE: usize = 256 * MIB;

/// Between two small requests.
const PAUSE: Duration = Duration::from_millis(20);

/// Sizes and numbers of the requests.
struct Load {
    budget: usize,
    readers: usize,
    /// Bytes of text in the execution that they read.
    read_bytes: usize,
    parsers: usize,
    /// Bytes of JSON that each parses.
    parsed_bytes: usize,
    programs: usize,
    /// Number of values that each creates.
    values: usize,
    uploads: usize,
    /// Bytes of each.
    upload_bytes: usize,
}

impl Load {
    fn from_environment() -> Self {
        if std::env::var_os("STEPWELL_MEMORY_FULL").is_some() {
            Self::full()
        } else {
            Self::small()
        }
    }

    fn full() -> Self {
        Self {
            budget: 512 * MIB,
            readers: 150,
            read_bytes: 8 * MIB - 4096,
            parsers: 32,
            parsed_bytes: 4 * MIB - 4096,
            programs: 16,
            values: 300_000,
            uploads: 32,
            upload_bytes: 16 * MIB,
        }
    }

    fn small() -> Self {
        Self {
            budget: 64 * MIB,
            readers: 40,
            read_bytes: 2 * MIB,
            parsers: 16,
            parsed_bytes: MIB / 2,
            programs: 8,
            values: 100_000,
            uploads: 16,
            upload_bytes: 8 * MIB,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resident_memory_stays_within_the_bound() {
    let _topic = Topic::begin("memory").await;
    let load = Load::from_environment();
    // The readers share the processors with a server that is not optimized: one of them may have to
    // wait for longer than a client may leave a response unread by default.
    let settings =
        format!("memory_budget_bytes = {}\n[api]\nwrite_patience_seconds = 300\n", load.budget);
    let target = Target::start_with(&settings).await;
    let small = create(&target, json!([{"type": "Echo", "input": "x"}])).await;
    check_peak(&target, &load, "started");

    let is_over = Cell::new(false);
    let loads = async {
        send_readers(&target, &load).await;
        check_peak(&target, &load, "readers");
        send_parsers(&target, &load).await;
        check_peak(&target, &load, "Json.Parse");
        send_programs(&target, &load).await;
        check_peak(&target, &load, "Json.Query");
        send_uploads(&target, &load, &small).await;
        check_peak(&target, &load, "uploads");
        is_over.set(true);
    };
    let (count, ()) = tokio::join!(send_small_requests(&target, &small, &is_over), loads);
    assert!(count > 10, "{count} small requests");
    wait_for_release(&target).await;
    target.finish().await;
}

/// Creates a workflow; returns its path.
async fn create(target: &Target, steps: Value) -> String {
    let id = target.create(&json!({"name": "m", "steps": steps})).await.expect("it is valid");
    format!("/workflows/{id}")
}

/// Executes with the body; returns the status and the response.
async fn execute(target: &Target, workflow: &str, query: &str, body: String) -> (u16, Value) {
    let reply = target.post(&format!("{workflow}/execute{query}"), body.into_bytes()).await;
    (reply.status, reply.json())
}

/// Reads a response without keeping it; returns its status and length.
async fn read(target: &Target, path: &str) -> (u16, usize) {
    let request = target.request("GET", path).header("x-api-key", &target.server.key);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let mut length = 0;
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        length += chunk.unwrap().len();
    }
    (status, length)
}

/// A number of bytes from `/proc/PID/status`: `VmHWM` is the highest resident size so far.
fn process_memory(target: &Target, name: &str) -> usize {
    let pid = target.server.child.as_ref().unwrap().id();
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

fn check_peak(target: &Target, load: &Load, phase: &str) {
    let (peak, bound) = (process_memory(target, "VmHWM:"), load.budget + BASE);
    println!("{phase}: {} MiB of {} MiB", peak / MIB, bound / MIB);
    assert!(peak <= bound, "{phase}: {peak} bytes resident; {bound} are allowed");
}

/// Checks the statuses of one phase; returns how many requests succeeded.
fn count_served(phase: &str, statuses: impl IntoIterator<Item = u16>) -> usize {
    let statuses: Vec<u16> = statuses.into_iter().collect();
    let unexpected = statuses.iter().find(|status| !matches!(**status, 200..=299 | 503));
    assert_eq!(unexpected, None, "{phase}: {statuses:?}");
    let served = statuses.iter().filter(|status| **status != 503).count();
    println!("{phase}: {served} of {} served", statuses.len());
    assert!(served > 0, "{phase}: none is served");
    served
}

/// Executes a small workflow again and again; returns how often. None may be rejected.
async fn send_small_requests(target: &Target, workflow: &str, is_over: &Cell<bool>) -> usize {
    let (mut count, mut slowest) = (0, Duration::ZERO);
    while !is_over.get() {
        let start = Instant::now();
        let (status, shown) = execute(target, workflow, "?wait=true", "{}".into()).await;
        assert_eq!((status, &shown["status"]), (200, &json!("COMPLETED")), "{shown}");
        slowest = slowest.max(start.elapsed());
        count += 1;
        tokio::time::sleep(PAUSE).await;
    }
    println!("{count} small requests, the slowest {} ms", slowest.as_millis());
    count
}

/// Many readers of one large execution.
async fn send_readers(target: &Target, load: &Load) {
    let steps = json!([{"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"}]);
    let workflow = create(target, steps).await;
    let body = json!({"input": {"text": "x".repeat(load.read_bytes / 2)}}).to_string();
    let (status, shown) = execute(target, &workflow, "?wait=true", body).await;
    assert_eq!((status, &shown["status"]), (200, &json!("COMPLETED")));
    let path = format!("{workflow}/executions/{}", shown["execution_id"].as_str().unwrap());
    let responses = join_all((0..load.readers).map(|_| read(target, &path))).await;
    let served = count_served("readers", responses.iter().map(|(status, _)| *status));
    let complete = responses.iter().filter(|(_, length)| *length > load.read_bytes).count();
    assert_eq!(complete, served, "a response is complete or rejected");
}

/// Texts whose parsed values need many times their length.
async fn send_parsers(target: &Target, load: &Load) {
    let steps = json!([
        {"id": "parse", "type": "Json.Parse", "input": "{{ inputs.text }}"},
        {"id": "pick", "type": "Json.Query", "input": {"value": 1}, "after": ["parse"],
            "config": {"query": "."}}
    ]);
    let workflow = create(target, steps).await;
    let text = format!("[{}0]", "[],".repeat(load.parsed_bytes / 3));
    let body = json!({"input": {"text": text}}).to_string();
    execute_all(target, "Json.Parse", (&workflow, &body), load.parsers).await;
}

/// Programs that create many values from none.
async fn send_programs(target: &Target, load: &Load) {
    let query = format!("[range({})] | map([.]) | length", load.values);
    let steps = json!([{"type": "Json.Query", "input": {"value": 1}, "config": {"query": query}}]);
    let workflow = create(target, steps).await;
    execute_all(target, "Json.Query", (&workflow, "{}"), load.programs).await;
}

/// Executes concurrently and waits for the end of all executions, so that they do not take memory
/// of the next phase; each completes or fails for lack of memory.
async fn execute_all(target: &Target, phase: &str, (workflow, body): (&str, &str), count: usize) {
    let one = || execute(target, workflow, "?wait=true&timeout=60s", body.to_owned());
    let responses = join_all((0..count).map(|_| one())).await;
    count_served(phase, responses.iter().map(|(status, _)| *status));
    let workflow = workflow.trim_start_matches("/workflows/");
    let accepted: Vec<Accepted> = responses
        .iter()
        .filter_map(|(_, shown)| shown["execution_id"].as_str())
        .map(|id| Accepted { workflow: workflow.to_owned(), id: id.to_owned() })
        .collect();
    let mut completed = 0;
    for shown in target.ended(&accepted).await {
        let code = &shown["error"]["code"];
        let limits = ["MEMORY_SHORTAGE", "QUERY_LIMIT", "VALUE_TOO_LARGE"];
        match shown["status"].as_str().unwrap() {
            "COMPLETED" => completed += 1,
            "FAILED" => {
                assert!(limits.iter().any(|limit| code == limit), "{phase}: {code}");
            }
            other => panic!("{phase}: {other}"),
        }
    }
    println!("{phase}: {completed} of {count} completed");
    assert!(completed > 0, "{phase}: none completes");
}

/// Bodies of the largest size.
async fn send_uploads(target: &Target, load: &Load, workflow: &str) {
    let body = format!("{{\"input\": {{}}{}}}", " ".repeat(load.upload_bytes - 20));
    let one = || execute(target, workflow, "", body.clone());
    let responses = join_all((0..load.uploads).map(|_| one())).await;
    count_served("uploads", responses.iter().map(|(status, _)| *status));
}

/// Memory that is no longer used is returned to the system.
async fn wait_for_release(target: &Target) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let resident = process_memory(target, "VmRSS:");
        if resident <= BASE {
            println!("{} MiB are left", resident / MIB);
            return;
        }
        assert!(Instant::now() < deadline, "{resident} bytes are still resident");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
