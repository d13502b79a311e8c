//! Whether the store can be written, checked with a write.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use stepwell_store::StoreError;
use stepwell_store::traits::{Heartbeat, HeartbeatKind};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::App;
use crate::runtime::engine::Engine;

/// How long the result of a probe is valid: probes are writes, and requested from many sides.
pub(super) const VALID_FOR: Duration = Duration::from_secs(1);

/// How long a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks whether a store can be written, in a way that is not common to all stores.
pub type StoreCheck =
    dyn Fn() -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync + 'static;

/// Probes of the store.
#[derive(Default)]
pub(super) struct StoreProbe {
    /// The last probe: its time, and why the store could not be written.
    last: Mutex<Option<(Instant, Option<String>)>>,
    /// Without a check, the probe is a heartbeat of this node.
    check: OnceLock<Box<StoreCheck>>,
}

impl StoreProbe {
    /// The reason why the store cannot be written. Concurrent callers share one probe.
    pub(super) async fn failure(&self, engine: &Engine) -> Option<String> {
        let mut last = self.last.lock().await;
        if let Some((at, reason)) = &*last
            && at.elapsed() < VALID_FOR
        {
            return reason.clone();
        }
        let reason = match tokio::time::timeout(PROBE_TIMEOUT, self.check_store(engine)).await {
            Ok(checked) => checked.err().map(|error| error.to_string()),
            Err(_) => Some("the store does not respond".to_owned()),
        };
        *last = Some((Instant::now(), reason.clone()));
        reason
    }

    async fn check_store(&self, engine: &Engine) -> Result<(), StoreError> {
        match self.check.get() {
            Some(check) => check().await,
            None => {
                let (node, now) = (engine.node, engine.now());
                engine.store.heartbeat(Heartbeat { node, now, kind: HeartbeatKind::Renew }).await
            }
        }
    }
}

impl App {
    /// Sets the check that probes the store instead of a heartbeat. The first call counts.
    pub fn set_store_check(
        &self,
        check: impl Fn() -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync + 'static,
    ) {
        let _ = self.probe.check.set(Box::new(check));
    }
}
