//! How many executions a second are committed, and what one takes on the disk.
//!
//! `cargo run --release -p stepwell-store-sqlite --example commit_rate [-- FOLDER]`; each execution
//! is the whole journal of three steps, in one commit.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use stepwell_core::execution::{Event, RecordedEvent, Status};
use stepwell_core::ids::{ExecutionId, NodeId, WorkflowId, WorkspaceId};
use stepwell_core::{Map, Timestamp};
use stepwell_store::commit::{Commit, RelatedExecutions};
use stepwell_store::record::ExecutionRecord;
use stepwell_store::traits::{Heartbeat, HeartbeatKind};
use stepwell_store::{ExecutionStore, NodeStore, StoreError};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SECONDS: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    println!("fsync alone: {:.0} µs", fsync_micros(&folder)?);
    for committers in [1, 8, 64, 256] {
        let file = folder.join(format!("commit-rate-{}-{committers}.db", std::process::id()));
        let measured = measure(&file, committers).await;
        std::fs::remove_file(&file)?;
        println!("{committers:>4} committers: {}", measured?);
    }
    Ok(())
}

fn fsync_micros(folder: &Path) -> Result<f64> {
    let path = folder.join(format!("fsync-{}", std::process::id()));
    let mut file = std::fs::File::create(&path)?;
    let begun = Instant::now();
    for _ in 0..200 {
        std::io::Write::write_all(&mut file, &[1; 4096])?;
        file.sync_data()?;
    }
    std::fs::remove_file(&path)?;
    Ok(begun.elapsed().as_secs_f64() * 1e6 / 200.0)
}

async fn measure(file: &Path, committers: usize) -> Result<String> {
    let store = Arc::new(SqliteStore::open(file, SqliteOptions::default())?);
    let node = NodeId::from_uuid(Uuid::now_v7());
    store
        .heartbeat(Heartbeat { node, now: Timestamp::default(), kind: HeartbeatKind::Join })
        .await?;
    let slowest = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..committers)
        .map(|_| {
            let (store, slowest) = (Arc::clone(&store), Arc::clone(&slowest));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while begun.elapsed() < SECONDS {
                    let commit = three_steps(node);
                    let start = Instant::now();
                    store.commit(commit.into()).await?;
                    latencies.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
                }
                slowest.fetch_max(latencies.iter().copied().max().unwrap_or(0), Ordering::Relaxed);
                Ok::<_, StoreError>(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    store.close().await;
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    Ok(format!(
        "{:>6.0}/s, p50 {} µs, p99 {} µs, slowest {} µs, {} bytes each",
        latencies.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        slowest.load(Ordering::Relaxed),
        file.metadata()?.len() / latencies.len() as u64
    ))
}

/// The dummy workflow of three steps, finished.
fn three_steps(node: NodeId) -> Commit {
    let id = ExecutionId::from_uuid(Uuid::now_v7());
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let now = Timestamp::default().after(now);
    let [hello, turned] = [json!("Hello, world!"), json!("!dlrow ,olleH")].map(Arc::new);
    let started = |step: u32, input: &Arc<_>| Event::StepStarted {
        step: step.into(),
        attempt: 1,
        input: Some(Arc::clone(input)),
        config: None,
        secrets: None,
    };
    let completed = |step: u32, output: &Arc<_>| Event::StepCompleted {
        step: step.into(),
        output: Arc::clone(output),
        port: None,
    };
    let events = [
        Event::accepted(json!({})),
        Event::Started,
        started(0, &hello),
        completed(0, &hello),
        started(1, &hello),
        completed(1, &turned),
        started(2, &turned),
        completed(2, &turned),
        Event::Completed { output: Arc::clone(&turned) },
    ];
    let recorded =
        |(seq, event)| RecordedEvent { seq, at: now.after(Duration::from_micros(seq * 7)), event };
    let record = ExecutionRecord {
        id,
        workspace: WorkspaceId::DEFAULT,
        workflow: WorkflowId::from_uuid(Uuid::from_u128(7)),
        release: 1,
        status: Status::Completed,
        seq: 9,
        created_at: now,
        started_at: Some(now.after(Duration::from_micros(7))),
        ended_at: Some(now.after(Duration::from_micros(63))),
        wake_at: None,
        owner: Some(node),
        external_id: None,
        metadata: Map::new(),
        webhook_url: None,
        callback_url: None,
        started_by: None,
        parent: None,
        concurrency: None,
    };
    let events = (1..).zip(events).map(recorded).collect();
    Commit {
        node,
        record,
        expected_seq: 0,
        events,
        deliveries: Vec::new(),
        audit: Vec::new(),
        idempotency: None,
        objects: None,
        related: RelatedExecutions::default(),
    }
}
