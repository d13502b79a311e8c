//! The file: opening again, opening twice, what is not ours, backups, the size of the log.

use std::path::Path;
use std::sync::Arc;
use stepwell_store::LoadExecution;

use stepwell_core::execution::{Event, Status};
use stepwell_store::conformance::build::{
    Shared, at, commit_all, ended, has, heartbeat, join, queued, then,
};
use stepwell_store::traits::OldData;
use stepwell_store::{ExecutionStore, MaintenanceStore, StoreError};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{fresh, open};
use crate::{SqliteOptions, SqliteStore};

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let folder = TempDir::new().unwrap();
    let one = queued(1);
    let two = then(&one, Status::Running, vec![Event::Started]);
    for close in [true, false] {
        let store = Arc::new(open(&folder));
        let shared: Shared = store.clone();
        if close {
            join(&shared, 1).await;
            commit_all(&shared, [one.clone(), two.clone()]).await;
            store.close().await;
            let refused = store.check().await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
            let refused = store.load_execution(one.record.id).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
            // The log is in the database now.
            let wal = folder.path().join("test.db-wal");
            assert_eq!(wal.metadata().map_or(0, |file| file.len()), 0);
        } else {
            has(&shared, &two.record, &[one.events.clone(), two.events.clone()].concat()).await;
        }
    }
}

#[tokio::test]
async fn what_is_queued_is_written_before_it_is_closed() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(open(&folder));
    let shared: Shared = store.clone();
    join(&shared, 1).await;
    let mut tasks = JoinSet::new();
    for n in 1..=50 {
        let store = store.clone();
        tasks.spawn(async move { (n, store.commit(queued(n).into()).await.is_ok()) });
    }
    tokio::task::yield_now().await;
    store.close().await;
    let results = tasks.join_all().await;
    drop((shared, store));
    let store = open(&folder);
    for (n, acknowledged) in results {
        let found = store.load_execution(queued(n).record.id).await.unwrap();
        assert_eq!(found.is_some(), acknowledged, "{n}");
    }
}

#[test]
fn many_can_open_a_new_database_at_once() {
    let folder = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(open(&folder)));
        }
    });
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let _store = open(&folder);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

#[test]
fn what_is_not_ours_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to look at. ".repeat(100)).unwrap();
    let refused = SqliteStore::open(&path, SqliteOptions::default());
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");

    let path = folder.path().join("no/such/folder/test.db");
    let refused = SqliteStore::open(&path, SqliteOptions::default());
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("no/such/folder"));

    let path = folder.path().join("newer.db");
    drop(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let refused = SqliteStore::open(&path, SqliteOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("version 99"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_whole_and_made_while_serving() {
    let (store, folder) = fresh();
    let shared: Shared = store.clone();
    join(&shared, 1).await;
    commit_all(&shared, (1..=50).map(|n| ended(n, Status::Completed))).await;
    let writing = tokio::spawn({
        let store = shared.clone();
        async move { commit_all(&store, (100..=200).map(queued)).await }
    });
    let target = folder.path().join("copy.db");
    store.backup(target.clone()).await.unwrap();
    writing.await.unwrap();

    let refused = store.backup(target.clone()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(text) if text.contains("exists")));
    let nowhere = store.backup(folder.path().join("no/such/copy.db")).await;
    assert!(matches!(nowhere, Err(StoreError::Unavailable(_))), "{nowhere:?}");
    assert!(!Path::new(&folder.path().join("copy.db.partial")).exists());

    let copy = SqliteStore::open(&target, SqliteOptions::default()).unwrap();
    let shared: Shared = Arc::new(copy);
    for n in 1..=50 {
        let commit = ended(n, Status::Completed);
        has(&shared, &commit.record, &commit.events).await;
    }
    heartbeat(&shared, queued(1).node, queued(1).record.created_at).await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_does_not_grow_without_bound() {
    let folder = TempDir::new().unwrap();
    let options = SqliteOptions { wal_pages: 400, ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(folder.path().join("test.db"), options).unwrap());
    let shared: Shared = store.clone();
    join(&shared, 1).await;
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let store = shared.clone();
        tasks.spawn(async move {
            let ids = (0..300).map(|n| 1 + n * 16 + task);
            commit_all(&store, ids.map(|n| ended(n, Status::Completed))).await;
        });
    }
    tasks.join_all().await;
    let wal = folder.path().join("test.db-wal").metadata().unwrap().len();
    assert!(wal < 4 * 400 * 4096, "the log has {wal} bytes");
}

fn auto_vacuum(path: &Path) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).unwrap()
}

/// Stores so many executions of 64 KiB that end, and deletes them.
async fn fill_and_purge(store: &SqliteStore, count: u64) -> (u64, u64) {
    let filler = "x".repeat(64 << 10);
    let insert = move |connection: &rusqlite::Connection| -> crate::error::Result<()> {
        connection.execute_batch("CREATE TABLE IF NOT EXISTS filler (text TEXT)")?;
        for _ in 0..count {
            connection.execute("INSERT INTO filler VALUES (?1)", [&filler])?;
        }
        Ok(())
    };
    store.writer.write(0, move |batch| insert(batch.connection)).await.unwrap();
    let full = store.gauges().await.unwrap().database_bytes.max(count * (64 << 10));
    let delete = |connection: &rusqlite::Connection| -> crate::error::Result<()> {
        connection.execute_batch("DELETE FROM filler")?;
        Ok(())
    };
    store.writer.write(0, move |batch| delete(batch.connection)).await.unwrap();
    let free = store.gauges().await.unwrap().free_bytes;
    assert!(free >= count * (60 << 10), "{free}");
    let purge = OldData {
        now: at(1),
        default_before: None,
        idempotency_before: at(0),
        deliveries_before: at(0),
        audit_before: None,
        limit: 10,
    };
    store.purge(purge.into()).await.unwrap();
    (full, store.gauges().await.unwrap().free_bytes)
}

#[tokio::test]
async fn a_purge_returns_free_space_to_the_file_system() {
    let (store, folder) = fresh();
    let path = folder.path().join("test.db");
    assert_eq!(auto_vacuum(&path), 2);
    let (full, free) = fill_and_purge(&store, 400).await;
    assert!(free <= 5 << 20, "{free} of {full} bytes are free");
    let size = path.metadata().unwrap().len();
    assert!(size < full / 2, "{size} of {full} before the store is closed");
}

#[tokio::test]
async fn an_older_database_is_converted_by_compacting_and_by_a_backup() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.db");
    // As versions without automatic vacuum created it.
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); DROP TABLE t").unwrap();
    drop(old);
    let store = open(&folder);
    assert_eq!(auto_vacuum(&path), 0);
    let (full, free) = fill_and_purge(&store, 200).await;
    assert!(free > full / 2, "nothing is returned yet: {free} of {full}");
    let copy = folder.path().join("copy.db");
    store.backup(copy.clone()).await.unwrap();
    assert_eq!(auto_vacuum(&copy), 2);
    store.compact().await.unwrap();
    let (compact, free) = {
        let gauges = store.gauges().await.unwrap();
        (gauges.database_bytes, gauges.free_bytes)
    };
    assert!(compact < full / 2 && free == 0, "{compact} of {full}, {free} free");
    store.close().await;
    assert_eq!(auto_vacuum(&path), 2);
}
