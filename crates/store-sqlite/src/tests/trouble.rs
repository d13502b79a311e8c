//! A full disk, damaged rows, and writes that fail among others.

use std::sync::Arc;
use stepwell_store::LoadExecution;

use stepwell_core::execution::Status;
use stepwell_store::conformance::build::{
    Shared, deliveries_about, ended, execution, has, join, noted, pending, queued, workflow,
    workspace,
};
use stepwell_store::lists::{ExecutionFilter, List};
use stepwell_store::objects::ObjectBatch;
use stepwell_store::{Effects, ExecutionStore, ObjectStore, StoreError, WorkflowStore};
use tokio::task::JoinSet;

use super::fresh;
use crate::SqliteStore;

/// Runs SQL on the connection that writes.
async fn spoil(store: &SqliteStore, sql: &'static str) {
    store.writer.write(0, move |batch| Ok(batch.connection.execute_batch(sql)?)).await.unwrap();
}

async fn pages(store: &SqliteStore) -> i64 {
    let sql = "PRAGMA page_count";
    let count =
        store.readers.read(move |connection| Ok(connection.query_row(sql, [], |row| row.get(0))?));
    count.await.unwrap()
}

async fn allow_pages(store: &SqliteStore, pages: i64) {
    let allow = store.writer.write(0, move |batch| {
        Ok(batch.connection.pragma_update(None, "max_page_count", pages)?)
    });
    allow.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_recovers_by_itself() {
    let (store, _folder) = fresh();
    let shared: Shared = store.clone();
    join(&shared, 1).await;
    allow_pages(&store, pages(&store).await + 12).await;
    let mut tasks = JoinSet::new();
    for n in 1..=400 {
        let store = shared.clone();
        tasks.spawn(async move {
            let mut commit = ended(n, Status::Completed);
            commit.deliveries = vec![pending(n, n, 1)];
            (n, store.commit(commit.into()).await)
        });
    }
    let results = tasks.join_all().await;
    let refused: Vec<u128> =
        results.iter().filter(|(_, result)| result.is_err()).map(|(n, _)| *n).collect();
    assert!(!refused.is_empty() && refused.len() < 400, "{}", refused.len());
    for (n, result) in results {
        let commit = ended(n, Status::Completed);
        match result {
            Ok(()) => has(&shared, &commit.record, &commit.events).await,
            Err(StoreError::Unavailable(_)) => {
                assert_eq!(store.load_execution(commit.record.id).await.unwrap(), None);
                assert_eq!(deliveries_about(&shared, commit.record.id).await, []);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    let accepted = 400 - refused.len() as u64;
    assert_eq!(store.workflow_stats(workflow(1)).await.unwrap().completed, accepted);
    let list = List::first_page(ExecutionFilter::default(), 1000).with_total();
    let listed = store.list_executions(workspace(1), list).await.unwrap();
    assert_eq!((listed.items.len() as u64, listed.total), (accepted, Some(accepted)));

    allow_pages(&store, 1_000_000).await;
    for n in refused {
        store.commit(ended(n, Status::Completed).into()).await.unwrap();
    }
    store.check().await.unwrap();
    let stats = store.workflow_stats(workflow(1)).await.unwrap();
    assert_eq!((stats.completed, stats.timed), (400, 400));
}

/// A write that breaks a constraint in the middle of a shared transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_write_fails_alone() {
    let (store, _folder) = fresh();
    let shared: Shared = store.clone();
    join(&shared, 1).await;
    store.write_objects(ObjectBatch::effects(Effects::with_audit(noted(1000)))).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 1..=100 {
        let store = store.clone();
        tasks.spawn(async move {
            if n % 4 == 0 {
                let again = store
                    .write_objects(ObjectBatch::effects(Effects::with_audit(noted(1000))))
                    .await;
                assert!(matches!(again, Err(StoreError::Corrupt(_))), "{again:?}");
            } else {
                store.commit(queued(n).into()).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.workflow_stats(workflow(1)).await.unwrap().active, 75);
}

/// Another process holds the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_cannot_begin_is_rejected_and_later_ones_succeed() {
    let (store, _folder) = fresh();
    let shared: Shared = store.clone();
    join(&shared, 1).await;
    spoil(&store, "PRAGMA busy_timeout = 20").await;
    let other = rusqlite::Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tasks = JoinSet::new();
    for n in 1..=20 {
        let store = store.clone();
        tasks.spawn(async move { store.commit(queued(n).into()).await });
    }
    for result in tasks.join_all().await {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    for n in 1..=20 {
        assert_eq!(store.load_execution(execution(n)).await.unwrap(), None);
        store.commit(queued(n).into()).await.unwrap();
    }
    assert_eq!(store.workflow_stats(workflow(1)).await.unwrap().active, 20);
}

#[tokio::test]
async fn damaged_rows_are_corrupt_and_nothing_else() {
    let damages = [
        "UPDATE executions SET status = 99",
        "UPDATE executions SET seq = 7",
        "UPDATE executions SET workspace = x'00'",
        "UPDATE executions SET metadata = '{'",
        "UPDATE executions SET seq = -1",
        "UPDATE journal SET chunk = x''",
        "UPDATE journal SET chunk = x'09'",
        "UPDATE journal SET chunk = CAST(substr(chunk, 1, 20) AS BLOB)",
        "UPDATE journal SET chunk = CAST(chunk || ' 1' AS BLOB)",
        "UPDATE journal SET key = key + 1",
        "DELETE FROM journal",
    ];
    for damage in damages {
        let (store, _folder) = fresh();
        let shared: Shared = store.clone();
        join(&shared, 1).await;
        store.commit(ended(1, Status::Completed).into()).await.unwrap();
        spoil(&store, damage).await;
        let loaded = store.load_execution(execution(1)).await;
        assert!(matches!(loaded, Err(StoreError::Corrupt(_))), "{damage}: {loaded:?}");
        // Other executions are not affected.
        store.commit(queued(2).into()).await.unwrap();
        assert!(store.load_execution(execution(2)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn reads_see_what_was_acknowledged() {
    let (store, _folder) = fresh();
    let shared: Shared = store.clone();
    join(&shared, 1).await;
    let mut tasks = JoinSet::new();
    for n in 1..=200 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut commit = queued(n);
            commit.record.external_id = Some(n.to_string());
            store.commit(commit.into()).await.unwrap();
            let found = store.find_by_external_id(workspace(1), &n.to_string()).await.unwrap();
            assert_eq!(found, Some(execution(n)));
        });
    }
    tasks.join_all().await;
}

/// A disk without room, as `/dev/full` plays it: the database itself could still be written.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_without_room_for_work_is_not_ready() {
    let (store, _folder) = fresh();
    store.check().await.unwrap();
    let mut probe = store.path().as_os_str().to_owned();
    probe.push(".probe");
    std::os::unix::fs::symlink("/dev/full", &probe).unwrap();
    let error = store.check().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable(text) if text.contains("No space")),
        "{error}"
    );
    store.check().await.unwrap();
    assert!(!std::path::Path::new(&probe).exists());
}
