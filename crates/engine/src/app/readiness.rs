//! Whether the server can accept work.

use super::App;
use super::store_probe::VALID_FOR;
use crate::AppError;

/// Whether the server can accept work.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// The reason if it cannot.
    pub reason: Option<String>,
}

impl App {
    /// Whether the server can accept work. The store is probed with a write, at most once a second.
    pub async fn readiness(&self) -> Readiness {
        let reason = if self.engine.background.is_stopping() {
            Some("the server is stopping".to_owned())
        } else {
            self.probe.failure(&self.engine).await
        };
        Readiness { ready: reason.is_none(), reason }
    }

    /// Rejects work that could not be stored.
    ///
    /// # Errors
    /// `Unavailable` if the store could not be written at the last probe, at most a second ago.
    pub(super) async fn require_writable_store(&self) -> Result<(), AppError> {
        match self.probe.failure(&self.engine).await {
            None => Ok(()),
            Some(reason) => Err(AppError::Unavailable {
                reason: format!("nothing was changed: {reason}"),
                retry_after: VALID_FOR,
            }),
        }
    }
}
