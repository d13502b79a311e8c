//! The one place that names the crates below: which store, which server, which step types.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_engine::{App, EngineConfig, SystemClock};
use stepwell_steps::Registry;
use stepwell_store::Store;
use tokio::net::TcpListener;

use crate::fault::Fault;

/// The HTTP API's settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {}

/// The store's settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {}

/// The step types.
pub fn step_types() -> &'static Registry {
    stepwell_steps::registry()
}

/// Opens the database, creating and migrating it.
pub async fn open_store(_path: &Path, _config: &StoreConfig) -> Result<Arc<dyn Store>, Fault> {
    Err(Fault::unreachable("this build has no store"))
}

/// A store that is gone with the process.
pub fn memory_store() -> Result<Arc<dyn Store>, Fault> {
    Err(Fault::unreachable("this build has no store"))
}

/// Starts the engine over a store.
pub async fn start_engine(store: Arc<dyn Store>, config: EngineConfig) -> Result<App, Fault> {
    Ok(App::start(store, config, Arc::new(SystemClock)).await?)
}

/// The HTTP API.
pub fn router(_app: App, _config: ApiConfig) -> axum::Router {
    axum::Router::new()
}

/// The HTTP API for the process itself: no key is asked for.
pub fn trusted_router(app: App, config: ApiConfig) -> axum::Router {
    router(app, config)
}

/// Whether requests need a key.
pub const fn asks_for_keys(_config: &ApiConfig) -> bool {
    true
}

/// Collects metrics from now on.
pub fn install_metrics() {}

/// Serves until `stop` is over, then lets open requests finish.
pub async fn serve(
    listener: TcpListener,
    router: axum::Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}
