//! The state of the server that every handler gets.

use std::sync::Arc;

use stepwell_engine::App;
use stepwell_store::audit::Actor;
use tokio::sync::watch;

use crate::config::ApiConfig;

/// The state of the server.
#[derive(Clone)]
pub struct Api {
    pub app: App,
    pub config: Arc<ApiConfig>,
    /// The actor of a request without a key.
    pub keyless: Actor,
}

/// Notifies streams that the server is stopping, so that they end.
#[derive(Clone)]
pub struct Stopping(Arc<watch::Receiver<bool>>);

impl Stopping {
    /// Stops when the sender sends `true`.
    pub fn new(receiver: watch::Receiver<bool>) -> Self {
        Self(Arc::new(receiver))
    }

    /// Resolves when the server is stopping.
    pub async fn wait(self) {
        let mut receiver = (*self.0).clone();
        // An error means that the sender was dropped, and with it the server.
        let _ = receiver.wait_for(|stopping| *stopping).await;
    }
}
