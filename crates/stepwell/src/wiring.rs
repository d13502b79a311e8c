//! The one place that chooses: which store, which server, which step types.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_engine::{App, EngineConfig, SystemClock};
use stepwell_steps::Registry;
use stepwell_store::Store;
use stepwell_store::memory::MemoryStore;
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::net::TcpListener;

use crate::fault::Fault;

pub use stepwell_api::ApiConfig;

/// The store's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// How many connections read at the same time, at most.
    pub readers: usize,
    /// How many writes share one transaction, at most.
    pub batch_writes: usize,
    /// What the writing connection may cache, in KiB; each reading one a quarter of it.
    pub cache_kib: u32,
    /// How long a start waits for room where the disk is full, in seconds.
    pub full_disk_wait_seconds: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        let SqliteOptions { readers, batch_writes, cache_kib, .. } = SqliteOptions::default();
        Self { readers, batch_writes, cache_kib, full_disk_wait_seconds: 60 }
    }
}

/// The step types.
pub fn step_types() -> &'static Registry {
    stepwell_steps::registry()
}

/// Opens the database at `path`, creating and migrating it.
///
/// # Errors
/// `Unreachable`, telling what is in the way.
pub async fn open_store(path: &Path, config: &StoreConfig) -> Result<Arc<dyn Store>, Fault> {
    let StoreConfig { readers, batch_writes, cache_kib, .. } = *config;
    let options = SqliteOptions { readers, batch_writes, cache_kib, ..SqliteOptions::default() };
    let file = path.to_path_buf();
    // Opening blocks while it migrates.
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(file, options)).await;
    let store = opened.map_err(|e| Fault::failed(format!("opening the store failed: {e}")))?;
    let store =
        store.map_err(|e| Fault::unreachable(format!("the database {}: {e}", path.display())))?;
    Ok(Arc::new(store))
}

/// A store that is gone with the process.
pub fn memory_store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::default())
}

/// Starts the engine over a store.
///
/// # Errors
/// The store could not be read or written.
pub async fn start_engine(store: Arc<dyn Store>, config: EngineConfig) -> Result<App, Fault> {
    Ok(App::start(store, config, Arc::new(SystemClock), Arc::new(stepwell_api::Words)).await?)
}

/// The HTTP API.
pub fn router(app: App, config: ApiConfig) -> axum::Router {
    stepwell_api::router(app, config)
}

/// The HTTP API for the process itself: no key is asked for. It must not be served.
pub fn trusted_router(app: App, config: ApiConfig) -> axum::Router {
    stepwell_api::trusted_router(app, config)
}

/// Collects metrics from now on.
///
/// # Errors
/// `Failed` where something else collects them already.
pub fn install_metrics() -> Result<(), Fault> {
    stepwell_api::install_metrics()
        .map(|_| ())
        .map_err(|e| Fault::failed(format!("metrics cannot be collected: {e}")))
}

/// Serves until `stop` is over, then lets open requests finish.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    router: axum::Router,
    config: ApiConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    stepwell_api::serve(listener, router, &config, stop).await
}
