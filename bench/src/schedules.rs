//! The cost of idle schedules, and the lateness of firings.
//!
//! Two servers run concurrently: one with schedules that fire in a year or later, one without any.
//! The lateness of a firing ends when the request of its execution arrives here, so it includes the
//! start of the execution and its step.

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
use stepwell_core::schedule::{SchedulePolicies, ScheduleProgress, ScheduleTiming};
use stepwell_core::{Map, Timestamp};
use stepwell_engine::objects::Object;
use stepwell_engine::schedule::Schedule;
use stepwell_store::objects::ObjectBatch;
use stepwell_store::{Effects, ObjectStore};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::server::Server;
use crate::{Row, print};

/// The default number of idle schedules.
pub const IDLE_SCHEDULES: u64 = 100_000;

/// How long the idle servers are measured.
const WINDOW: Duration = Duration::from_secs(30);

/// The time between the start of the servers and the measurement.
const SETTLE: Duration = Duration::from_secs(5);

/// How many firings are timed.
const FIRINGS: u64 = 100;

/// How far ahead the first firing is: long enough to create all schedules.
const LEAD_TIME: Duration = Duration::from_secs(10);

/// The limit for the lateness of a firing.
const MAX_LATENESS: Duration = Duration::from_millis(100);

/// The number of concurrent writers.
const WRITERS: u64 = 256;

/// How much more CPU time in the window, and memory, the server with schedules may use.
const MAX_EXTRA_CPU: Duration = Duration::from_millis(100);
const MAX_EXTRA_MEMORY_MB: f64 = 10.0;

/// Writes the schedules, and prints their cost and the lateness of other firings.
pub fn run(binary: &Path, idle: u64) -> Result<()> {
    let runtime = Runtime::new()?;
    let (with, without) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let server = Server::start(binary, with.path())?;
    let workflow: WorkflowId = server.create_seed_workflow()?.parse()?;
    drop(server.stop()?);
    let start = Instant::now();
    runtime.block_on(fill(&with.path().join("data/stepwell.db"), workflow, idle))?;
    let rate = idle as f64 / start.elapsed().as_secs_f64();
    println!("{idle} schedules written, {rate:.0}/s");

    let with = Server::start(binary, with.path())?;
    let without = Server::start(binary, without.path())?;
    let mut rows = Vec::new();
    let mut violations = Vec::new();
    let mut row = |name, value: String, target| rows.push(Row { name, value, target });
    let listed = with.get("/api/v1/workflow_schedules", &[])?;
    let total = listed["data"]["pagination"]["total_items"].as_u64();
    ensure!(total == Some(idle), "{idle} schedules were written, {total:?} are listed");
    row(
        "start to ready: with, without",
        pair(&with, &without, |s| s.ready_after.as_secs_f64()),
        "",
    );

    std::thread::sleep(SETTLE);
    let (cpu_with, cpu_without) = (with.cpu_time()?, without.cpu_time()?);
    std::thread::sleep(WINDOW);
    let cpu_with = with.cpu_time()?.saturating_sub(cpu_with);
    let cpu_without = without.cpu_time()?.saturating_sub(cpu_without);
    let seconds = |cpu: Duration| format!("{:.2} s", cpu.as_secs_f64());
    row("CPU of 30 idle s, with schedules", seconds(cpu_with), "as without");
    row("CPU of 30 idle s, without", seconds(cpu_without), "");
    if cpu_with > cpu_without + MAX_EXTRA_CPU {
        violations.push("idle schedules use CPU time");
    }
    let (memory_with, memory_without) = (with.memory_mb()?, without.memory_mb()?);
    row("idle memory, with schedules", format!("{memory_with:.1} MB"), "as without");
    row("idle memory, without", format!("{memory_without:.1} MB"), "");
    if memory_with > memory_without + MAX_EXTRA_MEMORY_MB {
        violations.push("idle schedules use memory");
    }

    let arrivals = Arrivals::listen(&runtime)?;
    for (name, server, interval) in [
        ("lateness: one per 100 ms, without", &without, Duration::from_millis(100)),
        ("lateness: one per 100 ms, with", &with, Duration::from_millis(100)),
        ("lateness: 100 at once, without", &without, Duration::ZERO),
        ("lateness: 100 at once, with", &with, Duration::ZERO),
    ] {
        let late = arrivals.measure_lateness(server, interval)?;
        row(name, late.describe(), "max <= 100 ms");
        if late.max() > MAX_LATENESS {
            violations.push("firings are late");
        }
    }
    print(&rows);
    ensure!(violations.is_empty(), "{violations:?}");
    Ok(())
}

