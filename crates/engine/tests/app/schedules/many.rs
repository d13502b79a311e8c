//! A hundred thousand schedules that sleep, on a real database and a real clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use stepwell_core::Timestamp;
use stepwell_core::ids::{ScheduleId, WorkflowId, WorkspaceId};
use stepwell_core::schedule::{SchedulePolicies, ScheduleProgress, ScheduleTiming};
use stepwell_engine::objects::{Document, Object};
use stepwell_engine::schedule::Schedule;
use stepwell_engine::{Clock, SystemClock};
use stepwell_store::objects::{DueObjects, ObjectBatch};
use stepwell_store::{Effects, ObjectStore};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::simulated::{Simulated, at, cron, scheduled_at};
use crate::support::config;

const SLEEPING: u128 = 100_000;
const HOUR: Duration = Duration::from_secs(3600);

fn sleeping(n: u128, workflow: WorkflowId, now: Timestamp) -> Object<Schedule> {
    let next = now.after(HOUR).after(Duration::from_millis(u64::try_from(n).unwrap()));
    let document = Schedule {
        workflow,
        name: format!("sleeper {n}"),
        description: None,
        timing: ScheduleTiming::Cron { expression: "0 0 * * *".into() },
        timezone: "Europe/Berlin".into(),
        parameters: stepwell_core::Map::new(),
        release_tag: None,
        enabled: true,
        paused_with: None,
        policies: SchedulePolicies::default(),
        anchor: now,
        progress: ScheduleProgress { next_at: Some(next), ..ScheduleProgress::default() },
        due_at: Some(next),
        last_execution: None,
        created_by: None,
    };
    let id = ScheduleId::from_uuid(uuid::Uuid::from_u128(n));
    Object::new(id, WorkspaceId::DEFAULT, now, document)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_cost_nothing_and_delay_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let store = Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap());
    let bench = Simulated::over(store.clone(), Arc::new(SystemClock), config()).await;
    let workflow = bench.quick().await;
    let now = SystemClock.now();
    let creating = (0..SLEEPING).map(|n| {
        let (store, schedule) = (store.clone(), sleeping(n, workflow, now));
        let create = ObjectBatch::put(schedule.to_stored().unwrap(), Effects::default());
        async move { store.write_objects(create).await.unwrap() }
    });
    futures_util::stream::iter(creating).buffer_unordered(1000).collect::<Vec<_>>().await;

    // The loop's queries while all of them sleep.
    let began = Instant::now();
    for _ in 0..200 {
        let first = DueObjects::first(Schedule::KIND);
        let due = DueObjects { now: SystemClock.now(), limit: 500, ..first };
        assert!(store.due_objects(due).await.unwrap().is_empty());
        let next = store.due_objects(first).await.unwrap();
        assert_eq!(next[0].index.due_at, Some(now.after(HOUR)));
    }
    let each = began.elapsed() / 200;
    assert!(each < Duration::from_millis(5), "a look takes {each:?}");

    let id = bench.schedule(workflow, cron("* * * * * *")).await;
    // Real seconds have to go by, more of them on a machine that is busy.
    let three = async {
        while bench.executions(workflow).await.len() < 3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), three).await.expect("in time");
    bench.app.enable_schedule(&bench.caller, id, false).await.unwrap();
    let fired = bench.executions(workflow).await;
    let late = |execution: &stepwell_store::record::ExecutionRecord| {
        execution.created_at.since(at(scheduled_at(execution)))
    };
    let mut late: Vec<Duration> = fired.iter().map(late).collect();
    late.sort();
    println!("a look takes {each:?}; firings were late by {late:?}");
    // The machine that runs the tests may be busy: the best shows what the scheduler adds.
    assert!(late[0] < Duration::from_millis(100), "{late:?}");
}
