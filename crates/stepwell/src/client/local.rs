//! The API without a server: the same routes over an engine of this process.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use stepwell_engine::App;
use tower::ServiceExt;

use super::ByteStream;
use crate::config::Config;
use crate::data_dir::{DataDir, Lock};
use crate::fault::Fault;
use crate::wiring;

/// An engine of this process and its routes.
pub struct Local {
    app: App,
    router: axum::Router,
    /// Held until the engine has stopped.
    lock: Option<Lock>,
}

impl Local {
    /// Over the store in the data folder.
    pub(super) async fn open(data: &DataDir, config: &Config, lock: Lock) -> Result<Self, Fault> {
        data.check_database()?;
        let store = wiring::open_store(&data.database(), &config.store).await?;
        let mut engine = config.engine_for_server();
        // What schedules missed while no server ran is for the next server to make up for.
        engine.fire_schedules = false;
        let app = wiring::start_engine(store, engine).await?;
        Ok(Self::over(app, config, Some(lock)))
    }

    /// Over a store that is gone afterwards.
    pub(super) async fn in_memory(config: &Config) -> Result<Self, Fault> {
        let app = wiring::start_engine(wiring::memory_store(), config.engine_for_here()).await?;
        Ok(Self::over(app, config, None))
    }

    /// Over an engine that runs already.
    pub fn over(app: App, config: &Config, lock: Option<Lock>) -> Self {
        let router = wiring::trusted_router(app.clone(), config.api.clone());
        Self { app, router, lock }
    }

    pub(super) async fn call(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<(StatusCode, ByteStream), Fault> {
        let router = self.router.clone();
        let Ok(response) = router.oneshot(request.map(Body::from)).await;
        let status = response.status();
        let stream = response
            .into_body()
            .into_data_stream()
            .map(|chunk| chunk.map_err(|e| Fault::failed(format!("the answer broke off: {e}"))));
        Ok((status, Box::pin(stream)))
    }

    pub(super) async fn close(self) {
        self.app.shutdown().await;
        drop(self.lock);
    }
}
