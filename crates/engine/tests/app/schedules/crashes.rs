//! Exactly one execution for each firing, whatever crashes and however many nodes run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::WorkflowId;
use stepwell_engine::{EngineConfig, SystemClock};
use stepwell_store::Store;
use stepwell_store::memory::MemoryStore;
use stepwell_store::record::ExecutionRecord;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::runtime::{Builder, Runtime};

use crate::simulated::{
    RuntimeClock, Simulated, at, cron, executions, scheduled_at, with_misfire, with_overlap,
};
use crate::support::config;

/// How many moments around a firing are tried.
const MOMENTS: usize = 80;

/// A process, as far as a crash is concerned: when it is dropped, everything in it stops where it
/// is, and only the store is left.
fn process() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Each firing of a schedule has one execution.
fn assert_each_once(executions: &[ExecutionRecord]) {
    let mut seen = BTreeMap::<_, Vec<_>>::new();
    for execution in executions {
        let schedule = execution.metadata["schedule_id"].as_str().unwrap();
        seen.entry((schedule, scheduled_at(execution))).or_default().push(execution.id);
    }
    let twice: Vec<_> = seen.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// Crashes after so many turns of the scheduler of tasks, beginning at the moment of a firing.
/// Returns the number of executions then and at the end.
fn crash_after(turns: usize, overlap: &str) -> (usize, usize) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = process();
    let workflow = first.block_on(async {
        let clock = RuntimeClock::from(at("2026-05-02T10:00:30Z"));
        let bench = Simulated::over(store.clone(), clock, config()).await;
        let workflow = bench.quick().await;
        bench.schedule(workflow, with_overlap(overlap, cron("* * * * *"))).await;
        bench.pass(29).await;
        // The moment comes without any task having a turn.
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        workflow
    });
    let left = count(&*store, workflow);
    drop(first);
    let second = process();
    second.block_on(async {
        let clock = RuntimeClock::from(at("2026-05-02T10:01:10Z"));
        let bench = Simulated::over(store.clone(), clock, config()).await;
        bench.pass(20).await;
        let all = bench.executions(workflow).await;
        assert_each_once(&all);
        for execution in &all {
            assert_eq!(execution.status, Status::Completed, "after {turns} turns");
            assert_eq!(scheduled_at(execution), "2026-05-02T10:01:00.000000Z");
        }
        bench.pass(60).await;
        assert_eq!(bench.fired(workflow).await, ["10:01:00", "10:02:00"], "it continues");
        (left, all.len())
    })
}

fn count(store: &dyn Store, workflow: WorkflowId) -> usize {
    process().block_on(executions(store, workflow)).len()
}

#[test]
fn a_crash_at_any_moment_of_a_firing() {
    for overlap in ["allow", "skip", "queue"] {
        let mut before = BTreeSet::new();
        for turns in 0..MOMENTS {
            let (left, in_the_end) = crash_after(turns, overlap);
            before.insert(left);
            assert_eq!(in_the_end, 1, "{overlap}, after {turns} turns");
        }
        let both: Vec<usize> = before.into_iter().collect();
        assert_eq!(both, [0, 1], "crashes before and after the commit were tried");
    }
}

#[tokio::test(start_paused = true)]
async fn two_nodes_over_one_store() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = RuntimeClock::from(at("2026-05-02T10:00:30Z"));
    let config = || EngineConfig { sole_node: false, ..config() };
    let one = Simulated::over(store.clone(), clock.clone(), config()).await;
    let two = Simulated::over(store.clone(), clock.clone(), config()).await;
    let workflow = one.quick().await;
    for n in 0..30 {
        let maker = if n % 2 == 0 { &one } else { &two };
        let policy = ["allow", "skip", "queue"][n % 3];
        maker.schedule(workflow, with_overlap(policy, cron("*/10 * * * * *"))).await;
    }
    // Up to the middle between two firings.
    one.pass(10 * 60 + 5).await;
    let all = one.executions(workflow).await;
    assert_each_once(&all);
    assert_eq!(all.len(), 30 * 60);
    // One goes, the other one carries on alone.
    one.app.shutdown().await;
    two.pass(60).await;
    let all = two.executions(workflow).await;
    assert_each_once(&all);
    assert_eq!(all.len(), 30 * 66);
    assert!(all.iter().all(|execution| execution.status == Status::Completed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_over_one_database_in_real_time() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let path = folder.path().join("stepwell.db");
        Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap()) as Arc<dyn Store>
    };
    let config = || EngineConfig { sole_node: false, ..config() };
    let one = Simulated::over(open(), Arc::new(SystemClock), config()).await;
    let two = Simulated::over(open(), Arc::new(SystemClock), config()).await;
    let workflow = one.quick().await;
    let change = || with_misfire("run_all", cron("* * * * * *"));
    for _ in 0..20 {
        one.schedule(workflow, change()).await;
    }
    // Real seconds have to go by: what is tested is what two processes do at the same moment.
    tokio::time::sleep(Duration::from_millis(3300)).await;
    one.app.shutdown().await;
    two.app.shutdown().await;
    let all = two.executions(workflow).await;
    assert_each_once(&all);
    let mut by_schedule = BTreeMap::<_, Vec<Timestamp>>::new();
    for execution in &all {
        let of = execution.metadata["schedule_id"].as_str().unwrap().to_owned();
        by_schedule.entry(of).or_default().push(at(scheduled_at(execution)));
    }
    assert_eq!(by_schedule.len(), 20);
    for fired in by_schedule.values() {
        assert!(fired.len() >= 2, "{fired:?}");
        let step = Duration::from_secs(1);
        let mut fired = fired.clone();
        fired.sort();
        assert!(fired.windows(2).all(|w| w[1].since(w[0]) == step), "none is missing: {fired:?}");
    }
}
