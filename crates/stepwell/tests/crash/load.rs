//! A number of executions that is kept in flight while the server is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use crate::server::Server;

/// How many requests are sent concurrently.
pub const CONCURRENCY: usize = 16;
/// How long all executions together may take to end after the last start.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The executions of a workflow that the server has acknowledged.
pub struct Load {
    pub workflow: String,
    /// How many are kept in flight.
    in_flight: usize,
    started: u64,
    /// The input `n` of each, by id.
    pub accepted: BTreeMap<String, u64>,
    pub ended: BTreeSet<String>,
}

/// When the server is killed.
pub struct Kills {
    pub rounds: u64,
    random: u64,
    /// The shortest and the longest time after a start, in milliseconds.
    after: (u64, u64),
}

impl Kills {
    /// With the rounds and the seed of the environment, `rounds` by default.
    pub fn new(rounds: u64, after: (u64, u64)) -> Self {
        let rounds = setting("STEPWELL_CRASH_ROUNDS", rounds);
        let random = setting("STEPWELL_CRASH_SEED", u64::from(std::process::id()));
        println!("rounds {rounds}, seed {random}");
        Self { rounds, random, after }
    }

    fn next_pause(&mut self) -> Duration {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (least, most) = self.after;
        Duration::from_millis(least + (self.random >> 33) % (most - least))
    }
}

impl Load {
    pub fn new(workflow: String, in_flight: usize) -> Self {
        let (accepted, ended) = (BTreeMap::new(), BTreeSet::new());
        Self { workflow, in_flight, started: 0, accepted, ended }
    }

    /// Kills the server again and again while executions are in flight, and starts it. Then waits
    /// until all executions have ended. `act` does meanwhile what executions wait for.
    pub async fn run(
        &mut self,
        server: &mut Server,
        mut kills: Kills,
        act: impl AsyncFn(&Server, &Self),
    ) {
        for round in 0..kills.rounds {
            let kill_after = kills.next_pause();
            self.top_up(server).await;
            let in_flight = self.open();
            let keep = async {
                loop {
                    act(server, self).await;
                    self.record_ended(server).await;
                    self.top_up(server).await;
                }
            };
            tokio::select! {
                () = keep => {}
                () = tokio::time::sleep(kill_after) => {}
            }
            server.kill();
            println!(
                "round {round}: {in_flight} in flight, killed after {kill_after:?}, {} accepted, {} \
                 ended",
                self.accepted.len(),
                self.ended.len()
            );
            server.start().await;
        }
        let deadline = Instant::now() + TIMEOUT;
        while self.open() > 0 {
            let (open, all) = (self.open(), self.accepted.len());
            assert!(Instant::now() < deadline, "{open} of {all} have not ended");
            act(server, self).await;
            self.record_ended(server).await;
        }
    }

    fn open(&self) -> usize {
        self.accepted.len() - self.ended.len()
    }

    /// The executions that have not ended, as far as is known.
    pub fn unfinished(&self) -> impl Iterator<Item = (&String, u64)> {
        let open = self.accepted.iter().filter(|(id, _)| !self.ended.contains(*id));
        open.map(|(id, n)| (id, *n))
    }

    /// Starts executions until enough are in flight, and records each acknowledged one.
    async fn top_up(&mut self, server: &Server) {
        let missing = self.in_flight.saturating_sub(self.open()) as u64;
        let first = self.started + 1;
        self.started += missing;
        let workflow = &self.workflow;
        let starts =
            (first..first + missing).map(|n| async move { (server.execute(workflow, n).await, n) });
        let mut starts = futures_util::stream::iter(starts).buffer_unordered(CONCURRENCY);
        while let Some((id, n)) = starts.next().await {
            self.accepted.extend(id.map(|id| (id, n)));
        }
    }

    /// Gets every execution that has not ended, and records those that have ended since.
    async fn record_ended(&mut self, server: &Server) {
        let open: Vec<String> = self.unfinished().map(|(id, _)| id.clone()).collect();
        for id in open {
            let Some(shown) = server.execution(&self.workflow, &id).await else { continue };
            if !matches!(shown["status"].as_str(), Some("PENDING" | "RUNNING")) {
                self.ended.insert(id);
            }
        }
    }
}

pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
