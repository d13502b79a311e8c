//! The latency of lists over a million executions.
//!
//! The executions are written directly into the store, since only their rows matter. The lists are
//! requested from the real server, one at a time, and the whole round trip is measured.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stepwell_core::execution::{Event, Failure, RecordedEvent, Status};
use stepwell_core::ids::{ExecutionId, NodeId, WorkflowId, WorkspaceId};
use stepwell_core::{Map, Timestamp};
use stepwell_store::commit::{Commit, RelatedExecutions};
use stepwell_store::record::ExecutionRecord;
use stepwell_store::traits::{Heartbeat, HeartbeatKind};
use stepwell_store::{ExecutionStore, NodeStore};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use uuid::Uuid;

use crate::server::Server;

/// The default number of executions.
pub const EXECUTIONS: u64 = 1_000_000;

/// The limit for the median of a list.
const MAX_MEDIAN: Duration = Duration::from_millis(60);

/// How often each list is requested.
const REPETITIONS: usize = 20;

/// How many workflows the executions belong to: half of them to the first.
const WORKFLOWS: u64 = 8;

/// The number of concurrent writers.
const WRITERS: u64 = 256;

/// The time of the first execution, 2026-01-01, in microseconds.
const FIRST_MICROS: i64 = 1_767_225_600_000_000;

/// The number of executions and their distance in time.
#[derive(Debug, Clone, Copy)]
pub struct Distribution {
    pub executions: u64,
    /// The time between two executions, in microseconds.
    pub gap_micros: i64,
}

/// Writes the executions and prints the latency of each list.
pub fn run(binary: &Path, distribution: Distribution) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(binary, folder.path())?;
    let workflows: Vec<WorkflowId> = (0..WORKFLOWS)
        .map(|_| Ok(server.create_seed_workflow()?.parse()?))
        .collect::<Result<_>>()?;
    drop(server.stop()?);
    let start = Instant::now();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(fill(&folder.path().join("data/stepwell.db"), &workflows, distribution))?;
    let rate = distribution.executions as f64 / start.elapsed().as_secs_f64();
    println!(
        "{} executions written, {rate:.0}/s, {} µs apart",
        distribution.executions, distribution.gap_micros
    );

    let server = Server::start(binary, folder.path())?;
    println!("{:<72} {:>9} {:>9} {:>9}", "list", "total", "p50 ms", "worst ms");
    let mut slow = Vec::new();
    for query in queries(&workflows, distribution) {
        let (total, latencies) = measure(&server, &query)?;
        let expect = expected_total(&query, &workflows, distribution);
        ensure!(total == expect, "{query:?}: {total} items are reported, {expect} exist");
        let (p50, worst) = (latencies[latencies.len() / 2], latencies[latencies.len() - 1]);
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        println!("{:<72} {total:>9} {:>9.2} {:>9.2}", query.describe(), millis(p50), millis(worst));
        if p50 > MAX_MEDIAN {
            slow.push(query.describe());
        }
    }
    ensure!(slow.is_empty(), "slower than {MAX_MEDIAN:?}: {slow:?}");
    Ok(())
}

/// Seven of eight have completed; the others have failed, are cancelled or paused.
fn status(n: u64) -> Status {
    match n % 64 {
        0..=4 => Status::Failed,
        5 | 6 => Status::Cancelled,
        7 => Status::Paused,
        _ => Status::Completed,
    }
}

/// The index of its workflow.
fn workflow_index(n: u64) -> usize {
    let n = n / 64;
    if n.is_multiple_of(2) { 0 } else { 1 + (n / 2 % (WORKFLOWS - 1)) as usize }
}

fn created_at(n: u64, distribution: Distribution) -> Timestamp {
    Timestamp::from_micros(FIRST_MICROS + n.cast_signed() * distribution.gap_micros)
}

