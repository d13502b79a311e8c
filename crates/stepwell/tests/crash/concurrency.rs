//! Executions under a concurrency limit while the server is killed: the limit holds, no place is
//! lost, and every acknowledged execution ends once.

use std::collections::BTreeMap;

use serde_json::json;
use stepwell_core::Timestamp;

use crate::load::{Kills, Load};
use crate::server::Server;

/// How many acknowledged executions are kept in flight.
const IN_FLIGHT: usize = 30;
const LIMIT: u32 = 2;
const KEYS: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_concurrency_limit_holds() {
    let mut server = Server::new();
    server.start().await;
    let workflow = server
        .create(&json!({
            "name": "limited",
            "inputs": {"n": "integer"},
            "concurrency": {"limit": LIMIT, "key": format!("{{{{ inputs.n % {KEYS} }}}}")},
            "steps": [
                {"type": "Delay", "config": {"for": "{{ (inputs.n % 5) * 0.02 + 0.01 }}"}},
                {"type": "Echo", "input": "{{ inputs.n }}"},
            ],
        }))
        .await;
    let mut load = Load::new(workflow, IN_FLIGHT);
    load.run(&mut server, Kills::new(6, (30, 600)), async |_, _| {}).await;
    // For each key, when executions started and ended.
    let mut times: BTreeMap<u64, Vec<(Timestamp, bool)>> = BTreeMap::new();
    for (id, n) in &load.accepted {
        let shown = server.execution(&load.workflow, id).await.unwrap();
        assert_eq!(shown["output"], *n, "{shown:#}");
        let time = |field: &str| Timestamp::parse(shown[field].as_str().unwrap()).unwrap();
        let of_key = times.entry(n % KEYS).or_default();
        of_key.extend([(time("completed_at"), false), (time("started_at"), true)]);
        assert_eq!(server.final_events(&load.workflow, id).await, 1, "{id}");
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
    println!("{} executions, all ended once", load.accepted.len());
}
