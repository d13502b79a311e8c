//! The router of all dialects, and serving it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use stepwell_engine::App;
use stepwell_store::audit::Actor;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::ApiConfig;
use crate::{connections, cors, dialects, edge, service, telemetry};

/// How long connections may finish what they do after the server was asked to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// What every handler is handed.
#[derive(Clone)]
pub struct Api {
    /// The application.
    pub app: App,
    /// The settings.
    pub config: Arc<ApiConfig>,
    /// Who somebody without a key is.
    pub keyless: Actor,
}

/// Tells streams that the server is stopping, so that they end.
#[derive(Clone)]
pub struct Stopping(Arc<watch::Receiver<bool>>);

impl Stopping {
    /// Resolves when the server was asked to stop.
    pub async fn wait(self) {
        let mut receiver = (*self.0).clone();
        // The value outlives its sender; a sender gone without it means that the server is gone.
        let _ = receiver.wait_for(|stopping| *stopping).await;
    }
}

/// All routes of all dialects.
pub fn router(app: App, config: ApiConfig) -> Router {
    routes(Api { app, config: Arc::new(config), keyless: Actor::Anonymous })
}

/// The same for the process itself: no key is asked for. It must not be served.
pub fn trusted_router(app: App, config: ApiConfig) -> Router {
    let config = ApiConfig { auth_required: false, ..config };
    routes(Api { app, config: Arc::new(config), keyless: Actor::Cli })
}

fn routes(api: Api) -> Router {
    let router = Router::new()
        .merge(dialects::dataflow::routes())
        .merge(dialects::abi::routes())
        .merge(dialects::vellum::routes())
        .merge(service::routes())
        .fallback(edge::no_route)
        .method_not_allowed_fallback(edge::wrong_method)
        .layer(axum::middleware::from_fn_with_state(api.clone(), edge::edge))
        .with_state(api.clone());
    let origins = &api.config.allowed_origins;
    if origins.is_empty() { router } else { router.layer(cors::layer(origins)) }
}

/// Serves until `shutdown` resolves; then takes no further connections, ends event streams, and
/// lets requests under way finish, for at most half a minute. How many connections there may be and
/// which deadlines they have is in `config`.
///
/// # Errors
/// None at present: an error of the listener is tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: &ApiConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let mut stopped = stopping.clone();
    // As `Router::into_make_service` does: once, not for every request.
    let router = router.with_state(());
    let limits = config.connection_limits();
    let stopping = Stopping(Arc::new(stopping));
    let serving = connections::serve(listener, router, limits, stopping);
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
        () = telemetry::upkeep() => Ok(()),
    }
}
