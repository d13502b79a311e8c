//! Whether work can be taken.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use stepwell_store::StoreError;
use stepwell_store::traits::Heartbeat;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::App;
use crate::AppError;

/// How long an answer counts: the probe writes, and probes come from many sides.
const FRESH: Duration = Duration::from_secs(1);

/// How long the store may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether work can be taken.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// Checks whether a store can be written, in ways that are not common to all stores.
pub type StoreCheck =
    dyn Fn() -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync + 'static;

/// Probes of the store.
#[derive(Default)]
pub(crate) struct StoreProbe {
    /// When it was last probed, and why it could not be written.
    last: Mutex<Option<(Instant, Option<String>)>>,
    /// Without one, the probe is a heartbeat of this node.
    check: OnceLock<Box<StoreCheck>>,
}

impl App {
    /// Sets the check that probes the store instead of a heartbeat. The first call counts.
    pub fn set_store_check(
        &self,
        check: impl Fn() -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync + 'static,
    ) {
        let _ = self.probe.check.set(Box::new(check));
    }

    async fn check_store(&self) -> Result<(), StoreError> {
        let engine = &self.engine;
        match self.probe.check.get() {
            Some(check) => check().await,
            None => {
                let (node, now) = (engine.node, engine.now());
                engine.store.heartbeat(Heartbeat { node, now, joins: false }).await
            }
        }
    }

    /// Whether work can be taken. The store is probed with a write, at most once a second.
    pub async fn readiness(&self) -> Readiness {
        let reason = if self.engine.background.is_stopping() {
            Some("the server is stopping".to_owned())
        } else {
            self.probe_store().await
        };
        Readiness { ready: reason.is_none(), reason }
    }

    /// Refuses work that the store could not keep.
    ///
    /// # Errors
    /// `Unavailable` where the store cannot be written, as it was found at most a second ago.
    pub(super) async fn require_writable_store(&self) -> Result<(), AppError> {
        match self.probe_store().await {
            None => Ok(()),
            Some(reason) => Err(AppError::Unavailable {
                reason: format!("nothing was changed: {reason}"),
                retry_after: FRESH,
            }),
        }
    }

    /// Why the store cannot be written; callers that come together share one probe.
    async fn probe_store(&self) -> Option<String> {
        let mut last = self.probe.last.lock().await;
        if let Some((at, reason)) = &*last
            && at.elapsed() < FRESH
        {
            return reason.clone();
        }
        let reason = match tokio::time::timeout(PATIENCE, self.check_store()).await {
            Ok(checked) => checked.err().map(|error| error.to_string()),
            Err(_) => Some("the store does not answer".to_owned()),
        };
        *last = Some((Instant::now(), reason.clone()));
        reason
    }
}
