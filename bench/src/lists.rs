//! How long lists take over a million executions.
//!
//! The executions are written straight into the store, since only their rows matter here; the
//! lists are asked of the real server, one after the other, and the whole round trip is measured.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stepwell_core::execution::{Event, Failure, Recorded, Status};
use stepwell_core::ids::{ExecutionId, NodeId, WorkflowId, WorkspaceId};
use stepwell_core::{Map, Timestamp};
use stepwell_store::commit::Commit;
use stepwell_store::record::ExecutionRecord;
use stepwell_store::{ExecutionStore, NodeStore};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use uuid::Uuid;

use crate::server::Server;

/// How many there are by default.
pub const EXECUTIONS: u64 = 1_000_000;

/// The slowest that a list may be.
const WANTED: Duration = Duration::from_millis(60);

/// How often each list is asked for.
const TIMES: usize = 20;

/// How many workflows share the executions: the first has half of them.
const WORKFLOWS: u64 = 8;

/// How many writes are under way at once.
const WRITERS: u64 = 256;

/// The first moment: 2026-01-01.
const FROM: i64 = 1_767_225_600_000_000;

/// How the executions are spread.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub executions: u64,
    /// Between one and the next, in microseconds.
    pub gap: i64,
}

/// Makes the executions, and prints how long each list takes.
pub fn run(binary: &Path, spread: Spread) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(binary, folder.path())?;
    let workflows: Vec<WorkflowId> = (0..WORKFLOWS)
        .map(|_| Ok(server.create_seed_workflow()?.parse()?))
        .collect::<Result<_>>()?;
    drop(server.stop()?);
    let began = Instant::now();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(fill(&folder.path().join("data/stepwell.db"), &workflows, spread))?;
    let rate = spread.executions as f64 / began.elapsed().as_secs_f64();
    println!("{} executions written, {rate:.0}/s, {} µs apart", spread.executions, spread.gap);

    let server = Server::start(binary, folder.path())?;
    println!("{:<72} {:>9} {:>9} {:>9}", "list", "total", "p50 ms", "worst ms");
    let mut slow = Vec::new();
    for query in queries(&workflows, spread) {
        let (total, took) = ask(&server, &query)?;
        let expect = expected(&query, &workflows, spread);
        ensure!(total == expect, "{query:?}: {total} items are told, there are {expect}");
        let (p50, worst) = (took[took.len() / 2], took[took.len() - 1]);
        let millis = |took: Duration| took.as_secs_f64() * 1000.0;
        println!("{:<72} {total:>9} {:>9.2} {:>9.2}", query.told(), millis(p50), millis(worst));
        if p50 > WANTED {
            slow.push(query.told());
        }
    }
    ensure!(slow.is_empty(), "slower than {WANTED:?}: {slow:?}");
    Ok(())
}

/// Seven of eight have completed, the others failed, were cancelled, or wait.
fn status(n: u64) -> Status {
    match n % 64 {
        0..=4 => Status::Failed,
        5 | 6 => Status::Cancelled,
        7 => Status::Paused,
        _ => Status::Completed,
    }
}

/// The place of its workflow.
fn workflow(n: u64) -> usize {
    let n = n / 64;
    if n.is_multiple_of(2) { 0 } else { 1 + (n / 2 % (WORKFLOWS - 1)) as usize }
}

fn created(n: u64, spread: Spread) -> Timestamp {
    Timestamp::from_micros(FROM + n.cast_signed() * spread.gap)
}

async fn fill(file: &Path, workflows: &[WorkflowId], spread: Spread) -> Result<()> {
    let store = Arc::new(SqliteStore::open(file, SqliteOptions::default())?);
    let node = NodeId::from_uuid(Uuid::now_v7());
    store.join_node(node, Timestamp::from_micros(FROM)).await?;
    let writers = (0..WRITERS).map(|writer| {
        let (store, workflows) = (store.clone(), workflows.to_vec());
        tokio::spawn(async move {
            for n in (writer..spread.executions).step_by(WRITERS as usize) {
                store.commit(commit(n, node, workflows[workflow(n)], spread)).await?;
            }
            anyhow::Ok(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    store.leave(node).await?;
    store.close().await;
    Ok(())
}

fn commit(n: u64, node: NodeId, workflow: WorkflowId, spread: Spread) -> Commit {
    let (status, at) = (status(n), created(n, spread));
    let ended = at.after(Duration::from_millis(2));
    let mut events = vec![Event::accepted(json!({})), Event::Started];
    events.push(match status {
        Status::Completed => Event::Completed { output: Arc::new(json!({"n": n})) },
        Status::Failed => Event::Failed { error: Failure::new("NO_LUCK", "no luck") },
        Status::Cancelled => Event::Cancelled { reason: None },
        _ => Event::Paused,
    });
    let events: Vec<Recorded> =
        (1..).zip(events).map(|(seq, event)| Recorded { seq, at, event }).collect();
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
        schedule: None,
    }
}

/// A list to ask for.
#[derive(Debug, Clone)]
struct Query {
    workflow: Option<WorkflowId>,
    status: Option<(&'static str, Status)>,
    /// Both ends included, by the place of an execution.
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

    fn told(&self) -> String {
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

fn queries(workflows: &[WorkflowId], spread: Spread) -> Vec<Query> {
    let last = spread.executions - 1;
    // Neither end of it is the beginning or end of anything.
    let middle = (spread.executions / 20 + 7, last - spread.executions / 30 - 3);
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
                dates: range.map(|(a, b)| (created(a, spread), created(b, spread))),
                page,
                page_size,
            });
        }
    }
    all
}

fn expected(query: &Query, workflows: &[WorkflowId], spread: Spread) -> u64 {
    let (first, last) = query.range.unwrap_or((0, spread.executions - 1));
    let wanted = |n: &u64| {
        query.workflow.is_none_or(|id| workflows[workflow(*n)] == id)
            && query.status.is_none_or(|(_, wanted)| status(*n) == wanted)
    };
    (first..=last).filter(wanted).count() as u64
}

/// The total, and how long each request took, the shortest first.
fn ask(server: &Server, query: &Query) -> Result<(u64, Vec<Duration>)> {
    let mut took = Vec::with_capacity(TIMES);
    let mut total = 0;
    for _ in 0..TIMES {
        let asked = Instant::now();
        let answer: Value = server.get("/api/v1/workflow_executions", &query.parameters())?;
        took.push(asked.elapsed());
        let pagination = &answer["data"]["pagination"];
        total = pagination["total_items"].as_u64().with_context(|| answer.to_string())?;
        let left = total.saturating_sub((query.page - 1) * query.page_size);
        let items = answer["data"]["items"].as_array().map_or(0, Vec::len) as u64;
        ensure!(items == left.min(query.page_size), "{query:?}: a page of {items}");
    }
    took.sort_unstable();
    Ok((total, took))
}
