//! Whether work can be taken.

use std::time::Duration;

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

/// The last probe of the store, and when it was.
#[derive(Debug, Default)]
pub(crate) struct StoreProbe(Mutex<Option<(Instant, Option<String>)>>);

impl App {
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
        let mut last = self.probe.0.lock().await;
        if let Some((at, reason)) = &*last
            && at.elapsed() < FRESH
        {
            return reason.clone();
        }
        let reason = match tokio::time::timeout(PATIENCE, self.engine.store.check()).await {
            Ok(checked) => checked.err().map(|error| error.to_string()),
            Err(_) => Some("the store does not answer".to_owned()),
        };
        *last = Some((Instant::now(), reason.clone()));
        reason
    }
}
