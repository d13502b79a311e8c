//! The suites that define a store, and what is this store's own.

mod crash;
mod files;
mod plans;
mod trouble;
mod upgrade;

use std::sync::Arc;

use stepwell_store::Store;
use stepwell_store::memory::MemoryStore;
use tempfile::TempDir;

use crate::{SqliteOptions, SqliteStore};

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path().join("test.db"), SqliteOptions::default()).unwrap()
}

fn fresh() -> (Arc<SqliteStore>, TempDir) {
    let folder = TempDir::new().unwrap();
    (Arc::new(open(&folder)), folder)
}

stepwell_store::conformance_tests!(async || {
    let (store, folder) = fresh();
    (store as Arc<dyn Store>, folder)
});

#[tokio::test]
async fn agrees_with_the_reference() {
    for seed in 1..=4 {
        let (store, _folder) = fresh();
        let reference = MemoryStore::new();
        stepwell_store::differential::compare(&reference, &*store, seed, 2500).await;
    }
}
