//! Whether the store can be written, checked with a write.

use std::time::Duration;

use stepwell_store::Store;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long the result of a probe is valid: probes are writes, and requested from many sides.
pub(super) const VALID_FOR: Duration = Duration::from_secs(1);

/// How long a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The last probe of the store, with its time.
#[derive(Debug, Default)]
pub(super) struct StoreProbe(Mutex<Option<(Instant, Option<String>)>>);

impl StoreProbe {
    /// The reason why the store cannot be written. Concurrent callers share one probe.
    pub(super) async fn failure(&self, store: &dyn Store) -> Option<String> {
        let mut last = self.0.lock().await;
        if let Some((at, reason)) = &*last
            && at.elapsed() < VALID_FOR
        {
            return reason.clone();
        }
        let reason = match tokio::time::timeout(PROBE_TIMEOUT, store.check()).await {
            Ok(checked) => checked.err().map(|error| error.to_string()),
            Err(_) => Some("the store does not respond".to_owned()),
        };
        *last = Some((Instant::now(), reason.clone()));
        reason
    }
}
