//! What schedules cost while they sleep, and how late they fire.
//!
//! Two servers run side by side: one with schedules that fire in a year or later, one without any.
//! Both are idle but for what is measured. A firing counts when the request that its execution
//! sends arrives here, so whatever lies between the moment and the effect is part of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use axum::extract::State;
use serde_json::json;
use stepwell_core::ids::{ScheduleId, WorkflowId, WorkspaceId};
use stepwell_core::schedule::{Policies, Progress, Timing};
use stepwell_core::{Map, Timestamp};
use stepwell_store::schedules::{CreateSchedule, ScheduleRecord};
use stepwell_store::{Effects, ScheduleStore};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::server::Server;
use crate::{Row, print};

/// How many sleep by default.
pub const SLEEPING: u64 = 100_000;

/// How long the servers are watched while nothing happens.
const WINDOW: Duration = Duration::from_secs(30);

/// What a server has to itself after its start before it is watched.
const SETTLE: Duration = Duration::from_secs(5);

/// How many firings are timed.
const FIRINGS: u64 = 100;

/// How far ahead the first of them is: enough to create them all.
const AHEAD: Duration = Duration::from_secs(10);

/// The latest that a firing may be.
const WANTED: Duration = Duration::from_millis(100);

/// How many writes are under way at once.
const WRITERS: u64 = 256;

/// How much more the sleeping ones may cost than none: CPU in the window, and memory.
const MORE_CPU: Duration = Duration::from_millis(100);
const MORE_MEMORY_MB: f64 = 10.0;

/// Makes the schedules, and prints what they cost and how late others fire beside them.
pub fn run(binary: &Path, sleeping: u64) -> Result<()> {
    let runtime = Runtime::new()?;
    let (with, without) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let server = Server::start(binary, with.path())?;
    let workflow: WorkflowId = server.create_seed_workflow()?.parse()?;
    drop(server.stop()?);
    let began = Instant::now();
    runtime.block_on(fill(&with.path().join("data/stepwell.db"), workflow, sleeping))?;
    let rate = sleeping as f64 / began.elapsed().as_secs_f64();
    println!("{sleeping} schedules written, {rate:.0}/s");

    let with = Server::start(binary, with.path())?;
    let without = Server::start(binary, without.path())?;
    let mut rows = Vec::new();
    let mut missed = Vec::new();
    let mut row = |what, value: String, wanted| rows.push(Row { what, value, wanted });
    let listed = with.get("/api/v1/workflow_schedules", &[])?;
    let total = listed["data"]["pagination"]["total_items"].as_u64();
    ensure!(total == Some(sleeping), "{sleeping} schedules were written, listed are {total:?}");
    row(
        "start to ready: with, without",
        pair(&with, &without, |s| s.ready_after.as_secs_f64()),
        "",
    );

    std::thread::sleep(SETTLE);
    let (cpu_with, cpu_without) = (with.cpu()?, without.cpu()?);
    std::thread::sleep(WINDOW);
    let cpu_with = with.cpu()?.saturating_sub(cpu_with);
    let cpu_without = without.cpu()?.saturating_sub(cpu_without);
    let seconds = |cpu: Duration| format!("{:.2} s", cpu.as_secs_f64());
    row("CPU of 30 idle s, with schedules", seconds(cpu_with), "as without");
    row("CPU of 30 idle s, without", seconds(cpu_without), "");
    if cpu_with > cpu_without + MORE_CPU {
        missed.push("sleeping schedules cost CPU");
    }
    let (memory_with, memory_without) = (with.memory_mb()?, without.memory_mb()?);
    row("idle memory, with schedules", format!("{memory_with:.1} MB"), "as without");
    row("idle memory, without", format!("{memory_without:.1} MB"), "");
    if memory_with > memory_without + MORE_MEMORY_MB {
        missed.push("sleeping schedules cost memory");
    }

    let arrivals = Arrivals::listen(&runtime)?;
    for (what, server, apart) in [
        ("late: one each 100 ms, without", &without, Duration::from_millis(100)),
        ("late: one each 100 ms, with", &with, Duration::from_millis(100)),
        ("late: 100 at one moment, without", &without, Duration::ZERO),
        ("late: 100 at one moment, with", &with, Duration::ZERO),
    ] {
        let late = arrivals.lateness(server, apart)?;
        row(what, late.told(), "max <= 100 ms");
        if late.max() > WANTED {
            missed.push("firings are late");
        }
    }
    print(&rows);
    ensure!(missed.is_empty(), "{missed:?}");
    Ok(())
}

