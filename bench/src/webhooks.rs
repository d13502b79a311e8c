//! What webhooks cost those who execute.
//!
//! Each measurement has a server of its own, which is killed afterwards, so that nothing that one
//! of them left to be sent is in the way of the next. They take turns, and what is compared was
//! measured in the same turn.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::bare;
use crate::server::Server;
use crate::wrk::{Load, Measured};

/// How many turns by default.
pub const TURNS: usize = 3;

/// How many events wait for the slow receiver before anything is measured.
const WAITING: u64 = 10_000;

/// How much of the rate beside a fast receiver must be left beside a slow one.
const WANTED: f64 = 0.9;

/// How many events an execution of the seed's workflow has: it starts, three steps, it completes.
const EVENTS: u64 = 5;

/// How many requests are under way at once.
const CONNECTIONS: u32 = 64;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// There is no webhook.
    Nobody,
    /// There is one, for an event that does not happen.
    OfNothing,
    /// A receiver that answers at once is told of everything.
    Fast,
    /// A receiver that takes a second for each request is told of everything, and already is far
    /// behind.
    Slow,
}

impl Told {
    const ALL: [Self; 4] = [Self::Nobody, Self::OfNothing, Self::Fast, Self::Slow];

    const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "no webhook",
            Self::OfNothing => "webhook for another event",
            Self::Fast => "fast receiver, all events",
            Self::Slow => "slow receiver, all events",
        }
    }

    /// The webhook to make, at that receiver.
    fn webhook(self, receiver: &str) -> Option<Value> {
        let of = |path: &str, events| json!({"url": format!("{receiver}{path}"), "events": events});
        match self {
            Self::Nobody => None,
            Self::OfNothing => Some(of("hook", ["schedule.deleted"])),
            Self::Fast => Some(of("hook", ["*"])),
            Self::Slow => Some(of("slow", ["*"])),
        }
    }
}

/// What came of one measurement.
struct Outcome {
    load: Measured,
    /// How many deliveries were made, and how many of them have arrived.
    deliveries: Option<(u64, u64)>,
}

/// Measures them in turns and prints each with its ratio to the others.
pub fn run(binary: &Path, turns: usize, load: Duration) -> Result<()> {
    let receiver = bare::start()?;
    let mut rates: Vec<[f64; 4]> = Vec::new();
    println!(
        "{:<28} {:>10} {:>10} {:>12} {:>12}",
        "told", "exec/s", "p99 ms", "deliveries", "arrived"
    );
    for turn in 0..turns {
        let mut rate = [0.0; 4];
        for place in 0..Told::ALL.len() {
            // Another one begins each turn.
            let place = (place + turn) % Told::ALL.len();
            let told = Told::ALL[place];
            let Outcome { load, deliveries } = measure(binary, &receiver.url, told, load)?;
            let (made, arrived) = deliveries.unwrap_or_default();
            println!(
                "{:<28} {:>10.0} {:>10.2} {made:>12} {arrived:>12}",
                told.name(),
                load.per_second,
                load.p99_ms
            );
            ensure!(load.failed == 0, "{}: {} requests failed", told.name(), load.failed);
            rate[place] = load.per_second;
        }
        rates.push(rate);
    }
    let [_, of_nothing, fast, _] = Told::ALL;
    print_ratio(&rates, of_nothing, Told::Nobody);
    print_ratio(&rates, fast, Told::Nobody);
    print_ratio(&rates, Told::Slow, Told::Nobody);
    let ratio = print_ratio(&rates, Told::Slow, fast);
    ensure!(ratio >= WANTED, "a slow receiver slows executions: {ratio:.2}, wanted {WANTED}");
    Ok(())
}

/// The median of the ratios of each turn.
fn print_ratio(rates: &[[f64; 4]], of: Told, to: Told) -> f64 {
    let at = |told: Told| Told::ALL.iter().position(|one| *one == told).unwrap_or_default();
    let mut ratios: Vec<f64> = rates.iter().map(|rate| rate[at(of)] / rate[at(to)]).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!("{} / {}: {median:.2} {ratios:.2?}", of.name(), to.name());
    median
}

fn measure(binary: &Path, receiver: &str, told: Told, load: Duration) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(binary, folder.path())?;
    let workflow = server.create_seed_workflow()?;
    let webhook = match told.webhook(receiver) {
        Some(webhook) => {
            let made = server.post("/api/v1/webhooks", &webhook)?;
            Some(made["data"]["id"].as_str().with_context(|| made.to_string())?.to_owned())
        }
        None => None,
    };
    let executing = Load::post(&server.execute_url(&workflow), &server.key);
    if let (Told::Slow, Some(webhook)) = (told, &webhook) {
        let began = Instant::now();
        while deliveries(&server, webhook, "pending")? < WAITING {
            ensure!(began.elapsed() < Duration::from_secs(120), "no backlog comes about");
            executing.run(CONNECTIONS, Duration::from_secs(1))?;
        }
    }
    let load = executing.run(CONNECTIONS, load)?;
    let Some(webhook) = webhook else { return Ok(Outcome { load, deliveries: None }) };
    // Those that `wrk` broke off when its time was over go on to their end.
    let executions = server.executions(&workflow)?;
    let expected = if told == Told::OfNothing { 0 } else { executions * EVENTS };
    let made = deliveries(&server, &webhook, "")?;
    let most = expected + u64::from(CONNECTIONS) * EVENTS;
    ensure!(
        (expected..=most).contains(&made),
        "{executions} executions have made {made} deliveries"
    );
    let arrived = deliveries(&server, &webhook, "delivered")?;
    Ok(Outcome { load, deliveries: Some((made, arrived)) })
}

/// How many deliveries there are that stand so; of any status where that is empty.
fn deliveries(server: &Server, webhook: &str, status: &str) -> Result<u64> {
    let filter = ("status", status.to_owned());
    let query = if status.is_empty() { Vec::new() } else { vec![filter] };
    let answer = server.get(&format!("/api/v1/webhooks/{webhook}/deliveries"), &query)?;
    let total = &answer["data"]["pagination"]["total_items"];
    total.as_u64().with_context(|| answer.to_string())
}
