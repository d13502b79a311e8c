//! A database of an earlier version: schedules fire, deliveries are sent, tags select releases.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use stepwell_core::Timestamp;
use stepwell_core::ids::{ExecutionId, ScheduleId, WebhookId, WorkflowId, WorkspaceId};
use stepwell_core::schedule::ScheduleProgress;
use stepwell_engine::EngineConfig;
use stepwell_engine::app::{
    Choose, ScheduleFilter, ScheduleSelection, SelectionChanged, TrafficKey, WorkflowRef,
};
use stepwell_engine::release_tag::Traffic;
use stepwell_store::lists::{ExecutionFilter, List};
use stepwell_store::record::DeliveryStatus;
use stepwell_store::traits::DeliveryFilter;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

use crate::receiver::Receiver;
use crate::simulated::scheduled_at;
use crate::support::{Bench, ManualClock, PATIENCE, config};

const VERSION_16: &str = include_str!("../../../store-sqlite/fixtures/version_16.sql");
/// The URLs of the webhooks in it that are active.
const URLS: [&str; 2] = ["http://127.0.0.1:28997/hook?key=secret", "http://127.0.0.1:28999/up"];
/// Five minutes after it was written, at 07:56:10 UTC.
const NOW: i64 = 1_796_025_670_000_000;

async fn upgraded(receiver: &Receiver) -> (Bench, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.db");
    let old = Connection::open(&path).unwrap();
    let dump =
        URLS.iter().fold(VERSION_16.to_owned(), |dump, url| dump.replace(url, &receiver.url));
    old.execute_batch(&dump).unwrap();
    old.pragma_update(None, "application_id", 0x5374_6570).unwrap();
    old.pragma_update(None, "user_version", 16).unwrap();
    drop(old);
    let store = Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap());
    let config = EngineConfig { sole_node: true, ..config() };
    let clock = ManualClock::at(Timestamp::from_micros(NOW));
    (Bench::at(store, config, clock).await, folder)
}

fn parse<T: std::str::FromStr>(id: &str) -> T {
    id.parse().unwrap_or_else(|_| panic!("{id}"))
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect(what);
}

/// The firings of a schedule that started executions: `07:57:00`.
async fn fired(bench: &Bench, of: ScheduleId) -> Vec<String> {
    let labels = vec![("schedule_id".to_owned(), of.abi())];
    let filter = ExecutionFilter { labels, ..ExecutionFilter::default() };
    let list = List::first_page(filter, usize::MAX);
    let found = bench.store.list_executions(WorkspaceId::DEFAULT, list).await.unwrap();
    let mut times: Vec<_> =
        found.items.iter().map(|record| scheduled_at(record)[11..19].to_owned()).collect();
    times.sort();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_fire() {
    let receiver = Receiver::start(&[200]).await;
    let (bench, _folder) = upgraded(&receiver).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let list = List::first_page(ScheduleFilter::default(), 100).with_total();
    let all = app.schedules(caller, list).await.unwrap();
    assert_eq!((all.items.len(), all.total), (9, Some(9)));
    // Missed firings of a cron expression, all of them.
    let cron: ScheduleId = parse("sched_01m8nq88dee5p9jnr4psyk4g4t");
    until("missed firings", async || fired(&bench, cron).await.len() == 5).await;
    let minutes = ["07:57:00", "07:58:00", "07:59:00", "08:00:00", "08:01:00"];
    assert_eq!(fired(&bench, cron).await, minutes);
    // Firings that wait for the end of the last execution.
    let queue: ScheduleId = parse("sched_01m8nq88dnezg83ebkvy8caphy");
    let waiting = async || app.schedule(caller, queue).await.unwrap().record.document;
    until("one more waits", async || waiting().await.progress.queued.len() == 5).await;
    let last: ExecutionId = waiting().await.last_execution.unwrap();
    assert_eq!(last, parse("01a22b74-2988-7767-8026-a2dac6244f90"));
    app.cancel(caller, None, last, None).await.unwrap();
    until("the first one starts", async || fired(&bench, queue).await.len() == 2).await;
    assert_eq!(fired(&bench, queue).await, ["07:56:02", "07:56:04"]);
    // Those that are paused do not fire; together they are resumed as they were paused.
    let other: WorkflowId = parse("wf-01m8nq88cqevx9qjqqzxfjem9n");
    for paused in ["sched_01m8nq88ejes89b8p9548ynavd", "sched_01m8nq88eqew4vm1k0x297t4kh"] {
        let found = app.schedule(caller, parse(paused)).await.unwrap().record;
        assert_eq!((found.version, found.document.progress), (2, ScheduleProgress::default()));
    }
    let selection = ScheduleSelection::OfWorkflow(other);
    let changed = app.enable_schedules(caller, selection, true).await.unwrap();
    assert_eq!(changed, SelectionChanged { matched: 2, changed: 1 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_sent() {
    let receiver = Receiver::start(&[200]).await;
    let (bench, _folder) = upgraded(&receiver).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let down: WebhookId = parse("whk_01m8nq88j6e2c884bq7kr3fsp5");
    let filter = DeliveryFilter { status: Some(DeliveryStatus::Delivered), event: None };
    let delivered = List::first_page(filter, 100);
    // Six executions had completed while the receiver was down.
    let retried = async || {
        let sent = app.webhook_deliveries(caller, down, delivered.clone()).await.unwrap().items;
        sent.into_iter().filter(|sent| sent.attempts.len() > 1).collect::<Vec<_>>()
    };
    until("all are sent", async || retried().await.len() == 6).await;
    let oldest = retried().await.pop().unwrap();
    let id = oldest.record.id.abi();
    let calls = receiver.calls();
    let call = calls.iter().find(|call| call.header("webhook-id") == id).unwrap();
    assert_eq!(call.body, &*oldest.record.body);
    let signatures = call.header("webhook-signature").split(' ').count();
    assert_eq!(signatures, 2, "the previous secret signs as well");
    until("it recovers", async || app.webhook(caller, down).await.unwrap().failing_since.is_none())
        .await;
    let gone = parse("whk_01m8nq88kfekds8s4eqfjxyw6c");
    assert!(app.webhook(caller, gone).await.unwrap().failing_since.is_some());
    assert_eq!(app.webhooks(caller).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_select_releases() {
    let receiver = Receiver::start(&[200]).await;
    let (bench, _folder) = upgraded(&receiver).await;
    let (app, caller) = (&bench.app, &bench.caller);
    let quick: WorkflowId = parse("wf-01m8nq88bze15t5fm0nv6ask88");
    let names = app.release_tags(caller, quick).await.unwrap().into_iter();
    let names: Vec<_> = names.map(|tag| tag.document.name).collect();
    assert_eq!(names, ["LATEST", "beta", "production"]);
    let choose = |tag| {
        let workflow = WorkflowRef::Id(quick);
        Choose { workflow, tag: Some(tag), key: TrafficKey::default() }
    };
    assert_eq!(app.target(caller, choose("production")).await.unwrap().release, 2);
    let beta = app.release_tag(caller, quick, "beta").await.unwrap();
    let traffic = [Traffic { release: 1, weight: 90 }, Traffic { release: 2, weight: 10 }];
    assert_eq!((beta.version, &*beta.document.traffic), (1, &traffic[..]));
    let moved = vec![Traffic { release: 1, weight: 1 }];
    let moved = app.put_release_tag(caller, quick, "production", moved).await.unwrap();
    assert_eq!(moved.version, 2);
    assert_eq!(app.target(caller, choose("production")).await.unwrap().release, 1);
}
