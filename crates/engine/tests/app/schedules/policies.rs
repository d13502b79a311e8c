//! Outages, and firings that meet a running execution.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_engine::EngineConfig;
use stepwell_store::Store;
use stepwell_store::memory::MemoryStore;

use crate::simulated::{
    RuntimeClock, Simulated, at, cron, scheduled_at, with_misfire, with_overlap,
};
use crate::support::config;

const OUTAGE: Duration = Duration::from_secs(3 * 3600);

#[tokio::test(start_paused = true)]
async fn an_outage_of_three_hours() {
    for (policy, expect, skipped) in [
        ("run_once", &["13:00:00", "14:00:00"][..], None),
        ("skip", &["14:00:00"], Some("MISFIRED")),
        ("run_all", &["11:00:00", "12:00:00", "13:00:00", "14:00:00"], None),
    ] {
        let bench = Simulated::start("2026-05-02T10:20:00Z").await;
        let workflow = bench.quick().await;
        let id = bench.schedule(workflow, with_misfire(policy, cron("0 * * * *"))).await;
        let bench = bench.restart_after(OUTAGE).await;
        bench.pass(3600).await;
        assert_eq!(bench.fired(workflow).await, expect, "{policy}");
        let record = bench.view(id).await.record;
        assert_eq!(
            record.document.progress.skipped.map(|s| s.code).as_deref(),
            skipped,
            "{policy}"
        );
        assert_eq!(record.document.progress.next_at, Some(at("2026-05-02T15:00:00Z")), "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_restart_is_an_outage_too() {
    for (policy, expect, skipped) in [
        ("run_once", &["10:00:10", "10:00:12", "10:00:13"][..], None),
        ("skip", &["10:00:10", "10:00:13"], Some("10:00:12")),
        ("run_all", &["10:00:10", "10:00:11", "10:00:12", "10:00:13"], None),
    ] {
        let bench = Simulated::start("2026-05-02T10:00:09.500Z").await;
        let workflow = bench.quick().await;
        let id = bench.schedule(workflow, with_misfire(policy, cron("* * * * * *"))).await;
        bench.pass(1).await;
        let bench = bench.restart_after(Duration::from_secs(2)).await;
        bench.pass(1).await;
        assert_eq!(bench.fired(workflow).await, expect, "{policy}");
        let recorded = bench.view(id).await.record.document.progress.skipped;
        let recorded = recorded.map(|skipped| skipped.scheduled_at.to_string()[11..19].to_owned());
        assert_eq!(recorded.as_deref(), skipped, "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn firings_of_a_long_outage_are_caught_up_to_a_bound() {
    let bench = Simulated::start("2026-05-02T10:20:30Z").await;
    let workflow = bench.quick().await;
    let id = bench.schedule(workflow, with_misfire("run_all", cron("* * * * *"))).await;
    let bench = bench.restart_after(OUTAGE).await;
    bench.pass(5).await;
    let fired = bench.fired(workflow).await;
    assert_eq!(fired.len(), stepwell_core::schedule::MAX_CATCH_UP);
    assert!(fired.is_sorted(), "the oldest first");
    assert_eq!(fired.last().unwrap(), "13:20:00");
    let skipped = bench.view(id).await.record.document.progress.skipped.unwrap();
    assert_eq!(skipped.scheduled_at, at("2026-05-02T10:21:00Z"));
}

#[tokio::test(start_paused = true)]
async fn executions_longer_than_the_pause_between_firings() {
    // Each takes 150 s, one fires each minute.
    for (policy, expect) in [
        ("allow", &["10:01:00", "10:02:00", "10:03:00", "10:04:00", "10:05:00", "10:06:00"][..]),
        ("skip", &["10:01:00", "10:04:00"]),
        ("queue", &["10:01:00", "10:02:00", "10:03:00"]),
    ] {
        let bench = Simulated::start("2026-05-02T10:00:30Z").await;
        let workflow = bench.slow("150s").await;
        let id = bench.schedule(workflow, with_overlap(policy, cron("* * * * *"))).await;
        bench.pass(6 * 60).await;
        assert_eq!(bench.fired(workflow).await, expect, "{policy}");
        let record = bench.view(id).await.record;
        let skipped = record.document.progress.skipped.map(|skipped| skipped.code);
        assert_eq!(skipped.as_deref(), (policy == "skip").then_some("OVERLAPPED"), "{policy}");
        let waiting = if policy == "queue" { 3 } else { 0 };
        assert_eq!(record.document.progress.queued.len(), waiting, "{policy}");
        if policy == "queue" {
            let all = bench.executions(workflow).await;
            for pair in all.windows(2) {
                let pause = pair[1].created_at.since(pair[0].ended_at.unwrap());
                assert!(pause < Duration::from_millis(100), "one follows the other: {pause:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_starts_at_once_whichever_node_ends_the_one_before() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let clock = RuntimeClock::from(at("2026-05-02T10:00:30Z"));
    let config = || EngineConfig { sole_node: false, ..config() };
    let one = Simulated::over(store.clone(), clock.clone(), config()).await;
    let two = Simulated::over(store.clone(), clock.clone(), config()).await;
    let workflow = one.slow("97s").await;
    // Each node begins executions, whichever of them lets the firings wait.
    for n in 0..12 {
        let node = if n % 2 == 0 { &one } else { &two };
        let id = node.schedule(workflow, with_overlap("queue", cron("* * * * *"))).await;
        node.app.trigger_schedule(&node.caller, id).await.unwrap();
    }
    one.pass(10 * 60).await;
    let all = one.executions(workflow).await;
    let mut by_schedule = BTreeMap::<_, Vec<_>>::new();
    for execution in &all {
        let of = execution.metadata["schedule_id"].to_string();
        by_schedule.entry(of).or_default().push(execution);
    }
    assert_eq!(by_schedule.len(), 12);
    for executions in by_schedule.values() {
        assert_eq!(executions.len(), 7);
        for pair in executions.windows(2) {
            let pause = pair[1].created_at.since(pair[0].ended_at.unwrap());
            assert!(pause < Duration::from_millis(100), "one follows the other: {pause:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_survives_a_restart_and_starts_in_order() {
    let bench = Simulated::start("2026-05-02T10:00:30Z").await;
    let workflow = bench.slow("10m").await;
    let id = bench.schedule(workflow, with_overlap("queue", cron("*/2 * * * *"))).await;
    bench.pass(5 * 60).await;
    assert_eq!(bench.view(id).await.record.document.progress.queued.len(), 1);
    let bench = bench.restart_after(Duration::from_secs(1)).await;
    bench.pass(20 * 60).await;
    assert_eq!(bench.fired(workflow).await, ["10:02:00", "10:04:00", "10:06:00"]);
    // Pausing drops what waits.
    bench.app.enable_schedule(&bench.caller, id, false).await.unwrap();
    bench.pass(60 * 60).await;
    let all = bench.executions(workflow).await;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|execution| execution.status == Status::Completed));
    assert_eq!(scheduled_at(&all[2]), "2026-05-02T10:06:00.000000Z");
}

#[tokio::test(start_paused = true)]
async fn a_firing_without_a_concurrency_place_is_skipped() {
    let bench = Simulated::start("2026-05-02T10:20:00Z").await;
    let steps = json!([{"id": "wait", "type": "Delay", "config": {"for": "90m"}}]);
    let concurrency = json!({"policy": "reject"});
    let definition = json!({"name": "limited", "steps": steps, "concurrency": concurrency});
    let workflow = bench.workflow(definition).await;
    let id = bench.schedule(workflow, with_overlap("allow", cron("0 * * * *"))).await;
    bench.pass(3 * 3600).await;
    assert_eq!(bench.fired(workflow).await, ["11:00:00", "13:00:00"]);
    let skipped = bench.view(id).await.record.document.progress.skipped.unwrap();
    assert_eq!(skipped.code, "CONCURRENCY_LIMIT");
    assert_eq!(skipped.scheduled_at, at("2026-05-02T12:00:00Z"));
}
