//! Executions under a concurrency limit while the server is killed: the limit holds, no place is
//! lost, and every acknowledged execution ends once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::json;
use stepwell_core::Timestamp;

use crate::server::Server;
use crate::setting;

/// How many executions are accepted in each round.
const STARTS: u64 = 12;
const LIMIT: u32 = 2;
/// How long all executions together may take to end after the last start.
const TIMEOUT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_concurrency_limit_holds() {
    let rounds = setting("STEPWELL_CRASH_ROUNDS", 6);
    let mut random = setting("STEPWELL_CRASH_SEED", u64::from(std::process::id()));
    println!("rounds {rounds}, seed {random}");
    let mut server = Server::new();
    server.start().await;
    let workflow = server
        .create(&json!({
            "name": "limited",
            "inputs": {"n": "integer"},
            "concurrency": {"limit": LIMIT, "key": "{{ inputs.n % 3 }}"},
            "steps": [
                {"type": "Delay", "config": {"for": "{{ (inputs.n % 5) * 0.02 + 0.01 }}"}},
                {"type": "Echo", "input": "{{ inputs.n }}"},
            ],
        }))
        .await;
    let mut accepted: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..rounds {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let first = round * STARTS;
        for n in first..first + STARTS {
            accepted.extend(server.execute(&workflow, n).await.map(|id| (id, n)));
        }
        tokio::time::sleep(Duration::from_millis((random >> 33) % 300)).await;
        server.kill();
        server.start().await;
    }
    let deadline = Instant::now() + TIMEOUT;
    let mut open: BTreeSet<&String> = accepted.keys().collect();
    // For each key, when executions started and ended.
    let mut times: BTreeMap<u64, Vec<(Timestamp, bool)>> = BTreeMap::new();
    while let Some(id) = open.first().copied() {
        assert!(Instant::now() < deadline, "{} have not ended", open.len());
        let Some(shown) = server.execution(&workflow, id).await else { continue };
        if matches!(shown["status"].as_str(), Some("PENDING" | "RUNNING")) {
            continue;
        }
        assert_eq!(shown["output"], accepted[id], "{shown:#}");
        let time = |field: &str| Timestamp::parse(shown[field].as_str().unwrap()).unwrap();
        let of_key = times.entry(accepted[id] % 3).or_default();
        of_key.extend([(time("started_at"), true), (time("completed_at"), false)]);
        assert_eq!(server.final_events(&workflow, id).await, 1, "{id}");
        open.remove(id);
    }
    for (key, mut times) in times {
        times.sort_unstable();
        let running = times.iter().scan(0, |running, (_, starts)| {
            *running = if *starts { *running + 1 } else { *running - 1 };
            Some(*running)
        });
        let most = running.max().unwrap();
        assert!(most <= LIMIT, "{most} of key {key} at the same time");
    }
    println!("{} executions, all ended once", accepted.len());
}
