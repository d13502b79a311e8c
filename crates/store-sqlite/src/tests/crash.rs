//! What was acknowledged is there after `kill -9`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use stepwell_store::LoadExecution;

use stepwell_core::execution::{Event, Status};
use stepwell_store::StoreError;
use stepwell_store::commit::Commit;
use stepwell_store::conformance::build::{Shared, has, join, queued, then};
use tempfile::TempDir;

use crate::{SqliteOptions, SqliteStore};

const FILE: &str = "STEPWELL_TEST_CRASH_FILE";
const ROUND: &str = "STEPWELL_TEST_CRASH_ROUND";
const ROUNDS: u128 = 5;
/// How many acknowledgements are read before the child is killed.
const ACKNOWLEDGED: usize = 300;

fn open(path: &Path) -> Shared {
    // A small log, so that it is moved into the database while the child is killed.
    let options = SqliteOptions { wal_pages: 60, ..SqliteOptions::default() };
    Arc::new(SqliteStore::open(path, options).unwrap())
}

fn commits(n: u128) -> [Commit; 2] {
    let one = queued(n);
    let two = then(&one, Status::Completed, vec![Event::Started, Event::Recovered]);
    [one, two]
}

/// Not a test: what the child runs until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by `acknowledged_commits_survive_a_kill`"]
async fn child() {
    let (Ok(path), Ok(round)) = (std::env::var(FILE), std::env::var(ROUND)) else { return };
    let store = open(Path::new(&path));
    join(&store, 1).await;
    let round: u128 = round.parse().unwrap();
    let tasks = (0..8).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for turn in 0.. {
                let n = round * 10_000_000 + turn * 8 + task;
                for (place, commit) in commits(n).into_iter().enumerate() {
                    store.commit(commit.into()).await.unwrap();
                    // One write of a whole line: the parent reads lines.
                    let line = format!("\nack {n} {place}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// The acknowledgements that a child got out before it was killed.
fn run_and_kill(path: &Path, round: u128) -> Vec<(u128, usize)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["tests::crash::child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FILE, path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines {
        let line = line.unwrap();
        if let Some((n, place)) = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' ')) {
            acknowledged.push((n.parse().unwrap(), place.parse().unwrap()));
        }
        if acknowledged.len() == ACKNOWLEDGED + 37 * usize::try_from(round).unwrap() {
            // SIGKILL; what is in the pipe is still read.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_commits_survive_a_kill() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.db");
    let mut all = Vec::new();
    for round in 1..=ROUNDS {
        let acknowledged = run_and_kill(&path, round);
        assert!(acknowledged.len() >= ACKNOWLEDGED, "{}", acknowledged.len());
        all.extend(acknowledged);
        let store = open(&path);
        for (n, place) in &all {
            let [one, two] = commits(*n);
            let stored = store.load_execution(one.record.id).await;
            let seq = match &stored {
                Ok(Some(stored)) => stored.record.seq,
                Ok(None) => panic!("execution {n} is lost"),
                Err(StoreError::Corrupt(text)) => panic!("execution {n}: {text}"),
                Err(error) => panic!("execution {n}: {error}"),
            };
            if seq == one.record.seq {
                assert_eq!(*place, 0, "the second commit to execution {n} is lost");
                has(&store, &one.record, &one.events).await;
            } else {
                has(&store, &two.record, &[one.events, two.events].concat()).await;
            }
        }
    }
    let check = rusqlite::Connection::open(&path).unwrap();
    let whole: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
}
