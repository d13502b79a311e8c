//! Schedules that fire every second while the server is killed: no firing is lost, and none has two
//! executions.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::WorkspaceId;
use stepwell_store::ExecutionStore;
use stepwell_store::lists::{ExecutionFilter, List};
use stepwell_store::record::ExecutionRecord;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::load::setting;
use crate::server::Server;

const SCHEDULES: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_firing_has_one_execution() {
    let rounds = setting("STEPWELL_CRASH_ROUNDS", 6);
    let mut random = setting("STEPWELL_CRASH_SEED", u64::from(std::process::id()));
    println!("rounds {rounds}, seed {random}");
    let mut server = Server::new();
    server.start().await;
    let steps = json!([{"type": "StaticTextInput", "input": "x"}]);
    let workflow = server.create(&json!({"name": "scheduled", "steps": steps})).await;
    let schedules = format!("/api/v1/workflows/{workflow}/schedules");
    for n in 0..SCHEDULES {
        let body = json!({
            "name": format!("each second {n}"),
            "schedule_type": "cron",
            "cron_expression": "* * * * * *",
            "misfire_policy": "run_all",
            "overlap_policy": if n % 2 == 0 { "allow" } else { "queue" },
        });
        let (status, response) = server.post(&schedules, &body).await;
        assert_eq!(status, 201, "{response:#}");
    }
    for _ in 0..rounds {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Around the full second, when they fire.
        tokio::time::sleep(Duration::from_millis(600 + (random >> 33) % 900)).await;
        server.kill();
        server.start().await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (status, paused) =
        server.post("/api/v1/workflow_schedules/pause", &json!({"all": true})).await;
    assert_eq!((status, &paused["data"]["changed"]), (200, &json!(SCHEDULES)), "{paused:#}");
    // Executions in progress end.
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.kill();
    let executions = stored_executions(&server.database()).await;
    let mut fired = BTreeMap::<String, Vec<i64>>::new();
    for execution in &executions {
        assert_eq!(execution.status, Status::Completed, "{execution:?}");
        let label = |name: &str| execution.metadata[name].as_str().unwrap().to_owned();
        let at = Timestamp::parse(&label("scheduled_at")).unwrap();
        fired.entry(label("schedule_id")).or_default().push(at.as_millis() / 1000);
    }
    assert_eq!(fired.len(), SCHEDULES);
    for (schedule, mut seconds) in fired {
        seconds.sort_unstable();
        let gaps: Vec<i64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap == 1), "{schedule}: lost or repeated: {seconds:?}");
        assert!(seconds.len() as u64 > rounds, "{schedule}: {seconds:?}");
    }
}

/// All executions of a database that no server uses.
async fn stored_executions(path: &Path) -> Vec<ExecutionRecord> {
    let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
    let all = List::first_page(ExecutionFilter::default(), usize::MAX);
    store.list_executions(WorkspaceId::DEFAULT, all).await.unwrap().items
}
