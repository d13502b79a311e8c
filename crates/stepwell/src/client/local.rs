//! The API without a server: the same router over an engine in this process.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use stepwell_engine::App;
use tower::ServiceExt;

use super::transport::ByteStream;
use crate::config::Config;
use crate::data_dir::{DataDir, DataDirLock};
use crate::error::CliError;
use crate::wiring;

pub struct LocalTransport {
    app: App,
    router: axum::Router,
    /// Held until the engine has stopped.
    lock: Option<DataDirLock>,
}

impl LocalTransport {
    /// Uses the database in the data folder.
    pub(super) async fn open(
        data: &DataDir,
        config: &Config,
        lock: DataDirLock,
    ) -> Result<Self, CliError> {
        data.check_database()?;
        let store = wiring::open_store(&data.database(), &config.store).await?;
        let mut engine = config.engine_for_server();
        // Missed firings are handled by the next server.
        engine.fire_schedules = false;
        let app = wiring::start_engine(store, engine).await?;
        Ok(Self::with_app(app, config, Some(lock)))
    }

    /// Uses a temporary in-memory store.
    pub(super) async fn in_memory(config: &Config) -> Result<Self, CliError> {
        let app =
            wiring::start_engine(wiring::in_memory_store(), config.engine_for_local_use()).await?;
        Ok(Self::with_app(app, config, None))
    }

    /// Whether it has no data folder.
    pub(super) const fn is_in_memory(&self) -> bool {
        self.lock.is_none()
    }

    /// Uses an engine that is already running.
    pub fn with_app(app: App, config: &Config, lock: Option<DataDirLock>) -> Self {
        let router = wiring::trusted_router(app.clone(), config.api.clone());
        Self { app, router, lock }
    }

    pub(super) async fn call(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<(StatusCode, ByteStream), CliError> {
        let router = self.router.clone();
        let Ok(response) = router.oneshot(request.map(Body::from)).await;
        let status = response.status();
        let stream = response.into_body().into_data_stream().map(|chunk| {
            chunk.map_err(|e| CliError::failed(format!("the response was interrupted: {e}")))
        });
        Ok((status, Box::pin(stream)))
    }

    pub(super) async fn close(self) {
        self.app.shutdown().await;
        drop(self.lock);
    }
}