fn pair(with: &Server, without: &Server, what: impl Fn(&Server) -> f64) -> String {
    format!("{:.3}, {:.3} s", what(with), what(without))
}

fn now() -> Result<Timestamp> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp::from_micros(i64::try_from(since.as_micros())?))
}

async fn fill(file: &Path, workflow: WorkflowId, sleeping: u64) -> Result<()> {
    let store = Arc::new(SqliteStore::open(file, SqliteOptions::default())?);
    let now = now()?;
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (writer..sleeping).step_by(WRITERS as usize) {
                let schedule = sleeper(n, workflow, now);
                let create = CreateSchedule { schedule, effects: Effects::default() };
                store.create_schedule(create).await?;
            }
            anyhow::Ok(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    store.close().await;
    Ok(())
}

/// A schedule that fires in a year or later, each at its own minute.
fn sleeper(n: u64, workflow: WorkflowId, now: Timestamp) -> ScheduleRecord {
    let at = now.after(Duration::from_secs(365 * 86_400 + n * 60));
    ScheduleRecord {
        id: ScheduleId::from_uuid(Uuid::now_v7()),
        workspace: WorkspaceId::DEFAULT,
        workflow,
        name: format!("sleeper {n}"),
        description: None,
        timing: Timing::FixedTime { at },
        timezone: "UTC".to_owned(),
        parameters: Map::new(),
        enabled: true,
        paused_with: None,
        policies: Policies::default(),
        anchor: now,
        progress: Progress { next_at: Some(at), ..Progress::default() },
        look_at: Some(at),
        last_execution: None,
        version: 1,
        created_by: None,
        created_at: now,
        updated_at: now,
    }
}

/// What arrives here: the number of a firing, and when.
struct Arrivals {
    url: String,
    arrived: Receiver<(u64, Timestamp)>,
}

async fn arrive(
    State(arrivals): State<Sender<(u64, Timestamp)>>,
    body: Bytes,
) -> Result<(), String> {
    let at = now().map_err(|error| error.to_string())?;
    let n = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    arrivals.send((n, at)).map_err(|error| error.to_string())
}

impl Arrivals {
    fn listen(runtime: &Runtime) -> Result<Self> {
        let (sender, arrived) = channel();
        let app = axum::Router::new().route("/", axum::routing::post(arrive)).with_state(sender);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}/", listener.local_addr()?);
        runtime.spawn(axum::serve(listener, app).into_future());
        Ok(Self { url, arrived })
    }

    /// Has schedules fire so far apart, and waits until each has, exactly once.
    fn lateness(&self, server: &Server, apart: Duration) -> Result<Lateness> {
        let workflow = server.create(&json!({"name": "tell", "inputs": {"n": "integer"},
            "steps": [{"type": "HttpRequest", "input": "{{ inputs.n }}",
                "config": {"method": "POST", "url": self.url}}]}))?;
        let first = now()?.after(AHEAD);
        let mut due = BTreeMap::new();
        for n in 0..FIRINGS {
            let at = first.after(apart * u32::try_from(n)?);
            due.insert(n, at);
            let body = json!({"name": format!("firing {n}"), "schedule_type": "fixed_time",
                "execution_time": at.to_string(), "parameters": {"n": n}});
            let path = format!("/api/v1/workflows/{workflow}/schedules");
            let made = server.post(&path, &body)?;
            ensure!(made["status"] == "success", "{made}");
        }
        ensure!(now()? < first, "the schedules could not be created before they were due");
        let mut late = Vec::new();
        while !due.is_empty() {
            let patience = AHEAD + apart * u32::try_from(FIRINGS)? + Duration::from_secs(30);
            let (n, at) = self.arrived.recv_timeout(patience).context("a firing did not come")?;
            let was = due.remove(&n).with_context(|| format!("firing {n} came twice"))?;
            ensure!(at >= was, "firing {n} came at {at}, before {was}");
            late.push(at.since(was));
        }
        ensure!(self.arrived.recv_timeout(Duration::from_secs(1)).is_err(), "a firing came twice");
        late.sort_unstable();
        Ok(Lateness(late))
    }
}

/// How late each was, the most punctual first.
struct Lateness(Vec<Duration>);

impl Lateness {
    fn max(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    fn told(&self) -> String {
        let at = |percent: usize| self.0[(self.0.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        format!("p50 {:.1} p99 {:.1} max {:.1} ms", at(50), at(99), at(100))
    }
}