async fn fill(file: &Path, workflows: &[WorkflowId], distribution: Distribution) -> Result<()> {
    let store = Arc::new(SqliteStore::open(file, SqliteOptions::default())?);
    let node = NodeId::from_uuid(Uuid::now_v7());
    let now = Timestamp::from_micros(FIRST_MICROS);
    store.heartbeat(Heartbeat { node, now, kind: HeartbeatKind::Join }).await?;
    let writers = (0..WRITERS).map(|writer| {
        let (store, workflows) = (store.clone(), workflows.to_vec());
        tokio::spawn(async move {
            for n in (writer..distribution.executions).step_by(WRITERS as usize) {
                store
                    .commit(commit(n, node, workflows[workflow_index(n)], distribution).into())
                    .await?;
            }
            anyhow::Ok(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    store.heartbeat(Heartbeat { node, now, kind: HeartbeatKind::Leave }).await?;
    store.close().await;
    Ok(())
}

fn commit(n: u64, node: NodeId, workflow: WorkflowId, distribution: Distribution) -> Commit {
    let (status, at) = (status(n), created_at(n, distribution));
    let ended = at.after(Duration::from_millis(2));
    let mut events = vec![Event::accepted(json!({})), Event::Started];
    events.push(match status {
        Status::Completed => Event::Completed { output: Arc::new(json!({"n": n})) },
        Status::Failed => Event::Failed { error: Failure::new("NO_LUCK", "no luck") },
        Status::Cancelled => Event::Cancelled { reason: None },
        _ => Event::Paused,
    });
    let events: Vec<RecordedEvent> =
        (1..).zip(events).map(|(seq, event)| RecordedEvent { seq, at, event }).collect();
    let record = ExecutionRecord {
        id: ExecutionId::from_uuid(Uuid::now_v7()),
        workspace: WorkspaceId::DEFAULT,
        workflow,
        release: 1,
        status,
        seq: events.len() as u64,
        created_at: at,
        started_at: Some(at),
        ended_at: status.is_final().then_some(ended),
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
    let deliveries = Vec::new();
    Commit {
        node,
        record,
        expected_seq: 0,
        events,
        deliveries,
        audit: Vec::new(),
        idempotency: None,
        objects: None,
        related: RelatedExecutions::default(),
    }
}

/// A list request.
#[derive(Debug, Clone)]
struct Query {
    workflow: Option<WorkflowId>,
    status: Option<(&'static str, Status)>,
    /// The indexes of the first and the last execution.
    range: Option<(u64, u64)>,
    dates: Option<(Timestamp, Timestamp)>,
    page: u64,
    page_size: u64,
}

impl Query {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut all =
            vec![("page", self.page.to_string()), ("page_size", self.page_size.to_string())];
        all.extend(self.workflow.map(|id| ("workflow_id", id.abi())));
        all.extend(self.status.map(|(name, _)| ("status", name.to_owned())));
        if let Some((from, until)) = self.dates {
            all.push(("start_date", from.to_string()));
            all.push(("end_date", until.to_string()));
        }
        all
    }

    fn describe(&self) -> String {
        let filters: Vec<&str> = [
            self.workflow.map(|_| "workflow"),
            self.status.map(|(name, _)| name),
            self.range.map(|_| "dates"),
        ]
        .into_iter()
        .flatten()
        .collect();
        format!("page {} of {}, by {}", self.page, self.page_size, filters.join(", "))
    }
}

fn queries(workflows: &[WorkflowId], distribution: Distribution) -> Vec<Query> {
    let last = distribution.executions - 1;
    // Both ends are inside a bucket of the counts.
    let middle = (distribution.executions / 20 + 7, last - distribution.executions / 30 - 3);
    let mut all = Vec::new();
    for (workflow, status, range) in [
        (true, Some(("completed", Status::Completed)), Some(middle)),
        (true, Some(("failed", Status::Failed)), Some(middle)),
        (true, Some(("paused", Status::Paused)), Some(middle)),
        (true, None, Some(middle)),
        (false, Some(("completed", Status::Completed)), Some(middle)),
        (false, None, None),
        (true, None, None),
    ] {
        for (page, page_size) in [(1, 10), (1, 100), (1000, 10), (1000, 100), (3000, 100)] {
            all.push(Query {
                workflow: workflow.then(|| workflows[0]),
                status,
                range,
                dates: range
                    .map(|(a, b)| (created_at(a, distribution), created_at(b, distribution))),
                page,
                page_size,
            });
        }
    }
    all
}

fn expected_total(query: &Query, workflows: &[WorkflowId], distribution: Distribution) -> u64 {
    let (first, last) = query.range.unwrap_or((0, distribution.executions - 1));
    let matches = |n: &u64| {
        query.workflow.is_none_or(|id| workflows[workflow_index(*n)] == id)
            && query.status.is_none_or(|(_, expected)| status(*n) == expected)
    };
    (first..=last).filter(matches).count() as u64
}

/// The total, and the sorted latencies of the requests.
fn measure(server: &Server, query: &Query) -> Result<(u64, Vec<Duration>)> {
    let mut latencies = Vec::with_capacity(REPETITIONS);
    let mut total = 0;
    for _ in 0..REPETITIONS {
        let start = Instant::now();
        let response: Value = server.get("/api/v1/workflow_executions", &query.parameters())?;
        latencies.push(start.elapsed());
        let pagination = &response["data"]["pagination"];
        total = pagination["total_items"].as_u64().with_context(|| response.to_string())?;
        let remaining = total.saturating_sub((query.page - 1) * query.page_size);
        let items = response["data"]["items"].as_array().map_or(0, Vec::len) as u64;
        ensure!(items == remaining.min(query.page_size), "{query:?}: a page of {items}");
    }
    latencies.sort_unstable();
    Ok((total, latencies))
}
