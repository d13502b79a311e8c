//! How webhooks slow executions.
//!
//! Each measurement has its own server, which is killed afterwards, so that its pending deliveries do
//! not affect the next one. All scenarios are measured once per round, and only measurements of the
//! same round are compared.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::baseline;
use crate::server::Server;
use crate::wrk::{Load, LoadResult};

/// The default number of rounds.
pub const ROUNDS: usize = 3;

/// The backlog of the slow receiver before the measurement.
const BACKLOG: u64 = 10_000;

/// The execution rate with a slow receiver, as a ratio of the rate with a fast one, must be at least
/// this.
const MIN_RATIO: f64 = 0.9;

/// The events of an execution of the workflow: start, three steps, completion.
const EVENTS_PER_EXECUTION: u64 = 5;

/// The number of concurrent requests.
const CONNECTIONS: u32 = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    NoWebhook,
    /// A webhook for an event that does not occur.
    OtherEvent,
    /// A webhook for all events, with a fast receiver.
    FastReceiver,
    /// A webhook for all events, with a receiver that takes a second for each request and has a
    /// backlog.
    SlowReceiver,
}

impl Scenario {
    const ALL: [Self; 4] =
        [Self::NoWebhook, Self::OtherEvent, Self::FastReceiver, Self::SlowReceiver];

    const fn name(self) -> &'static str {
        match self {
            Self::NoWebhook => "no webhook",
            Self::OtherEvent => "webhook for another event",
            Self::FastReceiver => "fast receiver, all events",
            Self::SlowReceiver => "slow receiver, all events",
        }
    }

    /// The webhook to create, with the URL of the receiver.
    fn webhook(self, receiver: &str) -> Option<Value> {
        let of = |path: &str, events| json!({"url": format!("{receiver}{path}"), "events": events});
        match self {
            Self::NoWebhook => None,
            Self::OtherEvent => Some(of("hook", ["schedule.deleted"])),
            Self::FastReceiver => Some(of("hook", ["*"])),
            Self::SlowReceiver => Some(of("slow", ["*"])),
        }
    }
}

/// The result of one measurement.
struct Outcome {
    load: LoadResult,
    /// How many deliveries were created, and how many of them were delivered.
    deliveries: Option<(u64, u64)>,
}

/// Measures the scenarios in rounds and prints their rates and ratios.
pub fn run(binary: &Path, rounds: usize, load: Duration) -> Result<()> {
    let receiver = baseline::start()?;
    let mut rates: Vec<[f64; 4]> = Vec::new();
    println!(
        "{:<28} {:>10} {:>10} {:>12} {:>12}",
        "scenario", "exec/s", "p99 ms", "deliveries", "delivered"
    );
    for round in 0..rounds {
        let mut rate = [0.0; 4];
        for index in 0..Scenario::ALL.len() {
            // Each round starts with another scenario.
            let index = (index + round) % Scenario::ALL.len();
            let scenario = Scenario::ALL[index];
            let Outcome { load, deliveries } = measure(binary, &receiver.url, scenario, load)?;
            let (created, delivered) = deliveries.unwrap_or_default();
            println!(
                "{:<28} {:>10.0} {:>10.2} {created:>12} {delivered:>12}",
                scenario.name(),
                load.per_second,
                load.p99_ms
            );
            ensure!(load.failed == 0, "{}: {} requests failed", scenario.name(), load.failed);
            rate[index] = load.per_second;
        }
        rates.push(rate);
    }
    let [_, other_event, fast, _] = Scenario::ALL;
    print_ratio(&rates, other_event, Scenario::NoWebhook);
    print_ratio(&rates, fast, Scenario::NoWebhook);
    print_ratio(&rates, Scenario::SlowReceiver, Scenario::NoWebhook);
    let ratio = print_ratio(&rates, Scenario::SlowReceiver, fast);
    ensure!(
        ratio >= MIN_RATIO,
        "a slow receiver slows executions: ratio {ratio:.2}, at least {MIN_RATIO} is required"
    );
    Ok(())
}

/// Prints the ratios of all rounds and returns their median.
fn print_ratio(rates: &[[f64; 4]], of: Scenario, to: Scenario) -> f64 {
    let at = |scenario: Scenario| {
        Scenario::ALL.iter().position(|one| *one == scenario).unwrap_or_default()
    };
    let mut ratios: Vec<f64> = rates.iter().map(|rate| rate[at(of)] / rate[at(to)]).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!("{} / {}: {median:.2} {ratios:.2?}", of.name(), to.name());
    median
}

fn measure(binary: &Path, receiver: &str, scenario: Scenario, load: Duration) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(binary, folder.path())?;
    let workflow = server.create_seed_workflow()?;
    let webhook = match scenario.webhook(receiver) {
        Some(webhook) => {
            let response = server.post("/api/v1/webhooks", &webhook)?;
            Some(response["data"]["id"].as_str().with_context(|| response.to_string())?.to_owned())
        }
        None => None,
    };
    let executing = Load::post(&server.execute_url(&workflow), &server.key);
    if let (Scenario::SlowReceiver, Some(webhook)) = (scenario, &webhook) {
        let start = Instant::now();
        while count_deliveries(&server, webhook, "pending")? < BACKLOG {
            ensure!(start.elapsed() < Duration::from_secs(120), "no backlog builds up");
            executing.run(CONNECTIONS, Duration::from_secs(1))?;
        }
    }
    let load = executing.run(CONNECTIONS, load)?;
    let Some(webhook) = webhook else { return Ok(Outcome { load, deliveries: None }) };
    // Requests that `wrk` abandons at its deadline still complete on the server.
    let executions = server.completed_executions(&workflow)?;
    let expected =
        if scenario == Scenario::OtherEvent { 0 } else { executions * EVENTS_PER_EXECUTION };
    let created = count_deliveries(&server, &webhook, "")?;
    let most = expected + u64::from(CONNECTIONS) * EVENTS_PER_EXECUTION;
    ensure!(
        (expected..=most).contains(&created),
        "{executions} executions created {created} deliveries"
    );
    let delivered = count_deliveries(&server, &webhook, "delivered")?;
    Ok(Outcome { load, deliveries: Some((created, delivered)) })
}

/// The number of deliveries with a status; of all if `status` is empty.
fn count_deliveries(server: &Server, webhook: &str, status: &str) -> Result<u64> {
    let filter = ("status", status.to_owned());
    let query = if status.is_empty() { Vec::new() } else { vec![filter] };
    let response = server.get(&format!("/api/v1/webhooks/{webhook}/deliveries"), &query)?;
    let total = &response["data"]["pagination"]["total_items"];
    total.as_u64().with_context(|| response.to_string())
}
