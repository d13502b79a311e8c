//! The cost of executions that wait for timers and signals: memory, the start of the server, lists,
//! and beside them the lateness of timers and the time that a signal takes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::server::Server;
use crate::wrk::Load;
use crate::{Row, print};

/// The default number of waiting executions.
pub const EXECUTIONS: u64 = 1_000_000;

const MAX_MEMORY_MB: f64 = 300.0;
const MAX_START: Duration = Duration::from_secs(10);
const MAX_MEDIAN: Duration = Duration::from_millis(60);
const MAX_LATENESS: Duration = Duration::from_millis(500);

const MAX_DELIVERY: Duration = Duration::from_millis(5);

/// How long each load of the server lasts.
const LOAD: Duration = Duration::from_secs(10);

/// How often each list is requested.
const REPETITIONS: usize = 20;

/// The delay of the executions whose timers are measured.
const DELAY: Duration = Duration::from_secs(5);

/// How many timers are measured: those of one page of a list.
const TIMERS: usize = 100;

/// How many signals are measured.
const SIGNALS: usize = 200;

/// Starts the executions and prints what they cost.
pub fn run(binary: &Path, executions: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(binary, folder.path())?;
    let mut rows = Vec::new();
    let mut violations = Vec::new();
    let mut row = |name, value: String, target, is_right: bool| {
        rows.push(Row { name, value, target });
        if !is_right {
            violations.push(name);
        }
    };
    let before = server.memory_mb()?;
    row("memory without executions", format!("{before:.1} MB"), "", true);
    let workflow = waiting_workflow(&server, "30d")?;
    let steps = json!([{"type": "WaitForSignal", "signal": "never sent"}]);
    let for_signals = server.create(&json!({"name": "waits for a signal", "steps": steps}))?;
    let loads = [&workflow, &for_signals]
        .map(|workflow| Load::post(&execute_url(&server, workflow), &server.key));
    let started = Instant::now();
    let mut total = 0;
    for load in loads.iter().cycle() {
        let result = load.run(64, LOAD)?;
        ensure!(result.failed == 0, "{} requests failed", result.failed);
        total = list(&server, &[])?.0;
        if total >= executions {
            break;
        }
    }
    let rate = total as f64 / started.elapsed().as_secs_f64();
    row("executions started", format!("{total}, {rate:.0}/s"), "", true);
    let memory = server.memory_mb()?;
    row("memory after that", format!("{memory:.1} MB"), "< 300 MB", memory < MAX_MEMORY_MB);

    let server = restart(server, binary, folder.path())?;
    let seconds = server.ready_after.as_secs_f64();
    let is_quick = server.ready_after < MAX_START;
    row("start to ready", format!("{seconds:.2} s"), "< 10 s", is_quick);
    let memory = server.memory_mb()?;
    row("memory after the start", format!("{memory:.1} MB"), "< 300 MB", memory < MAX_MEMORY_MB);

    for (name, query) in [
        ("list of all, p50", vec![]),
        ("page 3,000 of all, p50", vec![("page", "3000")]),
        ("list of a workflow, p50", vec![("workflow_id", workflow.as_str())]),
        ("list of waiting ones, p50", vec![("status", "waiting")]),
        ("list of completed ones, p50", vec![("status", "completed")]),
    ] {
        let mut latencies = Vec::new();
        for _ in 0..REPETITIONS {
            let start = Instant::now();
            list(&server, &query)?;
            latencies.push(start.elapsed());
        }
        latencies.sort_unstable();
        let p50 = latencies[REPETITIONS / 2];
        let millis = p50.as_secs_f64() * 1000.0;
        row(name, format!("{millis:.2} ms"), "< 60 ms", p50 < MAX_MEDIAN);
    }

    let lateness = measure_timers(&server)?;
    let millis = lateness.as_secs_f64() * 1000.0;
    row("latest of 100 timers", format!("{millis:.0} ms"), "< 500 ms", lateness < MAX_LATENESS);
    let deliveries = measure_signals(&server)?;
    for (name, part) in [("signal by key, p50", 50), ("signal by key, p99", 99)] {
        let time = deliveries[deliveries.len() * part / 100];
        let millis = time.as_secs_f64() * 1000.0;
        row(name, format!("{millis:.2} ms"), "< 5 ms", time < MAX_DELIVERY);
    }
    print(&rows);
    ensure!(violations.is_empty(), "not as they should be: {violations:?}");
    Ok(())
}

fn restart(server: Server, binary: &Path, folder: &Path) -> Result<Server> {
    drop(server.stop()?);
    Server::start(binary, folder)
}

fn waiting_workflow(server: &Server, delay: &str) -> Result<String> {
    let steps = json!([{"type": "Delay", "config": {"for": delay}}]);
    server.create(&json!({"name": format!("waits {delay}"), "steps": steps}))
}

fn execute_url(server: &Server, workflow: &str) -> String {
    format!("http://{}/workflows/{workflow}/execute", server.address())
}

/// The total of a list of executions, and its items.
fn list(server: &Server, query: &[(&'static str, &str)]) -> Result<(u64, Vec<Value>)> {
    let mut query: Vec<(&str, String)> =
        query.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    query.push(("page_size", TIMERS.to_string()));
    let response = server.get("/api/v1/workflow_executions", &query)?;
    let data = &response["data"];
    let total = data["pagination"]["total_items"].as_u64();
    let items = data["items"].as_array().cloned().unwrap_or_default();
    Ok((total.with_context(|| response.to_string())?, items))
}

/// How late the latest of some executions ended that all waited for the same time.
fn measure_timers(server: &Server) -> Result<Duration> {
    let workflow = waiting_workflow(server, "5s")?;
    let path = format!("/workflows/{workflow}/execute");
    for _ in 0..TIMERS {
        server.post(&path, &json!({}))?;
    }
    let deadline = Instant::now() + DELAY * 10;
    while server.completed_executions(&workflow)? < TIMERS as u64 {
        ensure!(Instant::now() < deadline, "not all timers have fired");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (_, items) = list(server, &[("workflow_id", &workflow)])?;
    let lateness = items.iter().map(|item| {
        let millis = item["duration_ms"].as_u64().context("an execution without a duration")?;
        Ok(Duration::from_millis(millis).saturating_sub(DELAY))
    });
    let lateness: Vec<Duration> = lateness.collect::<Result<_>>()?;
    lateness.into_iter().max().context("no execution")
}

/// How long it takes to send a signal by key to an execution that waits for it, in ascending order.
/// The response comes when the execution has consumed it and that is durable.
fn measure_signals(server: &Server) -> Result<Vec<Duration>> {
    let step = json!({"type": "WaitForSignal", "signal": "payment", "key": "{{ inputs.order }}"});
    let definition = json!({"name": "order", "inputs": {"order": "string"}, "steps": [step]});
    let workflow = server.create(&definition)?;
    let path = format!("/workflows/{workflow}/execute");
    for order in 0..SIGNALS {
        server.post(&path, &json!({"input": {"order": order.to_string()}}))?;
    }
    let mut times = Vec::new();
    for order in 0..SIGNALS {
        let start = Instant::now();
        let signal = json!({"key": order.to_string(), "data": {"amount": 25}});
        let response = server.post("/api/v1/signals/payment", &signal)?;
        times.push(start.elapsed());
        ensure!(response["data"]["status"] == "consumed", "{response}");
    }
    let ended = server.completed_executions(&workflow)?;
    ensure!(ended == SIGNALS as u64, "only {ended} executions have ended");
    times.sort_unstable();
    Ok(times)
}
