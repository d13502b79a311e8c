//! Selects the store, the server and the step types. No other file names concrete types.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_engine::{App, EngineConfig, SystemClock};
use stepwell_steps::StepRegistry;
use stepwell_store::memory::MemoryStore;
use stepwell_store::{Store, StoreError};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::net::TcpListener;

use crate::error::CliError;

pub use stepwell_api::{ApiConfig, SharedRouter};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The maximum number of connections that read.
    pub readers: usize,
    /// The maximum number of writes in one transaction.
    pub batch_writes: usize,
    /// The page cache of the writing connection, in KiB; each reading one has a quarter of it.
    pub cache_kib: u32,
    /// How long a start waits for free space on a full disk, in seconds.
    pub full_disk_wait_seconds: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        let SqliteOptions { readers, batch_writes, cache_kib, .. } = SqliteOptions::default();
        Self { readers, batch_writes, cache_kib, full_disk_wait_seconds: 60 }
    }
}

pub fn step_types() -> &'static StepRegistry {
    stepwell_steps::step_registry()
}

/// Opens the database at `path`, creating and migrating it.
///
/// # Errors
/// `Unreachable`, with the cause.
pub async fn open_store(path: &Path, config: &StoreConfig) -> Result<OpenStore, CliError> {
    let StoreConfig { readers, batch_writes, cache_kib, .. } = *config;
    let options = SqliteOptions { readers, batch_writes, cache_kib, ..SqliteOptions::default() };
    let file = path.to_path_buf();
    // Opening blocks while it migrates.
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(file, options)).await;
    let store = opened.map_err(|e| CliError::failed(format!("cannot open the store: {e}")))?;
    let store = store
        .map_err(|e| CliError::unreachable(format!("the database {}: {e}", path.display())))?;
    let database = Arc::new(store);
    Ok(OpenStore { store: database.clone(), database: Some(database) })
}

/// A store, and what only a database file has: backups, checks of its disk, caches.
#[derive(Clone)]
pub struct OpenStore {
    store: Arc<dyn Store>,
    database: Option<Arc<SqliteStore>>,
}

impl OpenStore {
    /// Rewrites the database without free pages.
    ///
    /// # Errors
    /// `Unavailable`, with the cause.
    pub async fn compact(&self) -> Result<(), StoreError> {
        match &self.database {
            Some(database) => database.compact().await,
            None => {
                let reason = "a store in memory has no file to compact".to_owned();
                Err(StoreError::Unavailable(reason))
            }
        }
    }

    /// Copies the database to a new file.
    ///
    /// # Errors
    /// `Unavailable`, with the cause.
    pub async fn backup(&self, target: PathBuf) -> Result<(), StoreError> {
        match &self.database {
            Some(database) => database.backup(target).await,
            None => {
                let reason = "a store in memory has no file to copy".to_owned();
                Err(StoreError::Unavailable(reason))
            }
        }
    }
}

/// A store that is lost when the process ends.
pub fn in_memory_store() -> OpenStore {
    OpenStore { store: Arc::new(MemoryStore::default()), database: None }
}

///
/// # Errors
/// The store could not be read or written.
pub async fn start_engine(store: OpenStore, config: EngineConfig) -> Result<App, CliError> {
    let OpenStore { store, database } = store;
    let app = App::start(store, config, Arc::new(SystemClock), Arc::new(stepwell_api::ApiPayloads))
        .await?;
    if let Some(database) = database {
        let checked = database.clone();
        app.set_store_check(move || {
            let database = checked.clone();
            Box::pin(async move { database.check().await })
        });
        app.add_memory_pools(move || database.memory_pools());
    }
    Ok(app)
}

pub fn build_router(app: App, config: ApiConfig) -> axum::Router {
    stepwell_api::build_router(app, config)
}

/// The HTTP API without authentication, for this process only. It must not be served.
pub fn trusted_router(app: App, config: ApiConfig) -> axum::Router {
    stepwell_api::trusted_router(app, config)
}

/// Installs the metrics recorder.
///
/// # Errors
/// `Failed` if another recorder is installed.
pub fn install_metrics() -> Result<(), CliError> {
    stepwell_api::install_metrics()
        .map(|_| ())
        .map_err(|e| CliError::failed(format!("cannot install the metrics recorder: {e}")))
}

/// Serves until `stop` completes, then waits for open requests.
///
/// # Errors
/// The listener failed.
pub async fn serve_api(
    app: App,
    listener: TcpListener,
    router: SharedRouter,
    config: ApiConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    stepwell_api::serve_router(app, listener, router, &config, stop).await
}