fn pair(with: &Server, without: &Server, value: impl Fn(&Server) -> f64) -> String {
    format!("{:.3}, {:.3} s", value(with), value(without))
}

fn now() -> Result<Timestamp> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp::from_micros(i64::try_from(since.as_micros())?))
}

async fn fill(file: &Path, workflow: WorkflowId, count: u64) -> Result<()> {
    let store = Arc::new(SqliteStore::open(file, SqliteOptions::default())?);
    let now = now()?;
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (writer..count).step_by(WRITERS as usize) {
                let schedule = idle_schedule(n, workflow, now).to_stored()?;
                store.write_objects(ObjectBatch::put(schedule, Effects::default())).await?;
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
fn idle_schedule(n: u64, workflow: WorkflowId, now: Timestamp) -> Object<Schedule> {
    let at = now.after(Duration::from_secs(365 * 86_400 + n * 60));
    let document = Schedule {
        workflow,
        name: format!("idle {n}"),
        description: None,
        timing: ScheduleTiming::FixedTime { at },
        timezone: "UTC".to_owned(),
        parameters: Map::new(),
        release_tag: None,
        enabled: true,
        paused_with: None,
        policies: SchedulePolicies::default(),
        anchor: now,
        progress: ScheduleProgress { next_at: Some(at), ..ScheduleProgress::default() },
        due_at: Some(at),
        last_execution: None,
        created_by: None,
    };
    Object::new(ScheduleId::from_uuid(Uuid::now_v7()), WorkspaceId::DEFAULT, now, document)
}

/// Receives the requests of firings: the number of the firing, and the time.
struct Arrivals {
    url: String,
    arrived: Receiver<(u64, Timestamp)>,
}

async fn record_arrival(
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
        let app =
            axum::Router::new().route("/", axum::routing::post(record_arrival)).with_state(sender);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}/", listener.local_addr()?);
        runtime.spawn(axum::serve(listener, app).into_future());
        Ok(Self { url, arrived })
    }

    /// Creates schedules that fire at this interval, and waits until each has fired exactly once.
    fn measure_lateness(&self, server: &Server, interval: Duration) -> Result<Lateness> {
        let workflow = server.create(&json!({"name": "notify", "inputs": {"n": "integer"},
            "steps": [{"type": "HttpRequest", "input": "{{ inputs.n }}",
                "config": {"method": "POST", "url": self.url}}]}))?;
        let first = now()?.after(LEAD_TIME);
        let mut due = BTreeMap::new();
        for n in 0..FIRINGS {
            let at = first.after(interval * u32::try_from(n)?);
            due.insert(n, at);
            let body = json!({"name": format!("firing {n}"), "schedule_type": "fixed_time",
                "execution_time": at.to_string(), "parameters": {"n": n}});
            let path = format!("/api/v1/workflows/{workflow}/schedules");
            let created = server.post(&path, &body)?;
            ensure!(created["status"] == "success", "{created}");
        }
        ensure!(now()? < first, "the schedules could not be created before they were due");
        let mut late = Vec::new();
        while !due.is_empty() {
            let timeout = LEAD_TIME + interval * u32::try_from(FIRINGS)? + Duration::from_secs(30);
            let (n, at) = self.arrived.recv_timeout(timeout).context("a firing is missing")?;
            let due_at = due.remove(&n).with_context(|| format!("firing {n} arrived twice"))?;
            ensure!(at >= due_at, "firing {n} arrived at {at}, before {due_at}");
            late.push(at.since(due_at));
        }
        ensure!(
            self.arrived.recv_timeout(Duration::from_secs(1)).is_err(),
            "a firing arrived twice"
        );
        late.sort_unstable();
        Ok(Lateness(late))
    }
}

/// The sorted lateness of all firings.
struct Lateness(Vec<Duration>);

impl Lateness {
    fn max(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    fn describe(&self) -> String {
        let at = |percent: usize| self.0[(self.0.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        format!("p50 {:.1} p99 {:.1} max {:.1} ms", at(50), at(99), at(100))
    }
}
