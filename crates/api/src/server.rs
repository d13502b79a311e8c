//! The router of all dialects, and serving it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use stepwell_engine::App;
use stepwell_store::audit::Actor;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::ApiConfig;
use crate::connections::ConnectionLimits;
use crate::edge::{self, EdgeState};
use crate::shared_router::SharedRouter;
use crate::state::{Api, Stopping};
use crate::{connections, cors, service, telemetry};

/// How long open connections have to finish once the server is stopping.
const DRAIN: Duration = Duration::from_secs(30);

/// All routes of all dialects.
pub fn build_router(app: App, config: ApiConfig) -> Router {
    build_routes(Api { app, config: Arc::new(config), keyless: Actor::Anonymous })
}

/// The same for the process itself, without authentication. It must not be served.
pub fn trusted_router(app: App, config: ApiConfig) -> Router {
    let config = ApiConfig { auth_required: false, ..config };
    build_routes(Api { app, config: Arc::new(config), keyless: Actor::Cli })
}

fn build_routes(api: Api) -> Router {
    let edge = |route| {
        let state = EdgeState { api: api.clone(), route };
        axum::middleware::from_fn_with_state(Arc::new(state), edge::handle_request)
    };
    let mut router = Router::new().fallback(edge::no_route).layer(edge(None));
    for (route, handlers) in service::all_endpoints().into_routes() {
        let pattern = route.pattern.clone();
        let handlers = handlers.fallback(edge::wrong_method).layer(edge(Some(route)));
        router = router.route(&pattern, handlers);
    }
    let router = router.with_state(api.clone());
    let origins = &api.config.allowed_origins;
    if origins.is_empty() { router } else { router.layer(cors::cors_layer(origins)) }
}

/// Serves until `shutdown` resolves; then takes no further connections, ends event streams, and
/// lets requests under way finish, for at most half a minute. How many connections there may be and
/// which deadlines they have is in `config`.
///
/// # Errors
/// None at present: an error of the listener is tried again.
pub async fn serve_router(
    app: App,
    listener: TcpListener,
    router: impl Into<SharedRouter>,
    config: &ApiConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let mut stopped = stopping.clone();
    let router = router.into();
    let limits = ConnectionLimits::from(config);
    let stopping = Stopping::new(stopping);
    let serving = connections::serve_connections(app, listener, router, limits, stopping);
    let shutdown = async move {
        shutdown.await;
        stop.send_replace(true);
        // The sender outlives the signal: a stream that subscribes later sees it as well.
        stop.closed().await;
    };
    let overdue = async move {
        let _ = stopped.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::pin!(serving);
    tokio::select! {
        result = &mut serving => result,
        () = overdue => {
            tracing::warn!("connections were still open half a minute after the shutdown began");
            Ok(())
        }
        () = shutdown => serving.await,
        () = telemetry::run_upkeep() => Ok(()),
    }
}
